#ifndef NAME_RADIX_PAIRS_H
#define NAME_RADIX_PAIRS_H
/*
 * name_radix_pairs: the distinct pairs of values of a name_radix, numbered from 0 in the order
 * of coming.
 *
 *     struct name_radix_pairs p = {0};
 *     name_radix_pairs_number(&p, pair, &number)   // 0, again and again
 *     name_radix_pairs_trim(&p)                    // no more numbers; p.list as short as can be
 *     name_radix_pairs_free(&p)
 *
 * Belongs to one thread.
 */
#include "core/base/table.h"
#include "core/name/name_radix.h"

struct name_radix_pairs {
	struct name_radix_values *list; /* by number */
	size_t count, capacity;
	struct table index;
};

/* The number of the pair, a new one if need be; false when out of memory.  TABLE_MAX pairs at most.
 */
bool name_radix_pairs_number(struct name_radix_pairs *, struct name_radix_values, uint32_t *number);

/* Gives back what only numbering needs. */
void name_radix_pairs_trim(struct name_radix_pairs *);

void name_radix_pairs_free(struct name_radix_pairs *);

#endif
