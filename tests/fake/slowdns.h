#ifndef TESTS_FAKE_SLOWDNS_H
#define TESTS_FAKE_SLOWDNS_H
/*
 * slowdns: a DNS with a clock of its own: answers take virtual time, purses lose it, nobody waits.
 *
 *     struct slowdns slow = {.below = zone_dns(zone), .slow = "evil.example", .takes_ms = 4000};
 *     struct dns dns = slowdns_dns(&slow, 6000);          // all below evil.example take 4 s
 *     struct dns own = dns_open(&dns, 5000, arena);       // … from a purse of its own
 *
 * Nothing is kept and nothing runs side by side: each question costs its purse the whole time.
 */
#include "core/auth/dns.h"

struct slowdns_purse {
	struct slowdns *of;
	unsigned left_ms;
};

struct slowdns {
	struct dns below;
	const char *slow; /* names that end in it */
	unsigned takes_ms;
	unsigned waited_ms; /* by all purses so far */
	struct slowdns_purse first;
};

struct dns slowdns_dns(struct slowdns *, unsigned ms);

#endif
