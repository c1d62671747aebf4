#ifndef CORE_AUTH_DKIM_BODY_HASH_H
#define CORE_AUTH_DKIM_BODY_HASH_H
/*
 * dkim_body_hash: the body hashes that the signatures of one message need, in one pass (RFC 6376
 * 3.7).
 *
 *     struct dkim_body_hash want[2] = {{.relaxed = true}, {.relaxed = true, .has_length = true,
 *         .length = 100}};
 *     struct dkim_body_hasher *h = dkim_body_hasher_create(crypto, want, 2);
 *     dkim_body_hasher_feed(h, chunk, len);
 *     dkim_body_hasher_finish(&h);            // want[i].done, .digest, .octets
 *
 * However the signatures differ, the body is canonicalised at most twice (simple, relaxed), and
 * hashed once for each: a length l= only takes the digest on the way.
 */
#include "core/auth/dkim_crypto.h"

struct dkim_body_hash {
	bool relaxed, has_length; /* these three from the signature */
	uint64_t length;
	bool done; /* false after finish: l= is beyond the body, or out of memory */
	unsigned char digest[DKIM_HASH_LEN];
	uint64_t octets; /* of the whole canonical body */
};

struct dkim_body_hasher;

/* Borrows `want` until finish; at most DKIM_VERIFIED_MAX.  NULL when out of memory. */
struct dkim_body_hasher *dkim_body_hasher_create(
    const struct dkim_crypto *, struct dkim_body_hash *want, size_t n);

void dkim_body_hasher_feed(struct dkim_body_hasher *, const char *bytes, size_t len);

/* Fills in `want`, frees and sets to NULL.  False when a hash could not be computed (memory). */
bool dkim_body_hasher_finish(struct dkim_body_hasher **);

/* Without results. */
void dkim_body_hasher_free(struct dkim_body_hasher **);

#endif
