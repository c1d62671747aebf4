#include "resolver_thread.h"

#include "edge/os/monotonic.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Each of 2,000 sessions (milter.max_sessions) waits for one question at a time; hints leave the
 * other half to those who wait. */
enum { INFLIGHT_MAX = 8192, INFLIGHT_HINTED_MAX = INFLIGHT_MAX / 2 };

/* ---- the list and the table, under the lock ------------------------------------------ */

static struct inflight_query **find_slot(
    struct resolver_inflight *all, const struct resolver_key *key)
{
	struct inflight_query **at = &all->buckets[key->hash & (RESOLVER_BUCKETS - 1)];

	while (*at && !resolver_key_same(&(*at)->key, key))
		at = &(*at)->chain;
	return at;
}

static struct inflight_query *inflight_query_create(
    struct resolver_inflight *all, const struct resolver_key *key)
{
	struct inflight_query *q = malloc(sizeof *q + key->len + 1);
	pthread_condattr_t attributes;

	if (!q)
		return NULL;
	*q = (struct inflight_query){
	    .handle.on_answer = inflight_query_answered, .all = all, .references = 1};
	q->key = resolver_key_copy(key, q->text);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&q->answered, &attributes);
	pthread_condattr_destroy(&attributes);
	return q;
}

void inflight_query_release(struct inflight_query *q)
{
	if (--q->references > 0)
		return;
	resolver_answer_drop(q->answer);
	pthread_cond_destroy(&q->answered);
	free(q);
}

static void enqueue(struct resolver_inflight *all, struct inflight_query *q)
{
	q->deadline = monotonic_now() + all->question;
	q->sooner = all->latest;
	*(all->latest ? &all->latest->later : &all->soonest) = q;
	all->latest = q;
	if (!all->unsent)
		all->unsent = q;
	all->count++;
}

void inflight_query_unlink(struct resolver_inflight *all, struct inflight_query *q)
{
	struct inflight_query **place = find_slot(all, &q->key);

	*place = q->chain;
	*(q->sooner ? &q->sooner->later : &all->soonest) = q->later;
	*(q->later ? &q->later->sooner : &all->latest) = q->sooner;
	if (all->unsent == q)
		all->unsent = q->later;
	all->count--;
}

static void wake_thread(struct resolver_inflight *all)
{
	uint64_t one = 1;

	/* It fails only when the counter is full, and then the thread is told already. */
	(void)!write(all->wakeup, &one, sizeof one);
}

/* The query in flight for a question, one reference more, started if need be; NULL when refused. */
static struct inflight_query *join_or_start(
    struct resolver_inflight *all, const struct resolver_key *key, size_t most)
{
	struct inflight_query **place = find_slot(all, key), *q = *place;
	bool idle = !all->unsent;

	if (q) {
		all->shared++;
	} else {
		q = all->stopping || all->count >= most ? NULL : inflight_query_create(all, key);
		if (!q) {
			all->refused++;
			return NULL;
		}
		*place = q;
		enqueue(all, q);
		if (idle)
			wake_thread(all);
	}
	q->references++;
	return q;
}

/* ---- for all threads ----------------------------------------------------------------- */

struct inflight_query *resolver_inflight_join(
    struct resolver_inflight *all, const struct resolver_key *key, bool hint)
{
	struct inflight_query *q;

	pthread_mutex_lock(&all->lock);
	q = join_or_start(all, key, hint ? INFLIGHT_HINTED_MAX : INFLIGHT_MAX);
	pthread_mutex_unlock(&all->lock);
	return q;
}

bool inflight_query_is(const struct inflight_query *q, const struct resolver_key *key)
{
	return resolver_key_same(&q->key, key);
}

bool resolver_inflight_wait(struct resolver_inflight *all, struct inflight_query *q, int64_t until,
    struct resolver_answer **answer)
{
	bool own = q->deadline <= until;
	struct timespec end = monotonic_timespec(own ? q->deadline : until);
	int late = 0;
	bool over;

	pthread_mutex_lock(&all->lock);
	while (!q->done && !late)
		late = pthread_cond_timedwait(&q->answered, &all->lock, &end);
	over = q->done || own;
	*answer = resolver_answer_hold(q->answer);
	pthread_mutex_unlock(&all->lock);
	return over;
}

void resolver_inflight_release(struct resolver_inflight *all, struct inflight_query *q)
{
	pthread_mutex_lock(&all->lock);
	inflight_query_release(q);
	pthread_mutex_unlock(&all->lock);
}

void resolver_inflight_stats(struct resolver_inflight *all, struct resolver_stats *out)
{
	pthread_mutex_lock(&all->lock);
	out->shared = all->shared;
	out->asked = all->asked;
	out->expired = all->expired;
	out->refused = all->refused;
	out->in_flight = all->count;
	out->running = !all->stopping;
	pthread_mutex_unlock(&all->lock);
}

/* ---- start and stop ------------------------------------------------------------------ */

static bool start_thread(struct resolver_inflight *all)
{
	sigset_t every, before;
	int failed;

	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	failed = pthread_create(&all->thread, NULL, resolver_thread, all);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return !failed;
}

struct resolver_inflight *resolver_inflight_create(
    const struct resolver_settings *settings, struct resolver_cache *cache, char *why, size_t size)
{
	struct resolver_inflight *all = calloc(1, sizeof *all);

	if (!all) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&all->lock, NULL);
	all->joined = true;
	all->cache = cache;
	all->question = settings->question_ms * MONOTONIC_MS;
	all->wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (all->wakeup >= 0)
		all->upstream = resolver_upstream_create(settings, why, size);
	else
		snprintf(why, size, "no eventfd: %s", strerror(errno));
	if (!all->upstream) {
		resolver_inflight_free(all);
		return NULL;
	}
	if (!start_thread(all)) {
		snprintf(why, size, "its thread does not start");
		resolver_inflight_free(all);
		return NULL;
	}
	all->joined = false;
	return all;
}

void resolver_inflight_stop(struct resolver_inflight *all)
{
	if (all->joined)
		return;
	pthread_mutex_lock(&all->lock);
	all->stopping = true;
	pthread_mutex_unlock(&all->lock);
	wake_thread(all);
	pthread_join(all->thread, NULL);
	all->joined = true;
}

void resolver_inflight_free(struct resolver_inflight *all)
{
	if (!all)
		return;
	resolver_inflight_stop(all);
	resolver_upstream_free(all->upstream);
	if (all->wakeup >= 0)
		close(all->wakeup);
	pthread_mutex_destroy(&all->lock);
	free(all);
}
