#ifndef CORE_CHANGE_RULES_DIFF_PRIVATE_H
#define CORE_CHANGE_RULES_DIFF_PRIVATE_H
/*
 * The parts of rules_diff: rules_diff.c pairs the rules and compares settings and attributes,
 * rules_diff_networks.c and rules_diff_names.c compare entries, rules_diff_switches.c recipient
 * domains.
 */
#include "core/change/rules_diff.h"

/* Both tables, and which of diff->rules each of their rules is. */
struct rules_pair {
	const struct ruleset *before, *after;
	const uint32_t *before_number, *after_number;
	struct rules_diff *diff;
	int64_t now;
};

/* Adds to a list of changes when the two differ; both texts are copied. */
void rules_diff_add_change(struct rules_diff *, struct rules_diff_change **list, const char *what,
    struct slice before, struct slice after);

/* Counts one more; true: its text is wanted as an example. */
bool rules_diff_count(struct rules_diff_side *);
void rules_diff_add_example(struct rules_diff *, struct rules_diff_side *, struct slice text);

/* Where entries of a slot are counted; `name`: of the key.  NULL when out of memory. */
struct rules_diff_side *rules_diff_side_of(
    struct rules_diff *, uint32_t rule, unsigned slot, const char *name, bool in);

/* False when out of memory. */
bool rules_diff_networks(const struct rules_pair *);
bool rules_diff_names(const struct rules_pair *);
bool rules_diff_switches(const struct rules_pair *);

#endif
