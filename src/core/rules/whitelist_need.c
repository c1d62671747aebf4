#include "core/rules/whitelist_need.h"

#include "core/base/array.h"
#include "core/rules/refused_runs.h"

#include <stdlib.h>

struct run {
	struct ip first, last;
};

/* Of one family: the addresses of its rules, disjoint and in order. */
struct runs {
	struct run *at;
	size_t count, capacity;
};

struct whitelist_need {
	struct runs of[FAMILY_COUNT];
	unsigned by_name; /* families with a rule that has no networks */
};

static const unsigned by_address = 1u << FAMILY_BLOCKS | 1u << FAMILY_SUSRANGES;

static bool refuses(const struct rule *rule, enum family family, int64_t now)
{
	return rule->family == family && !rule_expired(rule, now);
}

static bool exempts(const struct rule *rule, enum family family, int64_t now)
{
	(void)rule, (void)family, (void)now;
	return false;
}

static bool append_run(void *context, const struct ip *first, const struct ip *last)
{
	struct runs *r = context;

	if (!ARRAY_ROOM(r->at, r->capacity, r->count + 1))
		return false;
	r->at[r->count++] = (struct run){*first, *last};
	return true;
}

struct whitelist_need *whitelist_need_create(const struct ruleset *rules, int64_t now)
{
	struct whitelist_need *n = calloc(1, sizeof *n);
	bool ok = n;

	for (int f = 0; ok && f < FAMILY_COUNT; f++) {
		const struct refusal_criteria criteria = {(enum family)f, now, refuses, exempts};

		if (by_address & 1u << f)
			ok = refused_runs_each(rules, &criteria, append_run, &n->of[f]);
	}
	for (unsigned i = 0; ok && i < rules->rule_count; i++) {
		const struct rule *rule = &rules->rules[i];

		if (!(rule->keys & 1u << KEY_NETWORKS) && !rule_expired(rule, now))
			n->by_name |= 1u << rule->family;
	}
	if (!ok)
		whitelist_need_free(&n);
	return n;
}

void whitelist_need_free(struct whitelist_need **need)
{
	if (!*need)
		return;
	for (int f = 0; f < FAMILY_COUNT; f++)
		free((*need)->of[f].at);
	free(*need);
	*need = NULL;
}

/* The first run that ends at `first` or behind it begins at `last` or in front of it. */
static bool touches(const struct runs *r, const struct ip *first, const struct ip *last)
{
	size_t low = 0, high = r->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ip_compare(&r->at[middle].last, first) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < r->count && ip_compare(&r->at[low].first, last) <= 0;
}

bool whitelist_need_covers(
    const struct whitelist_need *n, unsigned covers, const struct ip *first, const struct ip *last)
{
	if ((covers & ~by_address) != 0)
		return true;
	for (int f = 0; f < FAMILY_COUNT; f++)
		if ((covers & 1u << f) && touches(&n->of[f], first, last))
			return true;
	return false;
}

unsigned whitelist_need_by_name(const struct whitelist_need *n, unsigned covers)
{
	return n->by_name & covers & by_address;
}
