#include "ip_radix_private.h"

#include "core/base/array.h"

#include <stdlib.h>

/* The most networks that can lie around one address: /0 to /128. */
#define NESTED_MAX 129

/* Edges have 32 bits less those of the kind. */
#define NUMBERS_MAX (UINT32_MAX >> EDGE_KIND_BITS)

/* Keys are sorted by 11 bits at a time: 2048 counters and write positions stay in the L1 cache. */
#define DIGIT_BITS 11U
#define DIGIT_SIZE ((size_t)1 << DIGIT_BITS)

/* ---- entries in order ---------------------------------------------------------------- */

/* What moves while sorting: a part of the key, and which entry it belongs to. */
struct item {
	uint64_t word;
	uint32_t entry;
};

static bool is_sorted(const struct ip_radix_entry *entries, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (prefix_compare(&entries[i - 1].prefix, &entries[i].prefix) > 0)
			return false;
	return true;
}

/* One stable pass from `from` to `to` by the digit at `shift`. */
static void pass(const struct item *from, struct item *to, size_t n, unsigned shift)
{
	uint32_t place[DIGIT_SIZE] = {0};
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i++)
		place[from[i].word >> shift & (DIGIT_SIZE - 1)]++;
	for (size_t d = 0; d < DIGIT_SIZE; d++) {
		uint32_t count = place[d];
		place[d] = sum;
		sum += count;
	}
	for (size_t i = 0; i < n; i++)
		to[place[from[i].word >> shift & (DIGIT_SIZE - 1)]++] = from[i];
}

/* Stable, by word; digits in which all words agree are passed over.  spare has room for n. */
static void sort_items(struct item *items, struct item *spare, size_t n)
{
	struct item *from = items, *to = spare;
	uint64_t differ = 0;

	for (size_t i = 1; i < n; i++)
		differ |= items[i].word ^ items[0].word;
	for (unsigned shift = 0; shift < 64; shift += DIGIT_BITS) {
		struct item *done = to;

		if ((differ >> shift & (DIGIT_SIZE - 1)) == 0)
			continue;
		pass(from, to, n, shift);
		to = from;
		from = done;
	}
	if (from != items)
		memcpy(items, from, n * sizeof *items);
}

/* Least significant part of the key first.  An address and a length of IPv4 fit into one word. */
static void sort_family(const struct ip_radix_entry *entries, enum ip_family family,
    struct item *items, struct item *spare, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct prefix *p = &entries[items[i].entry].prefix;
		items[i].word = family == IP_V4 ? p->base.hi >> 32 << 8 | p->length : p->length;
	}
	sort_items(items, spare, n);
	if (family == IP_V4)
		return;
	for (size_t i = 0; i < n; i++)
		items[i].word = entries[items[i].entry].prefix.base.lo;
	sort_items(items, spare, n);
	for (size_t i = 0; i < n; i++)
		items[i].word = entries[items[i].entry].prefix.base.hi;
	sort_items(items, spare, n);
}

/* Makes the items name the entries in order. */
static void order(
    const struct ip_radix_entry *entries, struct item *items, struct item *spare, size_t n)
{
	size_t n4 = 0, n6;

	for (size_t i = 0; i < n; i++)
		n4 += entries[i].prefix.base.family == IP_V4;
	n6 = n4;
	n4 = 0;
	for (size_t i = 0; i < n; i++)
		items[entries[i].prefix.base.family == IP_V4 ? n4++ : n6++].entry = (uint32_t)i;
	sort_family(entries, IP_V4, items, spare, n4);
	sort_family(entries, IP_V6, items + n4, spare, n - n4);
}

bool ip_radix_sort(struct ip_radix_entry *entries, size_t n)
{
	struct item *items, *spare;
	struct ip_radix_entry *sorted;
	bool room;

	if (is_sorted(entries, n))
		return true;
	if (n > UINT32_MAX)
		return false;
	items = malloc(n * sizeof *items);
	spare = malloc(n * sizeof *spare);
	sorted = malloc(n * sizeof *sorted);
	room = items && spare && sorted;
	if (room) {
		order(entries, items, spare, n);
		for (size_t i = 0; i < n; i++)
			sorted[i] = entries[items[i].entry];
		memcpy(entries, sorted, n * sizeof *sorted);
	}
	free(items);
	free(spare);
	free(sorted);
	return room;
}

/* ---- runs ---------------------------------------------------------------------------- */

bool runs_alloc(struct runs *r, size_t room, bool with_lo)
{
	*r = (struct runs){0};
	r->hi = malloc(room * sizeof *r->hi);
	r->lo = with_lo ? malloc(room * sizeof *r->lo) : NULL;
	r->edge = malloc(room * sizeof *r->edge);
	if (r->hi && r->edge && (r->lo || !with_lo))
		return true;
	runs_free(r);
	return false;
}

void runs_free(struct runs *r)
{
	free(r->hi);
	free(r->lo);
	free(r->edge);
	*r = (struct runs){0};
}

