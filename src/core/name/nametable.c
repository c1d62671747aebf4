#include "nametable.h"

#include <stdlib.h>

/* Lines for each name: 4.6 names a line on average, 13.9 bytes a name.  One name in eleven is moved
 * then; with fuller lines that grows fast, and with emptier ones it hardly shrinks. */
#define LINES_NUMERATOR   5
#define LINES_DENOMINATOR 23

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
