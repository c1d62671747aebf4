/* The resolver that a configuration asks for, and what it makes of resolv.conf. */
#include "core/base/diag.h"
#include "edge/config/config.h"
#include "edge/dns/resolvconf.h"

#include <string.h>

struct resolver *config_resolver(
    const struct config *c, void (*waits)(void), void (*still)(void), char *why, size_t size)
{
	struct resolver_settings settings = {
	    .servers = c->resolver_servers,
	    .server_count = c->resolver_server_count,
	    .question_ms = (unsigned)(c->resolver_timeout * 1000),
	    .waits = waits,
	    .still = still,
	};

	return resolver_create(&settings, why, size);
}

bool config_uses_resolvconf(const struct config *c)
{
	return c->resolver_server_count > 0 && strcmp(c->resolver_servers[0], "system") == 0;
}

void config_warn_resolvconf(const struct config *c, struct diag *diag)
{
	struct resolvconf system;

	if (config_uses_resolvconf(c))
		resolvconf_read(RESOLVCONF_PATH, &system, diag);
}

bool config_check_resolver(const struct config *c, struct diag *diag)
{
	char why[RESOLVER_WHY_MAX];
	struct resolver *resolver = config_resolver(c, NULL, NULL, why, sizeof why);
	bool works = resolver;

	config_warn_resolvconf(c, diag);
	if (!works)
		diag_error(diag, (struct origin){c->path, 0}, "resolver: %s", why);
	resolver_free(&resolver);
	return works;
}
