#include "ip_radix_private.h"

#include <stdlib.h>

/* Keys are sorted by 11 bits at a time: 2048 counters and write positions stay in the L1 cache. */
#define DIGIT_BITS 11U
#define DIGIT_SIZE ((size_t)1 << DIGIT_BITS)

/* What moves while sorting: a part of the key, and which entry it belongs to. */
struct item {
	uint64_t word;
	uint32_t entry;
};

static bool is_sorted(const struct ip_radix_entry *entries, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (prefix_compare(&entries[i - 1].prefix, &entries[i].prefix) > 0)
			return false;
	return true;
}

/* One stable pass from `from` to `to` by the digit at `shift`. */
static void pass(const struct item *from, struct item *to, size_t n, unsigned shift)
{
	uint32_t place[DIGIT_SIZE] = {0};
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i++)
		place[from[i].word >> shift & (DIGIT_SIZE - 1)]++;
	for (size_t d = 0; d < DIGIT_SIZE; d++) {
		uint32_t count = place[d];
		place[d] = sum;
		sum += count;
	}
	for (size_t i = 0; i < n; i++)
		to[place[from[i].word >> shift & (DIGIT_SIZE - 1)]++] = from[i];
}

/* Stable, by word; digits in which all words agree are passed over.  spare has room for n. */
static void sort_items(struct item *items, struct item *spare, size_t n)
{
	struct item *from = items, *to = spare;
	uint64_t differ = 0;

	for (size_t i = 1; i < n; i++)
		differ |= items[i].word ^ items[0].word;
	for (unsigned shift = 0; shift < 64; shift += DIGIT_BITS) {
		struct item *done = to;

		if ((differ >> shift & (DIGIT_SIZE - 1)) == 0)
			continue;
		pass(from, to, n, shift);
		to = from;
		from = done;
	}
	if (from != items)
		memcpy(items, from, n * sizeof *items);
}

/* Least significant part of the key first.  An address and a length of IPv4 fit into one word. */
static void sort_family(const struct ip_radix_entry *entries, enum ip_family family,
    struct item *items, struct item *spare, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct prefix *p = &entries[items[i].entry].prefix;
		items[i].word = family == IP_V4 ? p->base.hi >> 32 << 8 | p->length : p->length;
	}
	sort_items(items, spare, n);
	if (family == IP_V4)
		return;
	for (size_t i = 0; i < n; i++)
		items[i].word = entries[items[i].entry].prefix.base.lo;
	sort_items(items, spare, n);
	for (size_t i = 0; i < n; i++)
		items[i].word = entries[items[i].entry].prefix.base.hi;
	sort_items(items, spare, n);
}

/* Makes the items name the entries in order. */
static void order(
    const struct ip_radix_entry *entries, struct item *items, struct item *spare, size_t n)
{
	size_t n4 = 0, n6;

	for (size_t i = 0; i < n; i++)
		n4 += entries[i].prefix.base.family == IP_V4;
	n6 = n4;
	n4 = 0;
	for (size_t i = 0; i < n; i++)
		items[entries[i].prefix.base.family == IP_V4 ? n4++ : n6++].entry = (uint32_t)i;
	sort_family(entries, IP_V4, items, spare, n4);
	sort_family(entries, IP_V6, items + n4, spare, n - n4);
}

bool ip_radix_sort(struct ip_radix_entry *entries, size_t n)
{
	struct item *items, *spare;
	struct ip_radix_entry *sorted;
	bool room;

	if (is_sorted(entries, n))
		return true;
	if (n > UINT32_MAX)
		return false;
	items = malloc(n * sizeof *items);
	spare = malloc(n * sizeof *spare);
	sorted = malloc(n * sizeof *sorted);
	room = items && spare && sorted;
	if (room) {
		order(entries, items, spare, n);
		for (size_t i = 0; i < n; i++)
			sorted[i] = entries[items[i].entry];
		memcpy(entries, sorted, n * sizeof *sorted);
	}
	free(items);
	free(spare);
	free(sorted);
	return room;
}
