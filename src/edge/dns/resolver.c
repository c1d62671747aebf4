#include "edge/dns/resolver.h"

#include "edge/dns/resolver_cache.h"
#include "edge/dns/resolver_inflight.h"
#include "edge/dns/resolver_key.h"
#include "edge/os/monotonic.h"

#include <errno.h>
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
	struct resolver_inflight *inflight;
	unsigned message_ms; /* of waiting for one */
	void (*waits)(void);
	void (*still)(void);
	atomic_uint_fast64_t cached;
	atomic_uint_fast64_t lookups[DNS_BADNAME + 1];
};

/* A question of this message, and its answer once that has come. */
struct resolver_joined {
	struct resolver_joined *next;
	struct inflight_query *query;
};

static void destroy(struct resolver *r)
{
	resolver_inflight_free(r->inflight);
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
	r->still = s.still;
	r->message_ms = s.message_ms ? s.message_ms : RESOLVER_MESSAGE_MS;
	r->inflight = resolver_inflight_create(&s, r->cache, why, size);
	if (!r->inflight) {
		destroy(r);
		return NULL;
	}
	return r;
}

void resolver_stop(struct resolver *r)
{
	resolver_inflight_stop(r->inflight);
}

void resolver_free(struct resolver **r)
{
	if (*r)
		drop(*r);
	*r = NULL;
}

/* ---- one message --------------------------------------------------------------------- */

void resolver_session_start(struct resolver_session *session, struct resolver *r)
{
	atomic_fetch_add(&r->references, 1);
	*session =
	    (struct resolver_session){.resolver = r, .until = INT64_MAX, .told = monotonic_now()};
	resolver_purse_fill(&session->purse, session, r->message_ms);
}

void resolver_session_end(struct resolver_session *session)
{
	struct resolver_joined *b;

	while ((b = session->joined)) {
		session->joined = b->next;
		resolver_inflight_release(session->resolver->inflight, b->query);
		free(b);
	}
	drop(session->resolver);
	session->resolver = NULL;
}

void resolver_session_limit(struct resolver_session *session, unsigned ms)
{
	session->told = monotonic_now();
	session->until = session->told + ms * MONOTONIC_MS;
}

void resolver_purse_fill(
    struct resolver_purse *purse, struct resolver_session *session, unsigned ms)
{
	*purse = (struct resolver_purse){.session = session, .left = ms * MONOTONIC_MS};
}

/* ---- a question ---------------------------------------------------------------------- */

static struct inflight_query *joined_before(
    const struct resolver_session *session, const struct resolver_key *key)
{
	for (const struct resolver_joined *b = session->joined; b; b = b->next)
		if (inflight_query_is(b->query, key))
			return b->query;
	return NULL;
}

/* Stays joined until the session ends; NULL when it cannot be asked, with errno ENOMEM for want
 * of memory. */
static struct inflight_query *join(
    struct resolver_session *session, const struct resolver_key *key, bool hint)
{
	size_t most = hint ? RESOLVER_QUESTIONS_MAX / 2 : RESOLVER_QUESTIONS_MAX;
	struct resolver_joined *b;

	if (session->joined_count >= most || !(b = malloc(sizeof *b)))
		return NULL;
	b->query = resolver_inflight_join(session->resolver->inflight, key, hint);
	if (!b->query) {
		free(b);
		return NULL;
	}
	b->next = session->joined;
	session->joined = b;
	session->joined_count++;
	return b->query;
}

/* Lets the last one that joined go when its answer is too much to be kept. */
static void keep(struct resolver_session *session, const struct resolver_answer *answer)
{
	struct resolver_joined *b = session->joined;

	session->kept += answer ? answer->size : 0;
	if (session->kept <= RESOLVER_KEPT_BYTES)
		return;
	session->joined = b->next;
	session->joined_count--;
	resolver_inflight_release(session->resolver->inflight, b->query);
	free(b);
}

/* Waits until then, and says in time that it does; false: still under way. */
static bool wait_until(struct resolver_session *session, struct inflight_query *f, int64_t until,
    struct resolver_answer **answer)
{
	const struct resolver *r = session->resolver;

	for (;;) {
		int64_t tell = session->told + RESOLVER_STILL_MS * MONOTONIC_MS;
		bool over = resolver_inflight_wait(
		    r->inflight, f, r->still && tell < until ? tell : until, answer);

		if (over || !r->still || tell >= until)
			return over;
		session->told = monotonic_now();
		r->still();
	}
}

/* When this purse can wait no more. */
static int64_t end_of(const struct resolver_purse *purse, int64_t now)
{
	int64_t own = now + purse->left, common = purse->session->until;

	return own < common ? own : common;
}

/* What is answered takes no time, the rest takes it from the purse.  What this call has put itself
 * is no answer from before, however soon it came. */
