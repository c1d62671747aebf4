#ifndef CORE_IP_RADIX_PRIVATE_H
#define CORE_IP_RADIX_PRIVATE_H
/*
 * ip_radix_private: the shape of an ip_radix, shared by the files that build, walk and list one.
 *
 *     ip_radix_runs.c    entries in any order → sorted → runs: disjoint, maximal, one per value
 *     ip_radix_v4.c      the runs of IPv4     → a direct root and nodes of 64 slots
 *     ip_radix_v6.c      the runs of IPv6     → a direct root and B-trees
 *     ip_radix_build.c   the pool that these grow in; puts all together in one block of memory
 *     ip_radix.c         looks up in the block, lists its runs, frees it
 *
 * Every link is one 32-bit word, an `edge`: three bits say what it leads to, the others where.
 * Places are bytes in the pool, so an edge holds in the growing pool and in the finished block.
 * Addresses are words of 64 bits: an IPv4 address is the top half of one, IPv6 has two, hi and lo.
 * Values are numbered in the order in which they first appear; number 0 is `none`.
 */
#include "core/base/table.h"
#include "core/net/ip_radix.h"

/* ---- edges --------------------------------------------------------------------------- */

/* Bits 0 to 2 of an edge; the others are the number of a LEAF, or the node's place. */
enum edge_kind {
	EDGE_LEAF = 0, /* ends here */

	/* IPv4 */
	EDGE_SLOTS = 1,  /* 64 slots that hold edges */
	EDGE_LEAVES = 2, /* 64 slots that hold nothing but leaves, in 16 bits each */

	/* IPv6; a kind of B-tree node with leaves is the one without plus 1 */
	EDGE_TABLE = 1,       /* an edge for each value of the next TABLE_BITS bits of hi */
	EDGE_NEAR = 2,        /* keys are the NEAR_BITS bits of hi behind the root or table */
	EDGE_NEAR_LEAVES = 3, /* the same with nothing but leaves, in 16 bits each */
	EDGE_BLOCK = 4,       /* within one /32: keys are the bits of hi behind it */
	EDGE_BLOCK_LEAVES = 5,
	EDGE_LOW = 6, /* within one /64: keys are all of lo */
	EDGE_LOW_LEAVES = 7,
};
#define EDGE_KIND_BITS 3
#define EDGE_KINDS     (1U << EDGE_KIND_BITS)

/* Leaves of 16 bits can name the values that appeared first; the others need an edge. */
#define SHORT_LEAF_MAX 0xffffU

static inline enum edge_kind edge_kind(uint32_t edge)
{
	return (enum edge_kind)(edge & (EDGE_KINDS - 1));
}

/* The kind of the node when there are only short leaves in it. */
static inline enum edge_kind with_leaves(enum edge_kind btree)
{
	return (enum edge_kind)(btree + 1);
}

static inline bool has_leaves(enum edge_kind btree)
{
	return (btree & 1) != 0;
}

static inline uint32_t edge_leaf(uint32_t number)
{
	return number << EDGE_KIND_BITS | EDGE_LEAF;
}

static inline uint32_t edge_number(uint32_t leaf)
{
	return leaf >> EDGE_KIND_BITS;
}

static inline size_t edge_place(uint32_t edge)
{
	return edge & ~(EDGE_KINDS - 1);
}

/* True when the edge can be written as a leaf of 16 bits. */
static inline bool edge_is_short(uint32_t edge)
{
	return edge_kind(edge) == EDGE_LEAF && edge_number(edge) <= SHORT_LEAF_MAX;
}

/* Nodes mix widths, so they are read and written as bytes. */
static inline uint16_t load16(const unsigned char *at, size_t i)
{
	uint16_t v;

	memcpy(&v, at + i * sizeof v, sizeof v);
	return v;
}

static inline uint32_t load32(const unsigned char *at, size_t i)
{
	uint32_t v;

	memcpy(&v, at + i * sizeof v, sizeof v);
	return v;
}

static inline uint64_t load64(const unsigned char *at, size_t i)
{
	uint64_t v;

	memcpy(&v, at + i * sizeof v, sizeof v);
	return v;
}

static inline void store32(unsigned char *at, size_t i, uint32_t v)
{
	memcpy(at + i * sizeof v, &v, sizeof v);
}

