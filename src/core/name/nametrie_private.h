#ifndef NAMETRIE_PRIVATE_H
#define NAMETRIE_PRIVATE_H
/*
 * nametrie_private: the trie as nametrie_build.c makes it and nametrie.c reads it.
 *
 * A tree of labels whose edges are in one hash table (nametable.h): a look-up goes from the last
 * label to the first and asks the table for each suffix, until one has nothing below it.  A stored
 * name says so exactly, by NAMETRIE_PARENT in its value; of others the table's marks know.
 *
 * The low bits of the value are the index of the name's pair of self and below, since lists have
 * few distinct ones.  Where they have more, `high` holds further bits, by slot.
 */
#include "core/name/nametrie.h"
#include "namepairs.h"
#include "nametable.h"

enum { NAMETRIE_PARENT = 0x8000, NAMETRIE_INDEX_MASK = 0x7fff, NAMETRIE_INDEX_BITS = 15 };

struct nametrie {
	struct nametable table;
	struct namepairs pairs;
	uint16_t *high; /* NULL while NAMETRIE_INDEX_BITS are enough */
	uint32_t none;
	struct namehash_key key;
};

/* The pair that a value of the table stands for. */
NAMEHASH_INLINE const struct nametrie_values *nametrie_pair(
    const struct nametrie *t, const uint16_t *value)
{
	size_t index = *value & NAMETRIE_INDEX_MASK;

	if (t->high)
		index |= (size_t)t->high[nametable_slot(&t->table, value)] << NAMETRIE_INDEX_BITS;
	return &t->pairs.list[index];
}

#endif
