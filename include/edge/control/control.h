#ifndef EDGE_CONTROL_CONTROL_H
#define EDGE_CONTROL_CONTROL_H
/*
 * control: the unix socket on which susmilterctl asks.  A connection carries one request, a JSON
 * object on one line {"command": "status", …}, and its answer; who asks is known from SO_PEERCRED.
 * The commands are the rows of edge/control/commands.h.
 */
#include "edge/worker/worker.h"

/* Binds (while privileges last).  "" = no control socket.  NULL, or the reason in why[size]. */
const char *control_open(const char *path, char *why, size_t size);

/* Answers from now on, in threads of its own.  True also when there is no socket. */
bool control_start(struct worker *);

/* Ends the threads and removes the socket. */
void control_stop(void);

#endif
