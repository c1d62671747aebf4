#include "core/history/history_items.h"

#include <stdlib.h>

unsigned char *history_items_room(struct history_items *items, size_t len)
{
	if (items->encoded.len + len >= UINT32_MAX)
		return NULL;
	return history_buffer_room(&items->encoded, len);
}

bool history_items_add(struct history_items *items, uint64_t first, uint32_t count, size_t len)
{
	struct history_items_block *block;

	if (first < HISTORY_ITEM_FIRST || first > HISTORY_ITEMS_MAX || count > HISTORY_ITEMS_MAX ||
	    first + count > HISTORY_ITEMS_MAX)
		return false;
	block = realloc(items->block, (items->blocks + 1) * sizeof *block);
	if (!block)
		return false;
	items->block = block;
	block[items->blocks++] =
	    (struct history_items_block){first, count, items->encoded.len, len};
	items->encoded.len += len;
	if (first + count > items->end)
		items->end = first + count;
	return true;
}

/* ---- in turn ------------------------------------------------------------------------- */

struct history_items_walk history_items_walk(const struct history_items *items)
{
	return (struct history_items_walk){.items = items};
}

/* The first item of the next block that has one. */
static bool next_block(struct history_items_walk *w)
{
	while (w->block < w->items->blocks) {
		const struct history_items_block *b = &w->items->block[w->block++];

		w->rest = slice_of((const char *)w->items->encoded.bytes + b->at, b->len);
		w->left = b->count;
		w->number = b->first - 1;
		if (w->left > 0)
			return true;
	}
	return false;
}

bool history_items_next(struct history_items_walk *w)
{
	for (;;) {
		if (w->left == 0 && !next_block(w))
			return false;
		w->left--;
		w->number++;
		if (history_item_cut(&w->rest, &w->kind, &w->item))
			return true;
		w->left = 0;
	}
}

/* ---- by number ----------------------------------------------------------------------- */

/* What is no item ends its block. */
static void find_places_of(struct history_items *items, const struct history_items_block *b)
{
	struct slice rest = slice_of((const char *)items->encoded.bytes + b->at, b->len), item;
	enum history_item kind;

	for (uint64_t number = b->first; number < b->first + b->count; number++) {
		uint32_t at = (uint32_t)(rest.ptr - (const char *)items->encoded.bytes);

		if (!history_item_cut(&rest, &kind, &item))
			return;
		items->at[number] = at;
	}
}

static bool find_places(struct history_items *items)
{
	if (items->at || items->no_memory || items->end == 0)
		return items->at;
	items->at = malloc(items->end * sizeof *items->at);
	items->no_memory = !items->at;
	if (!items->at)
		return false;
	memset(items->at, 0xff, items->end * sizeof *items->at);
	for (size_t b = 0; b < items->blocks; b++)
		find_places_of(items, &items->block[b]);
	return true;
}

bool history_items_get(
    struct history_items *items, uint64_t number, enum history_item *kind, struct slice *out)
{
	struct slice rest;
	uint32_t at;

	if (number >= items->end || !find_places(items) || (at = items->at[number]) == UINT32_MAX)
		return false;
	rest = slice_of((const char *)items->encoded.bytes + at, items->encoded.len - at);
	return history_item_cut(&rest, kind, out);
}

bool history_items_text(struct history_items *items, uint64_t number, struct slice *out)
{
	enum history_item kind;

	*out = slice_of(NULL, 0);
	if (number < HISTORY_ITEM_FIRST)
		return true;
	return history_items_get(items, number, &kind, out) && kind == HISTORY_TEXT;
}

void history_items_free(struct history_items *items)
{
	history_buffer_free(&items->encoded);
	free(items->block);
	free(items->at);
	*items = (struct history_items){.at = NULL};
}
