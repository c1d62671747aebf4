#include "name_radix_private.h"

#include <stdlib.h>

/* In place of an entry's number: there is none, or the name has its values already. */
#define NO_ENTRY UINT32_MAX

/* So that indices of pairs, at most as many, fit into 15 bits in the table and 16 beside it. */
#define MOST_ENTRIES ((size_t)1 << 31)

/* Names that are worked on together, and then wait for memory together. */
enum { BATCH = 64 };

struct build {
	struct name_radix *trie;
	const struct name_radix_entry *entries;
	size_t n;
	const struct name_radix_combine *combine;
	uint32_t *first;                /* by slot: the first entry with that name */
	uint32_t *next;                 /* by entry: the next one with the same name */
	struct name_radix_entry *group; /* the entries of one name that has several */
	size_t group_capacity;
	struct namehash_sum *sums; /* of all suffixes of the names of a batch, the shortest first */
	size_t sum_capacity;
	size_t ends[BATCH]; /* by name of the batch: where its sums end */
};

/* Waits for memory that a batch will need, in a loop with nothing else in it: the processor then
 * waits for all at once.  (It drops prefetches when so many are under way.) */
static void touch(const void *p)
{
	(void)*(const volatile char *)p;
}

static void touch_texts(const struct build *b, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		touch(b->entries[i].name.ptr);
}

static void touch_homes(const struct build *b, const struct namehash_sum *sums, size_t n)
{
	const struct nametable *t = &b->trie->table;

	for (size_t i = 0; i < n; i++)
		touch(nametable_home(t, sums[i]));
}

static uint32_t *first_of(const struct build *b, const uint16_t *value)
{
	return &b->first[nametable_slot(&b->trie->table, value)];
}

static struct namehash_sum hash_name(const struct build *b, struct slice name)
{
	struct namehash h = namehash_start(name);

	do
		namehash_label(&h, &b->trie->key);
	while (!h.done);
	return namehash_sum(&h, &b->trie->key);
}

/* Puts entries[from..to) into the table, at most BATCH; returns how many names were new. */
static size_t put_batch(struct build *b, size_t from, size_t to)
{
	struct namehash_sum sums[BATCH];
	uint16_t *values[BATCH];
	bool fresh[BATCH];
	size_t names = 0;

	touch_texts(b, from, to);
	for (size_t i = from; i < to; i++)
		sums[i - from] = hash_name(b, b->entries[i].name);
	touch_homes(b, sums, to - from);
	for (size_t i = to; i-- > from;) {
		values[i - from] = nametable_put(&b->trie->table, sums[i - from], &fresh[i - from]);
		names += fresh[i - from];
	}
	for (size_t i = to; i-- > from;) {
		uint32_t *first = first_of(b, values[i - from]);

		b->next[i] = fresh[i - from] ? NO_ENTRY : *first;
		*first = (uint32_t)i;
	}
	return names;
}

/* Puts each name into the table and links the entries of one name in the order given, beginning
 * with the last.  Returns the number of distinct names. */
static size_t put_names(struct build *b)
{
	size_t names = 0;

	for (size_t to = b->n, from; to > 0; to = from) {
		from = to > BATCH ? to - BATCH : 0;
		names += put_batch(b, from, to);
	}
	return names;
}

/* The table has room for all entries first, and is made again when many of them had one name. */
static bool fill_table(struct build *b)
{
	for (size_t room = b->n;;) {
		size_t names;

		if (!nametable_create(&b->trie->table, room))
			return false;
		b->first = calloc(nametable_slots(&b->trie->table), sizeof *b->first);
		if (!b->first)
			return false;
		names = put_names(b);
		if (names >= room - room / 16)
			return true;
		room = names;
		nametable_free(&b->trie->table);
		free(b->first);
		b->first = NULL;
	}
}

static bool set_pair(struct build *b, uint16_t *value, struct name_radix_values pair)
{
	struct name_radix *t = b->trie;
	uint32_t index;

	if (!name_radix_pairs_number(&t->pairs, pair, &index))
		return false;
	if (index > NAME_RADIX_INDEX_MASK && !t->high) {
		t->high = calloc(nametable_slots(&t->table), sizeof *t->high);
		if (!t->high)
			return false;
	}
	*value = (uint16_t)((*value & NAME_RADIX_PARENT) | (index & NAME_RADIX_INDEX_MASK));
	if (t->high)
		t->high[nametable_slot(&t->table, value)] =
		    (uint16_t)(index >> NAME_RADIX_INDEX_BITS);
	return true;
}

