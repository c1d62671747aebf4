#include "core/change/cidr_export.h"

#include "core/rules/refused_runs.h"

bool cidr_export_has(const struct rule *rule, enum family family, int64_t now)
{
	return rule->family == family && rule->keys == 1u << KEY_NETWORKS && rule->unless == 0 &&
	       !rule_monitors(rule, now) && !rule_expired(rule, now);
}

static bool exempts(const struct rule *rule, enum family family, int64_t now)
{
	if (rule_expired(rule, now))
		return false;
	return rule->family == FAMILY_TRUSTED ||
	       (rule->family == FAMILY_WHITELIST && rule->covers & 1u << family);
}

struct cidr_writer {
	bool (*each)(void *context, const struct prefix *);
	void *context;
};

static bool write_run(void *context, const struct ip *first, const struct ip *last)
{
	struct cidr_writer *w = context;

	prefix_from_range(first, last, w->each, w->context);
	return true;
}

bool cidr_export_each(const struct ruleset *rules, enum family family, int64_t now,
    bool (*each)(void *context, const struct prefix *), void *context)
{
	const struct refusal_criteria criteria = {family, now, cidr_export_has, exempts};
	struct cidr_writer w = {each, context};

	return refused_runs_each(rules, &criteria, write_run, &w);
}
