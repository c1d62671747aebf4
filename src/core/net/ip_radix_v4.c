#include "ip_radix_private.h"

#include <stdlib.h>

/*
 * Roots end where nodes of 6 bits make /24 the end of a node: most networks of a routing table
 * are that long.  The small root keeps small tables small; the large one saves a step once there
 * are as many runs as it has edges, so that it costs at most 4 bytes for each.
 */
#define ROOT_BITS_SMALL 12U
#define ROOT_BITS_LARGE 18U

#define SLOTS (1U << SLOT_BITS)

unsigned ip_radix4_root_bits(size_t runs)
{
	return runs >= (size_t)1 << ROOT_BITS_LARGE ? ROOT_BITS_LARGE : ROOT_BITS_SMALL;
}

struct build4 {
	const struct runs *runs;
	struct pool *pool;
	size_t at;       /* the run that the next slot begins in */
	uint32_t *alone; /* by number of a short leaf: its node of one leaf, or 0 */
};

/* What is in the node while it is made: where a new edge begins, and all edges. */
struct slots {
	uint64_t begins;
	uint32_t edges[SLOTS];
	unsigned n;
	bool leaves; /* nothing but leaves of 16 bits */
};

static void add_edge(struct slots *s, unsigned slot, uint32_t edge)
{
	if (s->n > 0 && s->edges[s->n - 1] == edge) /* a run that goes on */
		return;
	s->begins |= (uint64_t)1 << slot;
	s->edges[s->n++] = edge;
	s->leaves = s->leaves && edge_is_short(edge);
}

static uint32_t store(struct pool *pool, const struct slots *s)
{
	size_t width = s->leaves ? sizeof(uint16_t) : sizeof(uint32_t);
	uint32_t place = pool_alloc(pool, sizeof s->begins + s->n * width);
	unsigned char *node;

	if (pool->failed)
		return edge_leaf(0);
	node = pool->bytes + place;
	memcpy(node, &s->begins, sizeof s->begins);
	node += sizeof s->begins;
	if (!s->leaves) {
		memcpy(node, s->edges, s->n * width);
		return place | EDGE_SLOTS;
	}
	for (unsigned i = 0; i < s->n; i++) {
		uint16_t number = (uint16_t)edge_number(s->edges[i]);
		memcpy(node + i * width, &number, width);
	}
	return place | EDGE_LEAVES;
}

/* The edge for the addresses from `first` on that have its first `depth` bits. */
static uint32_t make_edge(struct build4 *b, uint64_t first, unsigned depth)
{
	const struct runs *r = b->runs;
	uint64_t last = first | UINT64_MAX >> depth;
	unsigned shift = 64 - depth - SLOT_BITS;
	struct slots s; /* not set as a whole: most of its edges stay unused */

	while (b->at + 1 < r->n && r->hi[b->at + 1] <= first)
		b->at++;
	if (b->at + 1 == r->n || r->hi[b->at + 1] > last)
		return r->edge[b->at];
	s.begins = 0;
	s.n = 0;
	s.leaves = true;
	for (uint64_t slot = 0; slot < SLOTS;) {
		uint32_t edge = make_edge(b, first + (slot << shift), depth + SLOT_BITS);

		add_edge(&s, (unsigned)slot, edge);
		slot++;
		if (edge_kind(edge) == EDGE_LEAF) /* it goes on to the next start */
			slot = b->at + 1 < r->n && r->hi[b->at + 1] <= last
				   ? (r->hi[b->at + 1] - first) >> shift
				   : SLOTS;
	}
	return store(b->pool, &s);
}

/*
 * A leaf in the root, as a node of one leaf that all its like share.  So nearly every way from the
 * root leads to a node with leaves, and a look-up has no branch that the processor guesses wrong.
 */
static uint32_t leaf_node(struct build4 *b, uint32_t edge)
{
	struct slots s = {.begins = 1, .edges = {edge}, .n = 1, .leaves = true};
	uint32_t *node = &b->alone[edge_number(edge)];

	if (*node == 0)
		*node = store(b->pool, &s);
	return *node;
}

uint32_t ip_radix4_build(const struct runs *runs, unsigned root_bits, struct pool *pool)
{
	struct build4 b = {.runs = runs, .pool = pool};
	size_t n = (size_t)1 << root_bits;
	uint32_t root = pool_alloc(pool, n * sizeof(uint32_t));

	b.alone = calloc(SHORT_LEAF_MAX + 1, sizeof *b.alone);
	if (!b.alone)
		pool->failed = true;
	for (size_t i = 0; i < n && !pool->failed; i++) {
		uint32_t edge = make_edge(&b, (uint64_t)i << (64 - root_bits), root_bits);
		if (edge_is_short(edge))
			edge = leaf_node(&b, edge);
		store32(pool->bytes + root, i, edge);
	}
	free(b.alone);
	return root;
}
