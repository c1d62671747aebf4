#include "core/policy/survey.h"

#include "survey_private.h"

#include <math.h>
#include <stdlib.h>

struct survey *survey_create(int64_t now)
{
	struct survey *s = calloc(1, sizeof *s);

	if (s)
		s->now = now;
	return s;
}

void survey_free(struct survey **s)
{
	if (!*s)
		return;
	free((*s)->rules);
	free(*s);
	*s = NULL;
}

bool survey_is_unconditional(const struct rule *rule, int64_t now)
{
	return rule->keys == 1u << KEY_NETWORKS && rule->excuses == 0 && !rule->monitor &&
	       !rule_expired(rule, now);
}

/* ---- counting addresses -------------------------------------------------------------- */

/* Addresses of first..last, both of one family: IPv4 as a number, IPv6 as a share. */
static void count_run(const struct ip *first, const struct ip *last, uint64_t *ipv4, double *ipv6)
{
	if (first->family == IP_V4) {
		*ipv4 += (last->hi >> 32) - (first->hi >> 32) + 1;
		return;
	}
	*ipv6 += ldexp((double)(last->hi - first->hi), -64) +
		 ldexp((double)last->lo - (double)first->lo + 1, -128);
}

struct coverage {
	const struct ruleset *rules;
	struct survey *survey;
};

static void cover_run(void *context, const struct ip *first, const struct ip *last, uint32_t set)
{
	struct coverage *c = context;
	struct survey *s = c->survey;
	unsigned families = 0;
	size_t n;
	const uint32_t *members = sets_get(c->rules->sets, set, &n);

	for (size_t i = 0; i < n; i++) {
		unsigned rule = member_rule(members[i]);
		enum family family = c->rules->rules[rule].family;

		if (member_slot(members[i]) != KEY_NETWORKS || member_out(members[i]))
			continue;
		count_run(first, last, &s->rules[rule].ipv4, &s->rules[rule].ipv6);
		if ((families & 1u << family) == 0)
			count_run(
			    first, last, &s->families[family].ipv4, &s->families[family].ipv6);
		families |= 1u << family;
	}
}

void survey_address_space(struct survey *s, const struct ruleset *rules)
{
	struct coverage c = {rules, s};

	iptrie_each_run(rules->networks, cover_run, &c);
}

/* ---- two tables ---------------------------------------------------------------------- */

struct interval {
	struct ip first, last;
};

/* The refused addresses of a table as intervals in order. */
struct refused {
	const struct ruleset *rules;
	int64_t now;
	unsigned char *memo; /* by number of the set: 0 not looked at, else 1 + refused */
	struct interval *at;
	size_t count, capacity;
	bool failed;
};

static bool set_refuses(const struct refused *r, uint32_t set)
{
	bool refused = false;
	size_t n;
	const uint32_t *members = sets_get(r->rules->sets, set, &n);

	for (size_t i = 0; i < n; i++) {
		const struct rule *rule = &r->rules->rules[member_rule(members[i])];

		if (member_slot(members[i]) != KEY_NETWORKS || member_out(members[i]))
			continue;
		if (rule->family == FAMILY_WHITELIST && rule->covers & 1u << FAMILY_SUSRANGES &&
		    survey_is_unconditional(rule, r->now))
			return false;
		refused |= rule->family == FAMILY_SUSRANGES && !rule->monitor &&
			   !rule_expired(rule, r->now);
	}
	return refused;
}

static bool room(struct refused *r)
{
	size_t capacity = r->capacity ? r->capacity * 2 : 1024;
	struct interval *bigger;

	if (r->count < r->capacity)
		return true;
	bigger = realloc(r->at, capacity * sizeof *bigger);
	if (!bigger)
		return false;
	r->at = bigger;
	r->capacity = capacity;
	return true;
}

/* True when nothing lies between the end of the interval and `first`. */
static bool adjoins(const struct interval *i, const struct ip *first)
{
	struct ip next = i->last;

	return ip_next(&next) && ip_equal(&next, first);
}

static void refuse_run(void *context, const struct ip *first, const struct ip *last, uint32_t set)
{
	struct refused *r = context;

	if (r->memo[set] == 0)
		r->memo[set] = (unsigned char)(1 + set_refuses(r, set));
	if (r->memo[set] == 1)
		return;
	if (r->count > 0 && adjoins(&r->at[r->count - 1], first))
		r->at[r->count - 1].last = *last;
	else if (room(r))
		r->at[r->count++] = (struct interval){*first, *last};
	else
		r->failed = true;
}

static bool find_refused(struct refused *r, const struct ruleset *rules, int64_t now)
{
	*r = (struct refused){.rules = rules, .now = now};
	r->memo = calloc(sets_count(rules->sets), 1);
	if (r->memo)
		iptrie_each_run(rules->networks, refuse_run, r);
	return r->memo && !r->failed;
}

static void free_refused(struct refused *r)
{
	free(r->memo);
	free(r->at);
}

/* Puts a network into the list of the largest, if it is one of them. */
static void keep_largest(struct prefix *list, unsigned *count, const struct prefix *p)
{
	unsigned at = *count;

	while (at > 0 && list[at - 1].length > p->length)
		at--;
	if (at == SURVEY_EXAMPLES)
		return;
	if (*count < SURVEY_EXAMPLES)
		++*count;
	memmove(list + at + 1, list + at, (*count - 1 - at) * sizeof *list);
	list[at] = *p;
}

static bool add_network(void *context, const struct prefix *p)
{
	struct survey_change *c = context;

	if (p->base.family == IP_V4)
		keep_largest(c->largest_v4, &c->largest_v4_count, p);
	else
		keep_largest(c->largest_v6, &c->largest_v6_count, p);
	return true;
}

static void add_change(struct survey_change *c, const struct ip *first, const struct ip *last)
{
	count_run(first, last, &c->ipv4, &c->ipv6);
	prefix_from_range(first, last, add_network, c);
}

/* The address in front of ip, which is not the first of its family. */
static struct ip previous_address(struct ip ip)
{
	if (ip.family == IP_V4)
		ip.hi -= (uint64_t)1 << 32;
	else
		ip.hi -= ip.lo-- == 0;
	return ip;
}

/* Adds what is in a and not in b; both are disjoint intervals in order. */
static void subtract(const struct refused *a, const struct refused *b, struct survey_change *out)
{
	size_t j = 0;

	for (size_t i = 0; i < a->count; i++) {
		struct ip at = a->at[i].first;
		const struct ip *end = &a->at[i].last;
		bool more = true;

		while (j < b->count && ip_compare(&b->at[j].last, &at) < 0)
			j++;
		for (size_t k = j; more && k < b->count && ip_compare(&b->at[k].first, end) <= 0;
		     k++) {
			struct ip before;

			if (ip_compare(&at, &b->at[k].first) < 0) {
				before = previous_address(b->at[k].first);
				add_change(out, &at, &before);
			}
			at = b->at[k].last;
			more = ip_next(&at) && ip_compare(&at, end) <= 0;
		}
		if (more)
			add_change(out, &at, end);
	}
}

bool survey_difference(const struct ruleset *before, const struct ruleset *after, int64_t now,
    struct survey_difference *out)
{
	struct refused old, new = {.rules = after};
	bool good = find_refused(&old, before, now) && find_refused(&new, after, now);

	*out = (struct survey_difference){.refused = {.ipv4 = 0}};
	if (good) {
		subtract(&new, &old, &out->refused);
		subtract(&old, &new, &out->released);
	}
	free_refused(&old);
	free_refused(&new);
	return good;
}
