#include "core/history/history_set.h"

#include "core/history/history_buffer.h"

#include <stdlib.h>

struct slot {
	uint32_t at; /* 1 + where its bytes are; 0 = free */
	uint32_t len;
	uint32_t hash; /* its upper half */
};

struct history_set {
	struct history_buffer bytes;
	struct slot *slots;
	size_t slot_count, count; /* the first is a power of 2 */
	struct history_seed seed;
};

enum { SLOTS_FIRST = 1024 };

struct history_set *history_set_create(const struct history_seed *seed)
{
	struct history_set *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->seed = *seed;
	s->slot_count = SLOTS_FIRST;
	s->slots = calloc(s->slot_count, sizeof *s->slots);
	if (!s->slots)
		history_set_free(&s);
	return s;
}

void history_set_free(struct history_set **set)
{
	if (!*set)
		return;
	history_buffer_free(&(*set)->bytes);
	free((*set)->slots);
	free(*set);
	*set = NULL;
}

static struct slice bytes_of(const struct history_set *s, const struct slot *slot)
{
	return slice_of((const char *)s->bytes.bytes + slot->at - 1, slot->len);
}

/* The slot of these bytes, or the free one where they belong. */
static struct slot *find_slot(const struct history_set *s, uint64_t hash, struct slice bytes)
{
	size_t mask = s->slot_count - 1;

	for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
		struct slot *slot = &s->slots[i];

		if (slot->at == 0 ||
		    (slot->hash == (uint32_t)(hash >> 32) && slice_equal(bytes_of(s, slot), bytes)))
			return slot;
	}
}

static uint64_t hash_of(const struct history_set *s, struct slice bytes)
{
	return history_hash(&s->seed, 0, bytes);
}

/* Twice the slots. */
static bool grow(struct history_set *s)
{
	struct history_set fresh = *s;

	fresh.slot_count = 2 * s->slot_count;
	fresh.slots = calloc(fresh.slot_count, sizeof *fresh.slots);
	if (!fresh.slots)
		return false;
	for (size_t i = 0; i < s->slot_count; i++) {
		struct slice bytes;

		if (s->slots[i].at == 0)
			continue;
		bytes = bytes_of(s, &s->slots[i]);
		*find_slot(&fresh, hash_of(s, bytes), bytes) = s->slots[i];
	}
	free(s->slots);
	*s = fresh;
	return true;
}

bool history_set_add(struct history_set *s, struct slice bytes, bool *is_new)
{
	uint64_t hash = hash_of(s, bytes);
	struct slot *slot = find_slot(s, hash, bytes);
	size_t at = s->bytes.len;

	*is_new = slot->at == 0;
	if (!*is_new)
		return true;
	/* At most half of them are full. */
	if (2 * (s->count + 1) > s->slot_count) {
		if (!grow(s))
			return false;
		slot = find_slot(s, hash, bytes);
	}
	if (at + bytes.len >= UINT32_MAX || !history_buffer_append(&s->bytes, bytes.ptr, bytes.len))
		return false;
	*slot = (struct slot){(uint32_t)at + 1, (uint32_t)bytes.len, (uint32_t)(hash >> 32)};
	s->count++;
	return true;
}

bool history_set_has(const struct history_set *s, struct slice bytes)
{
	return find_slot(s, hash_of(s, bytes), bytes)->at != 0;
}

size_t history_set_count(const struct history_set *s)
{
	return s->count;
}
