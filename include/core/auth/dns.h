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
 * A `struct dns` serves one transaction: it carries that message's deadline.  lookup blocks the
 * calling thread until the answer or the deadline.
 */
#include "core/base/arena.h"
#include "core/base/slice.h"

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
	 * by the implementation.  Out of memory is DNS_TEMP. */
	void (*lookup)(
	    void *self, struct slice name, enum dns_type, struct arena *, struct dns_answer *out);
	/* This question will be asked soon; may be NULL. Never blocks. */
	void (*hint)(void *self, struct slice name, enum dns_type);
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

#endif
