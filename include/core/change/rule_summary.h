#ifndef CORE_CHANGE_RULE_SUMMARY_H
#define CORE_CHANGE_RULE_SUMMARY_H
/*
 * rule_summary: the rules of a table, with what recorded mail says of each (SPEC 10).
 *
 *     struct rule_summary *s = rule_summary_make(rules, arena);
 *     rule_summary_count(s, &row)     // every row of the history, or every verdict with its count
 *     for (size_t i = 0; i < s->count; i++) ... s->rows[i].hits
 *
 * Rules of one family and name are one row: the managed whitelist is as many rules as its entries
 * have ends, and one thing to whoever looks at it.  A hit is a decision that names the rule: it
 * refused, would have in monitor mode, or let in.  Rows are counted under the name, so a rule that
 * was renamed begins again, and one that took an old name has its hits.
 *
 * Pure; everything lives in the arena.
 */
#include "core/change/decision_row.h"
#include "core/rules/ruleset.h"

struct rule_summary_row {
	const struct rule *rule; /* the first of them */
	size_t entries;
	int64_t expires; /* of the one that expires first; 0: none does */
	uint64_t hits;   /* decisions, those that a folded row stands for included */
	int64_t last_ms; /* of the last of them; 0: none */
};

struct rule_summary {
	struct rule_summary_row *rows; /* in the order of the table */
	size_t count;
	struct rule_summary_row **by_name; /* sorted by family and name */
};

/* NULL when out of memory. */
struct rule_summary *rule_summary_make(const struct ruleset *, struct arena *);

/* Counts a recorded decision, or as many as the row stands for, for the rule that it names; rules
 * that are gone are left out. */
void rule_summary_count(struct rule_summary *, const struct decision_row *);

#endif
