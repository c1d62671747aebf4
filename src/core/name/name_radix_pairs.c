#include "name_radix_pairs.h"

#include "core/base/array.h"

#include <stdlib.h>

/* Fibonacci hashing; no key, since the values are numbers that the caller hands out himself. */
static uint64_t hash_pair(struct name_radix_values pair)
{
	uint64_t both = (uint64_t)pair.self << 32 | pair.below;

	return (both ^ both >> 29) * 0x9e3779b97f4a7c15;
}

static bool is_pair(const void *list, uint32_t number, const void *key)
{
	const struct name_radix_values *a = (const struct name_radix_values *)list + number;
	const struct name_radix_values *b = key;

	return a->self == b->self && a->below == b->below;
}

bool name_radix_pairs_number(
    struct name_radix_pairs *p, struct name_radix_values pair, uint32_t *number)
{
	*number = table_find(&p->index, hash_pair(pair), is_pair, p->list, &pair);
	if (*number != TABLE_NONE)
		return true;
	if (!ARRAY_ROOM(p->list, p->capacity, p->count + 1) || !table_reserve(&p->index))
		return false;
	*number = (uint32_t)p->count;
	table_add(&p->index, hash_pair(pair), *number);
	p->list[p->count++] = pair;
	return true;
}

void name_radix_pairs_trim(struct name_radix_pairs *p)
{
	struct name_radix_values *list;

	table_free(&p->index);
	p->capacity = p->count;
	list = p->count ? realloc(p->list, p->count * sizeof *list) : NULL;
	if (list)
		p->list = list;
}

void name_radix_pairs_free(struct name_radix_pairs *p)
{
	free(p->list);
	table_free(&p->index);
	*p = (struct name_radix_pairs){0};
}
