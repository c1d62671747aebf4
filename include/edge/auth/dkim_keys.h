#ifndef EDGE_AUTH_DKIM_KEYS_H
#define EDGE_AUTH_DKIM_KEYS_H
/*
 * dkim_keys: key records as they were read, kept by their text.
 *
 *     struct dkim_keys *keys = dkim_keys_create();                // once; any number of threads
 *     if (!dkim_keys_find(keys, record, &key) &&
 *         dkim_libcrypto_key_read(lib, record, &key))
 *             dkim_keys_keep(keys, record, &key);
 *     dkim_libcrypto_key_drop(&key);
 *
 * The text decides what a key is, so nothing here grows old: a signer who changes its key changes
 * the text, and a record that is known again after its TTL is found.  A set-associative table of a
 * fixed size, least recently used first out: a stranger who publishes many keys makes others
 * slower by the 15 us that it takes to read theirs again, and nothing else.
 */
#include "core/auth/dkim_key.h"

struct dkim_keys;

/* NULL when out of memory. */
struct dkim_keys *dkim_keys_create(void);

/* Drops all that it holds; NULL inside is fine. */
void dkim_keys_free(struct dkim_keys **);

/* True when it is known: *out is held for the caller. */
bool dkim_keys_find(struct dkim_keys *, struct slice record, struct dkim_key *out);

/* Copies the record and holds the key, too, flawed or not.  Not kept are records beyond
 * DKIM_KEY_RECORD_MAX, and any when memory has run out. */
void dkim_keys_keep(struct dkim_keys *, struct slice record, const struct dkim_key *);

#endif
