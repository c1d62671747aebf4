#ifndef CORE_POLICY_DNS_FACTS_H
#define CORE_POLICY_DNS_FACTS_H
/*
 * dns_facts: what the DNS says of a domain, a client's address and a HELO name (SPEC 3.1).
 *
 *     dns_facts_hint(dns, &facts, need);                      // all questions set out
 *     struct dns own = dns_open(dns, DNS_FACT_MS, arena);     // … each fact waits for its own
 *     facts.sender_dns = dns_facts_look(&own, &facts, NEED_SENDER_DOMAIN, arena);
 *
 * A domain is missing when its name does not exist, or has none of MX, A and AAAA (RFC 5321 5.1);
 * null-mx says that it takes no mail (RFC 7505).  A client's address has no reverse name (none), or
 * none of its names leads back to it (unconfirmed).  A HELO name that cannot be resolved has none
 * of A, AAAA and MX.
 *
 * Only definite answers tell: of an answer that did not come the word stays unknown, unless another
 * answer settles it.
 */
#include "core/auth/dns.h"
#include "core/rules/facts.h"

/* Of a client's reverse names, so many are looked at: as many as SPF looks at (RFC 7208 4.6.4). */
enum { DNS_FACTS_NAMES_MAX = 10 };

/* need: bits of NEEDS_OF_DNS.  Never blocks. */
void dns_facts_hint(const struct dns *, const struct facts *, unsigned need);

/* need: one bit of NEEDS_OF_DNS. */
struct word_fact dns_facts_look(
    const struct dns *, const struct facts *, unsigned need, struct arena *);

#endif
