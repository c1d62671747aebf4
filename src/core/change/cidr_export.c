#include "core/change/cidr_export.h"

#include <stdlib.h>

struct cidr_export {
	const struct ruleset *rules;
	enum family family;
	int64_t now;
	unsigned char *memo; /* by number of the set: 0 not looked at, else 1 + refused */
	bool pending;        /* first..last is refused and may go on */
	struct ip first, last;
	bool (*each)(void *context, const struct prefix *);
	void *context;
};

bool cidr_export_has(const struct rule *rule, enum family family, int64_t now)
{
	return rule->family == family && rule->keys == 1u << KEY_NETWORKS && rule->excuses == 0 &&
	       !rule->monitor && !rule_expired(rule, now);
}

static bool excuses(const struct rule *rule, enum family family, int64_t now)
{
	if (rule_expired(rule, now))
		return false;
	return rule->family == FAMILY_TRUSTED ||
	       (rule->family == FAMILY_WHITELIST && rule->covers & 1u << family);
}

static bool set_refuses(const struct cidr_export *f, uint32_t set)
{
	bool refused = false;
	size_t n;
	const uint32_t *members = sets_get(f->rules->sets, set, &n);

	for (size_t i = 0; i < n; i++) {
		const struct rule *rule = &f->rules->rules[member_rule(members[i])];

		if (member_slot(members[i]) != KEY_NETWORKS || member_out(members[i]))
			continue;
		if (excuses(rule, f->family, f->now))
			return false;
		refused |= cidr_export_has(rule, f->family, f->now);
	}
	return refused;
}

static void give(struct cidr_export *f)
{
	if (f->pending)
		prefix_from_range(&f->first, &f->last, f->each, f->context);
	f->pending = false;
}

/* Runs come in order and without gaps, so that a refused one goes on with the next or ends. */
static void take_run(void *context, const struct ip *first, const struct ip *last, uint32_t set)
{
	struct cidr_export *f = context;

	if (f->memo[set] == 0)
		f->memo[set] = (unsigned char)(1 + set_refuses(f, set));
	if (f->memo[set] == 1 || (f->pending && f->last.family != first->family))
		give(f);
	if (f->memo[set] == 1)
		return;
	if (!f->pending)
		f->first = *first;
	f->last = *last;
	f->pending = true;
}

bool cidr_export_each(const struct ruleset *rules, enum family family, int64_t now,
    bool (*each)(void *context, const struct prefix *), void *context)
{
	struct cidr_export f = {
	    .rules = rules,
	    .family = family,
	    .now = now,
	    .memo = calloc(sets_count(rules->sets), 1),
	    .each = each,
	    .context = context,
	};

	if (!f.memo)
		return false;
	iptrie_each_run(rules->networks, take_run, &f);
	give(&f);
	free(f.memo);
	return true;
}
