/*
 * The resolver of a worker: one for each configuration that asks other servers, and one for each
 * change of resolv.conf.  A new one stands beside the old, which ends with the last of its
 * sessions.
 */
#include "edge/worker/worker_resolver.h"

#include "core/base/line.h"
#include "edge/dns/dnsbl_watch.h"
#include "edge/log/log.h"
#include "edge/milter/milter.h"
#include "edge/milter/milter_wakeup.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* How often resolv.conf is read.  A change counts when two looks agree: programs that write the
 * file in place first cut it short. */
enum { LOOK_SECONDS = 1 };

static bool same_servers(const struct config *a, const struct config *b)
{
	bool same = a->resolver_server_count == b->resolver_server_count &&
		    a->resolver_timeout >= b->resolver_timeout &&
		    a->resolver_timeout <= b->resolver_timeout;

	for (unsigned i = 0; same && i < a->resolver_server_count; i++)
		same = strcmp(a->resolver_servers[i], b->resolver_servers[i]) == 0;
	return same;
}

static struct resolvconf system_servers(const struct config *c, struct diag *diag)
{
	struct resolvconf system = {.count = 0};

	if (config_uses_resolvconf(c))
		resolvconf_read(RESOLVCONF_PATH, &system, diag);
	return system;
}

static bool is_running(struct worker *w)
{
	struct resolver_stats stats = {.running = false};

	pthread_mutex_lock(&w->resolver_lock);
	if (w->resolver)
		resolver_stats(w->resolver, &stats);
	pthread_mutex_unlock(&w->resolver_lock);
	return stats.running;
}

/* The file is read before the resolver reads it: a change in between is found by the next look. */
static bool make(struct worker_resolver *made, const struct config *c, char *why, size_t size)
{
	made->system = system_servers(c, NULL);
	made->resolver = config_resolver(c, milter_wakeup_soon, milter_still, why, size);
	return made->resolver;
}

bool worker_resolver_prepare(struct worker *w, const struct config *before,
    const struct config *now, struct diag *diag, struct worker_resolver *made)
{
	struct resolvconf system = system_servers(now, diag);
	char why[RESOLVER_WHY_MAX];

	*made = (struct worker_resolver){.resolver = NULL};
	if (is_running(w) && same_servers(before, now) &&
	    resolvconf_equal(&system, &w->resolver_made_for))
		return true;
	if (make(made, now, why, sizeof why))
		return true;
	diag_error(diag, (struct origin){w->config_path, 0}, "resolver: %s", why);
	return false;
}

void worker_resolver_install(struct worker *w, struct worker_resolver *made)
{
	struct resolver *old;

	if (!made->resolver)
		return;
	pthread_mutex_lock(&w->resolver_lock);
	old = w->resolver;
	w->resolver = made->resolver;
	w->resolver_made_for = made->system;
	pthread_mutex_unlock(&w->resolver_lock);
	made->resolver = NULL;
	resolver_free(&old);
}

static void log_servers(const struct resolvconf *system)
{
	char text[RESOLVCONF_SERVERS_MAX * (RESOLVCONF_ADDRESS_MAX + 2)];
	struct line l = line_start(text, sizeof text);

	for (size_t i = 0; i < system->count; i++)
		line_append(&l, "%s%s", i ? ", " : "", system->servers[i]);
	log_info("resolver: now using the name servers of " RESOLVCONF_PATH ": %s", text);
}

static bool replace(struct worker *w, const struct config *c)
{
	struct worker_resolver made;
	char why[RESOLVER_WHY_MAX];

	if (!make(&made, c, why, sizeof why)) {
		log_error("resolver: %s", why);
		return false;
	}
	worker_resolver_install(w, &made);
	return true;
}

/* `last` is what the look before found. */
static void look(struct worker *w, struct resolvconf *last)
{
	const struct generation *g = table_pin(w->table);
	struct resolvconf system = system_servers(g->config, NULL);
	bool changed =
	    !resolvconf_equal(&system, &w->resolver_made_for) && resolvconf_equal(&system, last);

	*last = system;
	if ((changed || !is_running(w)) && replace(w, g->config) && changed)
		log_servers(&system);
	table_unpin(&g);
}

static void *watch(void *context)
{
	struct worker *w = context;
	struct resolvconf last = w->resolver_made_for;

	for (;;) {
		sleep(LOOK_SECONDS);
		/* Only a reload and this thread replace the resolver, and only one of them does. */
		pthread_mutex_lock(&w->reload_lock);
		look(w, &last);
		pthread_mutex_unlock(&w->reload_lock);
	}
	return NULL;
}

bool worker_resolver_start(struct worker *w, const struct config *c)
{
	pthread_t thread;

	/* Where a worker ran, the next one runs: without a resolver DNS questions fail until the
	 * thread below could make one. */
	if (!replace(w, c) && w->restarts == 0)
		return false;
	if (pthread_create(&thread, NULL, watch, w) == 0)
		pthread_detach(thread); /* it lives as long as the process */
	else
		log_warning("resolver: cannot start the thread that watches " RESOLVCONF_PATH);
	return true;
}

/* ---- lists in the DNS ---------------------------------------------------------------- */

static bool open_session(void *context, struct resolver_session *session)
{
	struct worker *w = context;
	bool opened;

	pthread_mutex_lock(&w->resolver_lock);
	opened = w->resolver;
	if (opened)
		resolver_session_start(session, w->resolver);
	pthread_mutex_unlock(&w->resolver_lock);
	return opened;
}

static void tell_list(void *context, bool in_use, const char *line)
{
	(void)context;
	if (in_use)
		log_info("%s", line);
	else
		log_warning("%s", line);
}

bool worker_resolver_watch_lists(struct worker *w, const struct ruleset *rules)
{
	const struct dnsbl_watch_settings settings = {w, open_session, tell_list};

	w->dnsbls = dnsbl_watch_create(&settings);
	if (!w->dnsbls) {
		log_error("cannot start the thread that watches dnsbls");
		return false;
	}
	dnsbl_watch_lists(w->dnsbls, rules->dnsbls, rules->dnsbl_count);
	return true;
}

void worker_resolver_stop(struct worker *w)
{
	pthread_mutex_lock(&w->resolver_lock);
	if (w->resolver)
		resolver_stop(w->resolver);
	pthread_mutex_unlock(&w->resolver_lock);
}
