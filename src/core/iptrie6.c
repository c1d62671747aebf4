#include "iptrie_private.h"

#include <stdlib.h>

/*
 * A table below the root pays when there are at least this many runs for its TABLE_SIZE edges:
 * at most 8 bytes a run, and one step instead of three.
 */
#define TABLE_RUNS (TABLE_SIZE / 2)

#define KEYS_MAX NEAR_KEYS

struct build6 {
	const struct runs *runs;
	struct pool *pool;
	const uint64_t *words; /* what the keys are taken from: hi or lo of the runs */
	unsigned
	    depth; /* the bits that all of these words have in common, and NEAR keys leave out */
	bool low;
	size_t at; /* the run that the next table edge begins in */
};

/* True when the starts of the runs from..to - 1 differ only in the bits that a NEAR key has. */
static bool is_near(const struct build6 *b, size_t from, size_t to)
{
	uint64_t below = b->depth + NEAR_BITS < 64 ? UINT64_MAX >> (b->depth + NEAR_BITS) : 0;

	for (size_t i = from; i < to; i++)
		if (b->words[i] & below)
			return false;
	return true;
}

static uint32_t store(
    struct build6 *b, const uint64_t *keys, const uint32_t *edges, uint32_t n, bool near)
{
	bool leaves = true;
	size_t head = near ? BTREE_HEAD : BTREE_FAR_HEAD;
	size_t key_size = near ? sizeof(uint32_t) : sizeof(uint64_t);
	size_t edge_size;
	uint32_t place;
	unsigned char *node;

	for (uint32_t i = 0; i <= n; i++)
		leaves = leaves && edge_is_short(edges[i]);
	edge_size = leaves ? sizeof(uint16_t) : sizeof(uint32_t);
	place = pool_alloc(b->pool, head + n * key_size + (n + 1) * edge_size);
	if (b->pool->failed)
		return edge_leaf(0);
	node = b->pool->bytes + place;
	memcpy(node, &n, sizeof n);
	node += head;
	for (uint32_t i = 0; i < n; i++, node += key_size) {
		uint32_t near_key = (uint32_t)(keys[i] << b->depth >> NEAR_BITS);
		memcpy(node, near ? (const void *)&near_key : (const void *)&keys[i], key_size);
	}
	for (uint32_t i = 0; i <= n; i++, node += edge_size) {
		uint16_t number = (uint16_t)edge_number(edges[i]);
		memcpy(node, leaves ? (const void *)&number : (const void *)&edges[i], edge_size);
	}
	if (near)
		return place | (leaves ? EDGE_NEAR_LEAVES : EDGE_NEAR);
	if (b->low)
		return place | (leaves ? EDGE_LOW_LEAVES : EDGE_LOW);
	return place | (leaves ? EDGE_FAR_LEAVES : EDGE_FAR);
}

/*
 * The B-tree of the runs from..to - 1, at least one; its first key is the start of the second.
 * The leaves are filled evenly and all are equally deep.
 */
static uint32_t make_btree(struct build6 *b, size_t from, size_t to)
{
	size_t n = to - from;
	bool near = !b->low && is_near(b, from + 1, to);
	size_t fan = (near ? NEAR_KEYS : FAR_KEYS) + 1;
	size_t below = 1; /* runs that one edge can lead to */
	size_t edges_n;
	uint64_t keys[KEYS_MAX];
	uint32_t edges[KEYS_MAX + 1];

	if (n == 1)
		return b->runs->edge[from];
	while (below * fan < n)
		below *= fan;
	edges_n = (n + below - 1) / below;
	for (size_t i = 0; i < edges_n; i++) {
		size_t first = from + n * i / edges_n;

		if (i > 0)
			keys[i - 1] = b->words[first];
		edges[i] = make_btree(b, first, from + n * (i + 1) / edges_n);
	}
	return store(b, keys, edges, (uint32_t)edges_n - 1, near);
}

/* ---- lo: the /64s that are not all of one value -------------------------------------------- */

static void add_run(struct runs *r, uint64_t hi, uint32_t edge)
{
	r->hi[r->n] = hi;
	r->edge[r->n] = edge;
	r->n++;
}

/*
 * Makes runs of hi alone: a /64 with starts inside becomes a run of one /64 whose edge leads to a
 * tree for lo.
 */
static bool runs_of_hi(const struct runs *r, struct pool *pool, struct runs *out)
{
	struct build6 b = {.runs = r, .pool = pool, .words = r->lo, .low = true};
	size_t i = 0;

	if (!runs_alloc(out, 2 * r->n, false))
		return false;
	while (i < r->n) {
		uint64_t hi = r->hi[i];
		size_t from = r->lo[i] == 0 ? i : i - 1;
		size_t to = i + 1;

		while (to < r->n && r->hi[to] == hi)
			to++;
		add_run(out, hi, make_btree(&b, from, to));
		if (to - from > 1 && hi < UINT64_MAX &&
		    (to == r->n || r->hi[to] > hi + 1 || r->lo[to] != 0))
			add_run(out, hi + 1, r->edge[to - 1]);
		i = to;
	}
	return true;
}

/* ---- hi ------------------------------------------------------------------------------------ */

static uint32_t make_table(struct build6 *b, uint64_t first);

/* The edge for the addresses from `first` on that have its first b->depth bits. */
static uint32_t make_edge(struct build6 *b, uint64_t first)
{
	const struct runs *r = b->runs;
	uint64_t last = first | UINT64_MAX >> b->depth;
	size_t from, to;

	while (b->at + 1 < r->n && r->hi[b->at + 1] <= first)
		b->at++;
	from = b->at;
	to = from + 1;
	while (to < r->n && r->hi[to] <= last)
		to++;
	if (b->depth == TABLE_BITS && to - from >= TABLE_RUNS)
		return make_table(b, first);
	return make_btree(b, from, to);
}

/* The table of the edges for all values of the TABLE_BITS bits that follow. */
static uint32_t make_table(struct build6 *b, uint64_t first)
{
	uint32_t place = pool_alloc(b->pool, TABLE_SIZE * sizeof(uint32_t));

	b->depth += TABLE_BITS;
	for (size_t i = 0; i < TABLE_SIZE && !b->pool->failed; i++) {
		uint32_t edge = make_edge(b, first + ((uint64_t)i << (64 - b->depth)));
		store32(b->pool->bytes + place, i, edge);
	}
	b->depth -= TABLE_BITS;
	return place | EDGE_TABLE;
}

uint32_t iptrie6_build(const struct runs *runs, struct pool *pool)
{
	struct runs of_hi;
	struct build6 b = {.runs = &of_hi, .pool = pool};
	uint32_t root;

	if (!runs_of_hi(runs, pool, &of_hi)) {
		pool->failed = true;
		return 0;
	}
	b.words = of_hi.hi;
	root = make_table(&b, 0);
	runs_free(&of_hi);
	return (uint32_t)edge_place(root);
}
