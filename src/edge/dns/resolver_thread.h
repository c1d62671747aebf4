#ifndef RESOLVER_THREAD_H
#define RESOLVER_THREAD_H
/*
 * resolver_thread: the one thread that talks to libunbound, and the queries in flight as it and
 * those who wait (resolver_inflight.c) share them.
 *
 * It sleeps until there is work: a query that was started, an answer, a deadline, or the end.
 */
#include "edge/dns/resolver_inflight.h"

#include <pthread.h>

enum { RESOLVER_BUCKETS = 4096 }; /* a power of two */

struct inflight_query {
	struct resolver_handle
	    handle;                   /* the thread's own; at the head, its callback relies on it */
	struct inflight_query *chain; /* next in the same bucket */
	struct inflight_query *sooner, *later; /* by deadline */
	struct resolver_inflight *all;
	struct resolver_key key; /* its text is behind the query */
	int64_t deadline;
	unsigned references; /* who waits, and the thread until it is answered */
	bool done;
	struct resolver_answer *answer;
	pthread_cond_t answered;
	char text[];
};

struct resolver_inflight {
	struct resolver_upstream *upstream; /* the thread's own */
	struct resolver_cache *cache;
	int64_t question; /* nanoseconds for one */
	int wakeup;       /* eventfd: queries to be sent, or time to stop */
	pthread_t thread;
	bool joined;                     /* the owner's own */
	int64_t silent_until, last_ping; /* the thread's own */

	pthread_mutex_t lock; /* guards what follows, and the queries */
	bool stopping;
	size_t count;
	struct inflight_query *buckets[RESOLVER_BUCKETS];
	struct inflight_query *soonest, *latest;
	struct inflight_query
	    *unsent; /* the first in the list that has not been taken to libunbound */
	uint64_t shared, asked, expired, refused;
};

/* The thread, given all queries in flight. */
void *resolver_thread(void *inflight);

/* What libunbound's answer to the handle at the head of a query calls, in that thread. */
void inflight_query_answered(struct resolver_handle *, struct resolver_answer *);

/* Both under the lock: out of the list and the table; one reference less, the last one frees. */
void inflight_query_unlink(struct resolver_inflight *, struct inflight_query *);
void inflight_query_release(struct inflight_query *);

#endif
