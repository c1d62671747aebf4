#include "fake/resolver_client.h"

#include <check.h>

enum { ARENA_BYTES = 1 << 20 };

struct dnsserver *server;
struct resolver *resolver;
struct client client;

struct resolver *resolver_for(const char *address, unsigned question_ms, unsigned message_ms)
{
	struct resolver_settings settings = {.servers = &address,
	    .server_count = 1,
	    .question_ms = question_ms,
	    .message_ms = message_ms};
	char why[RESOLVER_WHY_MAX];
	struct resolver *r = resolver_create(&settings, why, sizeof why);

	ck_assert_msg(r != NULL, "%s", why);
	return r;
}

void client_start(struct client *c, struct resolver *r)
{
	resolver_session_start(&c->session, r);
	c->dns = resolver_session_dns(&c->session);
	c->arena = arena_create(ARENA_BYTES);
	ck_assert(c->arena != NULL);
}

void client_end(struct client *c)
{
	resolver_session_end(&c->session);
	arena_free(&c->arena);
}

int64_t ask(struct client *c, const char *name, enum dns_type type)
{
	int64_t start = monotonic_now();

	arena_reset(c->arena);
	dns_lookup(&c->dns, slice_str(name), type, c->arena, &c->answer);
	return (monotonic_now() - start) / MONOTONIC_MS;
}

void want(struct client *c, const char *name, enum dns_type type, enum dns_status status)
{
	ask(c, name, type);
	ck_assert_msg(c->answer.status == status, "%s: status %d", name, c->answer.status);
}

struct resolver_stats stats_of(struct resolver *r)
{
	struct resolver_stats stats;

	resolver_stats(r, &stats);
	return stats;
}

void sleep_ms(int64_t ms)
{
	struct timespec t = monotonic_timespec(ms * MONOTONIC_MS);

	nanosleep(&t, NULL);
}

void open_zone(const char *zone, unsigned question_ms, unsigned message_ms)
{
	server = dnsserver_start(zone);
	resolver = resolver_for(dnsserver_address(server), question_ms, message_ms);
	client_start(&client, resolver);
}

void close_zone(void)
{
	client_end(&client);
	resolver_free(&resolver);
	dnsserver_free(&server);
}
