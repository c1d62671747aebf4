#include "audit_ask.h"

#include "edge/dns/resolvconf.h"
#include "edge/dns/resolver.h"

#include <stdio.h>
#include <string.h>

/* Domains that are asked about side by side: their three questions each fit into the hints of one
 * session. */
enum { BATCH = 64, QUESTIONS = 3 };
_Static_assert(BATCH *QUESTIONS <= RESOLVER_QUESTIONS_MAX / 2, "hints of a session");

/* Batches without any answer after which a resolver is given up. */
enum { SILENT_BATCHES = 2 };

/* Of answers of one batch. */
#define ARENA_MAX ((size_t)4 << 20)

/* ---- the resolvers ------------------------------------------------------------------- */

static bool add_resolver(
    struct audit_ask *ask, const struct config *c, const char *server, char *why, size_t size)
{
	const char *const servers[] = {server};
	const struct resolver_settings settings = {.servers = servers,
	    .server_count = 1,
	    .question_ms = (unsigned)(c->resolver_timeout * 1000),
	    .message_ms = BATCH * RESOLVER_MESSAGE_MS};

	if (ask->count == AUDIT_RESOLVERS_MAX)
		return true;
	ask->resolver[ask->count] = resolver_create(&settings, why, size);
	if (!ask->resolver[ask->count])
		return false;
	snprintf(ask->server[ask->count++], AUDIT_SERVER_MAX, "%s", server);
	return true;
}

bool audit_ask_open(struct audit_ask *ask, const struct config *c, char *why, size_t size)
{
	struct resolvconf system = {.count = 0};
	bool ok = true;

	memset(ask, 0, sizeof *ask);
	for (size_t i = 0; ok && i < c->resolver_server_count; i++) {
		if (strcmp(c->resolver_servers[i], "system") != 0) {
			ok = add_resolver(ask, c, c->resolver_servers[i], why, size);
			continue;
		}
		resolvconf_read(RESOLVCONF_PATH, &system, NULL);
		for (size_t k = 0; ok && k < system.count; k++)
			ok = add_resolver(ask, c, system.servers[k], why, size);
	}
	if (!ok)
		audit_ask_close(ask);
	return ok;
}

void audit_ask_close(struct audit_ask *ask)
{
	for (unsigned i = 0; i < ask->count; i++)
		resolver_free(&ask->resolver[i]);
	ask->count = 0;
}

/* ---- questions ----------------------------------------------------------------------- */

static const enum dns_type types[QUESTIONS] = {DNS_MX, DNS_A, DNS_AAAA};

static enum audit_answer ask_domain(const struct dns *dns, struct slice name, struct arena *arena)
{
	enum dns_status said[QUESTIONS];

	for (int i = 0; i < QUESTIONS; i++) {
		struct dns_answer answer;

		dns_lookup(dns, name, types[i], arena, &answer);
		said[i] = answer.status;
	}
	return audit_judge(said[0], said[1], said[2]);
}

/* Asks one resolver about n domains side by side; false when it answered nothing. */
static bool ask_batch(struct audit_ask *ask, unsigned resolver, struct audit *audit,
    const uint32_t *domains, size_t n, struct arena *arena)
{
	struct resolver_session session;
	struct dns dns;
	bool answered = false;

	resolver_session_start(&session, ask->resolver[resolver]);
	dns = resolver_session_dns(&session);
	for (size_t i = 0; i < n; i++)
		for (int k = 0; k < QUESTIONS; k++)
			dns_hint(&dns, suggest_domains_name(audit->domains, domains[i]), types[k]);
	for (size_t i = 0; i < n; i++) {
		enum audit_answer answer =
		    ask_domain(&dns, suggest_domains_name(audit->domains, domains[i]), arena);

		audit_note(audit, resolver, domains[i], answer);
		answered |= answer != AUDIT_UNKNOWN;
	}
	resolver_session_end(&session);
	arena_reset(arena);
	return answered;
}

bool audit_ask_all(
    struct audit_ask *ask, struct audit *audit, bool (*is_gone)(void *context), void *context)
{
	unsigned silent[AUDIT_RESOLVERS_MAX] = {0};
	struct arena *arena = arena_create(ARENA_MAX);
	bool gone = !arena;

	for (size_t at = 0; at < audit->asks && !gone; at += BATCH) {
		size_t n = audit->asks - at < BATCH ? audit->asks - at : BATCH;

		for (unsigned r = 0; r < ask->count && !gone; r++) {
			if (ask->gave_up[r])
				continue;
			if (ask_batch(ask, r, audit, audit->asked + at, n, arena))
				silent[r] = 0;
			else
				ask->gave_up[r] = ++silent[r] == SILENT_BATCHES;
			gone = is_gone(context);
		}
	}
	/* Who was not asked has said nothing. */
	for (unsigned r = 0; r < ask->count && audit->asks > 0; r++)
		audit_note(audit, r, audit->asked[0], audit->domain[audit->asked[0]].said[r]);
	arena_free(&arena);
	return !gone;
}
