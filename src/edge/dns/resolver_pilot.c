#include "resolver_pilot.h"

#include "edge/os/monotonic.h"

#include <poll.h>
#include <unistd.h>

/* How often the thread looks while anything is under way. */
enum { TICK_MS = 500 };

/* A question that has waited so long is met with silence, and libunbound's own tries may go on for
 * so long after that, while it needs an answer to something else so often. */
#define SILENCE     (1 * MONOTONIC_SECOND)
#define SILENT_FOR  (20 * MONOTONIC_SECOND)
#define REASSURANCE (1 * MONOTONIC_SECOND)

/* The end of a flight; takes over the hold on the answer and gives back the thread's on f. */
static void land(struct flight *f, struct resolver_answer *answer)
{
	struct resolver_flights *all = f->all;

	pthread_mutex_lock(&all->lock);
	resolver_flight_step_out(all, f);
	f->answer = answer;
	f->landed = true;
	pthread_cond_broadcast(&f->landing);
	resolver_flight_leave(f);
	pthread_mutex_unlock(&all->lock);
}

/* What libunbound calls: into the cache first, so that nobody asks again in between. */
void resolver_pilot_landed(struct resolver_ticket *ticket, struct resolver_answer *answer)
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
			resolver_pilot_landed(&f->ticket, NULL);
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
		resolver_pilot_landed(&f->ticket, NULL);
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

void *resolver_pilot(void *flights)
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
