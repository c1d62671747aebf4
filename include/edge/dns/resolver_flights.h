#ifndef EDGE_DNS_RESOLVER_FLIGHTS_H
#define EDGE_DNS_RESOLVER_FLIGHTS_H
/*
 * resolver_flights: the questions under way, and the one thread that talks to libunbound.
 *
 * Who wants an answer boards the flight of that question, or starts it, and waits.  The thread
 * takes new flights to libunbound, hears its answers, stores them in the cache, and wakes all who
 * wait; a flight that has not landed by its deadline is cancelled and lands as DNS_TEMP.  All
 * flights may take equally long, so they stand in one list in the order of their deadlines.
 *
 *     f = resolver_flights_board(flights, &key, false);      // returns at once
 *     if (f && resolver_flights_wait(flights, f, until, &answer))
 *             ...                                            // a hold for the caller
 *     resolver_flights_leave(flights, f);
 *
 * One lock guards table, list and flights; nothing is taken after it, and it is not held while
 * libunbound is called.
 */
#include "edge/dns/resolver_cache.h"
#include "edge/dns/resolver_upstream.h"

struct resolver_flights;
struct flight;

/* Starts the thread; answers go to the cache, which outlives the flights. */
struct resolver_flights *resolver_flights_create(
    const struct resolver_settings *, struct resolver_cache *, char *why, size_t size);

/* Lands all flights as DNS_TEMP and joins the thread; at once from the second call on. */
void resolver_flights_stop(struct resolver_flights *);

/* Stops when need be; nobody uses it any more.  NULL is fine. */
void resolver_flights_free(struct resolver_flights *);

/* The flight of a question, started if nobody has: the caller's until he leaves it.  NULL when too
 * many are under way, which for hints are half as many, or when out of memory. */
struct flight *resolver_flights_board(
    struct resolver_flights *, const struct resolver_key *, bool hint);

/* Which question it is; needs no lock. */
bool resolver_flight_is(const struct flight *, const struct resolver_key *);

/*
 * Waits until it has landed, its own deadline is over, or monotonic_now() is `until`.  True with
 * the answer (NULL is DNS_TEMP) in the first two cases; false: it is still under way.
 */
bool resolver_flights_wait(
    struct resolver_flights *, struct flight *, int64_t until, struct resolver_answer **answer);

void resolver_flights_leave(struct resolver_flights *, struct flight *);

/* Fills in shared, asked, expired, refused, in_flight and running. */
void resolver_flights_stats(struct resolver_flights *, struct resolver_stats *);

#endif
