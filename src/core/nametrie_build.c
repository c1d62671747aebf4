#include "nametrie_private.h"

#include <stdlib.h>

/* In place of an entry's number: there is none, or the name has its values already. */
#define NO_ENTRY UINT32_MAX

/* So that indices of pairs, at most as many, fit into 15 bits in the table and 16 beside it. */
#define MOST_ENTRIES ((size_t)1 << 31)

/* Names that are hashed ahead: enough to wait for memory once for all of them. */
enum { BATCH = 32 };

struct build {
	struct nametrie *trie;
	const struct nametrie_entry *entries;
	size_t n;
	const struct nametrie_combine *combine;
	uint32_t *first;              /* by slot: the first entry with that name */
	uint32_t *next;               /* by entry: the next one with the same name */
	struct nametrie_entry *group; /* the entries of one name that has several */
	size_t group_capacity;
	uint32_t *interned; /* hash table of indices of pairs, plus one */
	size_t interned_size;
	size_t pair_capacity;
	struct namehash_sum *sums; /* of all suffixes of the names of a batch, the shortest first */
	size_t sum_capacity;
	size_t ends[BATCH]; /* by name of the batch: where its sums end */
};

/* Asks for the memory that a name will need: it comes while other names are worked on. */
static void fetch_name(const struct build *b, struct namehash_sum sum)
{
	const struct nametable *t = &b->trie->table;
	const struct nametable_line *home = nametable_home(t, sum);
	const uint32_t *first = &b->first[(size_t)(home - t->lines) * NAMETABLE_SLOTS];

	__builtin_prefetch(home);
	__builtin_prefetch(first);
	__builtin_prefetch(first + NAMETABLE_SLOTS - 1);
}

static struct namehash_sum hash_name(const struct build *b, struct slice name)
{
	struct namehash h = namehash_start(name);

	do
		namehash_label(&h, &b->trie->key);
	while (!h.done);
	return namehash_sum(&h, &b->trie->key);
}

/* Puts each name into the table and links the entries of one name in the order given.  Returns the
 * number of distinct names. */
