#ifndef CHANGE_SUGGEST_EVIDENCE_H
#define CHANGE_SUGGEST_EVIDENCE_H
/*
 * suggest_evidence: what the votes say of one candidate, a set of networks; for suggest_ranges.c,
 * which chooses them.
 */
#include "core/suggest/suggest_ranges.h"

struct suggest_chooser {
	const struct suggest_votes *votes;
	struct suggest_ranges *found;
	size_t *first;   /* by network: its first vote; one more behind the last */
	uint32_t *order; /* networks, by whatever is grouped */
	bool *covered;   /* by network: a candidate has it */
	/* of the candidate that is looked at, by its number */
	uint32_t round;
	uint32_t *bad_seen, *good_seen; /* by domain */
	uint32_t *good_here;            /* by domain: its good votes in the candidate */
	uint32_t day_seen[SUGGEST_DAYS_MAX];
	unsigned bad_networks;
};

/* Whether the days before the held-out ones speak for these networks, and nothing against them; the
 * figures of these days are in *r. */
bool suggest_is_candidate(
    struct suggest_chooser *, const uint32_t *networks, size_t n, struct suggest_range *r);

/* Adds what the votes of the held-out days say. */
void suggest_count_held_out(
    const struct suggest_chooser *, const uint32_t *networks, size_t n, struct suggest_range *r);

/* The figures of all days in the place of those of the first; false when something of the later
 * ones cannot be excepted. */
bool suggest_count_all(
    struct suggest_chooser *, const uint32_t *networks, size_t n, struct suggest_range *r);

#endif
