#ifndef EDGE_DNS_ZONE_H
#define EDGE_DNS_ZONE_H
/*
 * zone: a DNS in memory behind `struct dns` (core/auth/dns.h): for tests, and for `explain
 * --message` against a zone file instead of the world.
 *
 *     char why[ZONE_WHY_MAX];
 *     struct zone *zone = zone_create();
 *     const char *wrong = zone_load(zone, slice_str(
 *         "example.org       TXT  \"v=spf1 mx -all\"\n"
 *         "example.org       MX   10 mx.example.org\n"
 *         "mx.example.org    A    192.0.2.1\n"
 *         "slow.example.org  ANY  TIMEOUT\n"), why);
 *     ck_assert_msg(!wrong, "%s", wrong);
 *     struct dns dns = zone_dns(zone);
 *     dns_lookup(&dns, SLICE("example.org"), DNS_TXT, arena, &answer);
 *     zone_free(&zone);
 *
 * One line is `NAME TYPE DATA`, the parts separated by blanks; blank lines and lines that begin
 * with `#` or `;` are skipped.  Names compare without case; a trailing dot is dropped, `.` alone
 * is the root; \DDD (three decimal digits) and \C stand for any byte in names and strings.
 *
 *     NAME A      192.0.2.1
 *     NAME AAAA   2001:db8::1
 *     NAME MX     10 HOST
 *     NAME PTR    HOST             NAME may be an address: 192.0.2.1 is 1.2.0.192.in-addr.arpa
 *     NAME CNAME  HOST             followed up to eight times, a longer chain is SERVFAIL
 *     NAME TXT    "one string" "another" unquoted     joined to one record; \DDD and \" inside
 *     NAME TYPE   STATUS           what this type answers at this name
 *     NAME ANY    STATUS           what every type without records answers at this name
 *
 * STATUS is SERVFAIL, TIMEOUT or BOGUS (all DNS_TEMP, at once: no test waits), NXDOMAIN, NODATA.
 * `NAME ANY SECURE` marks all answers of this name as validated by DNSSEC.
 *
 * What is not there: DNS_NXDOMAIN when neither the name nor anything below it is in the zone, else
 * DNS_NODATA (an empty non-terminal exists).  Names that a resolver would refuse to ask (empty
 * label, label over 63, over 253 octets) are DNS_BADNAME.
 *
 * Filled by one thread; look-ups may then come from many.
 */
#include "core/auth/dns.h"

struct zone;

/* NULL when out of memory. */
struct zone *zone_create(void);
void zone_free(struct zone **);

/* Adds the lines of a text; NULL, or which line is wrong and why. */
enum { ZONE_WHY_MAX = 200 };
const char *zone_load(struct zone *, struct slice text, char why[ZONE_WHY_MAX]);

/*
 * The same from other sources.  Names are unescaped, without trailing dot, hosts in lower case;
 * data is as in struct dns_record (4 or 16 bytes of an address, the joined bytes of a TXT).  The
 * type of a status may be ZONE_ANY.  False when out of memory.
 */
enum { ZONE_ANY = 255 };
bool zone_add(
    struct zone *, struct slice name, enum dns_type, struct slice data, uint16_t preference);
bool zone_add_alias(struct zone *, struct slice name, struct slice target);
bool zone_add_status(struct zone *, struct slice name, int type, enum dns_status);
bool zone_set_secure(struct zone *, struct slice name);

/* The interface for the code under test; borrowed from the zone. */
struct dns zone_dns(struct zone *);

#endif
