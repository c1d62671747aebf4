#include "ip_radix_private.h"

#include <stdlib.h>

/* ---- look-up ------------------------------------------------------------------------- */

#if defined(__x86_64__) || defined(__i386__)
/* The baseline of x86 counts bits by a call and compares 4 keys at a time; most can do better. */
#define MODERN __attribute__((target("popcnt,bmi,bmi2,avx2")))
bool ip_radix_is_modern(void)
{
	return __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi") &&
	       __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("avx2");
}
#else
#define MODERN
bool ip_radix_is_modern(void)
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

/* ---- every run, in order ------------------------------------------------------------- */

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
