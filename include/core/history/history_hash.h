#ifndef CORE_HISTORY_HISTORY_HASH_H
#define CORE_HISTORY_HISTORY_HASH_H
/*
 * history_hash: a keyed hash for tables of texts that strangers choose.
 */
#include "core/base/slice.h"

/* The key: random, and the second word odd, since a factor of 0 would make all texts the same
 * (edge/history/history_seed.h draws it). */
struct history_seed {
	uint64_t words[2];
};

/* start: another hash, to go on from, or a number that belongs to the key. */
uint64_t history_hash(const struct history_seed *, uint64_t start, struct slice);

#endif
