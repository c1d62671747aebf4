#include "core/history/history_dictionary.h"

#include "core/base/array.h"
#include "core/base/table.h"

#include <stdlib.h>

struct history_dictionary {
	struct history_buffer encoded;
	uint32_t *at; /* of each item: where it stands in `encoded` */
	size_t room;
	struct table index;              /* of the items, by kind and bytes */
	size_t pending_from, pending_at; /* of items, and of bytes */
	struct history_seed seed;
};

/* ---- numbers and items --------------------------------------------------------------- */

bool history_varint_append(struct history_buffer *b, uint64_t value)
{
	unsigned char bytes[10];
	size_t n = 0;

	for (; value >= 0x80; value >>= 7)
		bytes[n++] = (unsigned char)(value | 0x80);
	bytes[n++] = (unsigned char)value;
	return history_buffer_append(b, bytes, n);
}

bool history_varint_cut(struct slice *s, uint64_t *out)
{
	*out = 0;
	for (unsigned shift = 0; s->len > 0 && shift < 64; shift += 7) {
		unsigned char byte = (unsigned char)s->ptr[0];

		*s = slice_of(s->ptr + 1, s->len - 1);
		*out |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

bool history_item_append(struct history_buffer *b, enum history_item kind, struct slice item)
{
	size_t before = b->len;

	if (history_varint_append(b, (uint64_t)item.len << 2 | kind) &&
	    history_buffer_append(b, item.ptr, item.len))
		return true;
	b->len = before;
	return false;
}

/* ---- the hash ------------------------------------------------------------------------ */

struct wanted {
	enum history_item kind;
	struct slice item;
};

static bool is_item(const void *context, uint32_t number, const void *key)
{
	const struct history_dictionary *d = context;
	const struct wanted *wanted = key;
	struct slice rest = slice_of((const char *)d->encoded.bytes + d->at[number],
			 d->encoded.len - d->at[number]),
		     found;
	enum history_item kind;

	return history_item_cut(&rest, &kind, &found) && kind == wanted->kind &&
	       slice_equal(found, wanted->item);
}

/* ---- life ---------------------------------------------------------------------------- */

struct history_dictionary *history_dictionary_create(const struct history_seed *seed)
{
	struct history_dictionary *d = calloc(1, sizeof *d);

	if (!d)
		return NULL;
	d->seed = *seed;
	return d;
}

void history_dictionary_free(struct history_dictionary **dictionary)
{
	struct history_dictionary *d = *dictionary;

	if (!d)
		return;
	history_buffer_free(&d->encoded);
	free(d->at);
	table_free(&d->index);
	free(d);
	*dictionary = NULL;
}

uint64_t history_dictionary_add(
    struct history_dictionary *d, enum history_item kind, struct slice item)
{
	const struct wanted wanted = {kind, item};
	const uint64_t hash = history_hash(&d->seed, kind, item);
	uint32_t number = table_find(&d->index, hash, is_item, d, &wanted);
	size_t start = d->encoded.len;

	if (number == TABLE_NONE) {
		if (!ARRAY_ROOM(d->at, d->room, d->index.count + 1) || !table_reserve(&d->index) ||
		    !history_item_append(&d->encoded, kind, item))
			return 0;
		number = (uint32_t)d->index.count;
		d->at[number] = (uint32_t)start;
		table_add(&d->index, hash, number);
	}
	return number + HISTORY_ITEM_FIRST;
}

struct slice history_dictionary_pending(
    const struct history_dictionary *d, uint64_t *first, uint32_t *count)
{
	*first = d->pending_from + HISTORY_ITEM_FIRST;
	*count = (uint32_t)(d->index.count - d->pending_from);
	if (*count == 0)
		return slice_of(NULL, 0);
	return slice_of(
	    (const char *)d->encoded.bytes + d->pending_at, d->encoded.len - d->pending_at);
}

void history_dictionary_written(struct history_dictionary *d)
{
	d->pending_from = d->index.count;
	d->pending_at = d->encoded.len;
}