static struct resolver_answer *wait_for(
    struct resolver_purse *purse, struct inflight_query *f, bool put_before)
{
	struct resolver *r = purse->session->resolver;
	struct resolver_answer *answer = NULL;
	int64_t now = monotonic_now(), until = end_of(purse, now);

	if (resolver_inflight_wait(r->inflight, f, now, &answer)) {
		if (put_before)
			atomic_fetch_add_explicit(&r->cached, 1, memory_order_relaxed);
		return answer;
	}
	if (until > now && r->waits)
		r->waits();
	if (until <= now || !wait_until(purse->session, f, until, &answer))
		purse->dry = true;
	purse->left -= monotonic_now() - now;
	return answer;
}

/* An empty purse asks nothing new; as board(). */
static struct inflight_query *set_out(struct resolver_purse *purse, const struct resolver_key *key)
{
	int64_t now = monotonic_now();

	errno = 0;
	if (end_of(purse, now) <= now) {
		purse->dry = true;
		return NULL;
	}
	return join(purse->session, key, false);
}

static void answer_question(struct resolver_purse *purse, const struct resolver_key *key,
    struct arena *arena, struct dns_answer *out)
{
	struct resolver *r = purse->session->resolver;
	struct inflight_query *f = joined_before(purse->session, key), *before = f;
	struct resolver_answer *answer;
	uint32_t ttl;

	if (!f && resolver_cache_find(r->cache, key, monotonic_now(), &answer, &ttl)) {
		atomic_fetch_add_explicit(&r->cached, 1, memory_order_relaxed);
		resolver_answer_give(answer, arena, out);
		out->ttl = ttl;
	} else {
		f = f ? f : set_out(purse, key);
		answer = f                 ? wait_for(purse, f, before != NULL)
			 : errno == ENOMEM ? resolver_answer_starved()
					   : NULL;
		resolver_answer_give(answer, arena, out);
		if (f && !before)
			keep(purse->session, answer);
	}
	resolver_answer_drop(answer);
}

static void lookup(
    void *self, struct slice name, enum dns_type type, struct arena *arena, struct dns_answer *out)
{
	struct resolver_purse *purse = self;
	struct resolver *r = purse->session->resolver;
	char room[DNSWIRE_QUESTION_MAX];
	struct resolver_key key;

	if (resolver_key_make(&key, &r->seed, name, type, room))
		answer_question(purse, &key, arena, out);
	else
		*out = (struct dns_answer){.status = DNS_BADNAME};
	atomic_fetch_add_explicit(&r->lookups[out->status], 1, memory_order_relaxed);
}

static bool was_answered(
    const struct resolver_session *session, const struct resolver_key *key, int64_t now)
{
	for (size_t i = 0; i < RESOLVER_ANSWERED; i++)
		if (session->answered[i].hash == key->hash && now < session->answered[i].until)
			return true;
	return false;
}

static void note_answered(
    struct resolver_session *session, const struct resolver_key *key, int64_t until)
{
	size_t at = session->answered_next++ % RESOLVER_ANSWERED;

	session->answered[at].hash = key->hash;
	session->answered[at].until = until;
}

/* Whatever the purse holds: what is asked before others are waited for takes nobody's time. */
static void hint(void *self, struct slice name, enum dns_type type)
{
	struct resolver_purse *purse = self;
	struct resolver_session *session = purse->session;
	struct resolver *r = session->resolver;
	char room[DNSWIRE_QUESTION_MAX];
	struct resolver_answer *answer;
	struct resolver_key key;
	int64_t now = monotonic_now();
	uint32_t ttl;

	if (!resolver_key_make(&key, &r->seed, name, type, room) ||
	    was_answered(session, &key, now) || joined_before(session, &key))
		return;
	if (resolver_cache_find(r->cache, &key, now, &answer, &ttl)) {
		resolver_answer_drop(answer);
		note_answered(session, &key, now + ttl * MONOTONIC_SECOND);
	} else {
		join(session, &key, true);
	}
}

static void *open_purse(void *self, unsigned ms, struct arena *arena)
{
	struct resolver_purse *purse = self, *own = arena_alloc(arena, sizeof *own);

	if (own)
		resolver_purse_fill(own, purse->session, ms);
	return own;
}

struct dns resolver_purse_dns(struct resolver_purse *purse)
{
	return (struct dns){.self = purse, .lookup = lookup, .hint = hint, .open = open_purse};
}

struct dns resolver_session_dns(struct resolver_session *session)
{
	return resolver_purse_dns(&session->purse);
}

/* ---- counts -------------------------------------------------------------------------- */

void resolver_stats(struct resolver *r, struct resolver_stats *out)
{
	*out = (struct resolver_stats){.cached = atomic_load(&r->cached)};
	for (size_t i = 0; i < sizeof r->lookups / sizeof *r->lookups; i++)
		out->lookups[i] = atomic_load(&r->lookups[i]);
	resolver_cache_size(r->cache, &out->cache_entries, &out->cache_bytes);
	resolver_inflight_stats(r->inflight, out);
}
