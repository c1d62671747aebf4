/*
 * Networks in and out.  The tree keeps runs of addresses with the members that decide there; each
 * member tells the length of its network, so every network of that length that a run touches is an
 * entry.  One with holes decides in several runs: a hash table keeps each once, with the tables
 * that have it.
 */
#include "rules_diff_private.h"

#include <stdlib.h>

enum { SEEN_BEFORE = 1, SEEN_AFTER = 2 };

/* Its smallest size; always a power of two. */
enum { TABLE_START = 1024 };

/* Networks on their way into the table: their places are misses of the cache, asked for at once. */
enum { AHEAD = 16 };

struct network {
	uint64_t hi, lo;
	uint32_t rule; /* of the difference */
	unsigned char slot_out, rank_family, length;
	unsigned char seen; /* 0: this place is free */
};

_Static_assert(sizeof(struct network) == 24, "a million of them are kept");

struct network_table {
	const struct ruleset *rules; /* that is walked */
	const uint32_t *number;
	unsigned char seen;
	struct network *at;
	size_t count, size;
	struct network ahead[AHEAD];
	unsigned ahead_count;
	bool failed;
};

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 32) * UINT64_C(0xd6e8feb86659fd93);
	x = (x ^ x >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return x ^ x >> 32;
}

/* Feeds are written by strangers: the address of the table, which they cannot know, is the key. */
static uint64_t hash_of(const struct network_table *t, const struct network *n)
{
	uint64_t h = mix((uint64_t)(uintptr_t)t ^ n->hi);

	h = mix(h ^ n->lo);
	return mix(h ^ ((uint64_t)n->rule << 32 | (uint64_t)n->slot_out << 24 |
			   (uint64_t)n->rank_family << 16 | n->length));
}

static bool is_same_network(const struct network *a, const struct network *b)
{
	return a->hi == b->hi && a->lo == b->lo && a->rule == b->rule &&
	       a->slot_out == b->slot_out && a->rank_family == b->rank_family &&
	       a->length == b->length;
}

static size_t first_place(const struct network_table *t, const struct network *n)
{
	return hash_of(t, n) & (t->size - 1);
}

/* Its place, or the free one where it belongs. */
static struct network *find_place(const struct network_table *t, const struct network *n)
{
	size_t i = first_place(t, n);

	while (t->at[i].seen && !is_same_network(&t->at[i], n))
		i = (i + 1) & (t->size - 1);
	return &t->at[i];
}

/* A table of this size with what is in the old one. */
static bool resize(struct network_table *t, size_t size)
{
	struct network *old = t->at, *at = calloc(size, sizeof *at);
	size_t old_size = t->size;

	if (!at)
		return false;
	t->at = at;
	t->size = size;
	for (size_t i = 0; i < old_size; i++)
		if (old[i].seen)
			*find_place(t, &old[i]) = old[i];
	free(old);
	return true;
}

/* Room for n networks: a quarter stays free. */
static bool make_room(struct network_table *t, size_t n)
{
	size_t size = t->size ? t->size : TABLE_START;

	while (n > size / 4 * 3)
		size *= 2;
	return size == t->size || resize(t, size);
}

static void put_ahead(struct network_table *t)
{
	t->failed |= !make_room(t, t->count + t->ahead_count);
	for (unsigned i = 0; i < t->ahead_count && !t->failed; i++)
		__builtin_prefetch(&t->at[first_place(t, &t->ahead[i])], 1);
	for (unsigned i = 0; i < t->ahead_count && !t->failed; i++) {
		struct network *place = find_place(t, &t->ahead[i]);

		if (!place->seen) {
			*place = t->ahead[i];
			t->count++;
		}
		place->seen |= t->seen;
	}
	t->ahead_count = 0;
}

