#ifndef CORE_HISTORY_HISTORY_ITEMS_H
#define CORE_HISTORY_HISTORY_ITEMS_H
/*
 * history_items: the items of one segment as a reader has them: all in turn, or by number.
 *
 *     history_items_add(&items, first, count, encoded)         // each block
 *     for (w = history_items_walk(&items); history_items_next(&w);)
 *             ... w.number, w.kind, w.item ...
 *     history_items_get(&items, number, &kind, &item)
 *
 * A search walks over all items of many segments, and looks up those of few: where each one stands
 * is found out with the first that is asked for.  Blocks of items may come in any order, and some
 * may be missing: what was in them is not known.
 */
#include "core/history/history_dictionary.h"

/* Items that stand behind each other. */
struct history_items_block {
	uint64_t first;
	uint32_t count;
	size_t at, len; /* in `encoded` */
};

struct history_items {
	struct history_buffer encoded;
	struct history_items_block *block;
	size_t blocks;
	uint64_t end; /* behind the highest number */
	/* By number: where in `encoded`, or UINT32_MAX; NULL until an item is asked for. */
	uint32_t *at;
	bool no_memory; /* … and there was none: then no item is found */
};

/* Items that a segment may have: more than fit into the largest that is written. */
enum { HISTORY_ITEMS_MAX = 1 << 25 };

/* Room for the encoded bytes of a block, to be filled and then added; NULL when out of memory. */
unsigned char *history_items_room(struct history_items *, size_t len);

/* Adds a block whose bytes are in that room; false when its numbers cannot be, or out of memory. */
bool history_items_add(struct history_items *, uint64_t first, uint32_t count, size_t len);

/* False when there is none of that number. */
bool history_items_get(
    struct history_items *, uint64_t number, enum history_item *, struct slice *);

/* The text behind a column's number: empty below HISTORY_ITEM_FIRST; false when there is none. */
bool history_items_text(struct history_items *, uint64_t number, struct slice *);

struct history_items_walk {
	const struct history_items *items;
	size_t block; /* the next */
	struct slice rest;
	uint64_t left;
	uint64_t number;
	enum history_item kind;
	struct slice item;
};

struct history_items_walk history_items_walk(const struct history_items *);

/* False behind the last.  What is no item ends its block. */
bool history_items_next(struct history_items_walk *);

void history_items_free(struct history_items *);

#endif
