#include "ctl.h"

#include "edge/config/config.h"

#include <stdio.h>
#include <unistd.h>

/* The table of the file as the generation of nobody, number 0; false when it has errors. */
static bool load(struct asked *a, struct generation *g)
{
	struct diag *diag = diag_create();

	g->config = diag ? config_load(a->config_path, NULL, diag, &g->rules) : NULL;
	if (!g->config && diag)
		asked_report(a, diag);
	diag_free(&diag);
	if (!g->config)
		return false;
	g->bytes = ruleset_bytes(g->rules);
	a->generation = g;
	return true;
}

int local_run(const struct words *words)
{
	struct generation generation = {.number = 0};
	struct asked a = {
	    .request = words->request,
	    .config_path = words->config ? words->config : DEFAULT_CONFIG,
	    .admin = true,
	    .channel = channel_create(CHANNEL_PLAIN, STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO),
	    .arena = arena_create(COMMAND_ARENA_MAX),
	};
	int status = STATUS_FAILED;

	if (!a.channel || !a.arena)
		fprintf(stderr, "susmilterctl: out of memory\n");
	else if ((words->command->flags & COMMAND_NO_TABLE) || load(&a, &generation))
		status = words->command->run(&a);
	if (a.channel && !channel_flush(a.channel)) {
		complain_unwritten();
		status = STATUS_FAILED;
	}
	channel_free(&a.channel);
	arena_free(&a.arena);
	ruleset_free(&generation.rules);
	config_free(&generation.config);
	return status;
}
