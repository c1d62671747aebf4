#include "edge/resolver_flights.h"

#include "edge/monotonic.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	BUCKETS = 4096, /* a power of two */
	/* Each of 2,000 sessions (milter.max_sessions) waits for one question at a time; hints
	 * leave the other half to those who wait. */
	FLIGHTS_MAX = 8192,
	HINTED_MAX = FLIGHTS_MAX / 2,
	TICK_MS = 500, /* how often the thread looks while anything is under way */
};

/* A question that has waited so long is met with silence, and libunbound's own tries may go on for
 * so long after that, while it needs an answer to something else so often. */
#define SILENCE     (1 * MONOTONIC_SECOND)
#define SILENT_FOR  (20 * MONOTONIC_SECOND)
#define REASSURANCE (1 * MONOTONIC_SECOND)

struct flight {
	struct resolver_ticket ticket; /* the thread's own; at the head, landed() relies on it */
	struct flight *chain;          /* next in the same bucket */
	struct flight *sooner, *later; /* by deadline */
	struct resolver_flights *all;
	struct resolver_key key; /* its text is behind the flight */
	int64_t deadline;
	unsigned references; /* who waits, and the thread until it has landed */
	bool landed;
	struct resolver_answer *answer;
	pthread_cond_t landing;
	char text[];
};

struct resolver_flights {
	struct resolver_upstream *upstream; /* the thread's own */
	struct resolver_cache *cache;
	int64_t question; /* nanoseconds for one */
	int news;         /* eventfd: flights to be asked, or time to stop */
	pthread_t thread;
	bool joined;                     /* the owner's own */
	int64_t silent_until, reassured; /* the thread's own */

	pthread_mutex_t lock; /* guards what follows, and the flights */
	bool stopping;
	size_t count;
	struct flight *buckets[BUCKETS];
	struct flight *soonest, *latest;
	struct flight *unasked; /* the first in the list that has not been taken to libunbound */
	uint64_t shared, asked, expired, refused;
};

/* ---- the list and the table, under the lock ------------------------------------------ */

static void landed(struct resolver_ticket *, struct resolver_answer *);

static struct flight **place_of(struct resolver_flights *all, const struct resolver_key *key)
{
	struct flight **at = &all->buckets[key->hash & (BUCKETS - 1)];

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
	*f = (struct flight){.ticket.landed = landed, .all = all, .references = 1};
	f->key = resolver_key_copy(key, f->text);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&f->landing, &attributes);
	pthread_condattr_destroy(&attributes);
	return f;
}

static void leave(struct flight *f)
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

static void step_out(struct resolver_flights *all, struct flight *f)
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

struct resolver_answer *resolver_flights_ask(
    struct resolver_flights *all, const struct resolver_key *key, int64_t until)
{
	struct resolver_answer *answer = NULL;
	struct flight *f;

	pthread_mutex_lock(&all->lock);
	f = board(all, key, FLIGHTS_MAX);
	if (f) {
		struct timespec end = monotonic_timespec(until < f->deadline ? until : f->deadline);
		int late = 0;
		while (!f->landed && !late)
			late = pthread_cond_timedwait(&f->landing, &all->lock, &end);
		answer = resolver_answer_hold(f->answer);
		leave(f);
	}
	pthread_mutex_unlock(&all->lock);
	return answer;
}

