#ifndef CORE_AUTH_DKIM_RESULT_H
#define CORE_AUTH_DKIM_RESULT_H
/*
 * dkim_result: what came of the DKIM signatures of one message, as values (RFC 8601 2.7.1).
 *
 * core/auth/dkim_verifier.h produces a dkim_answer; policy, DMARC and Authentication-Results read
 * it:
 *
 *     for (size_t i = 0; i < answer.count; i++)
 *             if (dkim_counts(&answer.signatures[i]))
 *                     ...                              // answer.signatures[i].domain is proven
 */
#include "core/base/slice.h"

/* How many signatures of one message are verified: five cost less than a millisecond. */
#define DKIM_VERIFIED_MAX 5

enum dkim_result {
	DKIM_NONE,      /* not signed; of a parsed field: nothing wrong so far */
	DKIM_PASS,      /* verified, with an acceptable key, over the whole body */
	DKIM_FAIL,      /* the body, a signed header field, or the signature does not match */
	DKIM_POLICY,    /* not acceptable here: rsa-sha1, key size, l= that leaves body uncovered */
	DKIM_NEUTRAL,   /* well formed, but in a way that could not be processed */
	DKIM_TEMPERROR, /* no answer from the DNS, or out of memory; later it may verify */
	DKIM_PERMERROR, /* malformed, expired, no key, key revoked or unusable */
};

struct dkim_signature_result {
	enum dkim_result result;
	struct slice reason;   /* a phrase for log and header comment; empty for a pass */
	struct slice domain;   /* d=, canonical name; empty when missing or malformed */
	struct slice selector; /* s=, canonical name; empty when missing or malformed */
	struct slice identity; /* i= in dkim-quoted-printable with A-labels; "@domain" by default */
	struct slice algorithm; /* a= as written */
	unsigned bits;          /* of the key; 256 for ed25519, 0 when no key was seen */
	bool body_covered;      /* false also where it was not tested */
	bool testing;           /* the key says t=y; a pass is a pass all the same */
	struct slice b_prefix;  /* header.b: 8 characters of b=, more where that is ambiguous */
};

/* All of one message: one entry for each DKIM-Signature field looked at, in the order of choice. */
struct dkim_answer {
	const struct dkim_signature_result *signatures;
	size_t count;         /* 0: not signed */
	size_t not_looked_at; /* fields beyond DKIM_VERIFIED_MAX */
};

/* "pass", "permerror", …: the keyword of RFC 8601. */
const char *dkim_result_name(enum dkim_result);

/* All of them, by enum dkim_result; ends in NULL. */
extern const char *const dkim_result_words[];

/* True when the signature proves its domain for DMARC: it passed and covers the whole body. */
static inline bool dkim_counts(const struct dkim_signature_result *r)
{
	return r->result == DKIM_PASS && r->body_covered;
}

/* Shortens each b_prefix to what tells it from the others, at least 8 characters (RFC 6008 4). */
void dkim_shorten_prefixes(struct dkim_signature_result *, size_t n);

#endif
