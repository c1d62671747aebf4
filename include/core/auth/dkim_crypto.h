#ifndef CORE_AUTH_DKIM_CRYPTO_H
#define CORE_AUTH_DKIM_CRYPTO_H
/*
 * dkim_crypto: what DKIM asks of libraries, as a struct of function pointers: SHA-256, the header
 * hashes of signatures, signatures under public keys.
 *
 *     struct dkim_hash *hash = crypto->hash_create(crypto);
 *     crypto->hash_update(hash, bytes, len);
 *     crypto->hash_finish(&hash, digest);
 *
 * libcrypto and libopendkim are behind it in the daemon (edge/auth/dkim_library.h).  One for all
 * threads, which may call everything at once; a hash belongs to one thread.  Out of memory is an
 * answer: NULL, false, DKIM_NO_MEMORY.
 */
#include "core/auth/dkim_field.h"
#include "core/auth/dkim_key.h"

/* SHA-256 under way. */
struct dkim_hash;

/* One signature: which field it is, and after the call its header hash, unless it was refused. */
struct dkim_header_hash {
	size_t field; /* index of the DKIM-Signature field */
	bool done;
	unsigned char digest[DKIM_HASH_LEN];
};

enum dkim_verification {
	DKIM_VERIFIED,
	DKIM_MISMATCH, /* not made by this key over this digest */
	DKIM_NO_MEMORY,
};

struct dkim_crypto {
	struct dkim_hash *(*hash_create)(const struct dkim_crypto *);
	bool (*hash_update)(struct dkim_hash *, const char *bytes, size_t len);
	/* Of what was given so far; the hash goes on. */
	bool (*hash_digest)(const struct dkim_hash *, unsigned char digest[DKIM_HASH_LEN]);
	/* Of all; frees the hash and sets it to NULL. */
	bool (*hash_finish)(struct dkim_hash **, unsigned char digest[DKIM_HASH_LEN]);
	/* Frees and sets to NULL; NULL inside is fine. */
	void (*hash_free)(struct dkim_hash **);

	/*
	 * fields: the header in the order of the message, each "Name: value" with CRLF inside folds
	 * and none at the end, without NUL.  want: in the order of their fields, at most
	 * DKIM_VERIFIED_MAX, each parsed by dkim_field_parse() without complaint, and plain;
	 * DKIM-Signature fields that are not wanted must be left out of `fields`.
	 */
	bool (*hash_headers)(const struct dkim_crypto *, const struct slice *fields, size_t n,
	    struct dkim_header_hash *want, size_t wanted);

	/* A key record, read and decoded, or found as it was read before; false when out of memory.
	 * Each one is given back. */
	bool (*key_read)(const struct dkim_crypto *, struct slice record, struct dkim_key *out);
	void (*key_drop)(struct dkim_key *);
	/* The key is flawless. */
	enum dkim_verification (*verify)(const struct dkim_key *,
	    const unsigned char digest[DKIM_HASH_LEN], struct slice signature);
};

#endif
