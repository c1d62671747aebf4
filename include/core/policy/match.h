#ifndef CORE_POLICY_MATCH_H
#define CORE_POLICY_MATCH_H
/*
 * match: which rules does this set of facts satisfy?
 *
 *     struct match m;
 *     struct outcome o;
 *     match_start(&m, rules, facts);
 *     while (match_next(&m, &o)) ...               // rules in order of the table
 *
 * match_start() makes all look-ups; each gives a sorted set of members, and match_next() merges
 * these sets, so that only rules that some entry speaks of are looked at, and those without any
 * list. A criterion on a fact that is unknown, for now or because its answer did not come, is
 * neither true nor false; the truth of a rule follows:
 *
 *     any criterion no           → NO        (such rules are not returned)
 *     any `unless` yes           → NO
 *     a criterion or an `unless` unknown, otherwise as above → UNKNOWN
 *     all criteria yes, every `unless` no                    → YES
 *
 * Allocates nothing; lives on the stack of the caller.
 */
#include "core/rules/facts.h"
#include "core/rules/ruleset.h"

enum truth { TRUTH_NO, TRUTH_YES, TRUTH_UNKNOWN };

struct outcome {
	const struct rule *rule;
	enum truth truth;
	uint64_t yes, no; /* bits of slots (key, or SLOT_UNLESS + key) that are decided in, out */
	uint64_t unknown; /* bits of slots that look at facts which are not known */
	unsigned domains; /* identities by which `domains` is in, bits 1 << identity_kind */
	/* Of the unknown ones: what can be asked for, bits of enum need; first for the criteria,
	 * and for `unless` only when all of these hold. */
	unsigned need;
	bool late;      /* some are facts that the session has not shown yet */
	bool under_way; /* some are answers under way, for which the end of the message has time */
	bool has_network;
	struct prefix network; /* the entry that decided KEY_NETWORKS */
	bool has_identity;
	enum identity_kind identity; /* the first identity that matched */
	struct slice entry;          /* the part of it that the deciding entry names */
};

/* What decided one slot of a rule: an entry, or a pattern. */
struct match_decider {
	bool decided;
	bool out;                    /* an entry with `!` */
	enum identity_kind identity; /* whose; IDENTITY_COUNT: the client's address, or the login */
	enum entry_kind kind;        /* as what it was looked up, see match_cursor */
	uint32_t member;             /* the entry; unused where a pattern decided */
	const struct ruleset_pattern *pattern;
	uint64_t words; /* of a criterion on one fact: those that decided */
	const struct header_test *header;
};

/* The deciders of one rule, by slot.  Those of `domains` that are out stand here only where no
 * other identity is in. */
struct match_trace {
	struct match_decider slots[SLOT_COUNT];
};

/* One sorted set of members and the identity that it was looked up for. */
struct match_cursor {
	const uint32_t *at, *end;
	uint32_t set;
	enum identity_kind identity; /* IDENTITY_COUNT: the client's address, or the login */
	enum entry_kind kind; /* what was looked up: NETWORK, NAME, or how entry_spell() did it */
};

/* The address, the login, and for each of five identities: names, domains, address, sub-address,
 * local. */
enum { MATCH_CURSORS = 2 + 5 * IDENTITY_COUNT };

struct match {
	const struct ruleset *rules;
	const struct facts *facts;
	struct match_cursor cursors[MATCH_CURSORS]; /* those of one identity: most specific first */
	unsigned count;
	unsigned pattern;                        /* next of rules->patterns */
	unsigned unlisted;                       /* next of rules->unlisted */
	struct pattern_hits own[IDENTITY_COUNT]; /* of identities that remember nothing */
	struct match_trace *trace;               /* NULL: nobody asks what decided */
};

void match_start(struct match *, const struct ruleset *, const struct facts *);

/* The next rule that is YES, or UNKNOWN where some entry speaks of it already; false when there
 * are no more. */
bool match_next(struct match *, struct outcome *);

/* The truth of one slot (a key of the rule, or SLOT_UNLESS + key) of a rule that has it. */
enum truth match_slot_truth(const struct outcome *, unsigned slot);

/* The outcome of one rule alone, NO included, and what decided each of its slots: for explaining.
 */
void match_rule(const struct ruleset *, const struct facts *, unsigned rule, struct outcome *,
    struct match_trace *);

#endif
