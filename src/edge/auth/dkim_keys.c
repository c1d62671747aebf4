#include "edge/auth/dkim_keys.h"

#include "edge/auth/dkim_libcrypto.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

/* 512 keys are more than the signers whose mail a busy server sees in a minute; with their texts
 * 3 MiB as they are, 4 MiB if a stranger writes them. */
#define SETS 128
#define WAYS 4

struct entry {
	char *text; /* NULL: free */
	size_t len;
	uint64_t hash, used; /* used: when last, counted in uses of its set */
	struct dkim_key key;
};

/* The lock guards the entries of its set; nothing is taken under it. */
struct set {
	pthread_mutex_t lock;
	uint64_t uses;
	struct entry ways[WAYS];
};

struct dkim_keys {
	uint64_t seed; /* so that nobody can choose records that fall into one set */
	struct set sets[SETS];
};

struct dkim_keys *dkim_keys_create(void)
{
	struct dkim_keys *keys = calloc(1, sizeof *keys);

	if (!keys)
		return NULL;
	for (size_t i = 0; i < SETS; i++)
		pthread_mutex_init(&keys->sets[i].lock, NULL);
	if (getrandom(&keys->seed, sizeof keys->seed, 0) != (ssize_t)sizeof keys->seed)
		dkim_keys_free(&keys);
	return keys;
}

void dkim_keys_free(struct dkim_keys **keys)
{
	if (!*keys)
		return;
	for (size_t i = 0; i < SETS; i++) {
		struct set *set = &(*keys)->sets[i];

		for (size_t j = 0; j < WAYS; j++) {
			dkim_libcrypto_key_drop(&set->ways[j].key);
			free(set->ways[j].text);
		}
		pthread_mutex_destroy(&set->lock);
	}
	free(*keys);
	*keys = NULL;
}

/* FNV-1a over 8 octets at a time, stirred: what it finds is compared as a whole. */
static uint64_t hash_of(const struct dkim_keys *keys, struct slice text)
{
	uint64_t hash = keys->seed ^ text.len, word;

	for (size_t i = 0; i < text.len; i += sizeof word) {
		size_t n = text.len - i < sizeof word ? text.len - i : sizeof word;

		word = 0;
		memcpy(&word, text.ptr + i, n);
		hash = (hash ^ word) * 0x100000001b3;
		hash ^= hash >> 29;
	}
	return hash;
}

static struct entry *find_entry(struct set *set, struct slice text, uint64_t hash)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct entry *e = &set->ways[i];

		if (e->text && e->hash == hash && slice_equal(slice_of(e->text, e->len), text))
			return e;
	}
	return NULL;
}

static struct set *set_of(struct dkim_keys *keys, uint64_t hash)
{
	return &keys->sets[(hash >> 32) % SETS];
}

bool dkim_keys_find(struct dkim_keys *keys, struct slice record, struct dkim_key *out)
{
	uint64_t hash = hash_of(keys, record);
	struct set *set = set_of(keys, hash);
	struct entry *e;

	if (record.len > DKIM_KEY_RECORD_MAX)
		return false;
	pthread_mutex_lock(&set->lock);
	e = find_entry(set, record, hash);
	if (e) {
		*out = e->key;
		dkim_libcrypto_key_hold(out);
		e->used = ++set->uses;
	}
	pthread_mutex_unlock(&set->lock);
	return e;
}

/* Least recently used; a free one was never used. */
static struct entry *oldest_entry(struct set *set)
{
	struct entry *oldest = &set->ways[0];

	for (size_t i = 1; i < WAYS; i++)
		if (set->ways[i].used < oldest->used)
			oldest = &set->ways[i];
	return oldest;
}

void dkim_keys_keep(struct dkim_keys *keys, struct slice record, const struct dkim_key *key)
{
	uint64_t hash = hash_of(keys, record);
	struct set *set = set_of(keys, hash);
	struct entry spare = {.len = record.len, .hash = hash};

	spare.text = record.len <= DKIM_KEY_RECORD_MAX ? malloc(record.len + 1) : NULL;
	if (!spare.text)
		return;
	if (record.len > 0)
		memcpy(spare.text, record.ptr, record.len);
	spare.key = *key;
	dkim_libcrypto_key_hold(key);
	pthread_mutex_lock(&set->lock);
	if (!find_entry(set, record, hash)) {
		struct entry *oldest = oldest_entry(set), old = *oldest;

		spare.used = ++set->uses;
		*oldest = spare;
		spare = old;
	}
	pthread_mutex_unlock(&set->lock);
	dkim_libcrypto_key_drop(&spare.key);
	free(spare.text);
}
