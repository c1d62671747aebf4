#ifndef CORE_CHANGE_REPLAY_OUTCOME_H
#define CORE_CHANGE_REPLAY_OUTCOME_H
/*
 * replay_outcome: a recorded decision, decided again under two rule sets.
 *
 *     replay_facts(&row, now, idna, arena, &facts);
 *     o = replay_decide(before, after, &facts, PHASE_RCPT);
 *     // o.before OUTCOME_PASS, o.after OUTCOME_REFUSED, o.changed CHANGED_YES
 *
 * Where a verdict needs a fact that nobody recorded, it is decided for each value that the fact can
 * have.  If all agree, that is the outcome; otherwise it is unknown.  Whether the two rule sets
 * differ is asked for each value, too: two verdicts that hang on the same missing answer in the
 * same way are no difference.  Pure.
 */
#include "core/change/decision_row.h"
#include "core/policy/policy.h"

/* What becomes of the recipient: quarantined mail passes. */
enum outcome_kind { OUTCOME_PASS, OUTCOME_REFUSED, OUTCOME_UNKNOWN };

enum changed { CHANGED_NO, CHANGED_YES, CHANGED_UNKNOWN };

struct replay_outcome {
	enum outcome_kind before, after;
	enum changed changed;
	/* Of the last value that was tried, the verdicts; borrowed from the rule sets. */
	struct verdict before_verdict, after_verdict;
};

/* The facts of a row, as of `now`, with names and local parts as rules look at them.  False when
 * out of memory. */
bool replay_facts(
    const struct decision_row *, int64_t now, const struct idna *, struct arena *, struct facts *);

/* One of its identities in the form that rules look at; of an address, and of a name. */
struct identity replay_address(
    enum fact_state, struct slice text, const struct idna *, struct arena *);
struct identity replay_name(
    enum fact_state, struct slice text, const struct idna *, struct arena *);

/* Whether rules that look at more than lists of names and networks (results, the DNS, the header,
 * lists in the DNS) are the same under both, those left out that decide nothing at this time: what
 * is open under one is then open in the same way under the other. */
bool replay_ask_alike(const struct ruleset *before, const struct ruleset *after, int64_t now);

struct replay_outcome replay_decide(
    const struct ruleset *before, const struct ruleset *after, const struct facts *, enum phase);

#endif
