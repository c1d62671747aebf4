#include "core/change/table_diff.h"

#include "core/base/array.h"
#include "core/rules/refused_runs.h"
#include "core/rules/survey.h"

#include <stdlib.h>
#include <string.h>

struct interval {
	struct ip first, last;
};

/* The refused addresses of a table, disjoint and in order. */
struct runs {
	struct interval *at;
	size_t count, capacity;
};

static bool refuses(const struct rule *rule, enum family family, int64_t now)
{
	return rule->family == family && !rule_monitors(rule, now) && !rule_expired(rule, now);
}

static bool exempts(const struct rule *rule, enum family family, int64_t now)
{
	return rule->family == FAMILY_WHITELIST && rule->covers & 1u << family &&
	       survey_is_unconditional(rule, now);
}

static bool append_run(void *context, const struct ip *first, const struct ip *last)
{
	struct runs *r = context;

	if (!ARRAY_ROOM(r->at, r->capacity, r->count + 1))
		return false;
	r->at[r->count++] = (struct interval){*first, *last};
	return true;
}

static bool find_runs(struct runs *r, const struct ruleset *rules, int64_t now)
{
	const struct refusal_criteria criteria = {FAMILY_SUSRANGES, now, refuses, exempts};

	*r = (struct runs){.at = NULL};
	return refused_runs_each(rules, &criteria, append_run, r);
}

/* Puts a network into the list of the largest, if it is one of them. */
static void keep_largest(struct prefix *list, unsigned *count, const struct prefix *p)
{
	unsigned at = *count;

	while (at > 0 && list[at - 1].length > p->length)
		at--;
	if (at == TABLE_DIFF_EXAMPLES)
		return;
	if (*count < TABLE_DIFF_EXAMPLES)
		++*count;
	memmove(list + at + 1, list + at, (*count - 1 - at) * sizeof *list);
	list[at] = *p;
}

static bool add_network(void *context, const struct prefix *p)
{
	struct table_diff_change *c = context;

	if (p->base.family == IP_V4)
		keep_largest(c->largest_v4, &c->largest_v4_count, p);
	else
		keep_largest(c->largest_v6, &c->largest_v6_count, p);
	return true;
}

static void add_change(struct table_diff_change *c, const struct ip *first, const struct ip *last)
{
	survey_add_addresses(first, last, &c->ipv4, &c->ipv6);
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
static void subtract(const struct runs *a, const struct runs *b, struct table_diff_change *out)
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

bool table_diff_addresses(
    const struct ruleset *before, const struct ruleset *after, int64_t now, struct table_diff *out)
{
	struct runs old, new = {.at = NULL};
	bool good = find_runs(&old, before, now) && find_runs(&new, after, now);

	*out = (struct table_diff){.refused = {.ipv4 = 0}};
	if (good) {
		subtract(&new, &old, &out->refused);
		subtract(&old, &new, &out->released);
	}
	free(old.at);
	free(new.at);
	return good;
}
