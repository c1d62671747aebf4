#ifndef EDGE_HISTORY_HISTORY_SEED_H
#define EDGE_HISTORY_HISTORY_SEED_H
/*
 * history_seed: keys for core/history/history_hash.h, from the kernel's random numbers.
 */
#include "core/history/history_hash.h"

/* False when the kernel gives no random bytes. */
bool history_seed_draw(struct history_seed *);

#endif
