#include "fake/configured.h"

#include "fake/scratch.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Where we came from; empty while we are there. */
static char checkout[PATH_MAX];

const char *configured_enter(void)
{
	char directory[PATH_MAX];
	char *slash;

	if (checkout[0])
		return checkout;
	snprintf(directory, sizeof directory, "%s", scratch_path("t.conf"));
	slash = strrchr(directory, '/');
	*slash = '\0';
	if (!getcwd(checkout, sizeof checkout) || chdir(directory) != 0)
		abort();
	return checkout;
}

void configured_file(const char *name, const char *text)
{
	configured_enter();
	scratch_write(name, slice_str(text));
}

static void add_line(void *context, enum diag_level level, const char *line)
{
	struct configured *c = context;
	size_t len = strlen(c->lines);

	snprintf(c->lines + len, sizeof c->lines - len, "%s%s\n",
	    level == DIAG_ERROR ? "" : "warning: ", line);
}

void configured_reload(struct configured *c, const char *text, const struct config *previous)
{
	configured_file("t.conf", text);
	c->lines[0] = '\0';
	c->diag = diag_create();
	if (!c->diag)
		abort();
	c->config = config_load("t.conf", previous, c->diag, &c->rules);
	diag_each(c->diag, add_line, c);
}

void configured_load(struct configured *c, const char *text)
{
	configured_reload(c, text, NULL);
}

void configured_free(struct configured *c)
{
	config_free(&c->config);
	ruleset_free(&c->rules);
	diag_free(&c->diag);
	if (checkout[0] && chdir(checkout) != 0)
		abort();
	checkout[0] = '\0';
}
