#include "core/base/table.h"

#include <stdlib.h>

enum { SLOTS_FIRST = 64 };

static void put(struct table_slot *slots, size_t mask, struct table_slot slot)
{
	size_t i = slot.hash & mask;

	while (slots[i].number != 0)
		i = (i + 1) & mask;
	slots[i] = slot;
}

static size_t slot_count(const struct table *t)
{
	return t->slots ? t->mask + 1 : 0;
}

/* Doubles the slots when one more element would fill two thirds of them. */
bool table_reserve(struct table *t)
{
	size_t before = slot_count(t), count = before ? 2 * before : SLOTS_FIRST;
	struct table_slot *slots;

	if (t->count >= TABLE_MAX)
		return false;
	if ((t->count + 1) * 3 <= before * 2)
		return true;
	slots = calloc(count, sizeof *slots);
	if (!slots)
		return false;
	for (size_t i = 0; i < before; i++)
		if (t->slots[i].number != 0)
			put(slots, count - 1, t->slots[i]);
	free(t->slots);
	t->slots = slots;
	t->mask = count - 1;
	return true;
}

void table_add(struct table *t, uint64_t hash, uint32_t number)
{
	put(t->slots, t->mask, (struct table_slot){number + 1, table_fold(hash)});
	t->count++;
}

size_t table_bytes(const struct table *t)
{
	return slot_count(t) * sizeof *t->slots;
}

void table_free(struct table *t)
{
	free(t->slots);
	*t = (struct table){.slots = NULL};
}
