#ifndef HISTORY_HASH_H
#define HISTORY_HASH_H
/*
 * history_hash: a keyed hash for tables of texts that strangers choose.
 */
#include "core/base/slice.h"

struct history_seed {
	uint64_t words[2];
};

/* False when the kernel gives no random bytes. */
bool history_seed_draw(struct history_seed *);

/* start: another hash, to go on from, or a number that belongs to the key. */
uint64_t history_hash(const struct history_seed *, uint64_t start, struct slice);

#endif
