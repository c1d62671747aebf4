#ifndef CORE_RULES_WHITELIST_NEED_H
#define CORE_RULES_WHITELIST_NEED_H
/*
 * whitelist_need: which whitelist entries by address no rule makes necessary.
 *
 *     struct whitelist_need *n = whitelist_need_create(rules, now);
 *     if (!whitelist_need_covers(n, covers, &first, &last))
 *             ... no rule that this entry could withdraw a refusal of holds one of its addresses
 *     whitelist_need_free(&n);
 *
 * What counts are the rules of blocks and susranges that have networks (asn, country) and have not
 * expired; one in monitor mode as well, since it may enforce tomorrow.  Rules without networks
 * refuse whoever says a name, from any address: whitelist_need_by_name() tells of them, since such
 * an entry still withdraws what they refuse.  SPF and DMARC refuse from any address, too.
 *
 * Pure; owns its memory and does not need the table any more.
 */
#include "core/rules/ruleset.h"

struct whitelist_need;

/* NULL when out of memory. */
struct whitelist_need *whitelist_need_create(const struct ruleset *, int64_t now);
void whitelist_need_free(struct whitelist_need **);

/* Whether a rule of the families `covers` (bits 1 << family) holds an address from first to last;
 * true where they have spf or dmarc. */
bool whitelist_need_covers(
    const struct whitelist_need *, unsigned covers, const struct ip *first, const struct ip *last);

/* Of these families, those with a rule that looks at no address: bits 1 << family. */
unsigned whitelist_need_by_name(const struct whitelist_need *, unsigned covers);

#endif
