#include "ctl.h"

#include "edge/config/config.h"

#include <stdio.h>
#include <unistd.h>

/* The table of the file as the generation of nobody, number 0; false when it has errors. */
static bool load(struct request *req, struct generation *g)
{
	struct diag *diag = diag_create();

	g->config = diag ? config_load(req->config_path, NULL, diag, &g->rules) : NULL;
	if (!diag)
		channel_error(req->channel, "out of memory\n");
	else if (!g->config)
		request_print_diag(req, diag);
	diag_free(&diag);
	if (!g->config)
		return false;
	g->bytes = ruleset_bytes(g->rules);
	req->generation = g;
	return true;
}

int local_run(const struct words *words)
{
	struct generation generation = {.number = 0};
	struct request req = {
	    .json = words->request,
	    .config_path = words->config ? words->config : DEFAULT_CONFIG,
	    .admin = true,
	    .channel = channel_create(CHANNEL_PLAIN, STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO),
	    .arena = arena_create(COMMAND_ARENA_MAX),
	};
	int status = STATUS_FAILED;

	if (!req.channel || !req.arena)
		fprintf(stderr, "susmilterctl: out of memory\n");
	else if ((words->command->flags & COMMAND_NO_TABLE) || words_name_history(words) ||
		 load(&req, &generation))
		status = words->command->run(&req);
	if (req.channel && !channel_flush(req.channel)) {
		complain_unwritten();
		status = STATUS_FAILED;
	}
	channel_free(&req.channel);
	arena_free(&req.arena);
	ruleset_free(&generation.rules);
	config_free(&generation.config);
	return status;
}
