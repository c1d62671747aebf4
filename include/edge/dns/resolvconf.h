#ifndef EDGE_DNS_RESOLVCONF_H
#define EDGE_DNS_RESOLVCONF_H
/*
 * resolvconf: the name servers of resolv.conf(5), as glibc reads them.
 *
 * A line counts when it begins with "nameserver" and a blank.  Its first word is an IPv4 address in
 * any form that inet_aton(3) takes, or an IPv6 address with an optional %INTERFACE; what stands
 * behind that word is a comment.  A line with anything else is ignored, never an error, for other
 * programs on the host go on with the rest as well; so are all servers after the third.  Without
 * a server, and without the file, it is 127.0.0.1.
 *
 * One difference: glibc takes a link-local address whose interface is missing and fails later with
 * each question; here the line is ignored until the interface is there.
 *
 *     struct resolvconf system;
 *     resolvconf_read("/etc/resolv.conf", &system, report);
 *     system.servers[0];                               // "192.0.2.53", "fe80::53%2"
 */
#include "core/base/diag.h"

#define RESOLVCONF_PATH "/etc/resolv.conf"

enum {
	RESOLVCONF_SERVERS_MAX = 3, /* MAXNS of resolv.h: glibc asks no more of them */
	RESOLVCONF_ADDRESS_MAX = 64 /* an IPv6 address (45 characters), "%", a number, NUL */
};

struct resolvconf {
	char servers[RESOLVCONF_SERVERS_MAX][RESOLVCONF_ADDRESS_MAX]; /* as libunbound takes them */
	size_t count;                                                 /* at least 1 */
};

/* Never fails.  What was ignored, and a missing server, are warnings of the report; NULL: silent.
 */
void resolvconf_read(const char *path, struct resolvconf *out, struct diag *);

/* True when both name the same servers in the same order. */
bool resolvconf_equal(const struct resolvconf *, const struct resolvconf *);

/*
 * An address with an optional %INTERFACE, as a name or a number, in the form that libunbound takes
 * ("fe80::53%2").  NULL, or what is wrong with it.
 */
const char *resolvconf_address(struct slice text, char out[RESOLVCONF_ADDRESS_MAX]);

#endif
