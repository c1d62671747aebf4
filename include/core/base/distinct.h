#ifndef CORE_BASE_DISTINCT_H
#define CORE_BASE_DISTINCT_H
/*
 * distinct: about how many different keys there were, in one kilobyte (HyperLogLog; Flajolet,
 * Fusy, Gandouet and Meunier, 2007).
 *
 *     struct distinct d = {{0}};
 *     distinct_add(&d, SLICE("b@example.org"));         // any number of times
 *     distinct_merge(&d, &of_the_next_minute);
 *     distinct_estimate(&d)                             // within 3 % or so (one standard error)
 *
 * Pure; a value that can be copied, and stored as its bytes.
 */
#include "core/base/slice.h"

enum { DISTINCT_BITS = 10, DISTINCT_REGISTERS = 1 << DISTINCT_BITS };

struct distinct {
	unsigned char registers[DISTINCT_REGISTERS];
};

void distinct_add(struct distinct *, struct slice key);

/* As if all keys of the other had been added, too. */
void distinct_merge(struct distinct *, const struct distinct *);

uint64_t distinct_estimate(const struct distinct *);

#endif
