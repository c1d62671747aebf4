#include "history_hits.h"

#include <stdlib.h>

static bool make_room(struct history_hits *hits, size_t count)
{
	size_t room = hits->room ? hits->room : 64;
	struct history_hit *hit;

	while (room < count)
		room *= 2;
	if (room == hits->room)
		return true;
	hit = realloc(hits->hit, room * sizeof *hit);
	if (!hit)
		return false;
	hits->hit = hit;
	hits->room = room;
	return true;
}

bool history_hits_add(
    struct history_hits *hits, const struct history_header *header, const struct decision_row *row)
{
	struct queued *copy = make_room(hits, hits->count + 1) ? history_queued(row) : NULL;

	if (copy)
		hits->hit[hits->count++] = (struct history_hit){copy, *header};
	return copy;
}

bool history_hits_take(struct history_hits *hits, struct history_hits *other)
{
	if (!make_room(hits, hits->count + other->count))
		return false;
	if (other->count > 0)
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
