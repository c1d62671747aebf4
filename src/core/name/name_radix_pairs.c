#include "name_radix_pairs.h"

#include <stdlib.h>

enum { CAPACITY_FIRST = 64 };

/* Fibonacci hashing; no key, since the values are numbers that the caller hands out himself. */
static size_t hash(struct name_radix_values pair)
{
	uint64_t both = (uint64_t)pair.self << 32 | pair.below;

	return (size_t)((both ^ both >> 29) * 0x9e3779b97f4a7c15 >> 24);
}

/* Where the pair is in the hash table, or the free place where it belongs. */
static uint32_t *place_of(const struct name_radix_pairs *p, struct name_radix_values pair)
{
	size_t mask = 2 * p->capacity - 1;
	size_t at = hash(pair) & mask;

	for (; p->numbers[at] != 0; at = (at + 1) & mask) {
		const struct name_radix_values *known = &p->list[p->numbers[at] - 1];

		if (known->self == pair.self && known->below == pair.below)
			break;
	}
	return &p->numbers[at];
}

static bool grow(struct name_radix_pairs *p)
{
	size_t capacity = p->capacity ? 2 * p->capacity : CAPACITY_FIRST;
	struct name_radix_values *list = realloc(p->list, capacity * sizeof *list);
	uint32_t *numbers;

	if (!list)
		return false;
	p->list = list;
	numbers = calloc(2 * capacity, sizeof *numbers);
	if (!numbers)
		return false;
	free(p->numbers);
	p->numbers = numbers;
	p->capacity = capacity;
	for (size_t i = 0; i < p->count; i++)
		*place_of(p, p->list[i]) = (uint32_t)i + 1;
	return true;
}

bool name_radix_pairs_number(
    struct name_radix_pairs *p, struct name_radix_values pair, uint32_t *number)
{
	uint32_t *place;

	if (p->count == p->capacity && !grow(p))
		return false;
	place = place_of(p, pair);
	if (*place == 0) {
		p->list[p->count++] = pair;
		*place = (uint32_t)p->count;
	}
	*number = *place - 1;
	return true;
}

void name_radix_pairs_trim(struct name_radix_pairs *p)
{
	struct name_radix_values *list;

	free(p->numbers);
	p->numbers = NULL;
	p->capacity = p->count;
	list = p->count ? realloc(p->list, p->count * sizeof *list) : NULL;
	if (list)
		p->list = list;
}

void name_radix_pairs_free(struct name_radix_pairs *p)
{
	free(p->list);
	free(p->numbers);
	*p = (struct name_radix_pairs){0};
}
