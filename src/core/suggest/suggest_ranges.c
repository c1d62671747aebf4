#include "core/suggest/suggest_ranges.h"

#include "core/base/array.h"
#include "suggest_evidence.h"

#include <stdlib.h>

/* A system or a country is proposed only where the evidence would do for the claim, from all over.
 */
enum { SYSTEM_NETWORKS_MIN = 8, COUNTRY_NETWORKS_MIN = 64, COUNTRY_SYSTEMS_MIN = 3 };

enum { WIDEST_V4 = 16, WIDEST_V6 = 32 };

/* ---- candidates ---------------------------------------------------------------------- */

static void keep(struct suggest_ranges *s, const struct suggest_range *r)
{
	if (!ARRAY_ROOM(s->range, s->room, s->count + 1))
		s->no_memory = true;
	else
		s->range[s->count++] = *r;
}

/* Tries a candidate on the days that were held out, and takes it if they do not contradict it. */
static void take(
    struct suggest_chooser *c, const uint32_t *networks, size_t n, struct suggest_range *r)
{
	struct suggest_range all = *r;

	suggest_count_held_out(c, networks, n, r);
	c->found->held_bad += suggest_weighted(c->votes, r->held_bad, r->held_weak);
	c->found->held_good += r->held_good;
	for (size_t i = 0; i < n; i++)
		c->covered[networks[i]] = true;
	if (r->held_good > 0 || !suggest_count_all(c, networks, n, &all)) {
		c->found->contradicted++;
		return;
	}
	all.held_bad = r->held_bad;
	all.held_weak = r->held_weak;
	all.bound = suggest_bound(all.weighted, all.weighted);
	all.claimed = suggest_may_claim(all.weighted);
	keep(c->found, &all);
}

/* ---- systems and countries ----------------------------------------------------------- */

struct group {
	uint64_t key;
	uint32_t network;
};

static int compare_groups(const void *a, const void *b)
{
	const struct group *one = a, *other = b;

	if (one->key != other->key)
		return one->key < other->key ? -1 : 1;
	return (one->network > other->network) - (one->network < other->network);
}

static uint64_t key_of(const struct suggest_network *n, enum suggest_kind kind)
{
	return kind == SUGGEST_ASN ? n->asn
	       : n->country[0] == '\0'
		   ? 0
		   : (uint64_t)(unsigned char)n->country[0] << 8 | (unsigned char)n->country[1];
}

static unsigned count_systems(const struct suggest_chooser *c, const uint32_t *networks, size_t n)
{
	uint32_t seen[COUNTRY_SYSTEMS_MIN];
	unsigned count = 0;

	for (size_t i = 0; i < n && count < COUNTRY_SYSTEMS_MIN; i++) {
		unsigned k = 0;

		while (k < count && seen[k] != c->votes->network[networks[i]].asn)
			k++;
		if (k == count)
			seen[count++] = c->votes->network[networks[i]].asn;
	}
	return count;
}

static void try_group(
    struct suggest_chooser *c, const uint32_t *networks, size_t n, enum suggest_kind kind)
{
	const struct suggest_network *one = &c->votes->network[networks[0]];
	struct suggest_range r = {.kind = kind, .asn = kind == SUGGEST_ASN ? one->asn : 0};
	unsigned least = kind == SUGGEST_ASN ? SYSTEM_NETWORKS_MIN : COUNTRY_NETWORKS_MIN;

	if (kind == SUGGEST_COUNTRY)
		memcpy(r.country, one->country, sizeof r.country);
	if (n >= least &&
	    (kind == SUGGEST_ASN || count_systems(c, networks, n) >= COUNTRY_SYSTEMS_MIN) &&
	    suggest_is_candidate(c, networks, n, &r) && r.weighted >= SUGGEST_CLAIM_VOTES &&
	    c->bad_networks >= least && c->bad_networks * 2UL >= n)
		take(c, networks, n, &r);
}

static void try_groups(struct suggest_chooser *c, struct group *group, enum suggest_kind kind)
{
	size_t count = 0;

	for (uint32_t i = 0; i < c->votes->networks; i++)
		if (key_of(&c->votes->network[i], kind) != 0)
			group[count++] = (struct group){key_of(&c->votes->network[i], kind), i};
	if (count > 1)
		qsort(group, count, sizeof *group, compare_groups);
	for (size_t i = 0; i < count; i++)
		c->order[i] = group[i].network;
	for (size_t i = 0, end; i < count; i = end) {
		for (end = i; end < count && group[end].key == group[i].key; end++)
			;
		try_group(c, c->order + i, end - i, kind);
	}
}

/* ---- networks ------------------------------------------------------------------------ */

/* So many /24 (/48) with bad votes make the whole of it likely: a quarter; of the IPv6 networks,
 * most of which nobody uses, the square root. */
