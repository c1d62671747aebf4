#ifndef EDGE_AUTH_DKIM_LIBCRYPTO_H
#define EDGE_AUTH_DKIM_LIBCRYPTO_H
/*
 * dkim_libcrypto: SHA-256, and signatures under public keys that are kept ready, by libcrypto.
 *
 *     struct dkim_libcrypto *lib = dkim_libcrypto_create();        // once; any number of threads
 *     struct dkim_hash *hash = dkim_libcrypto_hash_create(lib);
 *     if (dkim_libcrypto_verify(lib, &key, digest, signature) == DKIM_VERIFIED) ...
 *
 * The digest is fetched once: EVP_sha256() looks for its implementation each time.
 *
 * Keys are built from the numbers that core/auth/dkim_key.h read, not from DER: OpenSSL 3.0's
 * decoders take 180 us a key and a lock that all threads share.  The built keys are kept by their
 * numbers, with what OpenSSL computes for each (Montgomery form), in a table of a fixed size: a
 * stranger who publishes many keys makes others slower by 5 us, and nothing else.
 *
 * libcrypto beside libopendkim, which uses the same library below: Debian's own OpenSSL, with its
 * security updates.
 */
#include "core/auth/dkim_crypto.h"

struct dkim_libcrypto;

/* NULL when out of memory. */
struct dkim_libcrypto *dkim_libcrypto_create(void);
void dkim_libcrypto_free(struct dkim_libcrypto **);

/* SHA-256, as in dkim_crypto. */
struct dkim_hash *dkim_libcrypto_hash_create(const struct dkim_libcrypto *);
bool dkim_libcrypto_hash_update(struct dkim_hash *, const char *bytes, size_t len);
bool dkim_libcrypto_hash_digest(const struct dkim_hash *, unsigned char digest[DKIM_HASH_LEN]);
bool dkim_libcrypto_hash_finish(struct dkim_hash **, unsigned char digest[DKIM_HASH_LEN]);
void dkim_libcrypto_hash_free(struct dkim_hash **);

/* The record is one for which dkim_key_read() gave DKIM_NONE. */
enum dkim_verification dkim_libcrypto_verify(struct dkim_libcrypto *, const struct dkim_key *,
    const unsigned char digest[DKIM_HASH_LEN], struct slice signature);

#endif
