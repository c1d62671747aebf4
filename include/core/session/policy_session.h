#ifndef CORE_SESSION_POLICY_SESSION_H
#define CORE_SESSION_POLICY_SESSION_H
/*
 * policy_session: questions of the policy protocol → sessions and transactions.
 *
 * One connection of an MTA carries the questions of many SMTP sessions, one after the other.  Those
 * of one message (the same `instance`, client, HELO, sender and login) are RCPTs of one
 * transaction, so that all its recipients are judged by one generation and SPF is asked for once:
 *
 *     if (!policy_session_goes_on(p, &request)) {
 *             policy_session_end(p);
 *             … unpin the generation, pin the one of now …
 *     }
 *     answer = policy_session_ask(p, &request, rules, generation);
 *
 * Only protocol_state=RCPT is judged, the steps 1 to 5 of SPEC 4.  One thread at a time.
 */
#include "core/session/policy_request.h"

struct policy_session;

/* env must outlive it.  NULL when out of memory. */
struct policy_session *policy_session_create(const struct env *);
void policy_session_free(struct policy_session **);

/* True when the request is of the message that was asked about last, and nothing speaks against
 * judging it by the same rules. */
bool policy_session_goes_on(const struct policy_session *, const struct policy_request *);

/* The message is over: its rules are not needed any more. */
void policy_session_end(struct policy_session *);

/* The rules stay until policy_session_end().  May wait for the DNS. */
struct answer policy_session_ask(struct policy_session *, const struct policy_request *,
    const struct ruleset *, uint64_t generation);

#endif
