#ifndef EDGE_DNS_RESOLVER_INFLIGHT_H
#define EDGE_DNS_RESOLVER_INFLIGHT_H
/*
 * resolver_inflight: the queries in flight, and the one thread that talks to libunbound.
 *
 * Who wants an answer joins the query in flight for that question, or starts it, and waits.  The
 * thread hands new queries to libunbound, takes its answers, stores them in the cache, and wakes
 * all who wait; a query without an answer by its deadline is cancelled and answered as DNS_TEMP.
 * All queries have equally long, so they are kept in one list in the order of their deadlines.
 *
 *     q = resolver_inflight_join(inflight, &key, false);      // returns at once
 *     if (q && resolver_inflight_wait(inflight, q, until, &answer))
 *             ...                                            // a hold for the caller
 *     resolver_inflight_release(inflight, q);
 *
 * One lock guards table, list and queries; nothing is taken after it, and it is not held while
 * libunbound is called.
 */
#include "edge/dns/resolver_cache.h"
#include "edge/dns/resolver_upstream.h"

struct resolver_inflight;
struct inflight_query;

/* Starts the thread; answers go to the cache, which outlives the queries. */
struct resolver_inflight *resolver_inflight_create(
    const struct resolver_settings *, struct resolver_cache *, char *why, size_t size);

/* Answers all queries as DNS_TEMP and joins the thread; at once from the second call on. */
void resolver_inflight_stop(struct resolver_inflight *);

/* Stops when need be; nobody uses it any more.  NULL is fine. */
void resolver_inflight_free(struct resolver_inflight *);

/* The query in flight for a question, started if need be; release it.  NULL when too
 * many are under way, which for hints are half as many, or when out of memory. */
struct inflight_query *resolver_inflight_join(
    struct resolver_inflight *, const struct resolver_key *, bool hint);

/* Which question it is; needs no lock. */
bool inflight_query_is(const struct inflight_query *, const struct resolver_key *);

/*
 * Waits until it is answered, its own deadline is over, or monotonic_now() is `until`.  True with
 * the answer (NULL is DNS_TEMP) in the first two cases; false: it is still under way.
 */
bool resolver_inflight_wait(struct resolver_inflight *, struct inflight_query *, int64_t until,
    struct resolver_answer **answer);

void resolver_inflight_release(struct resolver_inflight *, struct inflight_query *);

/* Fills in shared, asked, expired, refused, in_flight and running. */
void resolver_inflight_stats(struct resolver_inflight *, struct resolver_stats *);

#endif
