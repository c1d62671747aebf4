#ifndef CORE_SESSION_EVALUATION_H
#define CORE_SESSION_EVALUATION_H
/*
 * evaluation: SPF, DKIM and DMARC of one message that nothing hangs on, for the history (SPEC 10).
 *
 * Of a sample of connections (env->sampled) the transaction keeps one of these where no rule or
 * switch needs the results.  It sees the message as it passes, hashes it, and asks nothing.  When
 * the transaction is over and everything is answered, it is handed out (env->evaluate), and in some
 * other thread, later, evaluation_run() asks the DNS and gives the results of each row that was
 * noted (env->evaluated):
 *
 *     e = evaluation_create(env, &facts, receiver, now)       at the first refusal or header field
 *     evaluation_header(e, …) → evaluation_end_of_headers(e) → evaluation_body(e, …)
 *     evaluation_note(e, &number, &verdict)                   the rows that get the results
 *     env->evaluate(self, e) … evaluation_run(e); evaluation_free(&e)
 *
 * A refused recipient's message never comes: of it there is SPF alone.  Memory is its own, so that
 * neither its limit nor the lack of it touches the message.  What it cannot find out stays "not
 * evaluated".  One thread at a time.
 */
#include "core/session/env.h"

struct evaluation;

/* NULL when out of memory.  Of the facts client, HELO and sender are copied, and SPF as far as it
 * is known; receiver, too. */
struct evaluation *evaluation_create(
    const struct env *, const struct facts *, struct slice receiver);
void evaluation_free(struct evaluation **);

/* Each field in order; beyond the limits of core/session/transaction.h nothing more is looked at.
 */
void evaluation_header(struct evaluation *, struct slice name, struct slice value);

/* The header is whole.  True when the body is needed. */
bool evaluation_end_of_headers(struct evaluation *);

/* A part of the body; false when no more of it is needed. */
bool evaluation_body(struct evaluation *, const char *bytes, size_t len);

/* The From header, for the row of the end; NULL when it is not known. */
const struct fromheader *evaluation_from(const struct evaluation *);

/* The message has ended: what was seen of it is all. */
void evaluation_end(struct evaluation *);

/* A row of this transaction.  The facts say which author it is about. */
void evaluation_note(struct evaluation *, const struct record_number *, const struct verdict *,
    const struct facts *);

/* Whether a row waits for the results. */
bool evaluation_has_rows(const struct evaluation *);

/* Memory that it holds until it is freed. */
size_t evaluation_bytes(const struct evaluation *);

/* Asks, waits for answers, and gives the results to env->evaluated, row by row; false when it could
 * ask nothing. */
bool evaluation_run(struct evaluation *);

#endif
