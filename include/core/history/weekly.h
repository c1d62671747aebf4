#ifndef CORE_HISTORY_WEEKLY_H
#define CORE_HISTORY_WEEKLY_H
/*
 * weekly: what the history says of a week's refusals: by rule, and those that look wrong.
 *
 *     w = weekly_create(rules, &seed, since_ms)
 *     weekly_learn(w, &row)                          // every row of the history, to know who is
 * good weekly_count(w, &row)                          // every row again weekly_finish(w) for (i =
 * 0; i < w->rule_count; i++) ... w->rules[i] ... for (i = 0; i < w->case_count; i++) ...
 * w->cases[i] ...
 *
 * A refusal *looks legitimate* when its sender's domain has proven mail of that author domain that
 * was accepted (DMARC pass, or without a record an aligned pass), when that domain has written to
 * this recipient before and was accepted, or when the refused message itself was proven.  Refusals
 * of one sender domain and rule are one case; cases are at most WEEKLY_CASES, of the first that are
 * met, and the others are counted: who sends from many domains of his own makes none of them, since
 * none of them was accepted before.
 *
 * The ruleset is borrowed.  One thread at a time.
 */
#include "core/change/decision_row.h"
#include "core/history/history_hash.h"
#include "core/rules/ruleset.h"

enum { WEEKLY_CASES = 4096 };

/* Why a refusal looks legitimate, as bits. */
enum weekly_why {
	WEEKLY_PROVEN_SELF = 1,   /* the refused message was proven */
	WEEKLY_PROVEN_DOMAIN = 2, /* other mail of that domain was, and was accepted */
	WEEKLY_KNOWN = 4,         /* to this recipient */
};

struct weekly_rule {
	enum family family;
	struct slice name;       /* empty: SPF, DMARC, … */
	const struct rule *rule; /* of the running table, or NULL */
	uint64_t refused, monitored, accepted;
	int64_t last_ms;
};

/* Texts are in the arena of the weekly. */
struct weekly_case {
	struct slice domain, rule; /* rule: its name, or the family's */
	uint64_t count;
	unsigned why;
	int64_t last_ms;
	struct ip client; /* of the last */
	struct slice recipient, id;
};

struct weekly {
	struct arena *arena;
	int64_t since_ms;
	uint64_t accepted, refused, monitored, folded; /* decisions of the week */
	struct weekly_rule *rules; /* most refusals first; no_rules beyond: counted in them */
	size_t rule_count, rule_capacity;
	struct weekly_case *cases; /* the best reasons first, then the most refusals */
	size_t case_count, case_capacity;
	uint64_t more_cases; /* refusals that look legitimate and have no case */
	struct history_set *proven, *known;
	struct weekly_index *index;
};

/* NULL when out of memory. */
struct weekly *weekly_create(const struct ruleset *, const struct history_seed *, int64_t since_ms);
void weekly_free(struct weekly **);

/* False when out of memory.  weekly_count() takes rows since since_ms only. */
bool weekly_learn(struct weekly *, const struct decision_row *);
bool weekly_count(struct weekly *, const struct decision_row *);

/* Why a refusal looks legitimate: bits of enum weekly_why, 0: it does not. */
unsigned weekly_why(const struct weekly *, const struct decision_row *);

/* How much these reasons weigh: proven and known weighs more than either. */
int weekly_weight(unsigned why);

/* Puts rules and cases in order. */
void weekly_finish(struct weekly *);

#endif
