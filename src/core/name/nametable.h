#ifndef NAMETABLE_H
#define NAMETABLE_H
/*
 * nametable: a hash table of suffixes that costs one cache line for each question.
 *
 *     nametable_create(names) → nametable_put() and nametable_mark() → nametable_find() × many
 *
 * A line has room for six names, each a tag of 64 bits and 16 bits of the user's, and 32 bits of
 * hints.  A name is kept in the line that its place says or, when that one is full, in the next
 * that has room; each line passed over gets one of its eight `moved` bits set, so a name that is
 * not in its line is looked for further on only where its own bit is set (one in twelve).
 *
 * Marks are the other 24 hints: "something below this name is kept, though not itself".  A mark
 * that is clear is the truth.  One that is set may be some other name's, which costs a walk one
 * line more and never changes its answer: with two marks in a line it happens once in twelve
 * times.  Hence names that are mere way stations take no room, however many of them stand above
 * each name that is kept.
 *
 * The text is not kept.  What that risks: a suffix that is not in the table is taken for one that
 * is when it has the tag of a name in the lines looked at: six names a line, 1.1 lines on average.
 * Tags are independent of places, so the chance is 6.6 * 2^-64 = 2^-61.3 for each suffix, whoever
 * chose it, unless he knows the seed.  (That both lanes of the hash agree with those of one of n
 * names, n * 2^-106, does not show beside it.)  A server that looks up 10,000 names a second, each
 * of three suffixes that never came before, asks 10^13 times in ten years: a chance of 1 in 290,000
 * that it errs on one single name in that time.
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

NAMEHASH_INLINE struct nametable_line *nametable_home(
    const struct nametable *t, struct namehash_sum sum)
{
	return &t->lines[(sum.place >> 32) * t->count >> 32];
}

NAMEHASH_INLINE uint32_t nametable_moved_bit(struct namehash_sum sum)
{
	return (uint32_t)1 << (sum.place >> 24) % NAMETABLE_MOVED_BITS;
}

NAMEHASH_INLINE uint32_t nametable_mark_bit(struct namehash_sum sum)
{
	uint32_t byte = sum.place >> 16 & 0xff;

	return (uint32_t)1 << (NAMETABLE_MOVED_BITS + byte * NAMETABLE_MARK_BITS / 256);
}

/* Index of the tag in the line, NAMETABLE_SLOTS when it is not there.  Without branches, which
 * would be guessed before the line has come from memory, and half of them wrongly. */
NAMEHASH_INLINE unsigned nametable_index(const struct nametable_line *line, uint64_t tag)
{
	const uint64_t *t = line->tags;
	unsigned found = (unsigned)(t[0] == tag) | (unsigned)(t[1] == tag) << 1 |
			 (unsigned)(t[2] == tag) << 2 | (unsigned)(t[3] == tag) << 3 |
			 (unsigned)(t[4] == tag) << 4 | (unsigned)(t[5] == tag) << 5;

	return (unsigned)__builtin_ctz(found | 1u << NAMETABLE_SLOTS);
}

NAMEHASH_INLINE struct nametable_line *nametable_next(
    const struct nametable *t, struct nametable_line *line)
{
	return line + 1 == t->lines + t->count ? t->lines : line + 1;
}

/* The value kept with a name; NULL when the name is not there.  Ends because one line at least is
 * never full, and so never passed over. */
NAMEHASH_INLINE uint16_t *nametable_find(const struct nametable *t, struct namehash_sum sum)
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
NAMEHASH_INLINE bool nametable_marked(const struct nametable *t, struct namehash_sum sum)
{
	return nametable_home(t, sum)->hints & nametable_mark_bit(sum);
}

/* Numbers the places for values from 0 up to nametable_slots(). */
NAMEHASH_INLINE size_t nametable_slot(const struct nametable *t, const uint16_t *value)
{
	size_t offset = (size_t)((const char *)value - (const char *)t->lines);
	size_t line = offset / sizeof(struct nametable_line);
	size_t within = offset % sizeof(struct nametable_line);

	return line * NAMETABLE_SLOTS +
	       (within - offsetof(struct nametable_line, values)) / sizeof *value;
}

NAMEHASH_INLINE size_t nametable_slots(const struct nametable *t)
{
	return t->count * NAMETABLE_SLOTS;
}

#endif
