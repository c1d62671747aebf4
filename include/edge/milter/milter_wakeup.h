#ifndef EDGE_MILTER_MILTER_WAKEUP_H
#define EDGE_MILTER_MILTER_WAKEUP_H
/*
 * milter_wakeup: keeps a callback that waits for DNS from holding up another connection.
 *
 * libmilter's pool hands each connection that is ready to an idle thread, and takes a thread for
 * idle until it has woken.  Of two connections that become ready at the same moment, one can so be
 * left to the thread that takes the other first, and waits with it for a name server that is
 * silent.  Only something new makes the pool look again:
 *
 *     message A, SPF asked      →  one idle thread, woken twice, takes A and waits for DNS
 *     message B, ready as well  →  nobody's, while nothing else happens
 *     milter_wakeup_soon(), by A        →  within MILTER_WAKEUP_MS a connection of our own;
 * the pool starts a thread for it, which finds B first
 *
 * Should B wait for DNS, too, it calls milter_wakeup_soon() in its turn.  However many wait, there
 * is one wake-up in MILTER_WAKEUP_MS.  It is closed at once, so that it counts as no session, and
 * goes past the limit of sessions (milter_knock).
 */
#include <stdbool.h>

/* Short beside the 100 ms that a person notices; long enough that wake-ups cost nothing. */
enum { MILTER_WAKEUP_MS = 5 };

/* Once, after the milter's socket is open and before the first milter_wakeup_soon().  From then on
 * until the process ends.  False when there is no thread to be had. */
bool milter_wakeup_start(void);

/* To be called whenever a callback begins to wait, from any thread; never waits itself. */
void milter_wakeup_soon(void);

#endif
