#ifndef METRICS_PAGE_H
#define METRICS_PAGE_H
/*
 * metrics_page: the text of all metrics while it is written: what metrics.c, with the table, shares
 * with metrics_rules.c, which has those with a series for each rule, list or feed.
 */
#include "edge/doors/policy_door.h"
#include "edge/metrics/metrics.h"

#include <stdio.h>

/* One text under construction. */
struct metrics_page {
	FILE *out;
	struct worker *worker;
	const struct generation *generation;
	struct resolver_stats dns;
	struct recorder_counts records;
	struct reports_counts reports;
	struct history_counts history;
	uint64_t unevaluated; /* dropped before and in the history */
	struct policy_counts policy;
	struct reload_status reload;
	const char *name; /* of the metric that is being written */
	unsigned rules_written;
	uint64_t others[FAMILY_COUNT][ACTION_COUNT][2];
	unsigned undecided_written;
	uint64_t undecided_others[FAMILY_COUNT];
};

/* One sample of the metric that is being written, with labels or without. */
void metrics_write_sample(struct metrics_page *, double value, const char *labels, ...)
    __attribute__((format(printf, 3, 4)));
void metrics_write_value(struct metrics_page *, double value);

void metrics_write_rule_modes(struct metrics_page *);
void metrics_write_rule_expiries(struct metrics_page *);
void metrics_write_lists_modified(struct metrics_page *);
void metrics_write_feeds_taken(struct metrics_page *);
void metrics_write_feeds_entries(struct metrics_page *);
void metrics_write_feeds_modified(struct metrics_page *);

#endif
