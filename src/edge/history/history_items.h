#ifndef HISTORY_ITEMS_H
#define HISTORY_ITEMS_H
/*
 * history_items: the items of one segment as a reader has them: by number, or all in turn.
 *
 * Blocks of items may come in any order, and some may be missing: what was in them is not known.
 */
#include "history_dictionary.h"

struct history_items {
	struct history_buffer encoded;
	uint32_t *at; /* by number: where in `encoded`, or UINT32_MAX */
	uint64_t end; /* behind the highest number */
	uint64_t room;
};

/* Items that a segment may have: more than fit into the largest that is written. */
enum { HISTORY_ITEMS_MAX = 1 << 25 };

/* Adds a block; false when it is not `count` whole items, or out of memory: then none is added. */
bool history_items_add(
    struct history_items *, uint64_t first, uint32_t count, struct slice encoded);

/* False when there is none of that number. */
bool history_items_get(
    const struct history_items *, uint64_t number, enum history_item *, struct slice *);

/* The text behind a column's number: empty below HISTORY_ITEM_FIRST; false when there is none. */
bool history_items_text(const struct history_items *, uint64_t number, struct slice *);

void history_items_free(struct history_items *);

#endif
