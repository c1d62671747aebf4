#ifndef CORE_SESSION_SESSION_H
#define CORE_SESSION_SESSION_H
/*
 * session: one SMTP connection and what is known of its client, whichever messages come.
 *
 *     session_create → session_connect → session_helo × n → (transaction_…) × n → session_free
 *
 * Nothing is decided here: authentication, switches and exemptions are not known before MAIL.  What
 * a session holds is for one thread at a time; core/session/transaction.h goes on from here.
 */
#include "core/session/env.h"

struct session;

/* Memory of one connection and one transaction: the header twice over, envelope of 1,000
 * recipients, and room for what DNS, DKIM and DMARC answer. */
enum { SESSION_ARENA_MAX = 64 * 1024, TRANSACTION_ARENA_MAX = 4 * 1024 * 1024 };

/* env must outlive the session.  NULL when out of memory. */
struct session *session_create(const struct env *);

/* Aborts the transaction, if one is open. */
void session_free(struct session **);

/*
 * client: IP_NONE where the MTA gives no address at all, as for a pipe (sendmail -bs) or a unix
 * socket: nobody has handed that mail over from outside, so it is not inbound.  client_name: the
 * verified name, empty when there is none.  not_smtp: the MTA plays a session for mail that did not
 * come by SMTP.
 */
void session_connect(
    struct session *, const struct ip *client, struct slice client_name, bool not_smtp);

/* Before session_connect(), where it is not the milter that asks or the MTA tells the port. */
void session_through(struct session *, enum door, uint16_t client_port);
/* Whether it is in the sample that is evaluated for the history (core/session/evaluation.h): then
 * header and body are to be shown whatever the rules need. */
bool session_is_sampled(const struct session *);

/* May come again: the last one counts. */
void session_helo(struct session *, struct slice helo);

#endif
