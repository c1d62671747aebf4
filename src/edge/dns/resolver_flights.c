#include "resolver_pilot.h"

#include "edge/os/monotonic.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Each of 2,000 sessions (milter.max_sessions) waits for one question at a time; hints leave the
 * other half to those who wait. */
enum { FLIGHTS_MAX = 8192, HINTED_MAX = FLIGHTS_MAX / 2 };

/* ---- the list and the table, under the lock ------------------------------------------ */

static struct flight **place_of(struct resolver_flights *all, const struct resolver_key *key)
{
	struct flight **at = &all->buckets[key->hash & (RESOLVER_BUCKETS - 1)];

	while (*at && !resolver_key_same(&(*at)->key, key))
		at = &(*at)->chain;
	return at;
}

static struct flight *flight_create(struct resolver_flights *all, const struct resolver_key *key)
{
	struct flight *f = malloc(sizeof *f + key->len + 1);
	pthread_condattr_t attributes;

	if (!f)
		return NULL;
	*f = (struct flight){.ticket.landed = resolver_pilot_landed, .all = all, .references = 1};
	f->key = resolver_key_copy(key, f->text);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&f->landing, &attributes);
	pthread_condattr_destroy(&attributes);
	return f;
}

void resolver_flight_leave(struct flight *f)
{
	if (--f->references > 0)
		return;
	resolver_answer_drop(f->answer);
	pthread_cond_destroy(&f->landing);
	free(f);
}

static void line_up(struct resolver_flights *all, struct flight *f)
{
	f->deadline = monotonic_now() + all->question;
	f->sooner = all->latest;
	*(all->latest ? &all->latest->later : &all->soonest) = f;
	all->latest = f;
	if (!all->unasked)
		all->unasked = f;
	all->count++;
}

void resolver_flight_step_out(struct resolver_flights *all, struct flight *f)
{
	struct flight **place = place_of(all, &f->key);

	*place = f->chain;
	*(f->sooner ? &f->sooner->later : &all->soonest) = f->later;
	*(f->later ? &f->later->sooner : &all->latest) = f->sooner;
	if (all->unasked == f)
		all->unasked = f->later;
	all->count--;
}

static void tell(struct resolver_flights *all)
{
	uint64_t one = 1;

	/* It fails only when the counter is full, and then the thread is told already. */
	(void)!write(all->news, &one, sizeof one);
}

/* The flight of a question, boarded (one reference more), started if need be; NULL when refused. */
static struct flight *board(
    struct resolver_flights *all, const struct resolver_key *key, size_t most)
{
	struct flight **place = place_of(all, key), *f = *place;
	bool idle = !all->unasked;

	if (f) {
		all->shared++;
	} else {
		f = all->stopping || all->count >= most ? NULL : flight_create(all, key);
		if (!f) {
			all->refused++;
			return NULL;
		}
		*place = f;
		line_up(all, f);
		if (idle)
			tell(all);
	}
	f->references++;
	return f;
}

/* ---- for all threads ----------------------------------------------------------------- */

struct flight *resolver_flights_board(
    struct resolver_flights *all, const struct resolver_key *key, bool hint)
{
	struct flight *f;

	pthread_mutex_lock(&all->lock);
	f = board(all, key, hint ? HINTED_MAX : FLIGHTS_MAX);
	pthread_mutex_unlock(&all->lock);
	return f;
}

bool resolver_flight_is(const struct flight *f, const struct resolver_key *key)
{
	return resolver_key_same(&f->key, key);
}

bool resolver_flights_wait(
    struct resolver_flights *all, struct flight *f, int64_t until, struct resolver_answer **answer)
{
	bool own = f->deadline <= until;
	struct timespec end = monotonic_timespec(own ? f->deadline : until);
	int late = 0;
	bool over;

	pthread_mutex_lock(&all->lock);
	while (!f->landed && !late)
		late = pthread_cond_timedwait(&f->landing, &all->lock, &end);
	over = f->landed || own;
	*answer = resolver_answer_hold(f->answer);
	pthread_mutex_unlock(&all->lock);
	return over;
}

void resolver_flights_leave(struct resolver_flights *all, struct flight *f)
{
	pthread_mutex_lock(&all->lock);
	resolver_flight_leave(f);
	pthread_mutex_unlock(&all->lock);
}

void resolver_flights_stats(struct resolver_flights *all, struct resolver_stats *out)
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

static bool start_thread(struct resolver_flights *all)
{
	sigset_t every, before;
	int failed;

	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	failed = pthread_create(&all->thread, NULL, resolver_pilot, all);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return !failed;
}

struct resolver_flights *resolver_flights_create(
    const struct resolver_settings *settings, struct resolver_cache *cache, char *why, size_t size)
{
	struct resolver_flights *all = calloc(1, sizeof *all);

	if (!all) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&all->lock, NULL);
	all->joined = true;
	all->cache = cache;
	all->question = settings->question_ms * MONOTONIC_MS;
	all->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (all->news >= 0)
		all->upstream = resolver_upstream_create(settings, why, size);
	else
		snprintf(why, size, "no eventfd: %s", strerror(errno));
	if (!all->upstream) {
		resolver_flights_free(all);
		return NULL;
	}
	if (!start_thread(all)) {
		snprintf(why, size, "its thread does not start");
		resolver_flights_free(all);
		return NULL;
	}
	all->joined = false;
	return all;
}

void resolver_flights_stop(struct resolver_flights *all)
{
	if (all->joined)
		return;
	pthread_mutex_lock(&all->lock);
	all->stopping = true;
	pthread_mutex_unlock(&all->lock);
	tell(all);
	pthread_join(all->thread, NULL);
	all->joined = true;
}

void resolver_flights_free(struct resolver_flights *all)
{
	if (!all)
		return;
	resolver_flights_stop(all);
	resolver_upstream_free(all->upstream);
	if (all->news >= 0)
		close(all->news);
	pthread_mutex_destroy(&all->lock);
	free(all);
}
