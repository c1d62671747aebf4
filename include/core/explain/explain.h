#ifndef CORE_EXPLAIN_EXPLAIN_H
#define CORE_EXPLAIN_EXPLAIN_H
/*
 * explain: a session query and its verdict → why: every rule that was looked at, and what it said.
 *
 *     session_query_decide(&q, rules, source);
 *     struct explanation *e = explain_make(&q, rules, false, arena);
 *     explain_text(e, print_line, NULL);       // core/explain/explaintext.h
 *
 * The verdict is policy_decide()'s, as for mail; what is added is the view of each rule: which of
 * its criteria hold, by which entry, and what the rule came to.  Rules that nothing in the session
 * touches are only counted, unless all of them are wanted or the table is short.
 *
 * Pure; everything lives in the arena.
 */
#include "core/explain/session_query.h"
#include "core/policy/match.h"
#include "core/policy/reply.h"

/* Up to so many rules are shown even when nothing touches them. */
enum { EXPLAIN_SHORT_TABLE = 40 };

/* One key of a rule, or of its `unless`. */
struct explain_criterion {
	unsigned slot;      /* enum rule_key, + SLOT_UNLESS */
	enum truth truth;   /* unknown: the fact that it looks at is not known */
	bool out;           /* an entry with `!` decided */
	bool geo;           /* the network stands for an AS or a country */
	struct slice entry; /* the one that decided, as it is written; empty: none fits */
	bool has_identity;
	enum identity_kind identity; /* whose name or address the entry fits */
	struct slice place; /* "file:line" of the entry, if somebody looked it up; or empty */
};

/* What a rule came to. */
enum explain_effect {
	EXPLAIN_NO,         /* does not match */
	EXPLAIN_EXPIRED,    /* past its `expires`: never matches */
	EXPLAIN_NOT_ASKED,  /* is for other sessions: authenticated, or inbound, ones */
	EXPLAIN_UNKNOWN,    /* cannot be told: a fact is not known */
	EXPLAIN_DECIDES,    /* the verdict is this rule's */
	EXPLAIN_EXEMPTS,    /* whitelist: matches, with its proof where it needs one */
	EXPLAIN_UNPROVEN,   /* whitelist: matches, but without proof */
	EXPLAIN_UNDECIDED,  /* whitelist: matches, and SPF, its proof, is not known */
	EXPLAIN_MONITOR,    /* matches in monitor mode */
	EXPLAIN_OFF,        /* matches, but this recipient's domain has the family off */
	EXPLAIN_EXEMPTED,   /* matches, but a whitelist entry covers the family */
	EXPLAIN_NOT_REACHED /* matches, but something else decides */
};

struct explain_rule {
	const struct rule *rule;
	enum explain_effect effect;
	struct explain_criterion *criteria;
	size_t count;
};

/* The rules of one family, in the order in which they are considered. */
struct explain_family {
	enum family family;
	struct explain_rule *rules;
	size_t count;
	unsigned untouched; /* rules that are not among them: nothing in the session fits */
};

/* trusted, exempt, whitelist, blocks, susranges */
enum { EXPLAIN_FAMILIES = 5 };

struct explanation {
	const struct session_query *query;
	const struct ruleset *ruleset;
	const struct switches *switches; /* of the recipient's domain */
	struct explain_family families[EXPLAIN_FAMILIES];
	struct explain_rule *deciding; /* among the rules above, or NULL */
	bool has_reply;                /* the verdict refuses, or would */
	struct reply reply;
};

/* `all`: untouched rules, too.  NULL when out of memory. */
struct explanation *explain_make(
    const struct session_query *, const struct ruleset *, bool all, struct arena *);

/* Static phrases. */
const char *explain_effect_text(enum explain_effect);

#endif
