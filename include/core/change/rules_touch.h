#ifndef CORE_CHANGE_RULES_TOUCH_H
#define CORE_CHANGE_RULES_TOUCH_H
/*
 * rules_touch: which recorded mail a change of the rules can touch at all: the selection in front
 * of a backtest (core/change/backtest.h), so that only that mail is decided again.
 *
 *     t = rules_touch_create(running, changed, now, idna);
 *     rules_touch_everything(t)                          // settings changed: look at all rows
 *     rules_touch_client(t, &ip)                         // of each distinct client once,
 *     rules_touch_text(t, text, identities, arena)       // … and of each distinct name
 *
 * Which difference can change which rows.  A row that is not touched has the same outcome under
 * both tables, by construction and not by experience: a verdict is a function of the settings, the
 * switches of the recipient's domain, the members that the look-ups of the client and of each
 * identity give (core/policy/match.h), the patterns that match, and facts that both tables share.
 *
 *     mode, spf.temperror and spf.permerror, dmarc.temperror, dmarc.unproven and dmarc.bad_from,
 *     the defaults of the switches      everything
 *     switches of a recipient domain    recipients for whom the switches in force differ
 *     networks, asn, country, new geo   clients whose address has other members
 *     names, addresses, `domains`       identities of that kind whose look-ups give other members
 *     patterns in or out                identities of that kind that the pattern matches
 *     a rule in or out, or one with other criteria, unless, in, proof, covers, monitor,
 *     or whose expiry has come          whatever one of its entries or patterns names
 *
 * Members are compared by what they mean: rules of both tables are pairs when they have the same
 * family, name, and attributes that a verdict looks at.  Rules that decide nothing in either table
 * do not count: those that have expired, and those of whitelist, blocks and susranges in monitor
 * mode, which are recorded and change no fate.  Nor do reply, comment, owner, ticket, `mixed`,
 * dmarc.quarantine and what headers say: policy_decide() says the same for each recipient.
 *
 * Whatever a verdict newly looks at has to be compared here, be it a setting, a switch, an
 * attribute of rules or a look-up; and history_backtest_test needs words to try it.
 *
 * Memory runs out, or a table has too many different sets: then everything is touched.  The time
 * to create it is linear in both tables; it borrows them.  Immutable then: safe in any thread.
 */
#include "core/rules/ruleset.h"

struct rules_touch;

/* NULL when out of memory.  now: when rules have expired. */
struct rules_touch *rules_touch_create(
    const struct ruleset *before, const struct ruleset *after, int64_t now, const struct idna *);
void rules_touch_free(struct rules_touch **);

/* Every row may be touched. */
bool rules_touch_everything(const struct rules_touch *);

/* Whether any client can be; identities of which any text can be, as bits 1 << identity_kind. */
bool rules_touch_clients(const struct rules_touch *);
unsigned rules_touch_identities(const struct rules_touch *);

bool rules_touch_client(const struct rules_touch *, const struct ip *);

/* Those of `identities` for which this text, as a row has it, is touched.  The arena is for work;
 * when it runs out the text is touched. */
unsigned rules_touch_text(
    const struct rules_touch *, struct slice text, unsigned identities, struct arena *);

#endif
