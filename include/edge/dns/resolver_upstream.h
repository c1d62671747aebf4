#ifndef EDGE_DNS_RESOLVER_UPSTREAM_H
#define EDGE_DNS_RESOLVER_UPSTREAM_H
/*
 * resolver_upstream: libunbound, with a thread of its own inside, asked and heard asynchronously.
 *
 *     upstream = resolver_upstream_create(&settings, why, sizeof why);
 *     resolver_upstream_ask(upstream, &key, &handle);
 *     ... resolver_upstream_fd() is readable: resolver_upstream_process() calls
 *         handle.on_answer(&handle, answer) for each answer that has come
 *     resolver_upstream_cancel(upstream, &handle);  // on_answer will not be called for this one
 *
 * After create, all calls come from one thread: so a question is cancelled or heard, never both.
 */
#include "edge/dns/resolver.h"
#include "edge/dns/resolver_answer.h"
#include "edge/dns/resolver_key.h"

struct resolver_upstream;
struct resolver_probe;

/* A question on its way, at the head of the caller's own struct, which stays until it is heard or
 * cancelled. */
struct resolver_handle {
	/* Set by the caller; takes over the hold on the answer.  NULL is DNS_TEMP. */
	void (*on_answer)(struct resolver_handle *, struct resolver_answer *);
	int id; /* libunbound's */
	struct resolver_probe *probe;
};

/* NULL, with a sentence in `why`, when a setting is bad or libunbound does not start. */
struct resolver_upstream *resolver_upstream_create(
    const struct resolver_settings *, char *why, size_t size);

/* Ends libunbound's thread; questions under way are forgotten.  NULL is fine. */
void resolver_upstream_free(struct resolver_upstream *);

/* Sends a question on its way; false when it could not be. */
bool resolver_upstream_ask(
    struct resolver_upstream *, const struct resolver_key *, struct resolver_handle *);
void resolver_upstream_cancel(struct resolver_upstream *, struct resolver_handle *);

/*
 * To be called each second while questions are without an answer: asks the forwarder something that
 * it can answer, so that libunbound does not give it up for its silence about others.  Does nothing
 * when there is no forwarder: there, silence condemns the servers of one domain.
 */
void resolver_upstream_ping_forwarder(struct resolver_upstream *);

/*
 * To be called each second while questions are without an answer, too: asks libunbound something
 * that it knows itself.  It is deaf when that has no answer for five seconds, as 1.17 was seen to
 * be after an allocation of its own had failed.  A deaf one is of no use, and is left behind when
 * it is freed.
 */
void resolver_upstream_check_library(struct resolver_upstream *);
bool resolver_upstream_is_deaf(const struct resolver_upstream *);

/* One of them is readable when answers wait; process takes them all, and is to be called each
 * second while any is missing.  False when libunbound's thread is gone. */
int resolver_upstream_fd(struct resolver_upstream *);
int resolver_upstream_probe_fd(struct resolver_upstream *); /* -1: none */
bool resolver_upstream_process(struct resolver_upstream *);

#endif
