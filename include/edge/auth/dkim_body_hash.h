#ifndef EDGE_AUTH_DKIM_BODY_HASH_H
#define EDGE_AUTH_DKIM_BODY_HASH_H
/*
 * dkim_body_hash: the hashes of one message by libcrypto: the body hashes that its signatures need,
 * in one pass; the header hash of a signature that libopendkim does not read.
 *
 *     struct dkim_body_hash want[2] = {{.relaxed = true}, {.relaxed = true, .has_length = true,
 *         .length = 100}};
 *     struct dkim_hasher *h = dkim_hasher_create(want, 2);
 *     dkim_hasher_feed(h, chunk, len);
 *     dkim_hasher_finish(&h);                 // want[i].done, .digest, .octets
 *
 * However the signatures differ, the body is canonicalised at most twice (simple, relaxed), and
 * hashed once for each: a length l= only copies the state of the hash on the way.
 */
#include "core/auth/dkim_field.h"

struct dkim_body_hash {
	bool relaxed, has_length; /* these three from the signature */
	uint64_t length;
	bool done; /* false after finish: l= is beyond the body, or out of memory */
	unsigned char digest[DKIM_HASH_LEN];
	uint64_t octets; /* of the whole canonical body */
};

struct dkim_hasher;

/* Borrows `want` until finish; at most DKIM_VERIFIED_MAX.  NULL when out of memory. */
struct dkim_hasher *dkim_hasher_create(struct dkim_body_hash *want, size_t n);

void dkim_hasher_feed(struct dkim_hasher *, const char *bytes, size_t len);

/* Fills in `want`, frees and sets to NULL; False when a hash could not be computed (memory). */
bool dkim_hasher_finish(struct dkim_hasher **);

/* Without results. */
void dkim_hasher_free(struct dkim_hasher **);

/* The header hash of the signature in fields[own], see dkim_header_canon().  False when out of
 * memory. */
bool dkim_hash_header(const struct dkim_field *, const struct slice *fields, size_t n, size_t own,
    struct arena *, unsigned char digest[DKIM_HASH_LEN]);

#endif
