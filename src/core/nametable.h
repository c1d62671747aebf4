#ifndef NAMETABLE_H
#define NAMETABLE_H
/*
 * nametable: a hash table of suffixes that costs one cache line for each question.
 *
 *     nametable_create(names) → nametable_put() and nametable_mark() → nametable_find() × many
 *
 * A line has room for six names, each a tag of 64 bits and 16 bits of the user's, and 32 bits of
 * hints.  A name is kept in the line that its place says or, when that one is full, in the next
 * that has room; each line passed over gets one of its eight `moved` bits set, so a name that
 * is not in its line is looked for further on only if its own bit is set.
 *
 * Marks are the other 24 hints: "something below this name is kept, though not itself".  Four
 * unrelated names of five are told so by a mark that is clear; the fifth costs a walk one more
 * line, never a wrong answer.  Hence names that are mere way stations take no room, however many
 * stand in front of or behind each stored name.
 *
 * The text is not kept.  What that risks: a name that is not in the table is taken for one
 * that is if it has the tag of one of the names in the lines looked at, six for each line and 1.1
 * lines on average.  Tags are independent of places, so this happens with a chance of
 * 6.6 * 2^-64 = 2^-61.3 for a suffix, whoever chose it, if he does not know the seed (that the
 * hash lanes are equal, n * 2^-106 for n names, does not show beside it).  10,000 names a
 * second, each of three suffixes, all different, for ten years: 10^13 suffixes, and a chance of 1
 * in 290,000 that one single of them is taken for another.
 *
 * Finding is safe in any thread once nothing is put or marked any more.
 */
#include "namehash.h"

enum { NAMETABLE_SLOTS = 6, NAMETABLE_MOVED_BITS = 8, NAMETABLE_MARK_BITS = 24 };

struct nametable_line {
	uint64_t tags[NAMETABLE_SLOTS]; /* 0 where there is no name; filled from the front */
	uint16_t values[NAMETABLE_SLOTS];
	uint32_t hints;
};

_Static_assert(sizeof(struct nametable_line) == 64, "one cache line");

struct nametable {
	struct nametable_line *lines;
	size_t count; /* of lines, below 2^32 */
};

/* Room for `names` names; false when out of memory. */
bool nametable_create(struct nametable *, size_t names);

void nametable_free(struct nametable *);

/* The value kept with a name; a name that was not there is put, with 0, and *fresh set. */
uint16_t *nametable_put(struct nametable *, struct namehash_sum, bool *fresh);

void nametable_mark(struct nametable *, struct namehash_sum);

static inline struct nametable_line *nametable_home(
    const struct nametable *t, struct namehash_sum sum)
{
	return &t->lines[(sum.place >> 32) * t->count >> 32];
}

static inline uint32_t nametable_moved_bit(struct namehash_sum sum)
{
	return (uint32_t)1 << sum.place % NAMETABLE_MOVED_BITS;
}

static inline uint32_t nametable_mark_bit(struct namehash_sum sum)
{
	uint32_t byte = sum.place >> 8 & 0xff;

	return (uint32_t)1 << (NAMETABLE_MOVED_BITS + byte * NAMETABLE_MARK_BITS / 256);
}

/* Index of the tag in the line, NAMETABLE_SLOTS when it is not there. */
static inline unsigned nametable_index(const struct nametable_line *line, uint64_t tag)
{
	const uint64_t *t = line->tags;
	unsigned found = (unsigned)(t[0] == tag) | (unsigned)(t[1] == tag) << 1 |
			 (unsigned)(t[2] == tag) << 2 | (unsigned)(t[3] == tag) << 3 |
			 (unsigned)(t[4] == tag) << 4 | (unsigned)(t[5] == tag) << 5;

	return (unsigned)__builtin_ctz(found | 1u << NAMETABLE_SLOTS);
}

static inline struct nametable_line *nametable_next(
    const struct nametable *t, struct nametable_line *line)
{
	return line + 1 == t->lines + t->count ? t->lines : line + 1;
}

/* The value kept with a name; NULL when the name is not there.  Ends because one line at least is
 * never full, and so never passed over. */
static inline uint16_t *nametable_find(const struct nametable *t, struct namehash_sum sum)
{
	struct nametable_line *line = nametable_home(t, sum);

	for (;;) {
		unsigned i = nametable_index(line, sum.tag);

		if (i < NAMETABLE_SLOTS)
			return &line->values[i];
		if (!(line->hints & nametable_moved_bit(sum)))
			return NULL;
		line = nametable_next(t, line);
	}
}

/* False: nothing below this name, which is not in the table, was marked. */
static inline bool nametable_marked(const struct nametable *t, struct namehash_sum sum)
{
	return nametable_home(t, sum)->hints & nametable_mark_bit(sum);
}

/* Numbers the places for values from 0 up to nametable_slots(). */
static inline size_t nametable_slot(const struct nametable *t, const uint16_t *value)
{
	size_t offset = (size_t)((const char *)value - (const char *)t->lines);
	size_t line = offset / sizeof(struct nametable_line);
	size_t within = offset % sizeof(struct nametable_line);

	return line * NAMETABLE_SLOTS +
	       (within - offsetof(struct nametable_line, values)) / sizeof *value;
}

static inline size_t nametable_slots(const struct nametable *t)
{
	return t->count * NAMETABLE_SLOTS;
}

#endif
