#include "ip_radix_private.h"

/*
 * A table below the root pays when there are at least this many runs for its TABLE_SIZE edges:
 * at most 8 bytes a run, and one step instead of three.
 */
#define TABLE_RUNS (TABLE_SIZE / 2)

/* The part of hi that a block leaves to its B-tree: what is behind a /32. */
#define IN_BLOCK (UINT64_MAX >> BLOCK_DEPTH)

#define KEYS_MAX (NEAR_KEYS > LOW_KEYS ? NEAR_KEYS : LOW_KEYS)

/* ---- B-trees ------------------------------------------------------------------------- */

/* What a B-tree is made of: runs, and which bits of their starts are its keys. */
struct btree {
	struct pool *pool;
	const struct runs *runs;
	const uint64_t *words; /* hi or lo of the runs */
	unsigned depth;        /* bits of the word in front of the key */
	size_t key_size;       /* bytes */
	uint32_t fan;          /* edges of a full node */
	enum edge_kind kind;
};

static struct btree near_tree(struct pool *pool, const struct runs *runs, unsigned depth)
{
	return (struct btree){pool, runs, runs->hi, depth, sizeof(uint32_t), NEAR_KEYS + 1,
	    depth == BLOCK_DEPTH ? EDGE_BLOCK : EDGE_NEAR};
}

static struct btree low_tree(struct pool *pool, const struct runs *runs)
{
	return (struct btree){pool, runs, runs->lo, 0, sizeof(uint64_t), LOW_KEYS + 1, EDGE_LOW};
}

static uint32_t store(
    const struct btree *b, const uint64_t *words, const uint32_t *edges, uint32_t keys_n)
{
	bool leaves = true;
	size_t edge_size;
	uint32_t place;
	unsigned char *at;

	for (uint32_t i = 0; i <= keys_n; i++)
		leaves = leaves && edge_is_short(edges[i]);
	edge_size = leaves ? sizeof(uint16_t) : sizeof(uint32_t);
	place = pool_alloc(b->pool, BTREE_HEAD + keys_n * b->key_size + (keys_n + 1) * edge_size);
	if (b->pool->failed)
		return edge_leaf(0);
	at = b->pool->bytes + place;
	store32(at, 0, keys_n);
	at += BTREE_HEAD;
	for (uint32_t i = 0; i < keys_n; i++, at += b->key_size) {
		if (b->kind == EDGE_LOW)
			memcpy(at, &words[i], sizeof words[i]);
		else
			store32(at, 0, near_key(words[i], b->depth));
	}
	for (uint32_t i = 0; i <= keys_n; i++, at += edge_size) {
		uint16_t number = (uint16_t)edge_number(edges[i]);

		if (leaves)
			memcpy(at, &number, sizeof number);
		else
			store32(at, 0, edges[i]);
	}
	return place | (leaves ? with_leaves(b->kind) : b->kind);
}

/*
 * The tree of the runs from..to - 1, at least one; its first key is the start of the second.  The
 * nodes are filled evenly, and all leaves are equally deep.
 */
static uint32_t make_btree(const struct btree *b, size_t from, size_t to)
{
	size_t n = to - from, below = 1; /* runs that one edge can lead to */
	uint32_t edges_n;
	uint64_t words[KEYS_MAX];
	uint32_t edges[KEYS_MAX + 1];

	if (n == 1)
		return b->runs->edge[from];
	while (below * b->fan < n)
		below *= b->fan;
	edges_n = (uint32_t)((n + below - 1) / below);
	for (uint32_t i = 0; i < edges_n; i++) {
		size_t first = from + n * i / edges_n;

		if (i > 0)
			words[i - 1] = b->words[first];
		edges[i] = make_btree(b, first, from + n * (i + 1) / edges_n);
	}
	return store(b, words, edges, edges_n - 1);
}

/* ---- runs too fine for the keys around them ------------------------------------------ */

/*
 * Where starts have bits below those of the keys, all of their unit become one run of the unit's
 * size whose edge leads to a tree of its own: a /64 with starts in lo, or a block, a /32 with
 * starts that NEAR keys cannot tell apart.
 */
