#ifndef EDGE_AUTH_DKIM_LIBCRYPTO_H
#define EDGE_AUTH_DKIM_LIBCRYPTO_H
/*
 * dkim_libcrypto: verifies signatures with public keys that are kept ready, by libcrypto.
 *
 *     struct dkim_keys *keys = dkim_keys_create();           // once; any number of threads
 *     if (dkim_keys_verify(keys, &record, digest, signature) == DKIM_VERIFIED) ...
 *
 * Keys are built from the numbers that core/auth/dkim_key.h read, not from DER: OpenSSL 3.0's
 * decoders take 180 us a key and a lock that all threads share.  The built keys are kept by their
 * numbers, with what OpenSSL computes for each (Montgomery form), in a table of a fixed size: a
 * stranger who publishes many keys makes others slower by 5 us, and nothing else.
 *
 * libcrypto beside libopendkim, which uses the same library below: Debian's own OpenSSL, with its
 * security updates.
 */
#include "core/auth/dkim_key.h"

enum dkim_verification {
	DKIM_VERIFIED,
	DKIM_MISMATCH, /* not made by this key over this digest */
	DKIM_NO_MEMORY,
};

struct dkim_keys;

/* NULL when out of memory. */
struct dkim_keys *dkim_keys_create(void);
void dkim_keys_free(struct dkim_keys **);

/* The record is one for which dkim_key_read() gave DKIM_NONE. */
enum dkim_verification dkim_keys_verify(struct dkim_keys *, const struct dkim_key *,
    const unsigned char digest[DKIM_HASH_LEN], struct slice signature);

#endif
