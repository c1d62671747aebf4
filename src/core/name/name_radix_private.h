#ifndef NAME_RADIX_PRIVATE_H
#define NAME_RADIX_PRIVATE_H
/*
 * name_radix_private: the nodes as name_radix_build.c writes them and name_radix.c reads them.
 *
 * One block of memory holds all nodes, each behind its children, the root last.  A node is a run of
 * bytes; numbers begin with their lowest byte:
 *
 *     head      1 byte          width of the links, that of the value, and NAME_RADIX_TABLE
 *     length    1 byte          of the text
 *     value     0, 2 or 4       number of the pair of values; only where a stored name ends
 *     count     0 or 1          of branches or of the table, minus one; only with children
 *     text      `length` bytes  as it stands in the name, from left to right
 *
 * and then the children, by the byte of the name to the left of the text.  At most eight:
 *
 *     branches  `count` bytes   these bytes, ascending
 *     links     `count` times   to the child of each
 *
 * and more than eight:
 *
 *     first     1 byte          the lowest of these bytes
 *     links     `count` times   to the child of first, first + 1, …; 0 where there is none
 *
 * A link is the distance from the child's first byte to this node's first byte.  All links of a
 * node have the width that the farthest child needs: one byte in most nodes, since a node that has
 * few names below it stands right behind them.  A text longer than `length` can say is cut: the
 * node of its right part has one child, the node of the rest.
 */
#include "core/name/name_radix.h"
#include "name_radix_pairs.h"

/* The head. */
enum {
	NAME_RADIX_LINKS = 0x07, /* width of the links, 1 to 4; 0: no children */
	NAME_RADIX_VALUE = 0x38, /* width of the value; 0: no stored name ends here */
	NAME_RADIX_VALUE_SHIFT = 3,
	NAME_RADIX_TABLE = 0x40, /* the links are a table */
};

enum {
	NAME_RADIX_TEXT_MAX = 255,
	NAME_RADIX_BRANCHES_MAX = 8, /* one comparison of a word finds a byte among them */
	NAME_RADIX_MARGIN =
	    8, /* in front of and behind the nodes: words are read across the ends */
	NAME_RADIX_LINE = 64,
};

struct name_radix {
	unsigned char *memory;
	size_t bytes;
	const unsigned char *root; /* NULL while no name is stored */
	struct name_radix_pairs pairs;
	uint32_t none;
};

/* All entries in a new array, in the order of their names read from right to left, entries of one
 * name in the order given; NULL when out of memory.  No name may be empty. */
struct name_radix_entry *name_radix_sorted(const struct name_radix_entry *entries, size_t n);

/* Eight bytes, the first in the lowest bits. */
static inline uint64_t name_radix_load(const unsigned char *p)
{
	return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
	       (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
	       (uint64_t)p[7] << 56;
}

/* The eight bytes of a name in front of its first `end`, which is at least 8. */
static inline uint64_t name_radix_word(struct slice name, size_t end)
{
	return name_radix_load((const unsigned char *)name.ptr + end - 8);
}

#endif
