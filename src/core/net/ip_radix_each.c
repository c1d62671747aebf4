#include "ip_radix_private.h"

/*
 * Visits all leaves in the order of addresses.  A leaf tells only where it starts; it ends in
 * front of the next one that has another value.
 */
struct visit {
	const struct ip_radix *trie;
	void (*each)(void *context, const struct ip *first, const struct ip *last, uint32_t value);
	void *context;
	struct ip first; /* the run that has begun and not ended */
	uint32_t number;
	bool begun;
};

static void end_run(const struct visit *v, uint64_t last_hi, uint64_t last_lo)
{
	struct ip last = {last_hi, last_lo, v->first.family};

	if (v->begun)
		v->each(v->context, &v->first, &last, v->trie->values[v->number]);
}

static void leaf(struct visit *v, uint64_t hi, uint64_t lo, uint32_t number)
{
	uint64_t unit = (uint64_t)1 << 32; /* one address of IPv4 */

	if (v->begun && v->number == number)
		return;
	if (v->first.family == IP_V4)
		end_run(v, hi - unit, 0);
	else
		end_run(v, lo == 0 ? hi - 1 : hi, lo - 1);
	v->first.hi = hi;
	v->first.lo = lo;
	v->number = number;
	v->begun = true;
}

/* ---- IPv4 ---------------------------------------------------------------------------- */

static void visit4(struct visit *v, uint32_t edge, uint64_t first, unsigned depth)
{
	const unsigned char *node = v->trie->pool + edge_place(edge);
	unsigned shift = 64 - depth - SLOT_BITS;
	uint64_t begins;

	if (edge_kind(edge) == EDGE_LEAF) {
		leaf(v, first, 0, edge_number(edge));
		return;
	}
	begins = load64(node, 0);
	node += sizeof begins;
	for (size_t i = 0, slot = 0; slot < (size_t)1 << SLOT_BITS; slot++) {
		uint64_t at = first + ((uint64_t)slot << shift);

		if (!(begins >> slot & 1))
			continue;
		if (edge_kind(edge) == EDGE_LEAVES)
			leaf(v, at, 0, load16(node, i));
		else
			visit4(v, load32(node, i), at, depth + SLOT_BITS);
		i++;
	}
}

/* ---- IPv6 ---------------------------------------------------------------------------- */

/* `first` is the lowest address that the edge is taken for; depth is that of the last table. */
static void visit6(struct visit *v, uint32_t edge, struct ip first, unsigned depth);

static void visit_table(
    struct visit *v, const unsigned char *edges, struct ip first, unsigned depth)
{
	depth += TABLE_BITS;
	for (uint64_t i = 0; i < TABLE_SIZE; i++) {
		struct ip at = {first.hi + (i << (64 - depth)), 0, IP_V6};
		visit6(v, load32(edges, i), at, depth);
	}
}

/* The start that a key stands for, in a node that is taken from `first` on. */
static struct ip key_start(
    struct ip first, enum edge_kind kind, const unsigned char *keys, size_t i, unsigned depth)
{
	if (kind >= EDGE_LOW) {
		first.lo = load64(keys, i);
		return first;
	}
	if (kind >= EDGE_BLOCK)
		depth = BLOCK_DEPTH;
	first.hi &= ~(UINT64_MAX >> depth);
	first.hi |= (uint64_t)load32(keys, i) << (64 - NEAR_BITS) >> depth;
	return first;
}

static void visit_btree(struct visit *v, uint32_t edge, struct ip first, unsigned depth)
{
	enum edge_kind kind = edge_kind(edge);
	const unsigned char *node = v->trie->pool + edge_place(edge), *keys = node + BTREE_HEAD;
	size_t n = btree_count(node);
	size_t key_size = kind >= EDGE_LOW ? sizeof(uint64_t) : sizeof(uint32_t);

	for (size_t i = 0; i <= n; i++) {
		struct ip at = i == 0 ? first : key_start(first, kind, keys, i - 1, depth);

		if (has_leaves(kind))
			leaf(v, at.hi, at.lo, load16(keys + n * key_size, i));
		else
			visit6(v, load32(keys + n * key_size, i), at, depth);
	}
}

static void visit6(struct visit *v, uint32_t edge, struct ip first, unsigned depth)
{
	if (edge_kind(edge) == EDGE_LEAF)
		leaf(v, first.hi, first.lo, edge_number(edge));
	else if (edge_kind(edge) == EDGE_TABLE)
		visit_table(v, v->trie->pool + edge_place(edge), first, depth);
	else
		visit_btree(v, edge, first, depth);
}

/* -------------------------------------------------------------------------------------------- */

void ip_radix_each_run(const struct ip_radix *t,
    void (*each)(void *context, const struct ip *first, const struct ip *last, uint32_t value),
    void *context)
{
	struct visit v = {.trie = t, .each = each, .context = context, .first.family = IP_V4};
	unsigned bits4 = 64 - t->root4_shift;

	for (uint64_t i = 0; i < (uint64_t)1 << bits4; i++)
		visit4(&v, load32(t->root4, i), i << t->root4_shift, bits4);
	end_run(&v, (uint64_t)UINT32_MAX << 32, 0);

	v = (struct visit){.trie = t, .each = each, .context = context, .first.family = IP_V6};
	visit_table(&v, t->root6, v.first, 0);
	end_run(&v, UINT64_MAX, UINT64_MAX);
}
