#ifndef EDGE_WORKER_ENVIRONMENT_H
#define EDGE_WORKER_ENVIRONMENT_H
/*
 * environment: the daemon's `struct env` (core/session/env.h): clocks, tokens, recorder, and
 * whatever libraries answer questions about a message.
 */
#include "edge/worker/worker.h"

/* Fills worker->env; env.self is the worker, whose parts must be there before it is used. */
void environment_fill(struct worker *);

#endif
