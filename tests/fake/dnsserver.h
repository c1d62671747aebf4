#ifndef TESTS_FAKE_DNSSERVER_H
#define TESTS_FAKE_DNSSERVER_H
/*
 * dnsserver: tests/fake/dnsserver.py as a child of this test, on a free port of loopback.
 *
 *     struct dnsserver *server = dnsserver_start("example.org TXT \"v=spf1 -all\"\n");
 *     dnsserver_address(server);                  // "127.0.0.1@40321", for resolver_settings
 *     dnsserver_asked(server, "example.org");     // 0
 *     dnsserver_reload(server, "example.org ANY TIMEOUT\n");
 *     dnsserver_free(&server);
 *
 * The zone's words are in tests/fake/dnsserver.py.  What goes wrong here ends the test with a
 * message.  The child ends with the thread that started it.  Run from the top of the checkout.
 */
struct dnsserver;

struct dnsserver *dnsserver_start(const char *zone);

/* The same on a port and an address of IPv4 that are given. */
struct dnsserver *dnsserver_start_at(const char *zone, const char *address, unsigned port);
void dnsserver_free(struct dnsserver **);

/* ADDRESS@PORT, borrowed. */
const char *dnsserver_address(const struct dnsserver *);

/* How often a name was asked for, by any type; "" for all names. */
unsigned dnsserver_asked(const struct dnsserver *, const char *name);

/* Another zone from now on; the counts go on. */
void dnsserver_reload(struct dnsserver *, const char *zone);

/* Silence: the process is stopped, its port stays open; and the end of it. */
void dnsserver_pause(struct dnsserver *);
void dnsserver_continue(struct dnsserver *);

#endif