struct folding {
	struct btree inner;
	uint64_t first; /* what counts of hi; runs may reach beyond */
	uint64_t last;
	uint64_t below; /* bits of a start within its unit that call for folding */
	struct runs *out;
};

static uint64_t start_of(const struct folding *f, size_t i)
{
	uint64_t hi = f->inner.runs->hi[i];

	return hi < f->first ? f->first : hi;
}

/* The unit as its first hi, and how far behind it the run starts. */
static uint64_t unit_of(const struct folding *f, size_t i)
{
	return f->inner.kind == EDGE_LOW ? start_of(f, i) : start_of(f, i) & ~IN_BLOCK;
}

static uint64_t rest_of(const struct folding *f, size_t i)
{
	return f->inner.kind == EDGE_LOW ? f->inner.runs->lo[i] : start_of(f, i) & IN_BLOCK;
}

/* The latest word on an address counts. */
static void put_run(struct runs *r, uint64_t hi, uint32_t edge)
{
	size_t i = r->n > 0 && r->hi[r->n - 1] == hi ? r->n - 1 : r->n;

	r->hi[i] = hi;
	r->edge[i] = edge;
	r->n = i + 1;
}

/* Folds the runs from..to - 1, all of one unit; what follows the unit is as the last of them. */
static void fold_unit(const struct folding *f, size_t from, size_t to)
{
	uint64_t unit = unit_of(f, from);
	uint64_t last = f->inner.kind == EDGE_LOW ? unit : unit | IN_BLOCK;
	size_t first = rest_of(f, from) == 0 ? from : from - 1;

	put_run(f->out, unit, make_btree(&f->inner, first, to));
	if (last < f->last)
		put_run(f->out, last + 1, f->inner.runs->edge[to - 1]);
}

static void fold(const struct folding *f, size_t from, size_t to)
{
	for (size_t i = from, next; i < to; i = next) {
		bool fine = (rest_of(f, i) & f->below) != 0;

		for (next = i + 1; next < to && unit_of(f, next) == unit_of(f, i); next++)
			fine = fine || (rest_of(f, next) & f->below) != 0;
		if (fine)
			fold_unit(f, i, next);
		else
			for (size_t k = i; k < next; k++)
				put_run(f->out, start_of(f, k), f->inner.runs->edge[k]);
	}
}

/* ---- the root and tables ------------------------------------------------------------- */

struct build6 {
	struct pool *pool;
	struct runs hi;     /* /64s folded */
	struct runs bucket; /* of one edge of a table, with blocks folded */
	unsigned depth;
	size_t at; /* the run that the next table edge begins in */
};

static uint32_t make_table(struct build6 *b, uint64_t first);

/* The tree of the runs from..to - 1, for the addresses from `first` on. */
static uint32_t make_bucket(struct build6 *b, uint64_t first, size_t from, size_t to)
{
	struct folding f = {near_tree(b->pool, &b->hi, BLOCK_DEPTH), first,
	    first | UINT64_MAX >> b->depth, UINT64_MAX >> (b->depth + NEAR_BITS), &b->bucket};
	struct btree near = near_tree(b->pool, &b->bucket, b->depth);

	if (to - from == 1)
		return b->hi.edge[from];
	b->bucket.n = 0;
	fold(&f, from, to);
	return make_btree(&near, 0, b->bucket.n);
}

/* The edge for the addresses from `first` on that have its first b->depth bits. */
static uint32_t make_edge(struct build6 *b, uint64_t first)
{
	const struct runs *r = &b->hi;
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
	return make_bucket(b, first, from, to);
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

uint32_t ip_radix6_build(const struct runs *runs, struct pool *pool)
{
	struct build6 b = {.pool = pool};
	struct folding f = {low_tree(pool, runs), 0, UINT64_MAX, UINT64_MAX, &b.hi};
	uint32_t root = 0;

	/* Folding adds at most one run to each. */
	if (runs_alloc(&b.hi, 2 * runs->n, false))
		fold(&f, 0, runs->n);
	if (b.hi.n > 0 && runs_alloc(&b.bucket, 2 * b.hi.n, false))
		root = (uint32_t)edge_place(make_table(&b, 0));
	else
		pool->failed = true;
	runs_free(&b.hi);
	runs_free(&b.bucket);
	return root;
}
