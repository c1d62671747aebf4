#include "core/nametrie.h"

#include "nametable.h"

#include <stdlib.h>

/*
 * A tree of labels whose edges are in one hash table (nametable.h): a look-up goes from the last
 * label to the first and asks the table for each suffix, until one has nothing below it.  A stored
 * name says so exactly, by PARENT in its value; of others the table's marks know.
 *
 * The low bits of the value are the index of the name's pair of self and below, since lists have
 * few distinct ones.  Where they have more, `high` holds further bits, by slot.
 */
enum { PARENT = 0x8000, INDEX_MASK = 0x7fff, INDEX_BITS = 15 };

struct nametrie {
	struct nametable table;
	struct nametrie_values *pairs;
	uint16_t *high; /* NULL while INDEX_BITS are enough */
	size_t pair_count;
	uint32_t none;
	struct namehash_key key;
};

static const struct nametrie_values *pair_of(const struct nametrie *t, const uint16_t *value)
{
	size_t index = *value & INDEX_MASK;

	if (t->high)
		index |= (size_t)t->high[nametable_slot(&t->table, value)] << INDEX_BITS;
	return &t->pairs[index];
}

uint32_t nametrie_lookup(const struct nametrie *t, struct slice name)
{
	struct namehash h = namehash_start(name);
	uint32_t found = t->none;

	if (name.len == 0)
		return t->none;
	do {
		struct namehash_sum sum;
		const uint16_t *value;

		namehash_label(&h, &t->key);
		sum = namehash_sum(&h, &t->key);
		value = nametable_find(&t->table, sum);
		if (value) {
			const struct nametrie_values *pair = pair_of(t, value);

			if (h.done)
				return pair->self;
			found = pair->below;
			if (!(*value & PARENT))
				break;
		} else if (!nametable_marked(&t->table, sum)) {
			break;
		}
	} while (!h.done);
	return found;
}

size_t nametrie_bytes(const struct nametrie *t)
{
	return sizeof *t + t->table.count * sizeof *t->table.lines +
	       t->pair_count * sizeof *t->pairs +
	       (t->high ? nametable_slots(&t->table) * sizeof *t->high : 0);
}

void nametrie_free(struct nametrie **trie)
{
	struct nametrie *t = *trie;

	if (!t)
		return;
	nametable_free(&t->table);
	free(t->pairs);
	free(t->high);
	free(t);
	*trie = NULL;
}

/* ---- building ---------------------------------------------------------------------------- */

/* In place of an entry's number: there is none, or the name has its values already. */
#define NO_ENTRY UINT32_MAX

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
};

/* Puts each name into the table and links the entries of one name in the order given.  Returns the
 * number of distinct names. */
static size_t put_names(struct build *b)
{
	struct nametrie *t = b->trie;
	size_t names = 0;

	for (size_t i = b->n; i-- > 0;) {
		struct namehash h = namehash_start(b->entries[i].name);
		uint32_t *first;
		bool fresh;

		if (b->entries[i].name.len == 0)
			continue;
		do
			namehash_label(&h, &t->key);
		while (!h.done);
		first = &b->first[nametable_slot(
		    &t->table, nametable_put(&t->table, namehash_sum(&h, &t->key), &fresh))];
		b->next[i] = fresh ? NO_ENTRY : *first;
		*first = (uint32_t)i;
		names += fresh;
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
	if (index > INDEX_MASK && !t->high) {
		t->high = calloc(nametable_slots(&t->table), sizeof *t->high);
		if (!t->high)
			return false;
	}
	*value = (uint16_t)((*value & PARENT) | (index & INDEX_MASK));
	if (t->high)
		t->high[nametable_slot(&t->table, value)] = (uint16_t)(index >> INDEX_BITS);
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
	const struct nametrie_entry *entries = &b->entries[*first];
	size_t n = 1;

	if (*first == NO_ENTRY)
		return true;
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
static bool settle_path(struct build *b, struct slice name)
{
	struct nametrie *t = b->trie;
	struct namehash h = namehash_start(name);
	uint32_t above = t->none;

	do {
		struct namehash_sum sum;
		uint16_t *value;

		namehash_label(&h, &t->key);
		sum = namehash_sum(&h, &t->key);
		value = nametable_find(&t->table, sum);
		if (value) {
			if (!settle(b, value, above))
				return false;
			above = pair_of(t, value)->below;
			*value |= h.done ? 0 : PARENT;
		} else {
			nametable_mark(&t->table, sum);
		}
	} while (!h.done);
	return true;
}

static bool build(struct build *b)
{
	b->next = malloc((b->n + 1) * sizeof *b->next);
	if (!b->next || !fill_table(b))
		return false;
	for (size_t i = 0; i < b->n; i++)
		if (b->entries[i].name.len != 0 && !settle_path(b, b->entries[i].name))
			return false;
	return true;
}

/* Gives back the room for pairs that was not needed. */
static void trim_pairs(struct nametrie *t)
{
	void *pairs = t->pair_count ? realloc(t->pairs, t->pair_count * sizeof *t->pairs) : NULL;

	if (pairs)
		t->pairs = pairs;
}

struct nametrie *nametrie_build(struct nametrie_entry *entries, size_t n,
    const struct nametrie_combine *combine, const unsigned char seed[32])
{
	struct build b = {.entries = entries, .n = n, .combine = combine};

	if (n >= NO_ENTRY)
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
	return b.trie;
}
