#ifndef CORE_AUTH_DKIM_FIELD_H
#define CORE_AUTH_DKIM_FIELD_H
/*
 * dkim_field: one DKIM-Signature field as parsed, and which ones of a message are verified.
 *
 * One run.  Each field is parsed when it arrives; when the author domains are known, at most five
 * are chosen, those that may pass and are aligned first:
 *
 *     struct dkim_field f[N];
 *     dkim_field_parse(value, idna, now, arena, &f[i]);  // f[i].result is DKIM_NONE: may pass
 *     n = dkim_field_choose(f, N, from.domains, from.domain_count, chosen);
 *
 * A field that cannot pass (malformed, expired, rsa-sha1) has its result here, before any hash,
 * question or key.  The parser is strict (RFC 6376 3.2, 3.5), since what it lets through goes to
 * libopendkim.  Slices point into the message or into the arena.
 *
 * RFC 8616: d=, s= and the domain of i= may be U-labels; here they are A-labels, under which the
 * key is looked up.  The text that was signed stays as it is: the hash is over that.
 *
 * Some fields are right, but libopendkim refuses or misreads them: UTF-8, "b =", a tag that ends in
 * b, an empty name in h=, a very long h=, h= with DKIM-Signature.  They are not `plain`, and are
 * hashed by core/auth/dkim_header.h.
 */
#include "core/auth/dkim_result.h"
#include "core/base/arena.h"
#include "core/name/name.h"

/* Clocks of signers may be wrong by this many seconds (as in OpenDKIM). */
#define DKIM_CLOCK_DRIFT 300

/* Longer fields, and more signed names than a message may have fields, only cost time: real ones
 * stay below 5 KiB and 60 names. */
#define DKIM_FIELD_MAX        16384
#define DKIM_SIGNED_NAMES_MAX 1024

/* libopendkim cuts a list of signed fields at 4,095 octets in silence, and takes long over many. */
#define DKIM_PLAIN_LIST_MAX  4000
#define DKIM_PLAIN_NAMES_MAX 256

#define DKIM_HASH_LEN 32 /* SHA-256, the only hash that is computed (RFC 8301 3.1) */

enum dkim_algorithm { DKIM_UNKNOWN, DKIM_RSA_SHA1, DKIM_RSA_SHA256, DKIM_ED25519_SHA256 };

struct dkim_field {
	enum dkim_result result; /* DKIM_NONE: may pass; else why it cannot */
	const char *reason;      /* a phrase, when result is not DKIM_NONE */
	struct slice domain;     /* d=, canonical; these five are empty while malformed */
	struct slice selector;   /* s=, canonical */
	struct slice key_name;   /* of a field that may pass: "selector._domainkey.domain" */
	struct slice identity; /* i= as dkim-quoted-printable with A-labels; "@domain" by default */
	struct slice algorithm_name;
	enum dkim_algorithm algorithm;
	bool relaxed_header, relaxed_body;
	bool identity_below;       /* i= is below d=, not the same: forbidden by keys with t=s */
	bool has_length;           /* l= */
	uint64_t length;           /* in octets of the canonical body */
	struct slice signed_names; /* h= as written: names between colons */
	bool plain;                /* libopendkim reads it as it is meant */
	struct slice signature;    /* b= as written: base64 with blanks */
	unsigned char body_hash[DKIM_HASH_LEN]; /* bh=, when result is DKIM_NONE */
};

/*
 * Parses the value of a DKIM-Signature field (what follows the colon) and judges all that can be
 * judged without key and body.  idna may be NULL: U-labels are malformed then.  now: seconds since
 * 1970.  Out of memory is DKIM_TEMPERROR.
 */
void dkim_field_parse(
    struct slice value, const struct idna *, uint64_t now, struct arena *, struct dkim_field *out);

/*
 * Chooses up to DKIM_VERIFIED_MAX of n fields: first those that may pass, of them first d= equal
 * to the author domain, then above or below it, then beside it (dmarc_nearness()), then the others;
 * each group in the order of the message.  Several author domains choose in turn, the nearest that
 * is left, as long as one of them finds any: none can be crowded out by another's signatures.
 * authors: canonical.  Returns how many indices were written; those that may be aligned with some
 * author stand first.
 */
size_t dkim_field_choose(const struct dkim_field *, size_t n, const struct slice *authors,
    size_t author_count, size_t chosen[DKIM_VERIFIED_MAX]);

/* The result so far with what the field says of itself; a field that may pass gives DKIM_NEUTRAL
 * and no reason, to be replaced. */
struct dkim_signature_result dkim_field_result(const struct dkim_field *, struct arena *);

/*
 * Compares the hash of the body with bh=.  hash: of the whole canonical body, or of its first
 * `length` octets, NULL when there are fewer; octets: the length of the whole.  DKIM_NONE, or the
 * result with its reason; *covered tells whether all of the body was signed.
 */
enum dkim_result dkim_field_check_body(const struct dkim_field *, const unsigned char *hash,
    uint64_t octets, bool *covered, const char **reason);

#endif
