#ifndef NAME_RADIX_PRIVATE_H
#define NAME_RADIX_PRIVATE_H
/*
 * name_radix_private: the trie as name_radix_build.c makes it and name_radix.c reads it.
 *
 * A tree of labels whose edges are in one hash table (nametable.h): a look-up goes from the last
 * label to the first and asks the table for each suffix, until one has nothing below it.  A stored
 * name says so exactly, by NAME_RADIX_PARENT in its value; of others the table's marks know.
 *
 * The low bits of the value are the index of the name's pair of self and below, since lists have
 * few distinct ones.  Where they have more, `high` holds further bits, by slot.
 */
#include "core/name/name_radix.h"
#include "name_radix_pairs.h"
#include "nametable.h"

enum { NAME_RADIX_PARENT = 0x8000, NAME_RADIX_INDEX_MASK = 0x7fff, NAME_RADIX_INDEX_BITS = 15 };

struct name_radix {
	struct nametable table;
	struct name_radix_pairs pairs;
	uint16_t *high; /* NULL while NAME_RADIX_INDEX_BITS are enough */
	uint32_t none;
	struct namehash_key key;
};

/* The pair that a value of the table stands for. */
NAMEHASH_INLINE const struct name_radix_values *name_radix_pair(
    const struct name_radix *t, const uint16_t *value)
{
	size_t index = *value & NAME_RADIX_INDEX_MASK;

	if (t->high)
		index |= (size_t)t->high[nametable_slot(&t->table, value)] << NAME_RADIX_INDEX_BITS;
	return &t->pairs.list[index];
}

#endif
