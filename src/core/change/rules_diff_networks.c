/*
 * Networks in and out.  The tree keeps runs of addresses with the members that decide there; each
 * member tells the length of its network, so every network of that length that a run touches is an
 * entry.  One with holes decides in several runs: a hash table keeps each once, with the tables
 * that have it.
 */
#include "rules_diff_private.h"

#include <stdlib.h>

enum { SEEN_BEFORE = 1, SEEN_AFTER = 2 };

/* Its first size; always a power of two. */
enum { TABLE_START = 1024 };

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

/* Its place, or the free one where it belongs. */
static struct network *find_place(const struct network_table *t, const struct network *n)
{
	size_t i = hash_of(t, n) & (t->size - 1);

	while (t->at[i].seen && !is_same_network(&t->at[i], n))
		i = (i + 1) & (t->size - 1);
	return &t->at[i];
}

/* A quarter stays free. */
static bool grow(struct network_table *t)
{
	struct network *old = t->at;
	size_t size = t->size;

	if (t->count + 1 <= size / 4 * 3)
		return true;
	t->size = size ? size * 2 : TABLE_START;
	t->at = calloc(t->size, sizeof *t->at);
	if (!t->at) {
		t->at = old;
		t->size = size;
		return false;
	}
	for (size_t i = 0; i < size; i++)
		if (old[i].seen)
			*find_place(t, &old[i]) = old[i];
	free(old);
	return true;
}

static void add_network(struct network_table *t, uint32_t member, const struct prefix *p)
{
	struct network n = {
	    .hi = p->base.hi,
	    .lo = p->base.lo,
	    .rule = t->number[member_rule(member)],
	    .slot_out = (unsigned char)(member_slot(member) << 1 | member_out(member)),
	    .rank_family = (unsigned char)(member_rank(member) << 4 | (unsigned)p->base.family),
	    .length = (unsigned char)p->length,
	};
	struct network *place;

	if (!grow(t)) {
		t->failed = true;
		return;
	}
	place = find_place(t, &n);
	if (!place->seen) {
		*place = n;
		t->count++;
	}
	place->seen |= t->seen;
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

bool rules_diff_networks(const struct rules_pair *p)
{
	struct network_table t = {p->before, p->before_number, SEEN_BEFORE, NULL, 0, 0, false};
	size_t n;

	ip_radix_each_run(p->before->networks, add_run, &t);
	t.rules = p->after;
	t.number = p->after_number;
	t.seen = SEEN_AFTER;
	ip_radix_each_run(p->after->networks, add_run, &t);
	n = t.failed ? 0 : keep_differences(&t);
	for (size_t i = 0; i < n && !t.failed; i++)
		t.failed = !tell_network(p->diff, &t.at[i]);
	free(t.at);
	return !t.failed;
}
