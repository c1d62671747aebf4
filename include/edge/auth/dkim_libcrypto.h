#ifndef EDGE_AUTH_DKIM_LIBCRYPTO_H
#define EDGE_AUTH_DKIM_LIBCRYPTO_H
/*
 * dkim_libcrypto: SHA-256, public keys and signatures under them, by libcrypto.
 *
 *     struct dkim_libcrypto *lib = dkim_libcrypto_create();        // once; any number of threads
 *     struct dkim_hash *hash = dkim_libcrypto_hash_create(lib);
 *     dkim_libcrypto_key_read(lib, record, &key);
 *     if (dkim_libcrypto_verify(&key, digest, signature) == DKIM_VERIFIED) ...
 *     dkim_libcrypto_key_drop(&key);
 *
 * All that does not depend on the message is done once: the digest is fetched (EVP_sha256() looks
 * for its implementation each time), and a key carries a context in which the verification is set
 * up, of which each verification takes a copy.
 *
 * How a stranger's key is decoded: behind DKIM_KEY_RECORD_MAX, taken apart as a sequence of
 * anything, its algorithm compared, and its two numbers read by d2i_PublicKey(); nothing is
 * computed with them before core/auth/dkim_key.h has judged their sizes.  d2i_X509_PUBKEY() would
 * do in one call, but runs OpenSSL 3's decoders: 110 to 125 us a key instead of 3, under a lock
 * that all threads share.
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

/* As dkim_crypto.key_read, without looking for one that was read before. */
bool dkim_libcrypto_key_read(
    const struct dkim_libcrypto *, struct slice record, struct dkim_key *out);

/* A key counts who has it; the last one to drop it frees it.  Any thread. */
void dkim_libcrypto_key_hold(const struct dkim_key *);
void dkim_libcrypto_key_drop(struct dkim_key *);

/* As dkim_crypto.verify. */
enum dkim_verification dkim_libcrypto_verify(
    const struct dkim_key *, const unsigned char digest[DKIM_HASH_LEN], struct slice signature);

#endif
