#ifndef CORE_BASE_HYPERLOGLOG_H
#define CORE_BASE_HYPERLOGLOG_H
/*
 * hyperloglog: about how many different keys there were, in one kilobyte (HyperLogLog; Flajolet,
 * Fusy, Gandouet and Meunier, 2007).
 *
 *     struct hyperloglog d = {{0}};
 *     hyperloglog_add(&d, SLICE("b@example.org"));         // any number of times
 *     hyperloglog_merge(&d, &of_the_next_minute);
 *     hyperloglog_estimate(&d)                             // within 3 % or so (one standard error)
 *
 * Pure; a value that can be copied, and stored as its bytes.
 */
#include "core/base/slice.h"

enum { HYPERLOGLOG_BITS = 10, HYPERLOGLOG_REGISTERS = 1 << HYPERLOGLOG_BITS };

struct hyperloglog {
	unsigned char registers[HYPERLOGLOG_REGISTERS];
};

void hyperloglog_add(struct hyperloglog *, struct slice key);

/* As if all keys of the other had been added, too. */
void hyperloglog_merge(struct hyperloglog *, const struct hyperloglog *);

uint64_t hyperloglog_estimate(const struct hyperloglog *);

#endif
