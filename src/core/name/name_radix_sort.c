#include "name_radix_private.h"

#include <stdlib.h>

/* Names are compared from right to left, seven bytes at a time: a word has the rightmost of them in
 * its highest byte, and in its lowest how many there are.  ENDLESS says that there are more. */
enum { STEP = 7, ENDLESS = 8 };

/* Fewer items than this are sorted by insertion: counting 256 digits costs more. */
enum { FEW = 48 };

/* How far ahead memory is asked for that the next steps will need. */
enum { AHEAD = 16 };

struct item {
	uint64_t word;
	const struct name_radix_entry *entry;
};

struct sort {
	struct item *spare;    /* as many as there are */
	size_t counts[8][256]; /* by byte of the word */
};

/* The word in front of the last `done` bytes, of which the name has more. */
static uint64_t word_of(struct slice name, size_t done)
{
	size_t rest = name.len - done;
	uint64_t word = 0;

	if (rest > STEP)
		return (name_radix_word(name, rest) & ~(uint64_t)0xff) | ENDLESS;
	for (size_t i = rest; i-- > 0;)
		word = word << 8 | (unsigned char)name.ptr[i];
	return word << 8 * (8 - rest) | rest;
}

static void read_words(struct item *items, size_t n, size_t done)
{
	for (size_t i = 0; i < n; i++) {
		if (i + 2 * AHEAD < n)
			__builtin_prefetch(items[i + 2 * AHEAD].entry);
		if (i + AHEAD < n) {
			struct slice later = items[i + AHEAD].entry->name;

			__builtin_prefetch(later.ptr + later.len - done - 1);
		}
		items[i].word = word_of(items[i].entry->name, done);
	}
}

static void insertion_sort(struct item *items, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct item item = items[i];
		size_t at = i;

		for (; at > 0 && items[at - 1].word > item.word; at--)
			items[at] = items[at - 1];
		items[at] = item;
	}
}

/* One stable pass by byte `digit` of the word, whose counts are given. */
static void distribute(
    const struct item *from, struct item *to, size_t n, int digit, size_t *counts)
{
	size_t sum = 0;

	for (int i = 0; i < 256; i++) {
		size_t count = counts[i];

		counts[i] = sum;
		sum += count;
	}
	for (size_t i = 0; i < n; i++)
		to[counts[from[i].word >> 8 * digit & 0xff]++] = from[i];
}

/* Radix sort by words, least significant byte first; bytes in which all agree are passed over. */
static void radix_sort(struct sort *s, struct item *items, size_t n)
{
	struct item *from = items, *to = s->spare;

	memset(s->counts, 0, sizeof s->counts);
	for (size_t i = 0; i < n; i++)
		for (int digit = 0; digit < 8; digit++)
			s->counts[digit][items[i].word >> 8 * digit & 0xff]++;
	for (int digit = 0; digit < 8; digit++) {
		struct item *swap = from;

		if (s->counts[digit][items[0].word >> 8 * digit & 0xff] == n)
			continue;
		distribute(from, to, n, digit, s->counts[digit]);
		from = to;
		to = swap;
	}
	if (from != items)
		memcpy(items, from, n * sizeof *items);
}

/* Sorts items whose last `done` bytes agree.  Calls itself once for each seven bytes that names
 * have in common: 37 times for the longest domain name. */
static void sort_items(struct sort *s, struct item *items, size_t n, size_t done)
{
	read_words(items, n, done);
	if (n < FEW)
		insertion_sort(items, n);
	else
		radix_sort(s, items, n);
	for (size_t from = 0, to; from < n; from = to) {
		for (to = from + 1; to < n && items[to].word == items[from].word;)
			to++;
		if (to - from > 1 && (items[from].word & 0xff) == ENDLESS)
			sort_items(s, items + from, to - from, done + STEP);
	}
}

static struct name_radix_entry *in_order(const struct item *items, size_t n)
{
	struct name_radix_entry *sorted = malloc(n * sizeof *sorted);

	for (size_t i = 0; sorted && i < n; i++) {
		if (i + AHEAD < n)
			__builtin_prefetch(items[i + AHEAD].entry);
		sorted[i] = *items[i].entry;
	}
	return sorted;
}

struct name_radix_entry *name_radix_sorted(const struct name_radix_entry *entries, size_t n)
{
	struct name_radix_entry *sorted = NULL;
	struct sort *s = malloc(sizeof *s);
	struct item *items = malloc(n * sizeof *items);
	struct item *spare = malloc(n * sizeof *spare);

	if (s && items && spare) {
		s->spare = spare;
		for (size_t i = 0; i < n; i++)
			items[i].entry = &entries[i];
		sort_items(s, items, n, 0);
		free(spare);
		spare = NULL;
		sorted = in_order(items, n);
	}
	free(s);
	free(items);
	free(spare);
	return sorted;
}
