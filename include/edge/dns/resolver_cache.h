#ifndef EDGE_DNS_RESOLVER_CACHE_H
#define EDGE_DNS_RESOLVER_CACHE_H
/*
 * resolver_cache: the answers of the last minutes, in front of libunbound's own cache.
 *
 * A message asks for the same few names several times, and the next messages for the same again;
 * libunbound takes some 40 us and two threads for each, this takes well under 1 us.
 *
 *     resolver_cache_store(cache, &key, answer, now);           // keeps a hold of its own
 *     if (resolver_cache_find(cache, &key, now, &answer, &ttl)) // a hold for the caller
 *             resolver_answer_drop(answer);
 *
 * How long: as the answer's TTL says, but an answer with records at most 300 s (a changed record is
 * seen soon), one without at most 60 s (RFC 2308 allows more; a domain that adds its record wants
 * to be seen), DNS_TEMP (NULL) 2 s: enough that a thousand messages from one broken domain do not
 * each wait for it, and over before anyone has repaired it.  TTL 0 is not kept at all.
 *
 * How much: bounded in entries and in bytes, each over all; what was not used for longest goes.
 * The keys are spread over shards, each with a lock of its own, which guards everything in that
 * shard; nothing is taken after it.
 */
#include "edge/dns/resolver_answer.h"
#include "edge/dns/resolver_key.h"

struct resolver_cache;

/* NULL when out of memory. */
struct resolver_cache *resolver_cache_create(size_t entries, size_t bytes);

/* Nobody uses it any more; NULL is fine. */
void resolver_cache_free(struct resolver_cache *);

/* Now is monotonic_now().  False when nothing is known; else *answer (held for the caller, NULL for
 * DNS_TEMP) and how many seconds it will stay. */
bool resolver_cache_find(struct resolver_cache *, const struct resolver_key *, int64_t now,
    struct resolver_answer **answer, uint32_t *ttl);

/* Replaces what is there.  Out of memory is no failure: it is not kept. */
void resolver_cache_store(
    struct resolver_cache *, const struct resolver_key *, struct resolver_answer *, int64_t now);

/* What it holds now, each shard counted at another moment. */
void resolver_cache_size(struct resolver_cache *, size_t *entries, size_t *bytes);

#endif
