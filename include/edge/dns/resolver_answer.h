#ifndef EDGE_DNS_RESOLVER_ANSWER_H
#define EDGE_DNS_RESOLVER_ANSWER_H
/*
 * resolver_answer: one answer of the DNS, decoded once and then only read.
 *
 * The cache, the query that brought it and all who waited for it hold the same one by reference.
 * There is no answer for a failure: wherever one is wanted, NULL means DNS_TEMP, so that failing
 * takes no memory.  But where memory was short there is the starved answer, one for all, so that
 * whoever gets it knows that it was not the DNS that failed.
 */
#include "core/auth/dns.h"

#include <stdatomic.h>

struct resolver_answer {
	atomic_uint references;
	enum dns_status status; /* DNS_OK, DNS_NODATA or DNS_NXDOMAIN */
	bool secure;
	bool starved; /* DNS_TEMP for want of memory */
	uint32_t ttl;
	size_t size; /* bytes that it takes in memory */
	size_t count;
	struct dns_record records[]; /* behind them the bytes that they point to */
};

/* Decodes record data as it came, held once by the caller; NULL when any of it is malformed. */
struct resolver_answer *resolver_answer_records(
    enum dns_type, const struct slice *rdata, size_t count);

/* An answer without records. */
struct resolver_answer *resolver_answer_none(enum dns_status);

/* What the two above give when memory has run out. */
struct resolver_answer *resolver_answer_starved(void);

/* Holds it once more, and gives a hold back; both take NULL. Any thread. */
struct resolver_answer *resolver_answer_hold(struct resolver_answer *);
void resolver_answer_drop(struct resolver_answer *);

/* Writes it out for core, the records copied to the arena; NULL, or an arena that fails, is
 * DNS_TEMP, and so is the starved answer, which starves the arena. */
void resolver_answer_give(const struct resolver_answer *, struct arena *, struct dns_answer *out);

#endif
