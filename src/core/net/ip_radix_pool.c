#include "ip_radix_private.h"

#include <stdlib.h>

/* Edges have 32 bits for a place. */
#define POOL_MAX ((uint64_t)UINT32_MAX)

#define POOL_FIRST ((size_t)1 << 16)

/* Gaps of one length form a list through their own bytes. */
static void gap_put(struct pool *p, size_t place, size_t units)
{
	if (units == 0)
		return;
	memcpy(p->bytes + place, &p->gaps[units], sizeof p->gaps[units]);
	p->gaps[units] = (uint32_t)place + 1;
}

static uint32_t gap_take(struct pool *p, size_t units)
{
	size_t have = units;
	uint32_t place;

	while (have < CACHE_LINE / POOL_UNIT && !p->gaps[have])
		have++;
	if (have >= CACHE_LINE / POOL_UNIT)
		return 0;
	place = p->gaps[have] - 1;
	memcpy(&p->gaps[have], p->bytes + place, sizeof p->gaps[have]);
	gap_put(p, place + units * POOL_UNIT, have - units);
	return place;
}

static bool grow(struct pool *p, size_t need)
{
	size_t room = p->room ? p->room : POOL_FIRST;
	unsigned char *bytes;

	while (room < need)
		room *= 2;
	if (room == p->room)
		return true;
	bytes = need <= POOL_MAX ? realloc(p->bytes, room) : NULL;
	if (!bytes)
		return false;
	p->bytes = bytes;
	p->room = room;
	return true;
}

static size_t lines(size_t size)
{
	return (size + CACHE_LINE - 1) / CACHE_LINE;
}

uint32_t pool_alloc(struct pool *p, size_t size)
{
	size_t units = (size + POOL_UNIT - 1) / POOL_UNIT;
	size_t in_line, place;
	uint32_t gap;

	if (p->failed)
		return 0;
	if (p->used == 0)
		p->used = POOL_UNIT; /* so that no node has place 0 */
	gap = gap_take(p, units);
	if (gap)
		return gap;
	in_line = p->used % CACHE_LINE;
	if (!grow(p, p->used + CACHE_LINE + units * POOL_UNIT)) {
		p->failed = true;
		return 0;
	}
	if (in_line + units * POOL_UNIT > lines(units * POOL_UNIT) * CACHE_LINE) {
		gap_put(p, p->used, (CACHE_LINE - in_line) % CACHE_LINE / POOL_UNIT);
		p->used += (CACHE_LINE - in_line) % CACHE_LINE;
	}
	place = p->used;
	p->used += units * POOL_UNIT;
	return (uint32_t)place;
}

void pool_free(struct pool *p)
{
	free(p->bytes);
	*p = (struct pool){0};
}
