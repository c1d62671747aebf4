#ifndef CORE_SUGGEST_SUGGEST_RANGES_H
#define CORE_SUGGEST_SUGGEST_RANGES_H
/*
 * suggest_ranges: ranges from which no proven mail comes (SPEC 10), by the votes of
 * core/suggest/suggest_votes.h.
 *
 *     suggest_votes_end(votes);
 *     struct suggest_ranges *s = suggest_ranges_find(votes);
 *     for (size_t i = 0; i < s->count; i++) ... s->range[i] ...        // the most votes first
 *
 * Candidates are countries, autonomous systems, and networks from /16 to /24 (IPv6 /32 to /48): the
 * largest for which it holds that
 *
 *   - there are enough bad votes, of several domains and days, from all over it;
 *   - no good vote speaks against it.  Where few do, each from one address, these are excepted.
 *     Domains whose proven mail never came from elsewhere do not speak for their range if they are
 *     at most SUGGEST_OWN_MAX: they are named, and whoever reads decides.
 *
 * They are chosen by the first two thirds of the days and then tried on the others: how often good
 * votes contradicted them there is the figure to be printed.  Those that were contradicted are left
 * out after that.
 *
 * "Precision at least 0.99" is claimed where suggest_may_claim() says so.  Pure.
 */
#include "core/suggest/suggest_votes.h"

enum { SUGGEST_OWN_MAX = 2, SUGGEST_EXCEPT_MAX = 5 };

enum suggest_kind { SUGGEST_COUNTRY, SUGGEST_ASN, SUGGEST_NETWORK };

struct suggest_range {
	enum suggest_kind kind;
	struct prefix network;
	uint32_t asn;
	char country[3];
	uint64_t messages;
	unsigned networks;  /* /24 or /48 that mail came from */
	unsigned votes;     /* bad ones, on all days */
	unsigned weak;      /* … of these */
	unsigned weighted;  /* the votes, weak ones by their weight */
	unsigned domains;   /* that they are of */
	unsigned days;      /* that they are of */
	unsigned own_votes; /* good ones of the domains below */
	uint32_t own[SUGGEST_OWN_MAX];
	unsigned owns;
	struct ip except[SUGGEST_EXCEPT_MAX];
	unsigned excepts;
	double bound;                            /* of the precision */
	bool claimed;                            /* it is at least 0.99 */
	unsigned held_bad, held_weak, held_good; /* votes on the days that were held out */
};

struct suggest_ranges {
	struct suggest_range *range;
	size_t count, room;
	size_t contradicted;          /* candidates left out for that */
	uint64_t held_bad, held_good; /* of all candidates, those included; weighted */
	uint16_t held_out;            /* the first day that was */
	bool no_memory;
};

/* NULL when out of memory. */
struct suggest_ranges *suggest_ranges_find(const struct suggest_votes *);
void suggest_ranges_free(struct suggest_ranges **);

#endif
