#ifndef RESOLVER_PROBE_H
#define RESOLVER_PROBE_H
/*
 * resolver_probe: whether an answer without records really has none.
 *
 * From 1.19 on libunbound takes records of type A and AAAA with a wrong length out of an answer. If
 * no other is left, it looks like "no such data"; it is no usable answer.  One that is meant has
 * the SOA record of its zone beside it (RFC 2308 2.2), mostly: where it is missing, the forwarder
 * is asked once more, by a packet of our own, of whose answer is only looked at whether records of
 * the type are in it.
 *
 *     resolver_probe_ask(probe, &key, handle, answer);   // answer: without records
 *     … resolver_probe_fd() is readable: resolver_probe_read();
 *       each second resolver_probe_again();
 *       handle->on_answer(handle, answer), or NULL where there were records
 *
 * All in the thread of resolver_upstream.h.  Who forges an answer to this can make a temporary
 * failure of an answer without records, and nothing else.
 */
#include "edge/dns/resolver_upstream.h"

struct resolver_probe;

/* NULL without memory or a socket. */
struct resolver_probe *resolver_probe_create(void);

/* Those who wait are forgotten; NULL is fine. */
void resolver_probe_free(struct resolver_probe *);

/* Takes ADDRESS or ADDRESS@PORT as resolver_upstream gives it to libunbound; those beyond
 * RESOLVCONF_SERVERS_MAX are not asked. */
void resolver_probe_server(struct resolver_probe *, const char *server);

/* Takes over the hold on the answer; false when it cannot ask, and the answer stays the caller's.
 */
bool resolver_probe_ask(struct resolver_probe *, const struct resolver_key *,
    struct resolver_handle *, struct resolver_answer *);

/* False when this handle does not wait here. */
bool resolver_probe_cancel(struct resolver_probe *, struct resolver_handle *);

int resolver_probe_fd(const struct resolver_probe *);
void resolver_probe_read(struct resolver_probe *);

/* Asks the next server where one has not answered for a second; cheap when nobody waits. */
void resolver_probe_again(struct resolver_probe *);

#endif
