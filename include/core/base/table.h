#ifndef CORE_BASE_TABLE_H
#define CORE_BASE_TABLE_H
/*
 * table: an index by hash (open addressing, linear probing) over elements in an array of the
 * caller's, who also has the hash and knows what is equal.
 *
 *     static bool is_name(const void *names, uint32_t number, const void *name);
 *
 *     number = table_find(&t, hash, is_name, names, &name);
 *     if (number == TABLE_NONE) {
 *             if (!table_reserve(&t))             // out of memory: nothing has changed
 *                     return false;
 *             number = n;                         // names[n] = name;
 *             table_add(&t, hash, n++);
 *     }
 *
 * A table of zeros is empty.  Each slot keeps 32 bits of the hash, so that few elements are
 * compared and none is touched while it grows.  Nothing is ever removed.  The hash needs no key
 * where the caller chooses what is in it, or bounds it; a stranger who may choose as many as he
 * likes makes a table slow that is hashed without a key.  table_find() is inline, and so is what
 * it calls when that is static in the same file.
 *
 * Kept by hand are: tables that threads read without a lock (edge/stats/counters.c); those of a
 * fixed size with the elements in their slots, which are emptied as a whole every minute or second
 * (edge/log/log_ratelimit.c, edge/stats/clients.c) or give the oldest up (core/history/
 * history_fold.c, edge/milter/split_memory.c); a million elements of 24 bytes which are looked up
 * several at a time so that the memory's latency overlaps (core/change/rules_diff_networks.c); and
 * those from which single elements go, in chains (edge/dns/resolver_cache.c,
 * core/change/backtest_message.c).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_slot {
	uint32_t number; /* of the element and 1; 0: free */
	uint32_t hash;
};

struct table {
	struct table_slot *slots;
	size_t mask; /* of a slot's number; without slots 0 */
	size_t count;
};

/* No element. */
#define TABLE_NONE UINT32_MAX

/* The elements of a table; a memory of 24 GB is full of slots before. */
#define TABLE_MAX UINT32_C(0x7fffffff)

/* True when the element of this number is the one that is looked for. */
typedef bool table_is_fn(const void *context, uint32_t number, const void *key);

/* The slot's 32 bits of a hash, all of which decide. */
static inline uint32_t table_fold(uint64_t hash)
{
	return (uint32_t)(hash ^ hash >> 32);
}

/* The number that was given to table_add(), or TABLE_NONE. */
static inline uint32_t table_find(
    const struct table *t, uint64_t hash, table_is_fn *is, const void *context, const void *key)
{
	const uint32_t folded = table_fold(hash);

	if (!t->slots)
		return TABLE_NONE;
	for (size_t i = folded & t->mask; t->slots[i].number != 0; i = (i + 1) & t->mask)
		if (t->slots[i].hash == folded && is(context, t->slots[i].number - 1, key))
			return t->slots[i].number - 1;
	return TABLE_NONE;
}

/* Room for one more element.  False when out of memory, or when TABLE_MAX are in it: the table is
 * as it was. */
bool table_reserve(struct table *);

/* Adds an element that is not in it, below TABLE_MAX; there is room. */
void table_add(struct table *, uint64_t hash, uint32_t number);

/* Bytes that it occupies. */
size_t table_bytes(const struct table *);

/* Leaves an empty table. */
void table_free(struct table *);

#endif
