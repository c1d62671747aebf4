#ifndef EDGE_MILTER_SPLITS_H
#define EDGE_MILTER_SPLITS_H
/*
 * splits: which deliveries were asked to come again with fewer recipients (SPEC 4).
 *
 * A number stands for sender, client and recipient (core/session/transaction.h); it is remembered
 * for a day, which is longer than any sender waits for its next try.  The memory is fixed: a flood
 * of new numbers pushes out the oldest, and then a message is merely asked once more.
 *
 * All functions are safe in any thread.
 */
#include <stdbool.h>
#include <stdint.h>

struct splits;

struct splits *splits_create(void);
void splits_free(struct splits **);

void splits_note(struct splits *, uint64_t key, int64_t now_seconds);
bool splits_known(struct splits *, uint64_t key, int64_t now_seconds);

#endif
