#ifndef CORE_EXPLAIN_LOOKUP_H
#define CORE_EXPLAIN_LOOKUP_H
/*
 * lookup: which entries of lists know a value: an address, a network, a name or a mailbox (SPEC 7).
 *
 *     const char *wrong = lookup_parse(SLICE("198.51.100.7"), &idn_lenient, arena, &l, why);
 *     ... for each entry of each key ... if (lookup_fits(&l, slot, rule->in, &entry)) ...
 *     match_rule(rules, &l.facts, i, &outcome, &trace);     // of several entries: which decides
 *     if (lookup_decides(&trace.slots[slot], &entry)) ...
 *
 * The radix trees of a table hold what is decided at each place, not all that lies over it, so the
 * entries themselves are compared; which of them decides is asked of match, as for mail.  An
 * address or network is known by the networks that contain it, a name by itself and those above it,
 * a mailbox by its address and by its domain.  Patterns of sender, from and recipient look at whole
 * addresses: a name alone fits none.
 *
 * Pure; everything lives in the arena of lookup_parse().
 */
#include "core/name/entry.h"
#include "core/policy/match.h"

enum lookup_kind { LOOKUP_NETWORK, LOOKUP_NAME, LOOKUP_MAILBOX };

struct lookup {
	enum lookup_kind kind;
	struct prefix network;    /* LOOKUP_NETWORK; of an address: of all its bits */
	struct identity identity; /* otherwise */
	/* A session in which every identity that it can be is the value; `now` is the caller's. */
	struct facts facts;
};

enum { LOOKUP_WHY_MAX = 240 };

/* NULL, or the reason. */
const char *lookup_parse(struct slice text, const struct idna *, struct arena *, struct lookup *out,
    char why[LOOKUP_WHY_MAX]);

/* True when an entry of this key, or key of `unless`, knows the value.  `in`: the identities that
 * `domains` of the rule looks at, bits 1 << identity_kind. */
bool lookup_fits(const struct lookup *, unsigned slot, unsigned in, const struct entry *);

/* The domain whose switches count where the value is a recipient; empty: none. */
struct slice lookup_domain(const struct lookup *);

/* True when the name of a recipient domain is, or is above, that of the value. */
bool lookup_fits_domain(const struct lookup *, enum entry_kind, struct slice name);

/* True when this entry is the one that decided.  geo: an entry of `asn` or `country` instead, by
 * its rank. */
bool lookup_decides(const struct lookup *, const struct match_decider *, const struct entry *);
bool lookup_decides_geo(const struct match_decider *, enum member_rank, bool out);

#endif
