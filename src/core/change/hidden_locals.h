#ifndef CHANGE_HIDDEN_LOCALS_H
#define CHANGE_HIDDEN_LOCALS_H
/*
 * hidden_locals: addresses of a history that keeps no local parts, or hashed ones
 * (history.local_parts), and what rules ask of them.
 *
 *     "~abcdefghijklm@example.org", "@example.org"       a mailbox of example.org, unknown which
 *     "~@example.org"                                    the latter, as rules look at it
 *
 * A rule by domain sees them as they are.  Where a rule names single mailboxes of that domain, or
 * of any, or has a pattern, the verdict hangs on what is not there.  With the key of the hashes,
 * mailboxes that rules name are hashed as well: an address is then one of them, or none.  What
 * remains unknown are entries such as "user+*@example.org", and patterns.
 */
#include "core/change/backtest.h"
#include "core/rules/ruleset.h"

/* Whether this text of a row hides a local part. */
bool hides_local(struct slice address);

struct hidden_locals;

/* Of both rule sets; hash NULL: there is no key.  NULL when out of memory. */
struct hidden_locals *hidden_locals_create(const struct ruleset *before,
    const struct ruleset *after, backtest_hash_fn *hash, const void *context);
void hidden_locals_free(struct hidden_locals **);

/* The address of a mailbox that a rule names; itself where it is none of them. */
struct slice hidden_locals_find(const struct hidden_locals *, struct slice address, struct arena *);

/* Whether a verdict may hang on the local part of an address that is not found, of this domain. */
bool hidden_locals_matter(
    const struct hidden_locals *, enum identity_kind, struct slice address, struct slice domain);

/* The domain of a spelling of core/name/entry.h; empty for "user@" and "<>". */
struct slice spelling_domain(struct slice spelling);

/* A tree of these domains, value 1 for each and 0 for others, those below included; NULL when out
 * of memory.  count at least 1. */
struct name_radix *domain_tree(struct name_radix_entry *domains, size_t count);

#endif