/* ---- values and their numbers -------------------------------------------------------- */

static bool is_value(const void *values, uint32_t number, const void *value)
{
	return ((const uint32_t *)values)[number] == *(const uint32_t *)value;
}

/* The leaf that stands for the value; *failed is set when out of memory. */
static uint32_t number_leaf(struct numbers *t, uint32_t value, bool *failed)
{
	const uint64_t hash = value * 0x9e3779b97f4a7c15;
	uint32_t number = table_find(&t->index, hash, is_value, t->values, &value);

	if (number != TABLE_NONE)
		return edge_leaf(number);
	if (t->n > NUMBERS_MAX || !ARRAY_ROOM(t->values, t->room, (size_t)t->n + 1) ||
	    !table_reserve(&t->index)) {
		*failed = true;
		return edge_leaf(0);
	}
	t->values[t->n] = value;
	table_add(&t->index, hash, t->n);
	return edge_leaf(t->n++);
}

bool numbers_init(struct numbers *t, uint32_t none)
{
	bool failed = false;

	*t = (struct numbers){0};
	number_leaf(t, none, &failed);
	if (failed)
		numbers_free(t);
	return !failed;
}

void numbers_free(struct numbers *t)
{
	free(t->values);
	table_free(&t->index);
	*t = (struct numbers){0};
}

/* ---- the sweep ----------------------------------------------------------------------- */

/* Goes over the networks in order with those around the current place on a stack. */
struct sweep {
	struct runs *runs;
	struct {
		uint64_t last_hi, last_lo; /* the highest address inside */
		uint32_t edge;
	} open[NESTED_MAX + 1]; /* open[0] is all addresses, with the value `none` */
	size_t depth;
};

/*
 * From this address on the value is another one.  The latest word on an address counts, and a
 * start that changes nothing is no start.
 */
static void start_run(struct runs *r, uint64_t hi, uint64_t lo, uint32_t edge)
{
	size_t n = r->n;

	if (n > 0 && r->hi[n - 1] == hi && (!r->lo || r->lo[n - 1] == lo))
		n--;
	if (n == 0 || r->edge[n - 1] != edge) {
		r->hi[n] = hi;
		if (r->lo)
			r->lo[n] = lo;
		r->edge[n] = edge;
		n++;
	}
	r->n = n;
}

/* The innermost network ends: behind it holds what is around it. */
static void close_network(struct sweep *s)
{
	uint64_t hi = s->open[s->depth].last_hi;
	uint64_t lo = s->open[s->depth].last_lo;

	s->depth--;
	if (++lo == 0)
		hi++;
	if (hi != 0 || lo != 0) /* else it ended with the last address of all */
		start_run(s->runs, hi, lo, s->open[s->depth].edge);
}

static bool innermost_is_before(const struct sweep *s, const struct ip *ip)
{
	uint64_t hi = s->open[s->depth].last_hi;

	return s->depth > 0 &&
	       (hi < ip->hi || (hi == ip->hi && s->open[s->depth].last_lo < ip->lo));
}

static void open_network(struct sweep *s, const struct prefix *p, uint32_t edge)
{
	unsigned length = p->length;

	s->depth++;
	s->open[s->depth].last_hi = p->base.hi | (length < 64 ? UINT64_MAX >> length : 0);
	s->open[s->depth].last_lo = length <= 64   ? UINT64_MAX
				    : length < 128 ? p->base.lo | UINT64_MAX >> (length - 64)
						   : p->base.lo;
	s->open[s->depth].edge = edge;
	start_run(s->runs, p->base.hi, p->base.lo, edge);
}

static bool same_network(const struct prefix *a, const struct prefix *b)
{
	return a->length == b->length && a->base.hi == b->base.hi && a->base.lo == b->base.lo;
}

bool runs_sweep(const struct ip_radix_entry *entries, size_t n, enum ip_family family,
    const struct ip_radix_combine *combine, struct numbers *numbers, struct runs *out)
{
	struct sweep s = {.runs = out};
	bool failed = false;
	size_t same;

	/* A network adds a start and an end. */
	if (!runs_alloc(out, 2 * n + 1, family == IP_V6))
		return false;
	s.open[0].edge = edge_leaf(0);
	start_run(out, 0, 0, edge_leaf(0));
	for (size_t i = 0; i < n && !failed; i += same) {
		const struct prefix *p = &entries[i].prefix;
		uint32_t around, value;

		for (same = 1; i + same < n && same_network(p, &entries[i + same].prefix);)
			same++;
		while (innermost_is_before(&s, &p->base))
			close_network(&s);
		around = numbers->values[edge_number(s.open[s.depth].edge)];
		value = combine->value(combine->context, around, &entries[i], same);
		open_network(&s, p, number_leaf(numbers, value, &failed));
	}
	while (s.depth > 0)
		close_network(&s);
	if (failed)
		runs_free(out);
	return !failed;
}
