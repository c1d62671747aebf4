#include "edge/recorded/tail_past.h"

#include "edge/config/config.h"
#include "edge/control/watch.h"
#include "edge/history/history_seed.h"
#include "edge/recorded/history_source.h"

#include <string.h>

/* Without --last: as tail(1), for people; at most what one answer's memory holds. */
enum { LAST = 10, LAST_MAX = 10000 };

/* Whether somebody asked for it; *most: how many. */
static bool is_asked_for(struct tail_past *p, bool *asked)
{
	const char *last = request_text(p->req, "last");
	bool script = request_switch(p->req, "json") || request_text(p->req, "count");
	uint64_t n = LAST;

	*asked = last || request_text(p->req, "since");
	if (last && !slice_to_uint(slice_str(last), LAST_MAX, &n)) {
		channel_error(p->req->channel, "tail: --last must be at most %d\n", LAST_MAX);
		return false;
	}
	p->most = last ? (size_t)n : *asked ? LAST_MAX : script ? 0 : LAST;
	return true;
}

/* As a record that is followed would be. */
static bool is_followed(const struct decision_row *row)
{
	return row->stage != STAGE_END || (row->final && row->action != ACTION_ACCEPT);
}

static bool take_row(void *context, const struct decision_row *row)
{
	struct tail_past *p = context;
	char json[HISTORY_JSON_MAX];
	size_t len = is_followed(row) ? history_source_json(row, json) : 0;
	json_t *record = len > 0 ? json_loadb(json, len, 0, NULL) : NULL;
	bool is_new;

	if (record && p->passes(p->filter, record)) {
		p->lines[p->count] = arena_strdup(p->req->arena, slice_of(json, len));
		if (p->lines[p->count])
			p->count++;
		history_set_add(p->ids, row->id, &is_new);
	}
	json_decref(record);
	return p->count < p->most && !arena_failed(p->req->arena);
}

/* Oldest first. */
static void show_all(struct tail_past *p)
{
	for (size_t i = p->count; i-- > 0;) {
		json_t *record = json_loads(p->lines[i], 0, NULL);

		if (record)
			p->show(p->req, record);
	}
}

static bool read_past(struct tail_past *p)
{
	struct history_query query = {.rule = slice_str(request_text(p->req, "rule")),
	    .action = slice_str(request_text(p->req, "action"))};
	struct history_reader *reader;
	struct history_scan scan;
	struct history_seed seed;
	char why[HISTORY_FIND_WHY_MAX] = "out of memory";
	bool ok;

	if (!history_source_time(p->req, "since", &query.since_ms))
		return false;
	reader = history_source_open(p->req);
	if (!reader)
		return false;
	p->lines = arena_calloc(p->req->arena, p->most, sizeof *p->lines);
	if (history_seed_draw(&seed))
		p->ids = history_set_create(&seed);
	ok = p->lines && p->ids && history_find(reader, &query, take_row, p, &scan, why);
	history_reader_free(&reader);
	if (ok)
		show_all(p);
	else
		channel_error(p->req->channel, "the history cannot be read: %s\n", why);
	return ok;
}

bool tail_past_show(struct tail_past *p)
{
	const char *directory = p->req->generation->config->history_directory;
	bool asked;

	if (!is_asked_for(p, &asked))
		return false;
	if (directory[0] == '\0' && asked) {
		channel_error(p->req->channel,
		    "tail: --last and --since need a history: history.directory is not set\n");
		return false;
	}
	return directory[0] == '\0' || p->most == 0 || read_past(p);
}

bool tail_past_has(const struct tail_past *p, const json_t *record)
{
	return p->ids && history_set_has(p->ids, slice_str(record_text(record, "id")));
}

void tail_past_free(struct tail_past *p)
{
	history_set_free(&p->ids);
}
