#ifndef CORE_CHANGE_CIDR_EXPORT_H
#define CORE_CHANGE_CIDR_EXPORT_H
/*
 * cidr_export: what a rule table refuses by address alone, as plain networks, for hosts that have a
 * packet filter or a cidr: table and no milter.
 *
 *     susranges 198.51.100.0/24, whitelist 198.51.100.7
 *         → 198.51.100.0/30 … 198.51.100.8/29 … 198.51.100.128/25
 *
 * Without a session, less can be told, and the mail is given the benefit: an address is refused by
 * a rule that looks at nothing else (no other key, no unless), is not in monitor mode and has not
 * expired; it is not refused when any whitelist rule that is in force and covers the family holds
 * it, whatever else that rule asks for, nor when it is trusted.  Switches of recipient domains
 * cannot be told.
 */
#include "core/rules/ruleset.h"

/* True when this rule of the family refuses by address alone. */
bool cidr_export_has(const struct rule *, enum family, int64_t now);

/*
 * Calls `each`, which returns true, with every network, IPv4 first, in order, none within or beside
 * another that could be one with it.  False when out of memory.  family: FAMILY_SUSRANGES or
 * FAMILY_BLOCKS.
 */
bool cidr_export_each(const struct ruleset *, enum family, int64_t now,
    bool (*each)(void *context, const struct prefix *), void *context);

#endif
