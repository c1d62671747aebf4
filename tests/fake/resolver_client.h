#ifndef TESTS_FAKE_RESOLVER_CLIENT_H
#define TESTS_FAKE_RESOLVER_CLIENT_H
/*
 * resolver_client: one message's view of a resolver, for the tests of it.
 *
 *     open_zone("a.example A 192.0.2.1\n", 300, 0);     // server, resolver and client
 *     want(&client, "a.example", DNS_A, DNS_OK);
 *     close_zone();
 *
 * Milliseconds; 0 is the resolver's own default.  What fails ends the test.
 */
#include "edge/dns/resolver.h"
#include "edge/os/monotonic.h"
#include "fake/dnsserver.h"

enum {
	SLACK_MS = 1500,   /* what a loaded machine may add */
	TEST_SECONDS = 60, /* for tcase_set_timeout() */
};

struct client {
	struct resolver_session session;
	struct dns dns;
	struct arena *arena;
	struct dns_answer answer;
};

struct resolver *resolver_for(const char *address, unsigned question_ms, unsigned message_ms);

void client_start(struct client *, struct resolver *);
void client_end(struct client *);

/* Asks, and returns how many milliseconds it took. */
int64_t ask(struct client *, const char *name, enum dns_type);

void want(struct client *, const char *name, enum dns_type, enum dns_status);

struct resolver_stats stats_of(struct resolver *);

void sleep_ms(int64_t ms);

/* What nearly every test starts and ends with. */
extern struct dnsserver *server;
extern struct resolver *resolver;
extern struct client client;

void open_zone(const char *zone, unsigned question_ms, unsigned message_ms);
void close_zone(void);

#endif
