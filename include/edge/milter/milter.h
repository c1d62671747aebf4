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
#include "edge/table/table.h"

struct milter_settings {
	const char *socket;   /* libmilter spelling */
	unsigned socket_mode; /* unix sockets */
	const char *user;     /* owner of a unix socket, who will serve it; "" = stay */
	const char *socket_group;
	unsigned max_sessions; /* beyond it 421 4.3.2 */
	const struct env *env; /* must outlive the milter */
	struct table *table;
};

enum { MILTER_WHY_MAX = 600 };

/*
 * Tasks (threads).  libmilter needs one for a session that is being answered; a second may be on
 * its way back to the pool while the next command of the same session is there already.  Beside
 * them: 40 commands on the control socket, 16 threads of our own, libmilter's idle ones, and what a
 * neighbour in the same control group starts between two looks at the limits.
 */
enum { MILTER_TASKS_A_SESSION = 2, MILTER_TASKS_BESIDES = 80 };

/* How many sessions so many tasks are enough for, 1 at least; UINT_MAX tasks: no limit.  What comes
 * beyond is answered 421 4.3.2. */
unsigned milter_room(unsigned tasks);

/* How many tasks so many sessions need. */
unsigned milter_tasks(unsigned sessions);

/* NULL when this process may have the tasks for so many sessions; else a sentence that says what it
 * may have, and what to change. */
const char *milter_lacks_tasks(unsigned sessions, char why[MILTER_WHY_MAX]);

/* Registers and opens the socket (removing a dead one).  NULL, or the reason in why[]. */
const char *milter_open(const struct milter_settings *, char why[MILTER_WHY_MAX]);

/* The socket that was opened, in libmilter's spelling; a reload may have another in the file. */
const char *milter_socket(void);

/* Makes the file of a unix socket again when somebody deleted it: libmilter goes on listening where
 * nobody finds it.  Sessions do not notice.  To be called each second, from one thread. */
void milter_restore_socket(void);

/* Removes the file of a unix socket, of a milter that ended or will not run. */
void milter_close(void);

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
 * A connection of our own, which libmilter gets however many sessions there are, and without the
 * socket: its pool then looks at all that is ready.  *other_end is the MTA's side, for the caller
 * to close; NULL: closed at once.  False without descriptors or memory.  From any thread.
 */
bool milter_knock(int *other_end);

/*
 * To be called by a callback's thread every few seconds that it waits.  At the end of a message the
 * MTA is told that we are at work (smfi_progress): Sendmail's patience is 10 s by default, there as
 * between any two packets.  Elsewhere the protocol has no word for it, and nothing is said.
 */
void milter_still(void);

/* SMTP sessions that are connected now. */
unsigned milter_sessions(void);

#endif
