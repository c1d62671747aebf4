#include "core/history/history_dictionary.h"

#include <stdlib.h>

struct slot {
	uint32_t number; /* 0 = free */
	uint32_t hash;   /* its upper half */
};

struct history_dictionary {
	struct history_buffer encoded;
	uint32_t *at; /* of each item: where it stands in `encoded` */
	size_t count, room;
	size_t pending_from, pending_at; /* of items, and of bytes */
	struct slot *slots;
	size_t slot_count; /* a power of 2 */
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

bool history_item_cut(struct slice *s, enum history_item *kind, struct slice *out)
{
	uint64_t head;

	/* Most are shorter than 32 bytes. */
	if (s->len > 0 && (unsigned char)s->ptr[0] < 0x80) {
		head = (unsigned char)s->ptr[0];
		*s = slice_of(s->ptr + 1, s->len - 1);
	} else if (!history_varint_cut(s, &head)) {
		return false;
	}
	if (head >> 2 > s->len || (head & 3) >= HISTORY_ITEM_KINDS)
		return false;
	*kind = (enum history_item)(head & 3);
	*out = slice_of(s->ptr, (size_t)(head >> 2));
	*s = slice_of(s->ptr + out->len, s->len - out->len);
	return true;
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

static uint64_t hash_of(
    const struct history_dictionary *d, enum history_item kind, struct slice item)
{
	return history_hash(&d->seed, kind, item);
}

static bool is_item(
    const struct history_dictionary *d, uint32_t number, enum history_item kind, struct slice item)
{
	size_t at = d->at[number - HISTORY_ITEM_FIRST];
	struct slice rest = slice_of((const char *)d->encoded.bytes + at, d->encoded.len - at),
		     found;
	enum history_item is;

	return history_item_cut(&rest, &is, &found) && is == kind && slice_equal(found, item);
}

/* The slot of the item, or the free one where it belongs. */
static struct slot *find_slot(
    const struct history_dictionary *d, uint64_t hash, enum history_item kind, struct slice item)
{
	size_t mask = d->slot_count - 1;

	for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
		struct slot *s = &d->slots[i];

		if (s->number == 0 ||
		    (s->hash == (uint32_t)(hash >> 32) && is_item(d, s->number, kind, item)))
			return s;
	}
}

/* Twice the slots, at most two thirds of them full. */
static bool grow_slots(struct history_dictionary *d)
{
	size_t before = d->slot_count;
	struct slot *old = d->slots, *fresh = calloc(before ? before * 2 : 1024, sizeof *fresh);

	if (!fresh)
		return false;
	d->slots = fresh;
	d->slot_count = before ? before * 2 : 1024;
	for (size_t i = 0; i < before; i++) {
		size_t at;
		struct slice rest, item;
		enum history_item kind;

		if (old[i].number == 0)
			continue;
		at = d->at[old[i].number - HISTORY_ITEM_FIRST];
		rest = slice_of((const char *)d->encoded.bytes + at, d->encoded.len - at);
		history_item_cut(&rest, &kind, &item);
		*find_slot(d, hash_of(d, kind, item), kind, item) = old[i];
	}
	free(old);
	return true;
}

static bool make_room(struct history_dictionary *d)
{
	size_t room = d->room ? d->room * 2 : 1024;
	uint32_t *at;

	if ((d->count + 1) * 3 > d->slot_count * 2 && !grow_slots(d))
		return false;
	if (d->count < d->room)
		return true;
	at = realloc(d->at, room * sizeof *at);
	if (!at)
		return false;
	d->at = at;
	d->room = room;
	return true;
}

/* ---- life ---------------------------------------------------------------------------- */

struct history_dictionary *history_dictionary_create(const struct history_seed *seed)
{
	struct history_dictionary *d = calloc(1, sizeof *d);

	if (!d)
		return NULL;
	d->seed = *seed;
	if (!grow_slots(d))
		history_dictionary_free(&d);
	return d;
}

void history_dictionary_free(struct history_dictionary **dictionary)
{
	struct history_dictionary *d = *dictionary;

	if (!d)
		return;
	history_buffer_free(&d->encoded);
	free(d->at);
	free(d->slots);
	free(d);
	*dictionary = NULL;
}

uint64_t history_dictionary_add(
    struct history_dictionary *d, enum history_item kind, struct slice item)
{
	uint64_t hash = hash_of(d, kind, item);
	struct slot *slot;
	size_t at = d->encoded.len;

	if (!make_room(d))
		return 0;
	slot = find_slot(d, hash, kind, item);
	if (slot->number)
		return slot->number;
	if (!history_item_append(&d->encoded, kind, item))
		return 0;
	d->at[d->count++] = (uint32_t)at;
	*slot =
	    (struct slot){(uint32_t)(d->count - 1 + HISTORY_ITEM_FIRST), (uint32_t)(hash >> 32)};
	return slot->number;
}

struct slice history_dictionary_pending(
    const struct history_dictionary *d, uint64_t *first, uint32_t *count)
{
	*first = d->pending_from + HISTORY_ITEM_FIRST;
	*count = (uint32_t)(d->count - d->pending_from);
	if (*count == 0)
		return slice_of(NULL, 0);
	return slice_of(
	    (const char *)d->encoded.bytes + d->pending_at, d->encoded.len - d->pending_at);
}

void history_dictionary_written(struct history_dictionary *d)
{
	d->pending_from = d->count;
	d->pending_at = d->encoded.len;
}
