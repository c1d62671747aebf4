#ifndef EDGE_ENVIRONMENT_H
#define EDGE_ENVIRONMENT_H
/*
 * environment: the daemon's `struct env` (core/env.h): clocks, tokens, recorder, and whatever
 * libraries answer questions about a message.
 */
#include "edge/worker.h"

/* Fills worker->env; the worker's recorder and counters must be there.  env.self is the worker. */
void environment_fill(struct worker *);

#endif