/* Collects the entries linked from `first` on; their number, 0 when out of memory. */
static size_t collect_group(struct build *b, uint32_t first)
{
	size_t n = 0;

	for (uint32_t i = first; i != NO_ENTRY; i = b->next[i]) {
		if (n == b->group_capacity) {
			size_t capacity = n ? 2 * n : 16;
			void *group = realloc(b->group, capacity * sizeof *b->group);

			if (!group)
				return 0;
			b->group = group;
			b->group_capacity = capacity;
		}
		b->group[n++] = b->entries[i];
	}
	return n;
}

/* Asks for the values of the name in this slot, unless it has them. */
static bool settle(struct build *b, uint16_t *value, uint32_t above)
{
	uint32_t *first = first_of(b, value);
	const struct name_radix_entry *entries;
	size_t n = 1;

	if (*first == NO_ENTRY)
		return true;
	entries = &b->entries[*first];
	if (b->next[*first] != NO_ENTRY) {
		n = collect_group(b, *first);
		entries = b->group;
	}
	*first = NO_ENTRY;
	return n != 0 &&
	       set_pair(b, value, b->combine->value(b->combine->context, above, entries, n));
}

/* Walks from the last label to the whole name, which has its value in `own`, so that parents are
 * settled before children even when they come later, and leaves on each level the word that there
 * is something below. */
static bool settle_path(struct build *b, const struct namehash_sum *sums, size_t n, uint16_t *own)
{
	struct name_radix *t = b->trie;
	uint32_t above = t->none;

	for (size_t i = 0; i + 1 < n; i++) {
		uint16_t *value = nametable_find(&t->table, sums[i]);

		if (value) {
			if (!settle(b, value, above))
				return false;
			above = name_radix_pair(t, value)->below;
			*value |= NAME_RADIX_PARENT;
		} else {
			nametable_mark(&t->table, sums[i]);
		}
	}
	return settle(b, own, above);
}

static bool grow_sums(struct build *b)
{
	size_t capacity = b->sum_capacity ? 2 * b->sum_capacity : 8 * BATCH;
	void *sums = realloc(b->sums, capacity * sizeof *b->sums);

	if (!sums)
		return false;
	b->sums = sums;
	b->sum_capacity = capacity;
	return true;
}

/* Hashes all suffixes of entries[from..to); false when out of memory. */
static bool hash_paths(struct build *b, size_t from, size_t to)
{
	size_t n = 0;

	touch_texts(b, from, to);
	for (size_t i = from; i < to; i++) {
		struct namehash h = namehash_start(b->entries[i].name);

		do {
			if (n == b->sum_capacity && !grow_sums(b))
				return false;
			namehash_label(&h, &b->trie->key);
			b->sums[n++] = namehash_sum(&h, &b->trie->key);
		} while (!h.done);
		b->ends[i - from] = n;
	}
	return true;
}

/* Settles entries[from..to), at most BATCH; false when out of memory. */
static bool settle_batch(struct build *b, size_t from, size_t to)
{
	uint16_t *own[BATCH];
	size_t begin = 0;

	if (!hash_paths(b, from, to))
		return false;
	touch_homes(b, b->sums, b->ends[to - from - 1]);
	for (size_t i = 0; i < to - from; i++)
		own[i] = nametable_find(&b->trie->table, b->sums[b->ends[i] - 1]);
	for (size_t i = 0; i < to - from; i++)
		touch(first_of(b, own[i]));
	for (size_t i = 0; i < to - from; begin = b->ends[i++])
		if (!settle_path(b, b->sums + begin, b->ends[i] - begin, own[i]))
			return false;
	return true;
}

static bool settle_names(struct build *b)
{
	for (size_t from = 0, to; from < b->n; from = to) {
		to = b->n - from > BATCH ? from + BATCH : b->n;
		if (!settle_batch(b, from, to))
			return false;
	}
	return true;
}

static bool build(struct build *b)
{
	b->next = malloc((b->n + 1) * sizeof *b->next);
	return b->next && fill_table(b) && settle_names(b);
}

/* Moves the entries that have a name to the front, in order; their number. */
static size_t drop_empty(struct name_radix_entry *entries, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (entries[i].name.len != 0)
			entries[kept++] = entries[i];
	return kept;
}

struct name_radix *name_radix_build(struct name_radix_entry *entries, size_t n,
    const struct name_radix_combine *combine, const unsigned char seed[32])
{
	struct build b = {.entries = entries, .combine = combine};

	b.n = drop_empty(entries, n);
	if (b.n > MOST_ENTRIES)
		return NULL;
	b.trie = calloc(1, sizeof *b.trie);
	if (!b.trie)
		return NULL;
	b.trie->none = combine->none;
	namehash_key_init(&b.trie->key, seed);
	if (build(&b))
		name_radix_pairs_trim(&b.trie->pairs);
	else
		name_radix_free(&b.trie);
	free(b.first);
	free(b.next);
	free(b.group);
	free(b.sums);
	return b.trie;
}
