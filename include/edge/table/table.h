#ifndef EDGE_TABLE_TABLE_H
#define EDGE_TABLE_TABLE_H
/*
 * table: the current generation: publish, pin, unpin.
 *
 *     reload thread                          milter threads
 *     table_publish(t, rules, config)        g = table_pin(t)
 *       → from here on pins give it            … one transaction with g->rules …
 *                                            table_unpin(&g)      // the last one frees it
 *
 * A generation is immutable; a transaction keeps the one that it pinned, however many are
 * published meanwhile.  Pinning takes one lock for a pointer and a count, once a transaction: what
 * RCU would save there is less than a thousandth of one SMTP command.
 *
 * All functions are safe in any thread.
 */
#include "edge/config/config.h"

struct table;

struct generation {
	uint64_t number;   /* from 1 */
	int64_t loaded_us; /* microseconds since the epoch */
	struct ruleset *rules;
	struct config *config;
	size_t bytes; /* of the compiled rules */
};

/* It stays as long as the process.  NULL when out of memory. */
struct table *table_create(void);

/* Takes over both; returns the number of the new generation, 0 when out of memory (then nothing
 * changed and both still belong to the caller). */
uint64_t table_publish(struct table *, struct ruleset *, struct config *, int64_t now_us);

/* The current generation, held until table_unpin(); NULL before the first publish. */
const struct generation *table_pin(struct table *);
void table_unpin(const struct generation **);

/* Generations that are still in memory: the current one and those that transactions finish on. */
unsigned table_retained(struct table *);

#endif
