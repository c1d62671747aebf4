#ifndef EDGE_DAEMON_SUPERVISOR_H
#define EDGE_DAEMON_SUPERVISOR_H
/*
 * supervisor: the process that owns the signals and keeps a worker running.
 *
 * libmilter waits for HUP, TERM and INT in a thread of its own and ends on them; so they must
 * never reach the process that it runs in.  The supervisor takes them, and tells the worker over a
 * socketpair what they mean:
 *
 *     HUP → reload      USR1 → reopen the logs      TERM, INT, QUIT → drain and stop
 *
 * A worker that ends unasked is started again at once; one that keeps ending, after a growing
 * pause.  Signals that come meanwhile are not lost: a new worker reads the newest files anyway.
 */
#include <stdbool.h>

/* Returns the exit status for the program.  Without `foreground` it goes to the background once
 * the first worker is ready; the caller's process then returns 0, or 1 when it never was. */
int supervisor_run(const char *config_path, bool foreground);

#endif
