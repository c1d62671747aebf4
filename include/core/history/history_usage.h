#ifndef CORE_HISTORY_HISTORY_USAGE_H
#define CORE_HISTORY_HISTORY_USAGE_H
/*
 * history_usage: which entries of a rule table the recorded mail was decided by (SPEC 10, stale).
 *
 *     u = history_usage_create(rules, &seed, &world, now);
 *     history_usage_add(u, &row)                            // every row of the history
 *     ... for each entry of the files ...
 *     if (!history_usage_has(u, rule, slot, &entry)) ...    // it decided nothing
 *
 * An entry *decides* its key for a value (a client's address, a HELO name, …) when it is the most
 * specific one there that fits, in or out: the same that `lookup` calls so.  What the rules make of
 * it is not asked, so that each distinct client and name of the history is looked up once, whatever
 * their number of rows.  Rows of authenticated sessions count for the rules that are for these, all
 * others for the others, and of clients in trusted_networks that alone; a rule that has expired is
 * decided by nothing.
 *
 * Of a row that stands for many clients of one network only the entry that refused them is known,
 * and what its examples show.
 *
 * Pure; one thread at a time.
 */
#include "core/change/decision_row.h"
#include "core/history/history_hash.h"
#include "core/name/entry.h"
#include "core/rules/ruleset.h"

struct history_usage;

/* What the core does not know by itself. */
struct history_world {
	const struct idna *idna;
	/* The numbers of the AS and the country of an address, as entries of `asn` and `country`
	 * have them; 0: not known. */
	void (*place)(void *context, const struct ip *, uint32_t *asn, uint32_t *country);
	void *context;
};

/* The ruleset and the world are borrowed.  NULL when out of memory. */
struct history_usage *history_usage_create(
    const struct ruleset *, const struct history_seed *, const struct history_world *, int64_t now);
void history_usage_free(struct history_usage **);

/* False when out of memory. */
bool history_usage_add(struct history_usage *, const struct decision_row *);

/* Whether the entry of this rule (its number in the table) and key or key of `unless` decided. */
bool history_usage_has(
    const struct history_usage *, unsigned rule, unsigned slot, const struct entry *);

/* The same of an AS number or country. */
bool history_usage_has_place(const struct history_usage *, unsigned rule, unsigned slot,
    enum member_rank, uint32_t number, bool out);

/* Distinct clients and names that were looked up. */
size_t history_usage_values(const struct history_usage *);

#endif
