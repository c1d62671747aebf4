#ifndef EDGE_WORKER_WORKER_RESOLVER_H
#define EDGE_WORKER_WORKER_RESOLVER_H
/*
 * worker_resolver: which resolver a worker asks, and when it takes a new one.
 *
 * A reload makes the new resolver aside, before anything is published, so that one that does not
 * start refuses the reload.  A change of resolv.conf is seen within about two seconds.  Whatever
 * the file holds, a resolver starts (edge/dns/resolvconf.h); where none starts for another reason,
 * the first worker does not start either, and every later one runs without DNS and tries again
 * each second.
 *
 *     worker_resolver_start(w, config);                  // at the start; watches resolv.conf
 *     if (worker_resolver_prepare(w, before, now, report, &made)) {
 *             publish; worker_resolver_install(w, &made);    // or resolver_free(&made.resolver)
 *     }
 *     worker_resolver_stop(w);                           // sessions that wait are let go
 */
#include "edge/worker/worker.h"

struct worker_resolver {
	struct resolver *resolver; /* NULL: the running one stays */
	struct resolvconf system;  /* the servers of resolv.conf that it was made for */
};

bool worker_resolver_start(struct worker *, const struct config *);

/* Starts watching the lists in the DNS; after the resolver.  False, and said, when it cannot. */
bool worker_resolver_watch_lists(struct worker *, const struct ruleset *);

/* Under the reload lock.  What is said of resolv.conf goes into the report, too. */
bool worker_resolver_prepare(struct worker *, const struct config *before, const struct config *now,
    struct diag *, struct worker_resolver *made);
void worker_resolver_install(struct worker *, struct worker_resolver *made);

void worker_resolver_stop(struct worker *);

#endif
