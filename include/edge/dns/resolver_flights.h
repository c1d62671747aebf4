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
 *     answer = resolver_flights_ask(flights, &key, until);   // a hold for the caller
 *     resolver_flights_hint(flights, &key);                  // returns at once
 *
 * One lock guards table, list and flights; nothing is taken after it, and it is not held while
 * libunbound is called.
 */
#include "edge/dns/resolver_cache.h"
#include "edge/dns/resolver_upstream.h"

struct resolver_flights;

/* Starts the thread; answers go to the cache, which outlives the flights. */
struct resolver_flights *resolver_flights_create(
    const struct resolver_settings *, struct resolver_cache *, char *why, size_t size);

/* Lands all flights as DNS_TEMP and joins the thread; at once from the second call on. */
void resolver_flights_stop(struct resolver_flights *);

/* Stops when need be; nobody uses it any more.  NULL is fine. */
void resolver_flights_free(struct resolver_flights *);

/* Waits for the answer until monotonic_now() is `until` or the question's own deadline; NULL is
 * DNS_TEMP.  At once when too many are under way. */
struct resolver_answer *resolver_flights_ask(
    struct resolver_flights *, const struct resolver_key *, int64_t until);

/* Starts the question if nobody has; does nothing when many are under way. */
void resolver_flights_hint(struct resolver_flights *, const struct resolver_key *);

/* Fills in shared, asked, expired, refused, in_flight and running. */
void resolver_flights_stats(struct resolver_flights *, struct resolver_stats *);

#endif
