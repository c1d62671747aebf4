#include "edge/control/commands.h"

#include "edge/config/config.h"
#include "edge/control/watch.h"
#include "edge/managed/managed.h"
#include "edge/recorded/history_source.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A decision is looked for from the newest line on, in pieces: who asks has just been refused, and
 * the file may be of any size.  Beyond this much it is not looked for: a second's reading.
 */
enum { PIECE = 1024 * 1024 };
#define LOOK_BACK_MAX ((off_t)1 << 30)

/* Characters of a token (core/session/env.h) and its place in a record. */
#define ID_FORMAT "\"id\":\"%s\""

struct hunt {
	const char *wanted; /* "id":"TOKEN" */
	size_t wanted_len;
	char *buffer; /* two pieces: one, and the beginning of what stands behind it */
	char *line;   /* found: NUL-terminated, to be freed */
};

static bool is_token(const char *token)
{
	size_t len = strspn(token, "abcdefghijklmnopqrstuvwxyz234567");

	return len == TOKEN_CHARS && token[len] == '\0';
}

/* The line around `at` in text[len]. */
static char *line_around(const char *text, size_t len, const char *at)
{
	const char *start = at, *end = memchr(at, '\n', len - (size_t)(at - text));

	while (start > text && start[-1] != '\n')
		start--;
	return strndup(start, (size_t)((end ? end : text + len) - start));
}

/*
 * Looks through one file from its end.  Pieces overlap by the length of the longest line, so that
 * none is cut.
 */
static void hunt_file(struct hunt *h, const char *path)
{
	enum { OVERLAP = CHANNEL_LINE_MAX };
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	off_t end, looked = 0;

	if (fd < 0)
		return;
	end = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? st.st_size : 0;
	while (end > 0 && !h->line && looked < LOOK_BACK_MAX) {
		off_t from = end > PIECE ? end - PIECE : 0;
		ssize_t n = pread(fd, h->buffer, (size_t)(end - from) + OVERLAP, from);
		char *at = n > 0 ? memmem(h->buffer, (size_t)n, h->wanted, h->wanted_len) : NULL;

		/* A line that starts in front of this piece is met whole in the next one. */
		if (at && (from == 0 || memrchr(h->buffer, '\n', (size_t)(at - h->buffer))))
			h->line = line_around(h->buffer, (size_t)n, at);
		looked += end - from;
		end = from;
	}
	close(fd);
}

/* The record of a decision: in the log or in the one that logrotate put aside last. */
static char *find_line(const char *log, const char *token)
{
	char wanted[sizeof ID_FORMAT + TOKEN_CHARS], rotated[4096];
	struct hunt h = {.wanted = wanted, .buffer = malloc(PIECE + CHANNEL_LINE_MAX)};

	if (!h.buffer)
		return NULL;
	h.wanted_len = (size_t)snprintf(wanted, sizeof wanted, ID_FORMAT, token);
	hunt_file(&h, log);
	snprintf(rotated, sizeof rotated, "%s.1", log);
	if (!h.line)
		hunt_file(&h, rotated);
	free(h.buffer);
	return h.line;
}

static bool keep_first(void *context, const struct decision_row *row)
{
	json_t **record = context;
	char json[HISTORY_JSON_MAX];
	size_t len = history_source_json(row, json);

	*record = json_loadb(json, len, 0, NULL);
	return false;
}

/* From the history; NULL where it is not there, and *wrong says why it could not be looked for. */
static json_t *history_record_of(struct request *req, const char *token, char *wrong)
{
	struct history_reader *reader = history_source_open(req);
	struct history_scan scan;
	json_t *record = NULL;

	if (!reader || history_find_decision(reader, slice_str(token), keep_first, &record, &scan,
			   wrong) != HISTORY_BROKEN)
		wrong[0] = '\0';
	history_reader_free(&reader);
	return record;
}

/* From the JSON lines. */
static json_t *log_record_of(const char *log, const char *token)
{
	char *line = log[0] ? find_line(log, token) : NULL;
	json_t *record = line ? json_loads(line, 0, NULL) : NULL;

	free(line);
	return record;
}

