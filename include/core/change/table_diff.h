#ifndef CORE_CHANGE_TABLE_DIFF_H
#define CORE_CHANGE_TABLE_DIFF_H
/*
 * table_diff: what the change from one rule table to another means for the addresses of clients.
 *
 *     struct table_diff d;
 *     if (table_diff_addresses(running, rules, now, &d))
 *         table_diff_text(&d, print_line, context);
 *
 *     susranges would newly refuse 256 IPv4 addresses (below 0.001 %), 0 % of IPv6: 198.51.100.0/24
 *     susranges would no longer refuse 16 IPv4 addresses (below 0.001 %), …: 203.0.113.0/28
 *
 * Refused here is an address in the networks of a rule of susranges that is neither in monitor mode
 * nor expired, unless an unconditional whitelist rule (core/rules/survey.h) covers it; other keys
 * of rules, and unless, are not looked at.
 */
#include "core/rules/ruleset.h"

enum { TABLE_DIFF_EXAMPLES = 5 };

/* Addresses that changed sides, and the largest networks among them, largest first. */
struct table_diff_change {
	uint64_t ipv4;
	double ipv6; /* share of all */
	struct prefix largest_v4[TABLE_DIFF_EXAMPLES], largest_v6[TABLE_DIFF_EXAMPLES];
	unsigned largest_v4_count, largest_v6_count;
};

struct table_diff {
	struct table_diff_change refused;  /* refused now, not before */
	struct table_diff_change released; /* the other way round */
};

/* False when out of memory. */
bool table_diff_addresses(
    const struct ruleset *before, const struct ruleset *after, int64_t now, struct table_diff *);

/* Lines carry no newline and live as long as the call.  "susranges refuses the same addresses" when
 * nothing changed. */
void table_diff_text(
    const struct table_diff *, void (*each)(void *context, const char *line), void *context);

#endif