static size_t put_names(struct build *b)
{
	struct nametable *t = &b->trie->table;
	struct namehash_sum sums[BATCH];
	size_t names = 0;

	for (size_t to = b->n, from; to > 0; to = from) {
		from = to > BATCH ? to - BATCH : 0;
		for (size_t i = from; i < to; i++) {
			sums[i - from] = hash_name(b, b->entries[i].name);
			fetch_name(b, sums[i - from]);
		}
		for (size_t i = to; i-- > from;) {
			bool fresh;
			const uint16_t *value = nametable_put(t, sums[i - from], &fresh);
			uint32_t *first = &b->first[nametable_slot(t, value)];

			b->next[i] = fresh ? NO_ENTRY : *first;
			*first = (uint32_t)i;
			names += fresh;
		}
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

static uint64_t pair_hash(const struct build *b, struct nametrie_values pair)
{
	const namehash_wide *key = b->trie->key.tag;

	return (uint64_t)((key[0] * pair.self + key[1] * pair.below + key[2]) >> 64);
}

/* Where the pair is in the table of interned ones, or the free place where it belongs. */
static uint32_t *interned_place(const struct build *b, struct nametrie_values pair)
{
	size_t mask = b->interned_size - 1;
	size_t at = pair_hash(b, pair) & mask;

	for (; b->interned[at] != 0; at = (at + 1) & mask) {
		const struct nametrie_values *p = &b->trie->pairs[b->interned[at] - 1];

		if (p->self == pair.self && p->below == pair.below)
			break;
	}
	return &b->interned[at];
}

/* Doubles the room for pairs; the hash table stays at most half full. */
static bool grow_pairs(struct build *b)
{
	struct nametrie *t = b->trie;
	size_t capacity = b->pair_capacity ? 2 * b->pair_capacity : 64;
	struct nametrie_values *pairs = realloc(t->pairs, capacity * sizeof *pairs);
	uint32_t *interned;

	if (!pairs)
		return false;
	t->pairs = pairs;
	interned = calloc(2 * capacity, sizeof *interned);
	if (!interned)
		return false;
	free(b->interned);
	b->interned = interned;
	b->interned_size = 2 * capacity;
	b->pair_capacity = capacity;
	for (size_t i = 0; i < t->pair_count; i++)
		*interned_place(b, t->pairs[i]) = (uint32_t)i + 1;
	return true;
}

static bool set_pair(struct build *b, uint16_t *value, struct nametrie_values pair)
{
	struct nametrie *t = b->trie;
	uint32_t *place;
	size_t index;

	if (t->pair_count == b->pair_capacity && !grow_pairs(b))
		return false;
	place = interned_place(b, pair);
	if (*place == 0) {
		t->pairs[t->pair_count++] = pair;
		*place = (uint32_t)t->pair_count;
	}
	index = *place - 1;
	if (index > NAMETRIE_INDEX_MASK && !t->high) {
		t->high = calloc(nametable_slots(&t->table), sizeof *t->high);
		if (!t->high)
			return false;
	}
	*value = (uint16_t)((*value & NAMETRIE_PARENT) | (index & NAMETRIE_INDEX_MASK));
	if (t->high)
		t->high[nametable_slot(&t->table, value)] =
		    (uint16_t)(index >> NAMETRIE_INDEX_BITS);
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
	uint32_t *first = &b->first[nametable_slot(&b->trie->table, value)];
	const struct nametrie_entry *entries;
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

/* Walks from the last label to the whole name, so that parents are settled before children even
 * when they come later, and leaves on each level the word that there is something below. */
static bool settle_path(struct build *b, const struct namehash_sum *sums, size_t n)
{
	struct nametrie *t = b->trie;
	uint32_t above = t->none;

	for (size_t i = 0; i < n; i++) {
		uint16_t *value = nametable_find(&t->table, sums[i]);

		if (value) {
			if (!settle(b, value, above))
				return false;
			above = nametrie_pair(t, value)->below;
			*value |= i + 1 < n ? NAMETRIE_PARENT : 0;
		} else {
			nametable_mark(&t->table, sums[i]);
		}
	}
	return true;
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

/* Hashes all suffixes of entries[from..to) and asks for their lines; false when out of memory. */
static bool hash_paths(struct build *b, size_t from, size_t to)
{
	size_t n = 0;

	for (size_t i = from; i < to; i++) {
		struct namehash h = namehash_start(b->entries[i].name);

		do {
			if (n == b->sum_capacity && !grow_sums(b))
				return false;
			namehash_label(&h, &b->trie->key);
			b->sums[n] = namehash_sum(&h, &b->trie->key);
			__builtin_prefetch(nametable_home(&b->trie->table, b->sums[n++]));
		} while (!h.done);
		fetch_name(b, b->sums[n - 1]);
		b->ends[i - from] = n;
	}
	return true;
}

static bool settle_names(struct build *b)
{
	for (size_t from = 0, to; from < b->n; from = to) {
		size_t begin = 0;

		to = b->n - from > BATCH ? from + BATCH : b->n;
		if (!hash_paths(b, from, to))
			return false;
		for (size_t i = 0; i < to - from; begin = b->ends[i++])
			if (!settle_path(b, b->sums + begin, b->ends[i] - begin))
				return false;
	}
	return true;
}

static bool build(struct build *b)
{
	b->next = malloc((b->n + 1) * sizeof *b->next);
	return b->next && fill_table(b) && settle_names(b);
}

/* Gives back the room for pairs that was not needed. */
static void trim_pairs(struct nametrie *t)
{
	void *pairs = t->pair_count ? realloc(t->pairs, t->pair_count * sizeof *t->pairs) : NULL;

	if (pairs)
		t->pairs = pairs;
}

/* Moves the entries that have a name to the front, in order; their number. */
static size_t drop_empty(struct nametrie_entry *entries, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (entries[i].name.len != 0)
			entries[kept++] = entries[i];
	return kept;
}

struct nametrie *nametrie_build(struct nametrie_entry *entries, size_t n,
    const struct nametrie_combine *combine, const unsigned char seed[32])
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
		trim_pairs(b.trie);
	else
		nametrie_free(&b.trie);
	free(b.first);
	free(b.next);
	free(b.group);
	free(b.interned);
	free(b.sums);
	return b.trie;
}
