/* `find`: decisions of the past, from the history. */
#include "edge/control/commands.h"

#include "core/base/rfc3339.h"
#include "core/stats/decision_text.h"
#include "edge/config/config.h"
#include "edge/control/watch.h"
#include "edge/idn/idn.h"
#include "edge/recorded/history_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Without --count: what a person reads. */
enum { COUNT_DEFAULT = 100, COUNT_MAX = 10000000 };

/* ---- where the history is ------------------------------------------------------------ */

const char *history_source_directory(struct request *req)
{
	const char *given = request_text(req, "history");
	const char *directory = req->generation ? req->generation->config->history_directory : "";

	if (given && req->worker && !req->admin) {
		channel_error(req->channel, "--history: permission denied: the daemon reads other "
					    "directories for root and its own user only\n");
		return NULL;
	}
	if (given)
		return given;
	if (directory[0] == '\0')
		channel_error(req->channel,
		    "no history is kept: history.directory is not set (--history names another)\n");
	return directory[0] ? directory : NULL;
}

struct history_reader *history_source_open(struct request *req)
{
	const char *directory = history_source_directory(req);
	struct history_reader *reader;
	char why[HISTORY_FIND_WHY_MAX];

	if (!directory)
		return NULL;
	if (req->worker)
		history_flush(req->worker->history, HISTORY_FLUSH_MS);
	reader = history_reader_open(directory, why);
	if (!reader)
		channel_error(req->channel, "the history cannot be read: %s\n", why);
	return reader;
}

void history_source_tell(struct request *req, const struct history_scan *scan)
{
	if (scan->damaged_rows + scan->damaged_blocks > 0)
		channel_error(req->channel,
		    "warning: %llu rows of the history are damaged and left out\n",
		    (unsigned long long)scan->damaged_rows);
}

/* ---- one decision as text ------------------------------------------------------------ */

size_t history_source_json(const struct decision_row *row, char out[HISTORY_JSON_MAX])
{
	struct decision_record_room room;
	struct record record;
	char count[40] = "";
	size_t len;

	decision_row_record(row, &room, &record);
	len = record_json(&record, out).len;
	if (row->count > 1 || (row->flags & (ROW_FOLDED | ROW_EXAMPLE)) != 0)
		snprintf(count, sizeof count, ",\"count\":%llu", (unsigned long long)row->count);
	else if ((row->flags & ROW_EVALUATED) == 0)
		return len;
	len += (size_t)snprintf(out + len - 1, HISTORY_JSON_MAX - len, "%s%s%s%s}", count,
		   row->flags & ROW_FOLDED ? ",\"folded\":true" : "",
		   row->flags & ROW_EXAMPLE ? ",\"example\":true" : "",
		   row->flags & ROW_EVALUATED ? ",\"evaluated\":true" : "") -
	       1;
	return len;
}

static const char *plain_slice(struct slice s, char out[PLAIN_MAX])
{
	char text[DECISION_TEXT_MAX + 1];

	snprintf(text, sizeof text, "%.*s", SLICE_ARG(s.len > 0 ? s : SLICE("-")));
	return plain_text(text, out);
}

static void print_line(struct request *req, const struct decision_row *row)
{
	char at[RFC3339_TEXT_MAX], client[IP_TEXT_MAX], sender[PLAIN_MAX], recipient[PLAIN_MAX],
	    rule[PLAIN_MAX], count[32] = "";
	struct slice by = row->text[ROW_RULE];

	rfc3339_format(row->time_ms / 1000, at);
	ip_format(&row->client, client);
	if (by.len == 0 && row->final && row->action != ACTION_ACCEPT)
		by = slice_str(family_name(row->family));
	if (row->count > 1)
		snprintf(count, sizeof count, " (%llu times)", (unsigned long long)row->count);
	channel_print(req->channel, "%s %-4s %-12s %-15s %s -> %s %s %.*s%s\n", at,
	    stage_name(row->stage), decision_row_action(row), client,
	    plain_slice(row->text[ROW_SENDER], sender),
	    plain_slice(row->text[ROW_RECIPIENT], recipient), plain_slice(by, rule),
	    SLICE_ARG(row->id), count);
}

static bool print_row(void *context, const struct decision_row *row)
{
	struct request *req = context;
	char json[HISTORY_JSON_MAX];

	if (!request_switch(req, "json")) {
		print_line(req, row);
		return !channel_is_gone(req->channel);
	}
	history_source_json(row, json);
	return channel_print(req->channel, "%s\n", json);
}

/* ---- what is asked for --------------------------------------------------------------- */

