#ifndef EDGE_MILTER_SPLIT_MEMORY_H
#define EDGE_MILTER_SPLIT_MEMORY_H
/*
 * split_memory: which deliveries were asked to come again with fewer recipients (SPEC 4).
 *
 * A number stands for sender, client and recipient (core/session/transaction.h); it is remembered
 * for a day, which is longer than any sender waits for its next try.  The memory is fixed: a flood
 * of new numbers pushes out the oldest, and then a message is merely asked once more.
 *
 * All functions are safe in any thread.
 */
#include <stdbool.h>
#include <stdint.h>

struct split_memory;

struct split_memory *split_memory_create(void);
void split_memory_free(struct split_memory **);

void split_memory_note(struct split_memory *, uint64_t key, int64_t now_seconds);
bool split_memory_known(struct split_memory *, uint64_t key, int64_t now_seconds);

#endif
