#include "ip_radix_private.h"

#include <stdlib.h>

/* ---- look-up ------------------------------------------------------------------------- */

#if defined(__x86_64__) || defined(__i386__)
/* The baseline of x86 counts bits by a call and compares 4 keys at a time; most can do better. */
#define MODERN __attribute__((target("popcnt,bmi,bmi2,avx2")))
static bool is_modern(void)
{
	return __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi") &&
	       __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("avx2");
}
#else
#define MODERN
static bool is_modern(void)
{
	return true;
}
#endif

/* What is compiled twice: for any processor and for a modern one. */
#define INLINED static inline __attribute__((always_inline))

/*
 * The place in the node of the edge for the next bits of the word: the last one that begins in
 * their slot or before.
 */
INLINED size_t slot_index(const unsigned char *node, uint64_t word)
{
	uint64_t upto = load64(node, 0) << (63 - (word >> (64 - SLOT_BITS)));

	return (size_t)__builtin_popcountll(upto) - 1;
}

/*
 * The value for a word of IPv4.  Nearly every way from the root leads to a node with leaves at
 * once, so the processor guesses the branches right and works on several look-ups at a time.
 */
INLINED uint32_t walk4(const struct ip_radix *t, uint64_t word)
{
	uint32_t edge = load32(t->root4, word >> t->root4_shift);

	word <<= 64 - t->root4_shift;
	while (edge_kind(edge) == EDGE_SLOTS) {
		const unsigned char *node = t->pool + edge_place(edge);

		edge = load32(node + SLOT_HEAD, slot_index(node, word));
		word <<= SLOT_BITS;
	}
	if (edge_kind(edge) == EDGE_LEAVES) {
		const unsigned char *node = t->pool + edge_place(edge);

		return t->values[load16(node + SLOT_HEAD, slot_index(node, word))];
	}
	return t->values[edge_number(edge)];
}

/*
 * How many of the n keys are not above the word: the number of the edge to take.  Goes over the
 * most that a node can have, since a loop that ends sooner makes the processor guess when; what
 * stands behind the keys is read, and left out.
 */
INLINED uint32_t count_near(const unsigned char *keys, uint32_t n, uint32_t word)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < NEAR_KEYS; i++)
		count += (load32(keys, i) <= word) & (i < n);
	return count;
}

INLINED uint64_t count_low(const unsigned char *keys, uint64_t n, uint64_t word)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < LOW_KEYS; i++)
		count += (load64(keys, i) <= word) & (i < n);
	return count;
}

INLINED uint32_t walk6(const struct ip_radix *t, uint64_t hi, uint64_t lo)
{
	unsigned depth = TABLE_BITS;
	uint32_t edge = load32(t->root6, hi >> (64 - TABLE_BITS));

	for (;;) {
		enum edge_kind kind = edge_kind(edge);
		const unsigned char *node = t->pool + edge_place(edge), *keys = node + BTREE_HEAD;
		const unsigned char *edges;
		size_t i;

		if (kind == EDGE_LEAF)
			return t->values[edge_number(edge)];
		if (kind == EDGE_TABLE) {
			edge = load32(node, hi << depth >> (64 - TABLE_BITS));
			depth += TABLE_BITS;
			continue;
		}
		if (kind >= EDGE_LOW) {
			i = count_low(keys, btree_count(node), lo);
			edges = keys + btree_count(node) * sizeof(uint64_t);
		} else {
			i = count_near(keys, btree_count(node),
			    near_key(hi, kind >= EDGE_BLOCK ? BLOCK_DEPTH : depth));
			edges = keys + btree_count(node) * sizeof(uint32_t);
		}
		if (has_leaves(kind))
			return t->values[load16(edges, i)];
		edge = load32(edges, i);
	}
}

static uint32_t lookup4(const struct ip_radix *t, uint64_t word)
{
	return walk4(t, word);
}

MODERN static uint32_t lookup4_modern(const struct ip_radix *t, uint64_t word)
{
	return walk4(t, word);
}

static uint32_t lookup6(const struct ip_radix *t, uint64_t hi, uint64_t lo)
{
	return walk6(t, hi, lo);
}

MODERN static uint32_t lookup6_modern(const struct ip_radix *t, uint64_t hi, uint64_t lo)
{
	return walk6(t, hi, lo);
}

uint32_t ip_radix_lookup(const struct ip_radix *t, const struct ip *ip)
{
	if (ip->family == IP_V4)
		return t->modern ? lookup4_modern(t, ip->hi) : lookup4(t, ip->hi);
	if (ip->family == IP_V6)
		return t->modern ? lookup6_modern(t, ip->hi, ip->lo) : lookup6(t, ip->hi, ip->lo);
	return t->values[0];
}

size_t ip_radix_bytes(const struct ip_radix *t)
{
	return t->bytes;
}

void ip_radix_free(struct ip_radix **t)
{
	free(*t);
	*t = NULL;
}

/* ---- building ------------------------------------------------------------------------ */

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
static struct ip_radix *assemble(const struct workshop *w)
{
	size_t values = sizeof *w->numbers.values * w->numbers.n;
	size_t bytes = round_up(sizeof(struct ip_radix)) + round_up(values) +
		       round_up(w->pool.used) + round_up(READ_AHEAD);
	struct ip_radix *t = aligned_alloc(CACHE_LINE, bytes);
	unsigned char *at = (unsigned char *)t;

	if (!t)
		return NULL;
	*t = (struct ip_radix){
	    .root4_shift = 64 - w->root4_bits, .modern = is_modern(), .bytes = bytes};
	at += round_up(sizeof *t);
	t->values = put(&at, w->numbers.values, values);
	t->pool = put(&at, w->pool.bytes, w->pool.used);
	memset(at, 0, READ_AHEAD);
	t->root4 = t->pool + w->root4;
	t->root6 = t->pool + w->root6;
	return t;
}

static bool make_parts(struct workshop *w, const struct ip_radix_entry *entries, size_t n,
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
	struct workshop w = {0};
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
