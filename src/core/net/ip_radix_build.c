#include "ip_radix_private.h"

#include <stdlib.h>

/* ---- memory for nodes, which grows while building ------------------------------------- */

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

static bool grow_pool(struct pool *p, size_t need)
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
	if (!grow_pool(p, p->used + CACHE_LINE + units * POOL_UNIT)) {
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

/* ---- the parts, put together --------------------------------------------------------- */

/* All that building needs and the finished trie does not. */
struct build {
	struct numbers numbers;
	struct runs runs4, runs6;
	uint32_t root4, root6; /* places */
	unsigned root4_bits;
	struct pool pool;
};

static size_t round_up(size_t size)
{
	return (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

/* Copies `size` bytes to *at, which moves on to the next cache line behind them. */
static void *put_part(unsigned char **at, const void *from, size_t size)
{
	void *to = *at;

	if (size)
		memcpy(to, from, size);
	*at += round_up(size);
	return to;
}

/* One block: the head, the values, the roots and nodes. */
static struct ip_radix *assemble(const struct build *w)
{
	size_t values = sizeof *w->numbers.values * w->numbers.n;
	size_t bytes = round_up(sizeof(struct ip_radix)) + round_up(values) +
		       round_up(w->pool.used) + round_up(READ_AHEAD);
	struct ip_radix *t = aligned_alloc(CACHE_LINE, bytes);
	unsigned char *at = (unsigned char *)t;

	if (!t)
		return NULL;
	*t = (struct ip_radix){
	    .root4_shift = 64 - w->root4_bits, .modern = ip_radix_is_modern(), .bytes = bytes};
	at += round_up(sizeof *t);
	t->values = put_part(&at, w->numbers.values, values);
	t->pool = put_part(&at, w->pool.bytes, w->pool.used);
	memset(at, 0, READ_AHEAD);
	t->root4 = t->pool + w->root4;
	t->root6 = t->pool + w->root6;
	return t;
}

static bool make_parts(struct build *w, const struct ip_radix_entry *entries, size_t n,
    const struct ip_radix_combine *combine)
{
	size_t n4 = 0;

	while (n4 < n && entries[n4].prefix.base.family == IP_V4)
		n4++;
	if (!numbers_init(&w->numbers, combine->none) ||
	    !runs_sweep(entries, n4, IP_V4, combine, &w->numbers, &w->runs4) ||
	    !runs_sweep(entries + n4, n - n4, IP_V6, combine, &w->numbers, &w->runs6))
		return false;
	w->root4_bits = ip_radix4_root_bits(w->runs4.n);
	w->root4 = ip_radix4_build(&w->runs4, w->root4_bits, &w->pool);
	w->root6 = ip_radix6_build(&w->runs6, &w->pool);
	return !w->pool.failed;
}

struct ip_radix *ip_radix_build(
    struct ip_radix_entry *entries, size_t n, const struct ip_radix_combine *combine)
{
	struct build w = {0};
	struct ip_radix *t = NULL;
	struct ip_radix_entry none;

	if (n == 0) /* perhaps a null pointer, on which C allows no arithmetic */
		entries = &none;
	if (ip_radix_sort(entries, n) && make_parts(&w, entries, n, combine))
		t = assemble(&w);
	numbers_free(&w.numbers);
	runs_free(&w.runs4);
	runs_free(&w.runs6);
	pool_free(&w.pool);
	return t;
}
