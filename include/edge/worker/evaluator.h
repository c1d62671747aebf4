#ifndef EDGE_WORKER_EVALUATOR_H
#define EDGE_WORKER_EVALUATOR_H
/*
 * evaluator: runs what core/session/evaluation.h has put aside, in threads of its own.
 *
 *     milter threads: evaluator_samples(), evaluator_put() → bounded queue → EVALUATOR_THREADS
 *
 * Mail never waits for it: a milter thread hands over a pointer.  What does not fit into the queue
 * is dropped and counted.  The threads ask one question at a time, so that at most so many as there
 * are threads are under way whatever waits, and compute for a tenth of their time.
 *
 * A stranger whose DNS is slow can fill the queue: then less of the sample is evaluated, which
 * `status` shows and every report says of itself; nothing is taken for evaluated that was not.
 *
 * All functions are safe in any thread.
 */
#include "core/session/evaluation.h"

struct evaluator;

enum { EVALUATOR_THREADS = 4 };

/* NULL when out of memory or of random numbers, or without a thread. */
struct evaluator *evaluator_create(void);

/* One connection in so many is in the sample: 1 all, 0 none. */
void evaluator_configure(struct evaluator *, unsigned one_in);

/* Whether a connection is, by a keyed hash of its id: nobody outside can choose. */
bool evaluator_samples(const struct evaluator *, struct slice session);

/* Takes it over. */
void evaluator_put(struct evaluator *, struct evaluation *);

/* Starts no further one, and drops what waits.  Frees nothing, for a process that ends. */
void evaluator_stop(struct evaluator *);

/* Stops, waits for the threads, and frees. */
void evaluator_free(struct evaluator **);

struct evaluator_counts {
	uint64_t dropped; /* the queue was full, or nothing could be asked */
	uint64_t waiting; /* now, those under way included */
};
struct evaluator_counts evaluator_counts(struct evaluator *);

#endif
