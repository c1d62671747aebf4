#ifndef RESOLVER_PILOT_H
#define RESOLVER_PILOT_H
/*
 * resolver_pilot: the one thread that talks to libunbound, and the flights as it and those who wait
 * (resolver_flights.c) share them.
 *
 * It sleeps until there is news: a flight that has been boarded, an answer, a deadline, or the end.
 */
#include "edge/dns/resolver_flights.h"

#include <pthread.h>

enum { RESOLVER_BUCKETS = 4096 }; /* a power of two */

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
	struct flight *buckets[RESOLVER_BUCKETS];
	struct flight *soonest, *latest;
	struct flight *unasked; /* the first in the list that has not been taken to libunbound */
	uint64_t shared, asked, expired, refused;
};

/* The thread, given all flights. */
void *resolver_pilot(void *flights);

/* What libunbound's answer to the ticket at the head of a flight calls, in that thread. */
void resolver_pilot_landed(struct resolver_ticket *, struct resolver_answer *);

/* Both under the lock: out of the list and the table; one reference less, the last one frees. */
void resolver_flight_step_out(struct resolver_flights *, struct flight *);
void resolver_flight_leave(struct flight *);

#endif
