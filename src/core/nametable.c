#include "nametable.h"

#include <stdlib.h>

/* Names in a line on average: four fifths of its slots.  Fuller tables are hardly smaller, and
 * pass over more lines; this one is 13.3 bytes a name, and one name in 14 is moved. */
#define LINES_NUMERATOR   5
#define LINES_DENOMINATOR 24

bool nametable_create(struct nametable *t, size_t names)
{
	size_t count, bytes;

	if (names > UINT32_MAX)
		return false;
	count = names * LINES_NUMERATOR / LINES_DENOMINATOR + 1;
	bytes = count * sizeof *t->lines;
	*t = (struct nametable){aligned_alloc(sizeof *t->lines, bytes), count};
	if (!t->lines)
		return false;
	memset(t->lines, 0, bytes);
	return true;
}

void nametable_free(struct nametable *t)
{
	free(t->lines);
	*t = (struct nametable){0};
}

uint16_t *nametable_put(struct nametable *t, struct namehash_sum sum, bool *fresh)
{
	struct nametable_line *line = nametable_home(t, sum);
	uint16_t *value = nametable_find(t, sum);
	unsigned i;

	*fresh = !value;
	if (value)
		return value;
	while ((i = nametable_index(line, 0)) == NAMETABLE_SLOTS) {
		line->hints |= nametable_moved_bit(sum);
		line = nametable_next(t, line);
	}
	line->tags[i] = sum.tag;
	return &line->values[i];
}

void nametable_mark(struct nametable *t, struct namehash_sum sum)
{
	nametable_home(t, sum)->hints |= nametable_mark_bit(sum);
}
