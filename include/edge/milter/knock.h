#ifndef EDGE_MILTER_KNOCK_H
#define EDGE_MILTER_KNOCK_H
/*
 * knock: keeps a callback that waits for DNS from holding up another connection.
 *
 * libmilter's pool hands each connection that is ready to an idle thread, and takes a thread for
 * idle until it has woken.  Of two connections that become ready at the same moment, one can so be
 * left to the thread that takes the other first, and waits with it for a name server that is
 * silent.  Only something new makes the pool look again:
 *
 *     message A, SPF asked      →  one idle thread, woken twice, takes A and waits for DNS
 *     message B, ready as well  →  nobody's, while nothing else happens
 *     knock_soon(), by A        →  within KNOCK_MS a connection to our own socket; the pool starts
 *                                  a thread for it, which finds B first
 *
 * Should B wait for DNS, too, it calls knock_soon() in its turn.  However many wait, there is
 * one knock in KNOCK_MS.  It only negotiates, so that it counts as no session.
 */
#include <stdbool.h>

/* Short beside the 100 ms that a person notices; long enough that knocks cost nothing. */
enum { KNOCK_MS = 5 };

/* Once, after the milter's socket is open and before the first knock_soon().  From then on until
 * the process ends.  spec: in libmilter's spelling, copied.  False when there is no thread or
 * memory to be had. */
bool knock_start(const char *spec);

/* To be called whenever a callback begins to wait, from any thread; never waits itself. */
void knock_soon(void);

#endif
