#ifndef CORE_STATS_TALLY_H
#define CORE_STATS_TALLY_H
/*
 * tally: refusals by recipient domain and hour, in bounded memory whatever the flood.
 *
 *     struct tally *t = tally_create(12 << 20);
 *     tally_count(t, &refusal);                         // ten million times
 *     tally_each(t, store, context);
 *     tally_free(&t);
 *
 * Totals are exact, by family and by whether monitor mode only would have refused.  Which
 * recipients, rules and clients it were is exact up to TALLY_TOP of each, and then what
 * core/base/top_k.h knows for certain; of recipients beyond, core/base/hyperloglog.h tells about
 * how many there were.  When the limit is reached, refusals for domains that are not in the tally
 * yet are counted together, under the name "", and lists grow no longer: nothing is ever uncounted,
 * and memory is never more than twice the limit.
 *
 * One thread at a time.
 */
#include "core/base/hyperloglog.h"
#include "core/rules/verdict.h"

struct tally;

/* Length of each list of a domain and hour. */
enum { TALLY_TOP = 64 };

enum tally_kind { TALLY_RECIPIENTS, TALLY_RULES, TALLY_CLIENTS, TALLY_KINDS };

struct refusal {
	struct slice domain; /* of the recipient, canonical */
	int64_t hour;        /* since the epoch */
	enum family family;
	bool monitored;
	struct slice keys[TALLY_KINDS]; /* an empty one is not counted */
};

/* One domain and hour, borrowed for the call. */
struct tally_domain {
	struct slice name;
	int64_t hour;
	uint64_t totals[FAMILY_COUNT][2];     /* [1]: monitored */
	struct top_k *top[TALLY_KINDS];       /* NULL: none */
	const struct hyperloglog *recipients; /* NULL: all of them are in top */
};

struct tally *tally_create(size_t limit);
void tally_free(struct tally **);

void tally_count(struct tally *, const struct refusal *);

/* Refusals since it was made, and bytes in use. */
uint64_t tally_total(const struct tally *);
size_t tally_bytes(const struct tally *);

void tally_each(
    struct tally *, void (*each)(void *context, const struct tally_domain *), void *context);

#endif
