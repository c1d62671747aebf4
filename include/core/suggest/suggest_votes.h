#ifndef CORE_SUGGEST_SUGGEST_VOTES_H
#define CORE_SUGGEST_SUGGEST_VOTES_H
/*
 * suggest_votes: what recorded mail says of the networks that it came from (SPEC 10).
 *
 *     votes = suggest_votes_create(seed, idna);
 *     ... suggest_votes_row(votes, &row) for each row, in the order of their times ...
 *     suggest_votes_end(votes)                  // sorted by network
 *
 * A vote is of one organizational domain on one day for one network (/24, IPv6 /48), however many
 * messages there were.  It is good when a message of that domain was accepted and proven: DMARC
 * passed, or without a record SPF or a signature of that very domain.  It is bad when there was
 * none such, and a message that named the domain failed DMARC or SPF, or was refused by `blocks`,
 * SPF or DMARC.  Mail that was not evaluated says nothing.
 *
 * Good mail is seen only where it was evaluated, refusals always.  So a bad vote that did not take
 * an evaluation is a weak one: it counts as much as the share of accepted mail that was evaluated,
 * and nothing where none was.
 *
 * Only domains vote that are known: mail of them was accepted SUGGEST_KNOWN_DAYS before, or, where
 * the history does not reach so far, in its first two days.  So a domain that somebody buys today
 * speaks for nobody, and names that are made up against nobody.
 *
 * Memory is bounded, for tens of millions of rows.  One thread at a time.
 */
#include "core/base/table.h"
#include "core/change/decision_row.h"
#include "core/suggest/suggest_domains.h"

enum { SUGGEST_KNOWN_DAYS = 30, SUGGEST_DAYS_MAX = 4096 };

/* A network and what is known of it. */
struct suggest_network {
	struct prefix prefix; /* /24 or /48 */
	uint32_t asn;
	char country[3];
	uint64_t messages; /* RCPTs and ends of messages, folded ones included */
	uint64_t refused;  /* … that susranges refused, or would have in monitor mode */
	struct ip good;    /* a client of good votes; IP_NONE: there was none */
	bool more_good;    /* … and there were others */
	bool lost_good;    /* a good vote had no room */
};

struct suggest_vote {
	uint32_t network; /* an index */
	uint32_t domain;
	uint16_t day; /* of the history, from 0 */
	bool good;
	bool weak; /* bad, and not by an evaluation */
};

struct suggest_votes {
	struct suggest_domains *domains;
	struct suggest_network *network;
	uint32_t networks;
	size_t network_room;
	struct table index; /* of networks, by their prefix */
	uint64_t seed;
	struct suggest_vote *vote;
	size_t votes, vote_room;
	size_t settled;       /* votes of days that are over, each once */
	int32_t *known_since; /* by domain: the day, or INT32_MAX */
	uint32_t known_room;
	uint32_t *good_votes; /* by domain, after suggest_votes_end() */
	int64_t first_day;    /* since the epoch */
	uint16_t day;         /* the last */
	uint64_t rows;
	uint64_t ends, evaluated; /* accepted messages, and those with DMARC */
	uint64_t lost;            /* votes and networks that had no room */
	bool no_memory;
};

/* NULL when out of memory. */
struct suggest_votes *suggest_votes_create(uint64_t seed, const struct idna *);
void suggest_votes_free(struct suggest_votes **);

void suggest_votes_row(struct suggest_votes *, const struct decision_row *);

/* Sorts votes by the networks' addresses, networks renumbered; counts good votes by domain.  False
 * when out of memory. */
bool suggest_votes_end(struct suggest_votes *);

/* The domain of this address is known from the day of the last row on; suggest_votes_row() does
 * this for accepted mail. */
void suggest_votes_know(struct suggest_votes *, struct slice address);

/* Whether a domain is known on that day. */
bool suggest_is_known(const struct suggest_votes *, uint32_t domain, uint16_t day);

/* What a weak vote counts: the share of accepted messages that was evaluated. */
double suggest_share(const struct suggest_votes *);

/* Votes, of which so many are weak, as whole ones. */
unsigned suggest_weighted(const struct suggest_votes *, unsigned votes, unsigned weak);

/* The first day that is held out: two thirds of the days that have any of it are before. */
uint16_t suggest_first_held_out(const bool has[SUGGEST_DAYS_MAX]);

/* The lower end of a one-sided 95 % interval (Wilson) for the share of `all` that `right` is of; 0
 * without any. */
double suggest_bound(uint64_t right, uint64_t all);

/* Whether so many observations without a counter-example allow the claim of 0.99. */
enum { SUGGEST_CLAIM_VOTES = 300 };
bool suggest_may_claim(uint64_t observations);

#endif