static void add_network(struct network_table *t, uint32_t member, const struct prefix *p)
{
	t->ahead[t->ahead_count++] = (struct network){
	    .hi = p->base.hi,
	    .lo = p->base.lo,
	    .rule = t->number[member_rule(member)],
	    .slot_out = (unsigned char)(member_slot(member) << 1 | member_out(member)),
	    .rank_family = (unsigned char)(member_rank(member) << 4 | (unsigned)p->base.family),
	    .length = (unsigned char)p->length,
	    .seen = t->seen,
	};
	if (t->ahead_count == AHEAD)
		put_ahead(t);
}

/* Neighbours of one length are one run. */
static void add_member(
    struct network_table *t, uint32_t member, const struct ip *first, const struct ip *last)
{
	struct ip at = *first;

	do {
		struct prefix p = prefix_of(&at, member_depth(member));

		add_network(t, member, &p);
		at = prefix_last(&p);
	} while (!t->failed && ip_compare(&at, last) < 0 && ip_next(&at));
}

static void add_run(void *context, const struct ip *first, const struct ip *last, uint32_t value)
{
	struct network_table *t = context;
	size_t count;
	const uint32_t *members = member_sets_get(t->rules->sets, value, &count);

	for (size_t i = 0; i < count && !t->failed; i++)
		add_member(t, members[i], first, last);
}

static struct prefix prefix_of_network(const struct network *n)
{
	return (struct prefix){{n->hi, n->lo, (enum ip_family)(n->rank_family & 0xf)}, n->length};
}

static int compare_networks(const void *one, const void *other)
{
	const struct network *a = one, *b = other;
	struct prefix p = prefix_of_network(a), q = prefix_of_network(b);

	if (a->rule != b->rule)
		return a->rule < b->rule ? -1 : 1;
	if (a->slot_out >> 1 != b->slot_out >> 1)
		return a->slot_out >> 1 < b->slot_out >> 1 ? -1 : 1;
	return prefix_compare(&p, &q);
}

static const char *rank_word(const struct network *n)
{
	switch (n->rank_family >> 4) {
	case RANK_COUNTRY:
		return "country";
	case RANK_ASN:
		return "asn";
	default:
		return rule_key_name(KEY_NETWORKS);
	}
}

static bool tell_network(struct rules_diff *d, const struct network *n)
{
	struct rules_diff_side *side =
	    rules_diff_side_of(d, n->rule, n->slot_out >> 1, rank_word(n), n->seen == SEEN_AFTER);
	struct prefix p = prefix_of_network(n);
	char text[PREFIX_TEXT_MAX + 1];
	size_t sign = n->slot_out & 1;

	if (!side)
		return false;
	if (!rules_diff_count(side))
		return true;
	text[0] = '!';
	rules_diff_add_example(d, side, slice_of(text, sign + prefix_format(&p, text + sign)));
	return true;
}

/* Moves what only one table has to the front, and sorts it. */
static size_t keep_differences(struct network_table *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->size; i++)
		if (t->at[i].seen == SEEN_BEFORE || t->at[i].seen == SEEN_AFTER)
			t->at[n++] = t->at[i];
	if (n > 1)
		qsort(t->at, n, sizeof *t->at, compare_networks);
	return n;
}

static void add_table(struct network_table *t, const struct ruleset *rules, const uint32_t *number,
    unsigned char seen)
{
	t->rules = rules;
	t->number = number;
	t->seen = seen;
	/* Those of an AS or a country are not counted there: the table grows with them. */
	t->failed |= !make_room(t, rules->network_entries);
	if (!t->failed)
		ip_radix_each_run(rules->networks, add_run, t);
	put_ahead(t);
}

bool rules_diff_networks(const struct rules_pair *p)
{
	struct network_table t = {.at = NULL};
	size_t n;

	add_table(&t, p->before, p->before_number, SEEN_BEFORE);
	add_table(&t, p->after, p->after_number, SEEN_AFTER);
	n = t.failed ? 0 : keep_differences(&t);
	for (size_t i = 0; i < n && !t.failed; i++)
		t.failed = !tell_network(p->diff, &t.at[i]);
	free(t.at);
	return !t.failed;
}
