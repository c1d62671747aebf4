#ifndef EDGE_CONTROL_TRIAL_H
#define EDGE_CONTROL_TRIAL_H
/*
 * trial: one message tried outside of SMTP, with every step told: which questions the DNS was asked
 * and what it said, what SPF, each signature and DMARC came to.  For `explain --message`.
 *
 *     struct trial *t = trial_create(&dns, now, arena, tell, context);
 *     while (next line) trial_line(t, line);          // without its line end
 *     trial_author(t, &question);                     // From → facts
 *     struct question_source source = trial_source(t);
 *     question_decide(&question, rules, &source);     // SPF, DKIM, DMARC as the policy asks
 *     trial_free(&t);
 *
 * One thread at a time.  What stands in facts afterwards lives in the arena.
 */
#include "core/auth/dns.h"
#include "core/explain/question.h"

struct trial;

/* dns and arena are borrowed until trial_free().  `tell` gets one sentence a step; what a stranger
 * wrote is made printable in it.  NULL when out of memory. */
struct trial *trial_create(const struct dns *, int64_t now, struct arena *,
    void (*tell)(void *context, const char *line), void *context);
void trial_free(struct trial **);

/* The next line of the message: its header, an empty line, its body. */
void trial_line(struct trial *, struct slice line);

/* The message is complete: fills in the author. */
void trial_author(struct trial *, struct question *);

struct question_source trial_source(struct trial *);

#endif
