#ifndef CORE_SUGGEST_SUGGEST_WHITELIST_H
#define CORE_SUGGEST_SUGGEST_WHITELIST_H
/*
 * suggest_whitelist: refused mail that could show whose it is (SPEC 10).
 *
 *     w = suggest_whitelist_create(seed, idna);
 *     ... suggest_whitelist_row(w, &row) for each row, in the order of their times ...
 *     const struct suggest_entries *s = suggest_whitelist_find(w);
 *
 * Looked at is what susranges refuse, or would in monitor mode, where SPF is known to pass (of
 * refused recipients it is for the sample of history.evaluate) or DMARC passed.  An entry is the
 * smallest that covers the evidence: the sender's domain with SPF as its proof; where SPF does not
 * do, or one client sends for many, the client's address.  It needs mail on several days, for
 * several recipients, and of organizational domains that are known (suggest_votes.h), here also by
 * refused mail with proof.  A message
 * that blocks refused is a counter-example to its domain and its client, one that failed DMARC to
 * its client; one excludes the entry.
 *
 * Chosen by the first two thirds of the days, tried on the others.  Memory is bounded.  Pure, one
 * thread at a time.
 */
#include "core/suggest/suggest_votes.h"

struct suggest_whitelist;

struct suggest_entry {
	struct slice domain; /* with proof = spf; empty: an address */
	struct ip address;
	uint64_t messages;                           /* refused, with proof */
	unsigned votes;                              /* of a domain and day, from one client */
	unsigned days, recipients, clients, domains; /* domains: organizational */
	double bound;
	bool claimed;
	unsigned held_right, held_wrong; /* on the days that were held out */
};

struct suggest_entries {
	struct suggest_entry *entry; /* domains first, then those with the most votes */
	size_t count, contradicted;
	uint64_t held_right, held_wrong;
	uint64_t unproven; /* refused messages of which nothing is known */
};

/* NULL when out of memory. */
struct suggest_whitelist *suggest_whitelist_create(uint64_t seed, const struct idna *);
void suggest_whitelist_free(struct suggest_whitelist **);

void suggest_whitelist_row(struct suggest_whitelist *, const struct decision_row *);

/* Stays as long as the whitelist; NULL when out of memory. */
const struct suggest_entries *suggest_whitelist_find(struct suggest_whitelist *);

/* What had no room: the figures are too low. */
uint64_t suggest_whitelist_lost(const struct suggest_whitelist *);

#endif
