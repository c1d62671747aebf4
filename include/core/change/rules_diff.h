#ifndef CORE_CHANGE_RULES_DIFF_H
#define CORE_CHANGE_RULES_DIFF_H
/*
 * rules_diff: difference of two rule tables as an administrator wrote it (SPEC 10): enforcement,
 * settings, rules, entries, recipient domains.  What it means for address space: table_diff.h.
 *
 *     d = rules_diff_create(running, changed, now);
 *     rules_diff_text(d, print_line, context);
 *     rules_diff_free(&d);
 *
 *     enforcement off: mode enforce → monitor
 *     setting help_url: none → https://mx.example.org/
 *     new rules: dialup
 *     blocks tlds: domains 1 in: .com; 1 out: .monster
 *     recipient domains: 1 changed: example.org (spf reject → off)
 *
 * A rule is known by family and name.  Rules of one name are one here: each line of the managed
 * whitelist that has attributes of its own is a rule of the name "managed".
 *
 * Entries are read from the compiled tables: a range as the networks that it was cut into, an AS or
 * a country as its networks.  One that others hide completely is not in them, and decides nothing.
 * Of one name, `x` and `*.x` together hide `.x`.  The time is linear in both tables, and so is
 * the memory, with 24 to 96 bytes for each network while it runs; names take none.
 *
 * A difference owns its memory and does not need the tables any more.
 */
#include "core/rules/ruleset.h"

enum { RULES_DIFF_EXAMPLES = 5 };

enum rules_diff_enforcement { ENFORCEMENT_SAME, ENFORCEMENT_OFF, ENFORCEMENT_ON };

/* One setting, or one attribute of a rule. */
struct rules_diff_change {
	struct rules_diff_change *next;
	const char *what; /* "spf.fail", "reply" */
	struct slice before, after;
	enum rules_diff_enforcement enforcement;
};

/* What came, or went: how many, and the first in their order. */
struct rules_diff_side {
	size_t count;
	struct slice examples[RULES_DIFF_EXAMPLES];
	unsigned example_count;
};

struct rules_diff_key {
	struct rules_diff_key *next;
	const char *name; /* "networks", "asn", "country", "sender", … */
	bool unless;
	struct rules_diff_side in, out;
};

enum rules_diff_kind { RULE_KEPT, RULE_ADDED, RULE_REMOVED };

struct rules_diff_rule {
	struct slice name;
	enum family family;
	enum rules_diff_kind kind;
	bool monitor; /* of one that was added */
	struct rules_diff_change *changes;
	struct rules_diff_key *keys; /* of those with entries in or out */
};

struct rules_diff {
	struct arena *arena;
	struct rules_diff_change *settings;
	struct rules_diff_rule *rules; /* in order of the new table, then those that are gone */
	size_t rule_count;
	struct rules_diff_side domains_added, domains_removed, domains_changed;
};

/* Modes of rules are those of `now`, seconds since the epoch.  NULL when out of memory. */
struct rules_diff *rules_diff_create(
    const struct ruleset *before, const struct ruleset *after, int64_t now);
void rules_diff_free(struct rules_diff **);

/* Lines carry no newline and live as long as the call; what turns enforcement on or off comes
 * first. "same settings, rules and entries" when there is no difference. */
void rules_diff_text(
    const struct rules_diff *, void (*each)(void *context, const char *line), void *context);

#endif
