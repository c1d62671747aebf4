#include "resolver_thread.h"

#include "edge/os/monotonic.h"

#include <poll.h>
#include <unistd.h>

/* How often the thread looks while anything is under way. */
enum { TICK_MS = 500 };

/* A question that has waited so long is met with silence, and libunbound's own tries may go on for
 * so long after that, while it needs an answer to something else so often. */
#define SILENCE       (1 * MONOTONIC_SECOND)
#define PING_PERIOD   (20 * MONOTONIC_SECOND)
#define PING_INTERVAL (1 * MONOTONIC_SECOND)

/* Completes a query: takes over the hold on the answer, gives back the thread's on q. */
static void complete(struct inflight_query *q, struct resolver_answer *answer)
{
	struct resolver_inflight *all = q->all;

	pthread_mutex_lock(&all->lock);
	inflight_query_unlink(all, q);
	q->answer = answer;
	q->done = true;
	pthread_cond_broadcast(&q->answered);
	inflight_query_release(q);
	pthread_mutex_unlock(&all->lock);
}

/* What libunbound calls: into the cache first, so that nobody asks again in between. */
void inflight_query_answered(struct resolver_handle *handle, struct resolver_answer *answer)
{
	struct inflight_query *q = (struct inflight_query *)handle;

	resolver_cache_store(q->all->cache, &q->key, answer, monotonic_now());
	complete(q, answer);
}

static struct inflight_query *next_unsent(struct resolver_inflight *all)
{
	struct inflight_query *q;

	pthread_mutex_lock(&all->lock);
	q = all->unsent;
	if (q) {
		all->unsent = q->later;
		all->asked++;
	}
	pthread_mutex_unlock(&all->lock);
	return q;
}

static void send_unsent(struct resolver_inflight *all)
{
	struct inflight_query *q;

	while ((q = next_unsent(all)))
		if (!resolver_upstream_ask(all->upstream, &q->key, &q->handle))
			inflight_query_answered(&q->handle, resolver_answer_starved());
}

static struct inflight_query *next_expired(struct resolver_inflight *all)
{
	struct inflight_query *q;

	pthread_mutex_lock(&all->lock);
	q = all->soonest;
	if (q && q->deadline > monotonic_now())
		q = NULL;
	if (q)
		all->expired++;
	pthread_mutex_unlock(&all->lock);
	return q;
}

static void expire(struct resolver_inflight *all)
{
	struct inflight_query *q;

	while ((q = next_expired(all))) {
		all->silent_until = monotonic_now() + PING_PERIOD;
		resolver_upstream_cancel(all->upstream, &q->handle);
		inflight_query_answered(&q->handle, NULL);
	}
}

/* When the question that has waited longest was started; `now` when none is under way. */
static int64_t waiting_since(struct resolver_inflight *all, int64_t now)
{
	int64_t since;

	pthread_mutex_lock(&all->lock);
	since = all->soonest ? all->soonest->deadline - all->question : now;
	pthread_mutex_unlock(&all->lock);
	return since;
}

static void ping_if_silent(struct resolver_inflight *all)
{
	int64_t now = monotonic_now();

	if (now - waiting_since(all, now) >= SILENCE) {
		all->silent_until = now + PING_PERIOD;
		resolver_upstream_check_library(all->upstream);
	}
	if (now < all->silent_until && now - all->last_ping >= PING_INTERVAL) {
		all->last_ping = now;
		resolver_upstream_ping_forwarder(all->upstream);
	}
}

/* Milliseconds until there is something to do, rounded up; -1 when nothing is under way. */
static int time_left(struct resolver_inflight *all)
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
static bool wait_for_work(struct resolver_inflight *all)
{
	struct pollfd fds[] = {
	    {.fd = all->wakeup, .events = POLLIN},
	    {.fd = resolver_upstream_fd(all->upstream), .events = POLLIN},
	    {.fd = resolver_upstream_probe_fd(all->upstream), .events = POLLIN},
	};
	bool stopping;
	uint64_t told;

	if (poll(fds, sizeof fds / sizeof *fds, time_left(all)) > 0 && fds[0].revents)
		(void)!read(all->wakeup, &told, sizeof told);
	pthread_mutex_lock(&all->lock);
	stopping = all->stopping;
	pthread_mutex_unlock(&all->lock);
	return !stopping;
}

static void abort_all(struct resolver_inflight *all)
{
	struct inflight_query *q;

	pthread_mutex_lock(&all->lock);
	all->stopping = true;
	pthread_mutex_unlock(&all->lock);
	/* No new ones start from here on, and only this thread takes any out. */
	while ((q = all->soonest))
		complete(q, NULL);
}

void *resolver_thread(void *inflight)
{
	struct resolver_inflight *all = inflight;

	/* Whoever sees that no resolver runs makes another (edge/worker/worker_resolver.h). */
	while (wait_for_work(all) && resolver_upstream_process(all->upstream) &&
	       !resolver_upstream_is_deaf(all->upstream)) {
		expire(all);
		send_unsent(all);
		ping_if_silent(all);
	}
	abort_all(all);
	return NULL;
}
