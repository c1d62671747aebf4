#ifndef NAMEPAIRS_H
#define NAMEPAIRS_H
/*
 * namepairs: the distinct pairs of values of a nametrie, numbered from 0 in the order of coming.
 *
 *     struct namepairs p = {0};
 *     namepairs_number(&p, (struct nametrie_values){7, 9}, &number)   // 0, again and again
 *     namepairs_trim(&p)                  // no more numbers; p.list is as short as it can be
 *     namepairs_free(&p)
 *
 * Belongs to one thread.
 */
#include "core/name/nametrie.h"

struct namepairs {
	struct nametrie_values *list; /* by number */
	size_t count, capacity;
	uint32_t *numbers; /* hash table of twice the capacity: numbers plus one, 0 for none */
};

/* The number of the pair, a new one if need be; false when out of memory.  2^32-1 pairs at most. */
bool namepairs_number(struct namepairs *, struct nametrie_values, uint32_t *number);

/* Gives back what only numbering needs. */
void namepairs_trim(struct namepairs *);

void namepairs_free(struct namepairs *);

#endif