/* Says where it was looked for. */
static void complain_unknown(struct request *req, const char *token, const char *wrong)
{
	const struct config *c = req->generation->config;
	const char *log = c->log_decisions, *history = c->history_directory;

	if (log[0] == '\0' && history[0] == '\0')
		channel_error(req->channel, "decisions are not kept: neither history.directory "
					    "nor log.decisions is set\n");
	else if (log[0] == '\0')
		channel_error(req->channel, "no decision %s in the history%s%s\n", token,
		    wrong[0] ? ": " : "", wrong);
	else
		channel_error(req->channel, "no decision %s in %s%s or %s.1%s\n", token,
		    history[0] ? "the history, in " : "", log, log,
		    access(log, R_OK) != 0 ? ", which cannot be read here" : "");
}

/* The id in a URL or in capital letters as it is in a record; false when it is none. */
static bool plain_token(const char *given, char token[TOKEN_CHARS + 1])
{
	struct slice id = history_id_of_url(slice_str(given));

	for (size_t i = 0; i < id.len && i < TOKEN_CHARS; i++)
		token[i] = slice_lower(id.ptr[i]);
	token[id.len < TOKEN_CHARS ? id.len : TOKEN_CHARS] = '\0';
	return id.len == TOKEN_CHARS && is_token(token);
}

json_t *request_decision(struct request *req, const char *given)
{
	const struct config *c = req->generation->config;
	char token[TOKEN_CHARS + 1], wrong[HISTORY_FIND_WHY_MAX] = "";
	json_t *record = NULL;

	if (!plain_token(given, token)) {
		channel_error(req->channel,
		    "\"%s\" is not a decision id (%d characters, a-z and 2-7)\n", given,
		    TOKEN_CHARS);
		return NULL;
	}
	if (c->history_directory[0])
		record = history_record_of(req, token, wrong);
	if (!record)
		record = log_record_of(c->log_decisions, token);
	if (!record)
		complain_unknown(req, token, wrong);
	return record;
}

/* ---- showing it ---------------------------------------------------------------------- */

static void print_facts(struct request *req, json_t *record)
{
	char plain[PLAIN_MAX];
	const char *key;
	json_t *value;

	json_object_foreach(record, key, value)
	{
		if (json_is_integer(value))
			channel_print(req->channel, "%-12s %lld\n", key,
			    (long long)json_integer_value(value));
		else if (json_is_string(value))
			channel_print(req->channel, "%-12s %s\n", key,
			    plain_text(json_string_value(value), plain));
	}
}

/* Where the rule stands today, and the entry that decided, if it still does. */
static void print_place(struct request *req, const json_t *record)
{
	const char *name = record_text(record, "rule"), *network = record_text(record, "network");
	const struct rule *rule = ruleset_find_rule(req->generation->rules, slice_str(name));
	struct slice place = slice_of(NULL, 0);

	if (name[0] == '\0')
		return;
	if (!rule) {
		channel_print(req->channel, "\nThe rule \"%s\" is no longer in the table.\n", name);
		return;
	}
	channel_print(
	    req->channel, "\nrule \"%s\" is at %s:%u", name, rule->where.file, rule->where.line);
	if (network[0])
		place = config_find_entry(
		    req->generation->config, rule, KEY_NETWORKS, slice_str(network), req->arena);
	if (place.len > 0)
		channel_print(req->channel, ", its entry %s at %.*s", network, SLICE_ARG(place));
	channel_print(req->channel, "\n");
}

static void print_remedy(struct request *req, const json_t *record, const char *token)
{
	const char *family = record_text(record, "family");

	if (word_bits(covers_words, slice_str(family)) == 0)
		return;
	if (strcmp(record_text(record, "action"), action_name(ACTION_ACCEPT)) == 0 ||
	    record_text(record, "client")[0] == '\0')
		return;
	if (record_text(record, "auth")[0]) {
		channel_print(req->channel, "\nThe whitelist says nothing of authenticated "
					    "sessions: change the rule.\n");
		return;
	}
	channel_print(req->channel,
	    "\nTo let this client in:\n    susmilterctl whitelist add %s --covers %s --for 30d\n"
	    "or    susmilterctl whitelist add --from %s --for 30d\n",
	    record_text(record, "client"), family, token);
}

int explain_decision(struct request *req, const char *token)
{
	json_t *record = request_decision(req, token);

	if (!record)
		return STATUS_FAILED;
	if (request_switch(req, "json"))
		return request_print_json(req, record);
	print_facts(req, record);
	print_place(req, record);
	print_remedy(req, record, token);
	json_decref(record);
	return STATUS_OK;
}
