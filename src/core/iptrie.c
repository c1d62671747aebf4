#include "iptrie_private.h"

#include <stdlib.h>

/* ---- look-up ------------------------------------------------------------------------------ */

#if defined(__x86_64__) || defined(__i386__)
/* The baseline of x86 counts bits in a call; nearly every processor has an instruction. */
#define WITH_POPCOUNT __attribute__((target("popcnt")))
static bool has_popcount(void)
{
	return __builtin_cpu_supports("popcnt");
}
#else
#define WITH_POPCOUNT
static bool has_popcount(void)
{
	return true;
}
#endif

/*
 * The leaf for a word: always inlined, so that the two below differ in how they count bits.
 * The bits up to the slot's own are counted: the edge that began last is the one that holds.
 */
static inline __attribute__((always_inline)) uint32_t walk4(const struct iptrie *t, uint64_t word)
{
	uint32_t edge = load32(t->root4, word >> (64 - t->root4_bits));

	word <<= t->root4_bits;
	while (edge_kind(edge) != EDGE_LEAF) {
		const unsigned char *node = t->pool + edge_place(edge);
		uint64_t upto = load64(node, 0) << (63 - (word >> (64 - SLOT_BITS)));
		size_t i = (size_t)__builtin_popcountll(upto) - 1;

		node += sizeof upto;
		if (edge_kind(edge) == EDGE_LEAVES)
			return load16(node, i);
		edge = load32(node, i);
		word <<= SLOT_BITS;
	}
	return edge_number(edge);
}

WITH_POPCOUNT static uint32_t walk4_popcount(const struct iptrie *t, uint64_t word)
{
	return walk4(t, word);
}

static uint32_t walk4_portable(const struct iptrie *t, uint64_t word)
{
	return walk4(t, word);
}

/* How many of the n keys are not above the word: the number of the edge to take. */
static inline size_t count_near(const unsigned char *keys, size_t n, uint32_t word)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += load32(keys, i) <= word;
	return count;
}

static inline size_t count_far(const unsigned char *keys, size_t n, uint64_t word)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += load64(keys, i) <= word;
	return count;
}

static uint32_t walk6(const struct iptrie *t, uint64_t hi, uint64_t lo)
{
	uint64_t word = hi << TABLE_BITS; /* what NEAR keys are taken from */
	uint32_t edge = load32(t->root6, hi >> (64 - TABLE_BITS));

	for (;;) {
		const unsigned char *node = t->pool + edge_place(edge);
		const unsigned char *keys = node + BTREE_HEAD, *far_keys = node + BTREE_FAR_HEAD;
		size_t n;

		switch (edge_kind(edge)) {
		case EDGE_LEAF:
			return edge_number(edge);
		case EDGE_TABLE:
			edge = load32(node, word >> (64 - TABLE_BITS));
			word <<= TABLE_BITS;
			break;
		case EDGE_NEAR:
			n = btree_count(node);
			edge = load32(keys + n * 4, count_near(keys, n, (uint32_t)(word >> 32)));
			break;
		case EDGE_NEAR_LEAVES:
			n = btree_count(node);
			return load16(keys + n * 4, count_near(keys, n, (uint32_t)(word >> 32)));
		case EDGE_FAR:
			n = btree_count(node);
			edge = load32(far_keys + n * 8, count_far(far_keys, n, hi));
			break;
		case EDGE_FAR_LEAVES:
			n = btree_count(node);
			return load16(far_keys + n * 8, count_far(far_keys, n, hi));
		case EDGE_LOW:
			n = btree_count(node);
			edge = load32(far_keys + n * 8, count_far(far_keys, n, lo));
			break;
		case EDGE_LOW_LEAVES:
			n = btree_count(node);
			return load16(far_keys + n * 8, count_far(far_keys, n, lo));
		}
	}
}

uint32_t iptrie_lookup(const struct iptrie *t, const struct ip *ip)
{
	uint32_t number = 0;

	if (ip->family == IP_V4)
		number = t->popcount ? walk4_popcount(t, ip->hi) : walk4_portable(t, ip->hi);
	else if (ip->family == IP_V6)
		number = walk6(t, ip->hi, ip->lo);
	return t->values[number];
}

size_t iptrie_bytes(const struct iptrie *t)
{
	return t->bytes;
}

void iptrie_free(struct iptrie **t)
{
	free(*t);
	*t = NULL;
}

/* ---- building ----------------------------------------------------------------------------- */

/* All that building needs and the finished trie does not. */
struct workshop {
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
static void *put(unsigned char **at, const void *from, size_t size)
{
	void *to = *at;

	if (size)
		memcpy(to, from, size);
	*at += round_up(size);
	return to;
}

/* One block: the head, the values, the roots and nodes. */
static struct iptrie *assemble(const struct workshop *w)
{
	size_t values = sizeof *w->numbers.values * w->numbers.n;
	size_t bytes = round_up(sizeof(struct iptrie)) + round_up(values) + round_up(w->pool.used);
	struct iptrie *t = aligned_alloc(CACHE_LINE, bytes);
	unsigned char *at = (unsigned char *)t;

	if (!t)
		return NULL;
	*t = (struct iptrie){
	    .root4_bits = w->root4_bits, .popcount = has_popcount(), .bytes = bytes};
	at += round_up(sizeof *t);
	t->values = put(&at, w->numbers.values, values);
	t->pool = put(&at, w->pool.bytes, w->pool.used);
	t->root4 = t->pool + w->root4;
	t->root6 = t->pool + w->root6;
	return t;
}

static bool make_parts(struct workshop *w, const struct iptrie_entry *entries, size_t n,
    const struct iptrie_combine *combine)
{
	size_t n4 = 0;

	while (n4 < n && entries[n4].prefix.base.family == IP_V4)
		n4++;
	if (!numbers_init(&w->numbers, combine->none) ||
	    !runs_sweep(entries, n4, IP_V4, combine, &w->numbers, &w->runs4) ||
	    !runs_sweep(entries + n4, n - n4, IP_V6, combine, &w->numbers, &w->runs6))
		return false;
	w->root4_bits = iptrie4_root_bits(w->runs4.n);
	w->root4 = iptrie4_build(&w->runs4, w->root4_bits, &w->pool);
	w->root6 = iptrie6_build(&w->runs6, &w->pool);
	return !w->pool.failed;
}

struct iptrie *iptrie_build(
    struct iptrie_entry *entries, size_t n, const struct iptrie_combine *combine)
{
	struct workshop w = {0};
	struct iptrie *t = NULL;

	if (iptrie_sort(entries, n) && make_parts(&w, entries, n, combine))
		t = assemble(&w);
	numbers_free(&w.numbers);
	runs_free(&w.runs4);
	runs_free(&w.runs6);
	pool_free(&w.pool);
	return t;
}
