#ifndef EDGE_MILTER_MILTER_H
#define EDGE_MILTER_MILTER_H
/*
 * milter: libmilter's callbacks → core/transaction, and its answers → SMFIS codes.
 *
 *     MTA ── negotiate, connect, HELO, MAIL, RCPT, header, EOM ──▶ this file ──▶ transaction_…()
 *
 * libmilter hands connections to threads of a pool (Debian's) or gives each its own, and does not
 * overlap the callbacks of one: all that is known hangs on the connection, not on a thread.  It has
 * no place for a context of the program, so there is one milter in a process, whose statics are set
 * by milter_open() and do not change while it runs.
 *
 * Only stages that the current generation needs are negotiated.  A connection that was negotiated
 * without headers cannot serve a later generation that asks for them: its next MAIL is answered
 * 421, and the client connects again.
 */
#include "core/session/env.h"
#include "edge/config/table.h"

struct milter_settings {
	const char *socket;   /* libmilter spelling */
	unsigned socket_mode; /* unix sockets */
	const char *user;     /* owner of a unix socket, who will serve it; "" = stay */
	const char *socket_group;
	unsigned max_sessions; /* beyond it 421 4.3.2 */
	const struct env *env; /* must outlive the milter */
	struct table *table;
};

enum { MILTER_WHY_MAX = 300 };

/* Registers and opens the socket (removing a dead one).  NULL, or the reason in why[]. */
const char *milter_open(const struct milter_settings *, char why[MILTER_WHY_MAX]);

/* The socket that was opened, in libmilter's spelling; a reload may have another in the file. */
const char *milter_socket(void);

/* Makes the file of a unix socket again when somebody deleted it: libmilter goes on listening where
 * nobody finds it.  Sessions do not notice.  To be called each second, from one thread. */
void milter_restore_socket(void);

/* Serves until milter_stop(); false when libmilter gave up. */
bool milter_run(void);

/*
 * No MTA can connect to a unix socket any more; sessions that are there are served on.  libmilter
 * has no such thing: with milter_stop() it leaves its sessions alone at once, and their MTAs would
 * wait for answers that never come.  On TCP sockets everything goes on.
 */
void milter_shut(void);

/* Ends it: milter_run() returns soon.  From any thread. */
void milter_stop(void);

/*
 * To be called by a callback's thread every few seconds that it waits.  At the end of a message the
 * MTA is told that we are at work (smfi_progress): Sendmail's patience is 10 s by default, there as
 * between any two packets.  Elsewhere the protocol has no word for it, and nothing is said.
 */
void milter_still(void);

/* SMTP sessions that are connected now. */
unsigned milter_sessions(void);

#endif
