#ifndef CORE_AUTH_DKIM_KEY_H
#define CORE_AUTH_DKIM_KEY_H
/*
 * dkim_key: the key record of a signer as the DNS has it (RFC 6376 3.6.1, RFC 8301, RFC 8463).
 *
 *     dns_lookup(dns, field.key_name, DNS_TXT, arena, &answer);
 *     result = dkim_key_of_answer(&answer, &record, &reason);
 *     octets = dkim_key_parse(record, room, &key);        // for any signature: may be kept
 *     dkim_key_set_rsa(&key, &numbers);                   // as a library decoded the octets
 *     result = dkim_key_judge(&key, &field, arena, &reason);
 *
 * What a record says is read once, whatever signature asked for it, and judged for each: the first
 * flaw counts, in the order in which flaws are listed here, with the two that depend on the
 * signature in their places.  RSA keys come as SubjectPublicKeyInfo or as the bare RSAPublicKey
 * that RFC 6376 also allows; a library takes the DER apart, and its numbers are judged here before
 * anything is computed with them.
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

/* A record with an RSA key of 4,096 bits has 800 octets; beyond this it is not parsed, and no
 * library sees more than three quarters of it. */
#define DKIM_KEY_RECORD_MAX 4096

#define DKIM_POINT_LEN 32 /* an ed25519 public key */

/* In the order in which they are looked for. */
enum dkim_key_flaw {
	DKIM_KEY_TOO_LONG,
	DKIM_KEY_MALFORMED, /* not a list of tags */
	DKIM_KEY_VERSION,
	DKIM_KEY_NOT_SHA256,    /* h= */
	DKIM_KEY_NOT_FOR_EMAIL, /* s= */
	/* Here stands: t=s, and the signature's i= is below its d=. */
	DKIM_KEY_TYPE, /* k= */
	/* Here stands: of another type than the signature. */
	DKIM_KEY_MISSING, /* no p= */
	DKIM_KEY_REVOKED, /* p= is empty */
	DKIM_KEY_NOT_BASE64,
	DKIM_KEY_NOT_ED25519,
	DKIM_KEY_NOT_RSA, /* not DER, or no RSA key */
	DKIM_KEY_SIZE,
	DKIM_KEY_EXPONENT,
	DKIM_KEY_NUMBERS, /* even, or an exponent of 1 */
	DKIM_KEY_FLAWLESS,
};

/* A decoded key, kept by core/auth/dkim_crypto.h. */
struct dkim_public_key;

struct dkim_key {
	enum dkim_key_flaw flaw;       /* the first; what follows is as far as was read */
	enum dkim_algorithm algorithm; /* DKIM_RSA_SHA256 for any RSA key, DKIM_ED25519_SHA256 */
	unsigned bits;                 /* of the modulus; 256 for ed25519; 0 when none was seen */
	bool testing;                  /* t=y */
	bool strict;                   /* t=s: i= may not be below d= */
	struct dkim_public_key *public_key; /* NULL unless flawless */
};

/* An RSA key as it was decoded. */
struct dkim_key_numbers {
	unsigned modulus_bits, exponent_bits;
	bool odd; /* both are */
};

/* The text of the one key record, or why there is none. */
enum dkim_result dkim_key_of_answer(
    const struct dns_answer *, struct slice *record, struct slice *reason);

/* Reads a record into *out; returns what p= decodes to, in `room`; empty with a flaw.  An RSA key
 * still has to be decoded. */
struct slice dkim_key_parse(
    struct slice record, unsigned char room[DKIM_KEY_RECORD_MAX], struct dkim_key *out);

/* What a library found in the octets of an RSA key; NULL: no RSA key. */
void dkim_key_set_rsa(struct dkim_key *, const struct dkim_key_numbers *);

/* DKIM_NONE when the key may be used for this signature, else the result with its reason (in the
 * arena, or a literal). */
enum dkim_result dkim_key_judge(
    const struct dkim_key *, const struct dkim_field *, struct arena *, struct slice *reason);

#endif
