#include "history_hits.h"

#include "core/base/array.h"

#include <stdlib.h>

bool history_hits_add(
    struct history_hits *hits, const struct history_header *header, const struct decision_row *row)
{
	struct queued *copy =
	    ARRAY_ROOM(hits->hit, hits->room, hits->count + 1) ? history_queued(row) : NULL;

	if (copy)
		hits->hit[hits->count++] = (struct history_hit){copy, *header};
	return copy;
}

bool history_hits_take(struct history_hits *hits, struct history_hits *other)
{
	if (other->count == 0)
		return true;
	if (!ARRAY_ROOM(hits->hit, hits->room, hits->count + other->count))
		return false;
	memcpy(hits->hit + hits->count, other->hit, other->count * sizeof *other->hit);
	hits->count += other->count;
	other->count = 0;
	return true;
}

static int newest_first(const void *a, const void *b)
{
	const struct decision_row *one = &((const struct history_hit *)a)->row->row,
				  *other = &((const struct history_hit *)b)->row->row;

	if (one->time_ms != other->time_ms)
		return one->time_ms > other->time_ms ? -1 : 1;
	return (one->number < other->number) - (one->number > other->number);
}

void history_hits_limit(struct history_hits *hits, size_t wanted)
{
	if (hits->count > 1)
		qsort(hits->hit, hits->count, sizeof *hits->hit, newest_first);
	while (hits->count > wanted)
		free(hits->hit[--hits->count].row);
}

void history_hits_free(struct history_hits *hits)
{
	history_hits_limit(hits, 0);
	free(hits->hit);
	*hits = (struct history_hits){.hit = NULL};
}
