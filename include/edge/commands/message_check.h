#ifndef EDGE_COMMANDS_MESSAGE_CHECK_H
#define EDGE_COMMANDS_MESSAGE_CHECK_H
/*
 * message_check: one message tried outside of SMTP, with every step told: which questions the DNS
 * was asked and what it said, what SPF, each signature and DMARC came to.  For `explain --message`.
 *
 *     struct message_check *t = message_check_create(&dns, now, arena, tell, context);
 *     while (next line) message_check_line(t, line);          // without its line end
 *     message_check_author(t, &question);                     // From → facts
 *     struct session_query_source source = message_check_source(t);
 *     session_query_decide(&question, rules, &source);     // SPF, DKIM, DMARC as the policy asks
 *     message_check_free(&t);
 *
 * One thread at a time.  What stands in facts afterwards lives in the arena.
 */
#include "core/auth/dns.h"
#include "core/explain/session_query.h"

struct message_check;

/* dns and arena are borrowed until message_check_free().  `tell` gets one sentence a step; what a
 * stranger wrote is made printable in it.  NULL when out of memory. */
struct message_check *message_check_create(const struct dns *, int64_t now, struct arena *,
    void (*tell)(void *context, const char *line), void *context);
void message_check_free(struct message_check **);

/* The next line of the message: its header, an empty line, its body. */
void message_check_line(struct message_check *, struct slice line);

/* The message is complete: fills in the author. */
void message_check_author(struct message_check *, struct session_query *);

/* rules: whose lists in the DNS are asked; the test points are not looked at. */
struct session_query_source message_check_source(
    struct message_check *, const struct ruleset *rules);

#endif