static bool is_dense(const struct suggest_chooser *c, const struct prefix *p, size_t seen)
{
	unsigned leaf = p->base.family == IP_V6 ? 48 : 24, bits = leaf - p->length;
	unsigned needed = p->base.family == IP_V6 ? 1U << bits / 2
			  : bits < 2              ? 1
						  : 1U << (bits - 2);

	return c->bad_networks >= needed && c->bad_networks * 2UL >= seen;
}

static unsigned common_length(const struct ip *a, const struct ip *b, unsigned most)
{
	unsigned n = 0;

	while (n < most && (n < 64 ? (a->hi ^ b->hi) >> (63 - n) & 1 : 0) == 0)
		n++;
	return n;
}

/* The widest networks in order[0 … n-1], which have `length` bits in common. */
static void try_network(struct suggest_chooser *c, const uint32_t *order, size_t n, unsigned length)
{
	const struct suggest_network *network = c->votes->network;
	const struct ip *low = &network[order[0]].prefix.base;
	unsigned leaf = network[order[0]].prefix.length;
	struct suggest_range r = {.kind = SUGGEST_NETWORK};
	struct prefix half;
	size_t split = 0;

	r.network = prefix_of(low, common_length(low, &network[order[n - 1]].prefix.base, leaf));
	if (r.network.length < length)
		r.network.length = length;
	if (suggest_is_candidate(c, order, n, &r) && is_dense(c, &r.network, n)) {
		take(c, order, n, &r);
		return;
	}
	if (r.network.length >= leaf)
		return;
	half = prefix_of(low, r.network.length + 1);
	while (split < n && prefix_contains(&half, &network[order[split]].prefix.base))
		split++;
	try_network(c, order, split, half.length);
	if (split < n)
		try_network(c, order + split, n - split, half.length);
}

static void try_networks(struct suggest_chooser *c)
{
	const struct suggest_network *network = c->votes->network;
	size_t count = c->votes->networks;

	for (uint32_t i = 0; i < count; i++)
		c->order[i] = i;
	for (size_t i = 0, end; i < count; i = end) {
		const struct ip *base = &network[c->order[i]].prefix.base;
		struct prefix widest =
		    prefix_of(base, base->family == IP_V6 ? WIDEST_V6 : WIDEST_V4);

		for (end = i + 1;
		     end < count && prefix_contains(&widest, &network[c->order[end]].prefix.base);
		     end++)
			;
		try_network(c, c->order + i, end - i, widest.length);
	}
}

/* ---- all ----------------------------------------------------------------------------- */

static int most_votes_first(const void *a, const void *b)
{
	const struct suggest_range *one = a, *other = b;

	if (one->weighted != other->weighted)
		return one->weighted > other->weighted ? -1 : 1;
	return prefix_compare(&one->network, &other->network);
}

static void index_votes(struct suggest_chooser *c)
{
	size_t at = 0;

	for (uint32_t i = 0; i <= c->votes->networks; i++) {
		while (at < c->votes->votes && c->votes->vote[at].network < i)
			at++;
		c->first[i] = at;
	}
}

static void choose(struct suggest_chooser *c, struct group *group)
{
	struct suggest_ranges *s = c->found;
	bool has[SUGGEST_DAYS_MAX] = {false};

	index_votes(c);
	for (size_t i = 0; i < c->votes->votes; i++)
		has[c->votes->vote[i].day] = true;
	s->held_out = suggest_first_held_out(has);
	try_groups(c, group, SUGGEST_COUNTRY);
	try_groups(c, group, SUGGEST_ASN);
	try_networks(c);
	if (s->count > 1)
		qsort(s->range, s->count, sizeof *s->range, most_votes_first);
}

struct suggest_ranges *suggest_ranges_find(const struct suggest_votes *votes)
{
	size_t networks = votes->networks + 1UL,
	       domains = suggest_domains_count(votes->domains) + 1UL;
	struct suggest_chooser *c = calloc(1, sizeof *c);
	struct group *group = calloc(networks, sizeof *group);
	struct suggest_ranges *s = calloc(1, sizeof *s);
	bool ok = c && group && s;

	if (ok) {
		*c = (struct suggest_chooser){.votes = votes, .found = s};
		c->first = calloc(networks + 1, sizeof *c->first);
		c->order = calloc(networks, sizeof *c->order);
		c->covered = calloc(networks, sizeof *c->covered);
		c->bad_seen = calloc(domains, sizeof *c->bad_seen);
		c->good_seen = calloc(domains, sizeof *c->good_seen);
		c->good_here = calloc(domains, sizeof *c->good_here);
		ok = c->first && c->order && c->covered && c->bad_seen && c->good_seen &&
		     c->good_here;
	}
	if (ok)
		choose(c, group);
	if (c) {
		free(c->first);
		free(c->order);
		free(c->covered);
		free(c->bad_seen);
		free(c->good_seen);
		free(c->good_here);
	}
	free(c);
	free(group);
	if (!ok || s->no_memory)
		suggest_ranges_free(&s);
	return s;
}

void suggest_ranges_free(struct suggest_ranges **ranges)
{
	if (*ranges)
		free((*ranges)->range);
	free(*ranges);
	*ranges = NULL;
}
