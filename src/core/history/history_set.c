#include "core/history/history_set.h"

#include "core/base/array.h"
#include "core/base/table.h"
#include "core/history/history_buffer.h"

#include <stdlib.h>

/* Where its bytes are. */
struct item {
	uint32_t at, len;
};

struct history_set {
	struct history_buffer bytes;
	struct item *items;
	size_t room;
	struct table index; /* of items, by their bytes */
	struct history_seed seed;
};

struct history_set *history_set_create(const struct history_seed *seed)
{
	struct history_set *s = calloc(1, sizeof *s);

	if (s)
		s->seed = *seed;
	return s;
}

void history_set_free(struct history_set **set)
{
	if (!*set)
		return;
	history_buffer_free(&(*set)->bytes);
	free((*set)->items);
	table_free(&(*set)->index);
	free(*set);
	*set = NULL;
}

static bool is_item(const void *context, uint32_t number, const void *key)
{
	const struct history_set *s = context;
	const struct item *item = &s->items[number];

	return slice_equal(slice_of((const char *)s->bytes.bytes + item->at, item->len),
	    *(const struct slice *)key);
}

bool history_set_has(const struct history_set *s, struct slice bytes)
{
	return table_find(&s->index, history_hash(&s->seed, 0, bytes), is_item, s, &bytes) !=
	       TABLE_NONE;
}

bool history_set_add(struct history_set *s, struct slice bytes, bool *is_new)
{
	const size_t at = s->bytes.len, count = s->index.count;

	*is_new = !history_set_has(s, bytes);
	if (!*is_new)
		return true;
	if (at + bytes.len >= UINT32_MAX || !ARRAY_ROOM(s->items, s->room, count + 1) ||
	    !table_reserve(&s->index) || !history_buffer_append(&s->bytes, bytes.ptr, bytes.len))
		return false;
	s->items[count] = (struct item){(uint32_t)at, (uint32_t)bytes.len};
	table_add(&s->index, history_hash(&s->seed, 0, bytes), (uint32_t)count);
	return true;
}

size_t history_set_count(const struct history_set *s)
{
	return s->index.count;
}