bool history_source_time(struct request *req, const char *key, int64_t *ms)
{
	const char *text = request_text(req, key);
	int64_t span = text ? span_of(text) : 0, at;

	*ms = 0;
	if (!text)
		return true;
	if (span > 0)
		*ms = ((int64_t)time(NULL) - span) * 1000;
	else if (rfc3339_parse(slice_str(text), &at))
		*ms = at * 1000;
	else
		channel_error(req->channel,
		    "--%s needs a duration such as 24h, or a time such as "
		    "2026-11-28T12:00:00Z\n",
		    key);
	return *ms != 0;
}

static bool read_count(struct request *req, size_t *count)
{
	const char *text = request_text(req, "count");
	uint64_t n = COUNT_DEFAULT;

	if (text && (!slice_to_uint(slice_str(text), COUNT_MAX, &n) || n == 0)) {
		channel_error(req->channel, "--count must be from 1 to %d\n", COUNT_MAX);
		return false;
	}
	*count = (size_t)n;
	return true;
}

struct slice history_source_key(const struct request *req, struct slice text)
{
	struct slice name, prefix;
	struct address address;

	if (slice_find(text, '*') < text.len || slice_find(text, '?') < text.len)
		return text;
	if (slice_find_last(text, '@') < text.len && text.ptr[0] != '@') {
		address_parse(text, &idn_lenient, req->arena, &address);
		return address.folded;
	}
	if (slice_is_printable_ascii(text))
		return text;
	prefix = slice_of(text.ptr, text.ptr[0] == '.' || text.ptr[0] == '@');
	if (name_parse(slice_skip(text, prefix.len), &idn_lenient, req->arena, &name))
		return text;
	return arena_printf(req->arena, "%.*s%.*s", SLICE_ARG(prefix), SLICE_ARG(name));
}

static struct slice asked_key(const struct request *req, const char *key)
{
	return history_source_key(req, slice_str(request_text(req, key)));
}

static bool read_query(struct request *req, struct history_query *q)
{
	*q = (struct history_query){
	    .client = asked_key(req, "client"),
	    .helo = asked_key(req, "helo"),
	    .sender = asked_key(req, "sender"),
	    .from = asked_key(req, "from"),
	    .recipient = asked_key(req, "recipient"),
	    .rule = asked_key(req, "rule"),
	    .action = asked_key(req, "action"),
	};
	if (q->action.len > 0 && !watch_is_action(q->action.ptr)) {
		channel_error(req->channel,
		    "--action must be accept, reject, tempfail, quarantine, would_reject, "
		    "would_tempfail or would_quarantine\n");
		return false;
	}
	return history_source_time(req, "since", &q->since_ms) &&
	       history_source_time(req, "until", &q->until_ms) && read_count(req, &q->count);
}

/* ---- the commands -------------------------------------------------------------------- */

static int find_decision(struct request *req, struct history_reader *reader, const char *id)
{
	struct history_scan scan;
	char why[HISTORY_FIND_WHY_MAX], excerpt[EXCERPT_MAX];

	switch (history_find_decision(reader, slice_str(id), print_row, req, &scan, why)) {
	case HISTORY_FOUND:
		history_source_tell(req, &scan);
		return STATUS_OK;
	case HISTORY_NOT_FOUND:
		channel_error(req->channel, "the history has no decision %s\n",
		    slice_excerpt(slice_str(id), excerpt));
		return STATUS_FAILED;
	case HISTORY_NO_ID:
		channel_error(req->channel,
		    "\"%s\" is not a decision id (%d characters, a-z and 2-7)\n",
		    slice_excerpt(slice_str(id), excerpt), TOKEN_CHARS);
		return STATUS_USAGE;
	default:
		channel_error(req->channel, "the history cannot be read: %s\n", why);
		return STATUS_FAILED;
	}
}

int command_find(struct request *req)
{
	struct history_query query;
	struct history_reader *reader;
	struct history_scan scan;
	char why[HISTORY_FIND_WHY_MAX];
	const char *id = request_text(req, "decision");
	int status = STATUS_OK;

	if (!read_query(req, &query))
		return STATUS_USAGE;
	reader = history_source_open(req);
	if (!reader)
		return STATUS_FAILED;
	if (!history_reader_has_key(reader, why))
		channel_error(req->channel, "warning: shown without ids: %s\n", why);
	if (id) {
		status = find_decision(req, reader, id);
	} else if (history_find(reader, &query, print_row, req, &scan, why)) {
		history_source_tell(req, &scan);
	} else {
		channel_error(req->channel, "the history cannot be read: %s\n", why);
		status = STATUS_FAILED;
	}
	history_reader_free(&reader);
	return status;
}
