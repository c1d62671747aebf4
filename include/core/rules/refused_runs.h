#ifndef CORE_RULES_REFUSED_RUNS_H
#define CORE_RULES_REFUSED_RUNS_H
/*
 * refused_runs: the addresses that a rule table refuses by address alone, as runs in order: the
 * walk below table_diff, cidr_export and whitelist_need, which differ in the rules that they count.
 */
#include "core/rules/ruleset.h"

/* An address is refused when one of its rules `refuses` and none of them `exempts`. */
struct refusal_criteria {
	enum family family;
	int64_t now; /* decides which rules have expired */
	bool (*refuses)(const struct rule *, enum family, int64_t now);
	bool (*exempts)(const struct rule *, enum family, int64_t now);
};

/*
 * Calls `each` with every longest run first..last of refused addresses, IPv4 first, in order.
 * `each` returns false to end the walk.  False when out of memory or ended.
 */
bool refused_runs_each(const struct ruleset *, const struct refusal_criteria *,
    bool (*each)(void *context, const struct ip *first, const struct ip *last), void *context);

#endif
