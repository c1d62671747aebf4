#ifndef CORE_AUTH_DNS_H
#define CORE_AUTH_DNS_H
/*
 * dns: what core knows of the DNS: one question, one kind of answer.  No I/O here; who answers is
 * behind the interface: libunbound in the daemon, a zone in memory in the tests.
 *
 *     struct dns_answer a;
 *     dns_lookup(dns, SLICE("_dmarc.example.org"), DNS_TXT, arena, &a);
 *     if (a.status == DNS_TEMP) ...        // a failure is an answer, never an exception
 *
 * A `struct dns` serves one transaction.  lookup blocks the calling thread until the answer is
 * there or the time is over.
 *
 * Whose time is it?  Whoever writes mail chooses some of the names that are asked for, and can have
 * them answered late or never.  So each purpose waits from a purse of its own, and nobody's DNS can
 * spend the time that is needed to ask another's:
 *
 *     SPF, at RCPT               6 s   the sender's or the HELO's names; all RCPTs of a message
 *     SPF, at the end           14 s   what was under way then goes on
 *     keys that may be aligned  10 s   the authors' names
 *     all other keys             5 s   anybody's, after those
 *     DMARC                     10 s   one author domain's; each further one has as much
 *     facts that rules ask for   3 s   each: the sender's domain, the client's names, a list
 *
 *     struct dns own = dns_open(dns, DNS_DMARC_MS, arena);
 *     dns_lookup(&own, …);                                     // waits 10 s in all
 *
 * Side by side: what will be asked is hinted first, whatever is spent.  A message asks each
 * question once and keeps its answer, so that one that was hinted has landed, or has failed, while
 * others were waited for.  The end of the message, DNS_END_MS, is the only time that all share:
 * SPF's part of it leaves time enough for a question that nobody could hint.
 */
#include "core/base/arena.h"
#include "core/base/slice.h"

/* The purses, in milliseconds (SPEC 4, "Time"). */
enum {
	DNS_SPF_RCPT_MS = 6000, /* RCPT is answered within 8 s: a stock Sendmail waits for 10 */
	DNS_SPF_END_MS = 14000, /* with those at RCPT the 20 s that RFC 7208 4.6.4 asks for */
	DNS_SPF_MS = DNS_SPF_RCPT_MS + DNS_SPF_END_MS, /* where nothing else is waited for */
	DNS_ALIGNED_KEYS_MS = 10000,
	DNS_OTHER_KEYS_MS = 5000,
	DNS_DMARC_MS = 10000,
	DNS_FACT_MS = 3000,
	DNS_RCPT_MS = 7500, /* all that one RCPT waits for: 8 s with what is not waiting */
	DNS_END_MS = 19000, /* the end of the message is answered within 20 s */
};

enum dns_type { DNS_A = 1, DNS_PTR = 12, DNS_MX = 15, DNS_TXT = 16, DNS_AAAA = 28 };

enum dns_status {
	DNS_OK,       /* at least one record */
	DNS_NODATA,   /* the name exists, without such records */
	DNS_NXDOMAIN, /* the name does not exist, nor anything below it (RFC 8020) */
	DNS_TEMP, /* no usable answer: time-out, SERVFAIL or another rcode, bogus, budget spent */
	DNS_BADNAME, /* not asked: empty label, label over 63, name over 253 octets */
};

struct dns_record {
	struct slice data;   /* A: 4 bytes, AAAA: 16 bytes, TXT: the strings joined (may hold NUL),
				MX and PTR: the host, lower case, without trailing dot */
	uint16_t preference; /* MX */
};

struct dns_answer {
	enum dns_status status;
	bool secure; /* validated by DNSSEC */
	uint32_t ttl;
	size_t count;
	const struct dns_record *records; /* in the arena given to dns_lookup */
};

struct dns {
	void *self;
	/* `name` is text with dots between labels; any other byte is part of a label and is escaped
	 * by the implementation.  Out of memory is DNS_TEMP, and the arena is starved. */
	void (*lookup)(
	    void *self, struct slice name, enum dns_type, struct arena *, struct dns_answer *out);
	/* This question will be asked soon; may be NULL. Never blocks. */
	void (*hint)(void *self, struct slice name, enum dns_type);
	/* Another self, in the arena, that may wait for so many milliseconds, whatever this one has
	 * spent; NULL when out of memory.  May be NULL: nothing takes time there. */
	void *(*open)(void *self, unsigned ms, struct arena *);
};

static inline void dns_lookup(const struct dns *dns, struct slice name, enum dns_type type,
    struct arena *arena, struct dns_answer *out)
{
	dns->lookup(dns->self, name, type, arena, out);
}

static inline void dns_hint(const struct dns *dns, struct slice name, enum dns_type type)
{
	if (dns->hint)
		dns->hint(dns->self, name, type);
}

/* The same DNS with a purse of its own; out of memory, which the arena remembers, with the old. */
static inline struct dns dns_open(const struct dns *dns, unsigned ms, struct arena *arena)
{
	struct dns own = *dns;
	void *self = dns->open ? dns->open(dns->self, ms, arena) : NULL;

	if (self)
		own.self = self;
	return own;
}

#endif
