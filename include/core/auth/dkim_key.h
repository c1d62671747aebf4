#ifndef CORE_AUTH_DKIM_KEY_H
#define CORE_AUTH_DKIM_KEY_H
/*
 * dkim_key: the key of a signer as the DNS has it (RFC 6376 3.6.1, RFC 8301, RFC 8463).
 *
 *     dns_lookup(dns, dkim_field_key_name(&field, arena), DNS_TXT, arena, &answer);
 *     result = dkim_key_read(&answer, &field, arena, &record, &reason);
 *     if (result == DKIM_NONE) ...     // record.modulus and .exponent, or .point, may be used
 *
 * The key is taken apart here, by a DER reader of two screens, so that its size is known before a
 * crypto library sees it and no general ASN.1 decoder meets bytes that a stranger wrote.  RSA keys
 * come as SubjectPublicKeyInfo or as the bare RSAPublicKey that RFC 6376 also allows.
 */
#include "core/auth/dkim_field.h"
#include "core/auth/dkim_result.h"
#include "core/auth/dns.h"
#include "core/base/arena.h"

/* RFC 8301 3.2 asks for 1,024 bits at least and support to 4,096; larger keys and larger public
 * exponents are only met in attempts to burn CPU. */
#define DKIM_BITS_MIN          1024
#define DKIM_BITS_MAX          4096
#define DKIM_EXPONENT_BITS_MAX 32

/* A record with an RSA key of 4,096 bits has 800 octets; beyond this it is not parsed. */
#define DKIM_KEY_RECORD_MAX 4096

#define DKIM_POINT_LEN 32 /* an ed25519 public key */

struct dkim_key {
	enum dkim_algorithm algorithm; /* DKIM_RSA_SHA256 for any RSA key, DKIM_ED25519_SHA256 */
	unsigned bits;                 /* of the modulus; 256 for ed25519 */
	struct slice modulus;          /* RSA: big-endian, without leading zeros */
	struct slice exponent;         /* RSA: the same */
	struct slice point;            /* ed25519: DKIM_POINT_LEN octets */
	bool testing;                  /* t=y */
};

/*
 * Judges the answer of the DNS for this field: DKIM_NONE when the key may be used for it, else the
 * result with its reason (in the arena, or a literal).  *out is then filled as far as was read.
 */
enum dkim_result dkim_key_read(const struct dns_answer *, const struct dkim_field *, struct arena *,
    struct dkim_key *out, struct slice *reason);

#endif