void resolver_flights_hint(struct resolver_flights *all, const struct resolver_key *key)
{
	struct flight *f;

	pthread_mutex_lock(&all->lock);
	f = board(all, key, HINTED_MAX);
	if (f)
		leave(f);
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

/* ---- the thread ---------------------------------------------------------------------- */

/* The end of a flight; takes over the hold on the answer and gives back the thread's on f. */
static void land(struct flight *f, struct resolver_answer *answer)
{
	struct resolver_flights *all = f->all;

	pthread_mutex_lock(&all->lock);
	step_out(all, f);
	f->answer = answer;
	f->landed = true;
	pthread_cond_broadcast(&f->landing);
	leave(f);
	pthread_mutex_unlock(&all->lock);
}

/* What libunbound calls: into the cache first, so that nobody asks again in between. */
static void landed(struct resolver_ticket *ticket, struct resolver_answer *answer)
{
	struct flight *f = (struct flight *)ticket;

	resolver_cache_store(f->all->cache, &f->key, answer, monotonic_now());
	land(f, answer);
}

static struct flight *next_unasked(struct resolver_flights *all)
{
	struct flight *f;

	pthread_mutex_lock(&all->lock);
	f = all->unasked;
	if (f) {
		all->unasked = f->later;
		all->asked++;
	}
	pthread_mutex_unlock(&all->lock);
	return f;
}

static void take_off(struct resolver_flights *all)
{
	struct flight *f;

	while ((f = next_unasked(all)))
		if (!resolver_upstream_ask(all->upstream, &f->key, &f->ticket))
			landed(&f->ticket, NULL);
}

static struct flight *next_expired(struct resolver_flights *all)
{
	struct flight *f;

	pthread_mutex_lock(&all->lock);
	f = all->soonest;
	if (f && f->deadline > monotonic_now())
		f = NULL;
	if (f)
		all->expired++;
	pthread_mutex_unlock(&all->lock);
	return f;
}

static void expire(struct resolver_flights *all)
{
	struct flight *f;

	while ((f = next_expired(all))) {
		all->silent_until = monotonic_now() + SILENT_FOR;
		resolver_upstream_cancel(all->upstream, &f->ticket);
		landed(&f->ticket, NULL);
	}
}

/* When the question that has waited longest was boarded; `now` when none is under way. */
static int64_t waiting_since(struct resolver_flights *all, int64_t now)
{
	int64_t since;

	pthread_mutex_lock(&all->lock);
	since = all->soonest ? all->soonest->deadline - all->question : now;
	pthread_mutex_unlock(&all->lock);
	return since;
}

static void reassure(struct resolver_flights *all)
{
	int64_t now = monotonic_now();

	if (now - waiting_since(all, now) >= SILENCE)
		all->silent_until = now + SILENT_FOR;
	if (now < all->silent_until && now - all->reassured >= REASSURANCE) {
		all->reassured = now;
		resolver_upstream_reassure(all->upstream);
	}
}

/* Milliseconds until there is something to do, rounded up; -1 when nothing is under way. */
static int time_left(struct resolver_flights *all)
{
	int64_t now = monotonic_now(), left = -1;

	pthread_mutex_lock(&all->lock);
	if (all->soonest) {
		left = all->soonest->deadline - now;
		left = left > 0 ? (left + MONOTONIC_MS - 1) / MONOTONIC_MS : 0;
	}
	pthread_mutex_unlock(&all->lock);
	if (left > TICK_MS || (left < 0 && now < all->silent_until))
		left = TICK_MS;
	return (int)left;
}

/* Sleeps until there is something to do; false when it is time to stop. */
static bool wait_for_news(struct resolver_flights *all)
{
	struct pollfd fds[] = {
	    {.fd = all->news, .events = POLLIN},
	    {.fd = resolver_upstream_fd(all->upstream), .events = POLLIN},
	};
	bool stopping;
	uint64_t told;

	if (poll(fds, 2, time_left(all)) > 0 && fds[0].revents)
		(void)!read(all->news, &told, sizeof told);
	pthread_mutex_lock(&all->lock);
	stopping = all->stopping;
	pthread_mutex_unlock(&all->lock);
	return !stopping;
}

static void ground(struct resolver_flights *all)
{
	struct flight *f;

	pthread_mutex_lock(&all->lock);
	all->stopping = true;
	pthread_mutex_unlock(&all->lock);
	/* No new ones start from here on, and only this thread takes any out. */
	while ((f = all->soonest))
		land(f, NULL);
}

static void *fly(void *flights)
{
	struct resolver_flights *all = flights;

	while (wait_for_news(all) && resolver_upstream_process(all->upstream)) {
		expire(all);
		take_off(all);
		reassure(all);
	}
	ground(all);
	return NULL;
}

/* ---- start and stop ------------------------------------------------------------------ */

static bool start_thread(struct resolver_flights *all)
{
	sigset_t every, before;
	int failed;

	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	failed = pthread_create(&all->thread, NULL, fly, all);
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