/* ---- the pool of nodes --------------------------------------------------------------- */

#define CACHE_LINE 64U
#define POOL_UNIT  8U

struct pool {
	unsigned char *bytes;
	size_t used, room;
	uint32_t gaps[CACHE_LINE / POOL_UNIT]; /* by length in units: the latest gap plus 1, or 0 */
	bool failed;                           /* out of memory or of places; alloc gave 0 */
};

/*
 * Room for a node of `size` bytes: aligned to 8, and in as few cache lines as can be.  Returns
 * its place, or 0 and sets failed; whoever writes asks failed first.
 */
uint32_t pool_alloc(struct pool *, size_t size);
void pool_free(struct pool *);

/* ---- runs ---------------------------------------------------------------------------- */

/* Run i is hi[i],lo[i] up to the start of run i + 1, or to the last address of the family. */
struct runs {
	uint64_t *hi, *lo; /* lo is NULL for IPv4, whose addresses have none */
	uint32_t *edge;    /* a leaf; in the runs of hi alone also an EDGE_LOW */
	size_t n;
};

bool runs_alloc(struct runs *, size_t room, bool with_lo);
void runs_free(struct runs *);

/* The distinct values: values[number]. */
struct numbers {
	uint32_t *values;
	uint32_t n;
	size_t room;
	struct table index;
};

bool numbers_init(struct numbers *, uint32_t none);
void numbers_free(struct numbers *);

/*
 * The runs of n sorted entries, all of that family.  The first starts at the lowest address;
 * without entries it is the only one and `none`.  False when out of memory; then *out is empty.
 */
bool runs_sweep(const struct ip_radix_entry *entries, size_t n, enum ip_family,
    const struct ip_radix_combine *, struct numbers *, struct runs *out);

/* False when out of memory; the entries are then as they were. */
bool ip_radix_sort(struct ip_radix_entry *entries, size_t n);

/* ---- the finished structure ---------------------------------------------------------- */

/*
 * IPv4.  The root has 2^root4_bits edges.  A node divides the next 6 bits of the address into 64
 * slots: a bitmap of those where a new edge begins (bit 0 always), then the edges without gaps.
 */
#define SLOT_BITS 6U
#define SLOT_HEAD 8 /* bytes of the bitmap */

/*
 * IPv6.  The root divides the first TABLE_BITS of hi; where there are many runs below one of its
 * edges, a table does the same once more.  A B-tree node is {count, keys, edges}: edge i is for
 * addresses from key i - 1 up to below key i, and there is one more edge than keys.
 */
#define TABLE_BITS  12U
#define TABLE_SIZE  (1U << TABLE_BITS)
#define NEAR_BITS   32U
#define BLOCK_DEPTH 32U

/* The most keys in a node: whole vectors of keys are compared. */
#define NEAR_KEYS 16U
#define LOW_KEYS  12U

/* A look-up reads as if the last node had all keys. */
#define READ_AHEAD (LOW_KEYS * sizeof(uint64_t))

struct ip_radix {
	const unsigned char *root4; /* all point into the block that this struct is the head of */
	const unsigned char *root6;
	const unsigned char *pool;
	const uint32_t *values;
	unsigned root4_shift; /* 64 less the bits that root4 divides */
	bool modern;          /* ip_radix_is_modern() */
	size_t bytes;
};

/* Whether this processor counts bits and compares whole vectors of keys. */
bool ip_radix_is_modern(void);

/* The number of root bits that suits a table of that many runs. */
unsigned ip_radix4_root_bits(size_t runs);

/* Add a root and the nodes below it to the pool and return the root's place; see pool->failed. */
uint32_t ip_radix4_build(const struct runs *, unsigned root_bits, struct pool *);
uint32_t ip_radix6_build(const struct runs *, struct pool *);

/* ---- reading a B-tree node ----------------------------------------------------------- */

#define BTREE_HEAD 4U /* bytes of the count of keys */

/* The key of a start or an address: the NEAR_BITS bits of hi behind `depth` others. */
static inline uint32_t near_key(uint64_t hi, unsigned depth)
{
	return (uint32_t)(hi << depth >> (64 - NEAR_BITS));
}

static inline uint32_t btree_count(const unsigned char *node)
{
	return load32(node, 0);
}

#endif
