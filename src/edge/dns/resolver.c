#include "edge/dns/resolver.h"

#include "edge/dns/resolver_cache.h"
#include "edge/dns/resolver_flights.h"
#include "edge/dns/resolver_key.h"
#include "edge/os/monotonic.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* A busy day's names, and no more memory than libunbound's own caches take. */
#define CACHE_ENTRIES ((size_t)64 * 1024)
#define CACHE_BYTES   ((size_t)32 << 20)

struct resolver {
	atomic_uint references; /* the creator and each session */
	struct resolver_seed seed;
	struct resolver_cache *cache;
	struct resolver_flights *flights;
	int64_t message; /* nanoseconds of waiting for one */
	void (*waits)(void);
	atomic_uint_fast64_t cached;
	atomic_uint_fast64_t lookups[DNS_BADNAME + 1];
};

static void destroy(struct resolver *r)
{
	resolver_flights_free(r->flights);
	resolver_cache_free(r->cache);
	free(r);
}

static void drop(struct resolver *r)
{
	if (atomic_fetch_sub(&r->references, 1) == 1)
		destroy(r);
}

struct resolver *resolver_create(const struct resolver_settings *settings, char *why, size_t size)
{
	struct resolver_settings s = *settings;
	struct resolver *r = calloc(1, sizeof *r);

	if (r)
		r->cache = resolver_cache_create(CACHE_ENTRIES, CACHE_BYTES);
	if (!r || !r->cache || !resolver_seed_draw(&r->seed)) {
		snprintf(why, size, "out of memory or of random numbers");
		if (r)
			destroy(r);
		return NULL;
	}
	atomic_init(&r->references, 1);
	s.question_ms = s.question_ms ? s.question_ms : RESOLVER_QUESTION_MS;
	r->waits = s.waits;
	r->message = (s.message_ms ? s.message_ms : RESOLVER_MESSAGE_MS) * MONOTONIC_MS;
	r->flights = resolver_flights_create(&s, r->cache, why, size);
	if (!r->flights) {
		destroy(r);
		return NULL;
	}
	return r;
}

void resolver_stop(struct resolver *r)
{
	resolver_flights_stop(r->flights);
}

void resolver_free(struct resolver **r)
{
	if (*r)
		drop(*r);
	*r = NULL;
}

void resolver_session_start(struct resolver_session *session, struct resolver *r)
{
	atomic_fetch_add(&r->references, 1);
	*session = (struct resolver_session){.resolver = r, .budget = r->message};
}

void resolver_session_end(struct resolver_session *session)
{
	drop(session->resolver);
	session->resolver = NULL;
}

/* Waits for the answer and takes the time from the message's budget. */
static struct resolver_answer *wait_for(
    struct resolver_session *session, const struct resolver_key *key, int64_t now)
{
	struct resolver_answer *answer;

	if (session->budget <= 0)
		return NULL;
	if (session->resolver->waits)
		session->resolver->waits();
	answer = resolver_flights_ask(session->resolver->flights, key, now + session->budget);
	session->budget -= monotonic_now() - now;
	return answer;
}

static void answer_question(struct resolver_session *session, const struct resolver_key *key,
    struct arena *arena, struct dns_answer *out)
{
	struct resolver *r = session->resolver;
	struct resolver_answer *answer;
	int64_t now = monotonic_now();
	uint32_t ttl;

	if (resolver_cache_find(r->cache, key, now, &answer, &ttl)) {
		atomic_fetch_add_explicit(&r->cached, 1, memory_order_relaxed);
		resolver_answer_give(answer, arena, out);
		out->ttl = ttl;
	} else {
		answer = wait_for(session, key, now);
		resolver_answer_give(answer, arena, out);
	}
	resolver_answer_drop(answer);
}

static void lookup(
    void *self, struct slice name, enum dns_type type, struct arena *arena, struct dns_answer *out)
{
	struct resolver_session *session = self;
	struct resolver *r = session->resolver;
	char room[DNSWIRE_QUESTION_MAX];
	struct resolver_key key;

	if (resolver_key_make(&key, &r->seed, name, type, room))
		answer_question(session, &key, arena, out);
	else
		*out = (struct dns_answer){.status = DNS_BADNAME};
	atomic_fetch_add_explicit(&r->lookups[out->status], 1, memory_order_relaxed);
}

static void hint(void *self, struct slice name, enum dns_type type)
{
	struct resolver_session *session = self;
	struct resolver *r = session->resolver;
	char room[DNSWIRE_QUESTION_MAX];
	struct resolver_answer *answer;
	struct resolver_key key;
	uint32_t ttl;

	if (session->budget <= 0 || !resolver_key_make(&key, &r->seed, name, type, room))
		return;
	if (resolver_cache_find(r->cache, &key, monotonic_now(), &answer, &ttl))
		resolver_answer_drop(answer);
	else
		resolver_flights_hint(r->flights, &key);
}

struct dns resolver_session_dns(struct resolver_session *session)
{
	return (struct dns){.self = session, .lookup = lookup, .hint = hint};
}

void resolver_stats(struct resolver *r, struct resolver_stats *out)
{
	*out = (struct resolver_stats){.cached = atomic_load(&r->cached)};
	for (size_t i = 0; i < sizeof r->lookups / sizeof *r->lookups; i++)
		out->lookups[i] = atomic_load(&r->lookups[i]);
	resolver_cache_size(r->cache, &out->cache_entries, &out->cache_bytes);
	resolver_flights_stats(r->flights, out);
}
