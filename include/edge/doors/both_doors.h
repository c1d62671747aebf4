#ifndef EDGE_DOORS_BOTH_DOORS_H
#define EDGE_DOORS_BOTH_DOORS_H
/*
 * both_doors: what an MTA asks through the milter and through the policy protocol is recorded and
 * counted once (SPEC 9).
 *
 * The same: client address and port, sender and recipient.  Of the two questions about a recipient
 * one is left out:
 *
 *     the milter has a session of this client, and the policy protocol says nothing against the
 *     recipient                      → the milter's is recorded: the end of its message follows
 *     the other door has recorded it, with the same outcome, and this one has not yet had its turn
 *                                    → the first is recorded
 *
 * Postfix asks the policy protocol first, and the milter only about what that lets through.  Each
 * decision takes one out: the next message to the same recipient counts by itself.
 *
 * Where no policy.socket is open nothing is remembered.  All functions are safe in any thread.
 */
#include "core/session/env.h"

struct both_doors;

/* NULL when out of memory. */
struct both_doors *both_doors_create(void);
void both_doors_free(struct both_doors **);

/* A milter session of this client begins or ends. */
void both_doors_connected(struct both_doors *, const struct facts *client, bool now);

/* True when this decision is, or will be, recorded through the other door. */
bool both_doors_elsewhere(struct both_doors *, const struct record *);

#endif
