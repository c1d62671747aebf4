#ifndef CORE_RULES_SURVEY_H
#define CORE_RULES_SURVEY_H
/*
 * survey: what a rule table does to the address space, and which of its entries do nothing.
 *
 *     struct survey *s = survey_create(now);
 *     ruleset_survey(builder, s);                   // before ruleset_finish(), which fills it
 *     rules = ruleset_finish(&builder);
 *     s->families[FAMILY_SUSRANGES].ipv4            // addresses in the networks of its rules
 *     s->rules[3].shadowed                          // entries of rule 3 that an earlier one hides
 *
 * An *entry* here is one network of `networks`, in a rule or in its `unless`; a range counts as
 * the networks that it is cut into, and networks that stand for an AS or a country are no entries.
 * It is the *longest match* of an address when it holds it and no longer entry of the same key
 * does.  A rule is *unconditional* when an address alone decides it: its only key is networks (asn,
 * country), without unless, not in monitor mode and not expired.  Each entry counts as the first of
 * these that it is:
 *
 *     duplicate  the same network stands in the same key already
 *     covered    the next wider entry of its key says the same, in or out
 *     dead       it decides nothing: it is no address's longest match, since longer entries of its
 *                key divide all of it up; or it takes out (`!`) what no other entry, AS or country
 *                of its key has in; or, in blocks and susranges, every address of which it is the
 *                longest match is exempt from that family by unconditional whitelist rules
 *     shadowed   in blocks and susranges: every address of which it is the longest match is
 *                refused by an earlier, unconditional rule of the same family already
 *
 * Beside that an entry of a whitelist may be needless: no rule holds any of its addresses.
 *
 * Every entry that is one of those above can be removed, one at a time, and no mail is decided
 * otherwise (another rule may be named).  Looking at a million entries takes some tenths of a
 * second and happens only when it is asked for.
 *
 * Pure; a survey belongs to one thread.
 */
#include "core/rules/ruleset.h"

struct survey_rule {
	size_t entries, duplicate, covered, dead, shadowed;
	struct origin first_dead, first_shadowed; /* file is the ruleset's */
	/* of a whitelist: let in addresses that no rule refuses (core/rules/whitelist_need.h) */
	size_t needless;
	struct origin first_needless;
	uint64_t ipv4; /* addresses that its networks, asn and country have in */
	double ipv6;   /* the same as a share of all IPv6 addresses, 0 to 1 */
};

/* Addresses in the networks of any rule of a family. */
struct survey_family {
	uint64_t ipv4;
	double ipv6;
};

struct survey {
	int64_t now;               /* decides which rules have expired */
	struct survey_rule *rules; /* by number of the rule; NULL before ruleset_finish() */
	unsigned rule_count;
	struct survey_family families[FAMILY_COUNT];
};

/* All IPv4 addresses, for shares. */
#define SURVEY_IPV4_ALL ((double)((uint64_t)1 << 32))

struct survey *survey_create(int64_t now);
void survey_free(struct survey **);

/* Asks for a survey of the entries and of the address space.  The survey is the caller's and must
 * outlive ruleset_finish(), which reports dead, shadowed and needless entries as warnings. */
void ruleset_survey(struct ruleset_builder *, struct survey *);

/* The address of a client alone decides this rule. */
bool survey_is_unconditional(const struct rule *, int64_t now);

/* Adds the addresses first..last, of one family: IPv4 as a number, IPv6 as a share of all. */
void survey_add_addresses(
    const struct ip *first, const struct ip *last, uint64_t *ipv4, double *ipv6);

#endif
