#include "history_items.h"

#include <stdlib.h>

static bool make_room(struct history_items *items, uint64_t end)
{
	uint64_t room = items->room ? items->room : 1024;
	uint32_t *at;

	if (end > HISTORY_ITEMS_MAX)
		return false;
	while (room < end)
		room *= 2;
	if (room == items->room)
		return true;
	at = realloc(items->at, room * sizeof *at);
	if (!at)
		return false;
	memset(at + items->room, 0xff, (room - items->room) * sizeof *at);
	items->at = at;
	items->room = room;
	return true;
}

/* Where each of the items stands; false, when they are not `count` whole ones. */
static bool note_items(struct history_items *items, uint64_t first, uint32_t count, size_t at)
{
	struct slice rest =
	    slice_of((const char *)items->encoded.bytes + at, items->encoded.len - at);
	struct slice item;
	enum history_item kind;

	for (uint64_t n = first; n < first + count; n++) {
		items->at[n] = (uint32_t)(items->encoded.len - rest.len);
		if (!history_item_cut(&rest, &kind, &item))
			return false;
	}
	return rest.len == 0;
}

bool history_items_add(
    struct history_items *items, uint64_t first, uint32_t count, struct slice encoded)
{
	size_t at = items->encoded.len;

	if (first < HISTORY_ITEM_FIRST || first > HISTORY_ITEMS_MAX ||
	    at + encoded.len >= UINT32_MAX || !make_room(items, first + count) ||
	    !history_buffer_append(&items->encoded, encoded.ptr, encoded.len))
		return false;
	if (!note_items(items, first, count, at)) {
		memset(items->at + first, 0xff, count * sizeof *items->at);
		items->encoded.len = at;
		return false;
	}
	if (first + count > items->end)
		items->end = first + count;
	return true;
}

bool history_items_get(
    const struct history_items *items, uint64_t number, enum history_item *kind, struct slice *out)
{
	struct slice rest;
	uint32_t at;

	if (number >= items->end || (at = items->at[number]) == UINT32_MAX)
		return false;
	rest = slice_of((const char *)items->encoded.bytes + at, items->encoded.len - at);
	return history_item_cut(&rest, kind, out);
}

bool history_items_text(const struct history_items *items, uint64_t number, struct slice *out)
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
	free(items->at);
	*items = (struct history_items){.at = NULL};
}
