#include "edge/dns/resolver_cache.h"

#include "edge/os/monotonic.h"

#include <pthread.h>
#include <stdlib.h>

enum {
	SHARDS = 16, /* a power of two; some threads meet in one of them, not all */
	KEEP_RECORDS = 300,
	KEEP_NONE = 60,
	KEEP_TEMP = 2,
};

struct cache_entry {
	struct cache_entry *chain;         /* next in the same bucket */
	struct cache_entry *newer, *older; /* by last use */
	struct resolver_key key;           /* its text is behind the entry */
	struct resolver_answer *answer;
	int64_t expires;
	size_t size;
	char text[];
};

struct shard {
	pthread_mutex_t lock;
	struct cache_entry **buckets;
	struct cache_entry *newest, *oldest;
	size_t entries, bytes;
};

struct resolver_cache {
	size_t entries_max, bytes_max; /* of one shard */
	size_t mask;                   /* buckets of one shard, less one */
	struct shard shards[SHARDS];
};

struct resolver_cache *resolver_cache_create(size_t entries, size_t bytes)
{
	struct resolver_cache *cache = calloc(1, sizeof *cache);
	size_t buckets = 1;

	if (!cache)
		return NULL;
	cache->entries_max = entries / SHARDS;
	cache->bytes_max = bytes / SHARDS;
	while (buckets < cache->entries_max)
		buckets *= 2;
	cache->mask = buckets - 1;
	for (size_t i = 0; i < SHARDS; i++) {
		pthread_mutex_init(&cache->shards[i].lock, NULL);
		cache->shards[i].buckets = calloc(buckets, sizeof(struct cache_entry *));
		if (!cache->shards[i].buckets) {
			resolver_cache_free(cache);
			return NULL;
		}
	}
	return cache;
}

static struct shard *shard_of(struct resolver_cache *cache, const struct resolver_key *key)
{
	return &cache->shards[(key->hash >> 32) % SHARDS];
}

/* The pointer that points, or would point, to the key's entry. */
static struct cache_entry **find_link(
    const struct resolver_cache *cache, struct shard *s, const struct resolver_key *key)
{
	struct cache_entry **at = &s->buckets[key->hash & cache->mask];

	while (*at && !resolver_key_same(&(*at)->key, key))
		at = &(*at)->chain;
	return at;
}

static void unlink_use(struct shard *s, struct cache_entry *e)
{
	*(e->newer ? &e->newer->older : &s->newest) = e->older;
	*(e->older ? &e->older->newer : &s->oldest) = e->newer;
}

static void link_newest(struct shard *s, struct cache_entry *e)
{
	e->newer = NULL;
	e->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = e;
	s->newest = e;
}

static void discard(struct shard *s, struct cache_entry **place)
{
	struct cache_entry *e = *place;

	*place = e->chain;
	unlink_use(s, e);
	s->entries--;
	s->bytes -= e->size;
	resolver_answer_drop(e->answer);
	free(e);
}

void resolver_cache_free(struct resolver_cache *cache)
{
	if (!cache)
		return;
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *s = &cache->shards[i];
		while (s->oldest)
			discard(s, find_link(cache, s, &s->oldest->key));
		free(s->buckets);
		pthread_mutex_destroy(&s->lock);
	}
	free(cache);
}

bool resolver_cache_find(struct resolver_cache *cache, const struct resolver_key *key, int64_t now,
    struct resolver_answer **answer, uint32_t *ttl)
{
	struct shard *s = shard_of(cache, key);
	struct cache_entry **place;
	bool found = false;

	pthread_mutex_lock(&s->lock);
	place = find_link(cache, s, key);
	if (*place && (*place)->expires <= now) {
		discard(s, place);
	} else if (*place) {
		struct cache_entry *e = *place;
		found = true;
		*answer = resolver_answer_hold(e->answer);
		*ttl = (uint32_t)((e->expires - now) / MONOTONIC_SECOND);
		unlink_use(s, e);
		link_newest(s, e);
	}
	pthread_mutex_unlock(&s->lock);
	return found;
}

static int64_t keep(const struct resolver_answer *answer)
{
	uint32_t most = answer && answer->status == DNS_OK ? KEEP_RECORDS : KEEP_NONE;

	if (!answer)
		return KEEP_TEMP * MONOTONIC_SECOND;
	return (answer->ttl < most ? answer->ttl : most) * MONOTONIC_SECOND;
}

static struct cache_entry *entry_create(
    const struct resolver_key *key, struct resolver_answer *answer, int64_t expires)
{
	size_t size = sizeof(struct cache_entry) + key->len + 1;
	struct cache_entry *e = malloc(size);

	if (!e)
		return NULL;
	*e = (struct cache_entry){.key = resolver_key_copy(key, e->text),
	    .answer = resolver_answer_hold(answer),
	    .expires = expires,
	    .size = size + (answer ? answer->size : 0)};
	return e;
}

void resolver_cache_store(struct resolver_cache *cache, const struct resolver_key *key,
    struct resolver_answer *answer, int64_t now)
{
	struct shard *s = shard_of(cache, key);
	int64_t kept = answer && answer->starved ? 0 : keep(answer);
	struct cache_entry *e = kept ? entry_create(key, answer, now + kept) : NULL;
	struct cache_entry **place;

	if (!e)
		return;
	pthread_mutex_lock(&s->lock);
	place = find_link(cache, s, key);
	if (*place)
		discard(s, place);
	e->chain = s->buckets[key->hash & cache->mask];
	s->buckets[key->hash & cache->mask] = e;
	link_newest(s, e);
	s->entries++;
	s->bytes += e->size;
	while (s->entries > cache->entries_max || s->bytes > cache->bytes_max)
		discard(s, find_link(cache, s, &s->oldest->key));
	pthread_mutex_unlock(&s->lock);
}

void resolver_cache_size(struct resolver_cache *cache, size_t *entries, size_t *bytes)
{
	*entries = *bytes = 0;
	for (size_t i = 0; i < SHARDS; i++) {
		pthread_mutex_lock(&cache->shards[i].lock);
		*entries += cache->shards[i].entries;
		*bytes += cache->shards[i].bytes;
		pthread_mutex_unlock(&cache->shards[i].lock);
	}
}
