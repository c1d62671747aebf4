#ifndef CORE_SUGGEST_AUDIT_H
#define CORE_SUGGEST_AUDIT_H
/*
 * audit: domains of recorded mail that do not exist (SPEC 10).
 *
 *     a = audit_create(seed, idna, today);
 *     audit_read(a, text of the state)             // which were absent on which days
 *     ... audit_row(a, &row) for each row ...
 *     audit_choose(a, 1000)                        // whom to ask about: a->asked[]
 *     ... for each resolver and domain: audit_note(a, resolver, domain, audit_judge(mx, a, aaaa))
 *     audit_decide(a)
 *     audit_write(a, arena)                        // the state again
 *
 * A domain is absent on a day when every resolver that was asked has said so: the name does not
 * exist, or has none of MX, A and AAAA.  A failure says nothing.  After AUDIT_DAYS_LISTED different
 * days it is listed; one answer that it exists, from any of them, takes it off.
 *
 * A resolver that is ill may deny all names.  So what it denies counts only when it finds most of
 * those that must exist: the domains of which most proven mail came, or, where nothing was
 * evaluated, at least one of those that are asked about.  Otherwise nobody is absent on that day.
 *
 * Days are an input.  Pure, one thread at a time.
 */
#include "core/auth/dns.h"
#include "core/change/decision_row.h"
#include "core/suggest/suggest_domains.h"

enum {
	AUDIT_DAYS_LISTED = 3,
	AUDIT_DAYS_KEPT = 8,  /* of a domain, the latest */
	AUDIT_FORGOTTEN = 90, /* days after the last on which it was absent */
	AUDIT_WITNESSES = 10, /* domains that must exist */
	AUDIT_RESOLVERS_MAX = 8,
};

enum audit_party { AUDIT_SENDER, AUDIT_RECIPIENT, AUDIT_PARTIES };

enum audit_answer { AUDIT_UNKNOWN, AUDIT_EXISTS, AUDIT_ABSENT };

struct audit_domain {
	uint64_t messages[AUDIT_PARTIES];
	uint64_t proven;              /* messages that were its author's */
	int32_t day[AUDIT_DAYS_KEPT]; /* since the epoch, on which it was absent, the latest last */
	unsigned days;
	enum audit_answer said[AUDIT_RESOLVERS_MAX];
	enum audit_answer now; /* of all of them, after audit_decide() */
};

struct audit {
	struct suggest_domains *domains;
	struct audit_domain *domain; /* by their numbers */
	uint32_t count, room;
	int32_t today;
	uint32_t *asked; /* witnesses first, then by volume */
	size_t asks;
	unsigned witnesses;
	unsigned resolvers; /* that something was noted of */
	bool credible[AUDIT_RESOLVERS_MAX];
	unsigned bad_lines; /* of the state */
	bool no_memory;
};

/* NULL when out of memory. */
struct audit *audit_create(uint64_t seed, const struct idna *, int32_t today);
void audit_free(struct audit **);

/* The state as it was written: a line for each domain, its name and the days. */
void audit_read(struct audit *, struct slice text);

void audit_row(struct audit *, const struct decision_row *);

/* Witnesses, all that the state has, and so many more with the most mail; once.  False when out of
 * memory. */
bool audit_choose(struct audit *, size_t most);

/* What three questions say. */
enum audit_answer audit_judge(enum dns_status mx, enum dns_status a, enum dns_status aaaa);

void audit_note(struct audit *, unsigned resolver, uint32_t domain, enum audit_answer);

/* Which resolvers are to be believed, and what today says of each domain. */
void audit_decide(struct audit *);

/* Whether it is to be listed. */
bool audit_is_listed(const struct audit_domain *);

/* Empty, and the arena has failed, when out of memory. */
struct slice audit_write(const struct audit *, struct arena *);

#endif
