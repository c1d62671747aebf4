/* `rules`: every rule, and what it did to the mail that the history has (SPEC 10). */
#include "edge/control/commands.h"

#include "core/base/rfc3339.h"
#include "core/change/rule_summary.h"
#include "edge/config/config.h"
#include "edge/recorded/history_source.h"

#include <stdio.h>
#include <time.h>

/* Where hits come from; without a history there are none. */
struct counted {
	bool has_history;
	int64_t oldest_ms; /* how far it reaches; 0: it is empty */
};

static bool count_row(void *context, const struct decision_row *row)
{
	rule_summary_count(context, row);
	return true;
}

/* Counts hits where a history is kept or named; false after a complaint. */
static bool count_hits(struct request *req, struct rule_summary *s, struct counted *out)
{
	struct history_reader *reader;
	struct history_scan scan;
	char why[HISTORY_FIND_WHY_MAX];
	bool read;

	*out =
	    (struct counted){.has_history = request_text(req, "history") ||
					    req->generation->config->history_directory[0] != '\0'};
	if (!out->has_history)
		return true;
	reader = history_source_open(req);
	if (!reader)
		return false;
	read = history_verdicts(reader, count_row, s, &scan, why);
	if (read) {
		history_source_tell(req, &scan);
		out->oldest_ms = scan.oldest_ms;
	} else {
		channel_error(req->channel, "the history cannot be read: %s\n", why);
	}
	history_reader_free(&reader);
	return read;
}

static const char *mode_of(const struct request *req, const struct rule *rule)
{
	return req->generation->rules->settings.monitor || rule_monitors(rule, time(NULL))
		   ? "monitor"
		   : "enforce";
}

/* ---- as JSON ------------------------------------------------------------------------- */

static json_t *text_or_null(struct slice s)
{
	return s.len > 0 ? json_from_slice(s) : json_null();
}

static json_t *row_json(
    const struct request *req, const struct rule_summary_row *r, const struct counted *counted)
{
	const struct rule *rule = r->rule;
	json_t *o = json_pack("{s:o, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:b, s:s, s:i}", "rule",
	    json_from_slice(rule->name), "family", family_name(rule->family), "mode",
	    mode_of(req, rule), "entries", (json_int_t)r->entries, "owner",
	    text_or_null(rule->owner), "ticket", text_or_null(rule->ticket), "comment",
	    text_or_null(rule->comment), "expires", json_from_time(r->expires), "expired",
	    r->expires > 0 && r->expires <= time(NULL), "file", rule->where.file, "line",
	    (int)rule->where.line);

	if (counted->has_history) {
		json_object_set_new(o, "hits", json_integer((json_int_t)r->hits));
		json_object_set_new(o, "last_hit", json_from_time(r->last_ms / 1000));
	}
	return o;
}

/* ---- for people ---------------------------------------------------------------------- */

static void print_named(struct request *req, const char *name, struct slice text)
{
	char bounded[PLAIN_MAX], plain[PLAIN_MAX];

	if (text.len == 0)
		return;
	snprintf(bounded, sizeof bounded, "%.*s", SLICE_ARG(text));
	channel_print(req->channel, "  %s: %s\n", name, plain_text(bounded, plain));
}

static void print_row(
    struct request *req, const struct rule_summary_row *r, const struct counted *counted)
{
	char at[RFC3339_TEXT_MAX];
	const struct rule *rule = r->rule;

	channel_print(req->channel, "%s %.*s (%s:%u): %s, %zu entr%s", family_name(rule->family),
	    SLICE_ARG(rule->name), rule->where.file, rule->where.line, mode_of(req, rule),
	    r->entries, r->entries == 1 ? "y" : "ies");
	if (counted->has_history)
		channel_print(req->channel, ", %llu hit%s", (unsigned long long)r->hits,
		    r->hits == 1 ? "" : "s");
	if (r->hits > 0) {
		rfc3339_format(r->last_ms / 1000, at);
		channel_print(req->channel, ", the last at %s", at);
	}
	channel_print(req->channel, "\n");
	print_named(req, "owner", rule->owner);
	print_named(req, "ticket", rule->ticket);
	print_named(req, "comment", rule->comment);
	if (r->expires > 0) {
		rfc3339_format(r->expires, at);
		channel_print(req->channel, "  %s: %s\n",
		    r->expires <= time(NULL) ? "expired" : "expires", at);
	}
}

/* How far hits can be trusted. */
static void print_reach(struct request *req, const struct counted *counted)
{
	char at[RFC3339_TEXT_MAX];

	if (!counted->has_history) {
		channel_print(req->channel, "Hits are not known: history.directory is not set.\n");
	} else if (counted->oldest_ms == 0) {
		channel_print(req->channel, "The history is empty.\n");
	} else {
		rfc3339_format(counted->oldest_ms / 1000, at);
		channel_print(req->channel, "Hits are counted since %s.\n", at);
	}
}

static int print_names(struct request *req, const struct rule_summary *s)
{
	json_t *list = request_switch(req, "json") ? json_array() : NULL;

	for (size_t i = 0; i < s->count; i++)
		if (list)
			json_array_append_new(list, json_from_slice(s->rows[i].rule->name));
		else
			channel_print(req->channel, "%.*s\n", SLICE_ARG(s->rows[i].rule->name));
	return list ? request_print_json(req, list) : STATUS_OK;
}

int command_rules(struct request *req)
{
	struct rule_summary *s = rule_summary_make(req->generation->rules, req->arena);
	struct counted counted;
	json_t *list;

	if (!s) {
		channel_error(req->channel, "rules: out of memory\n");
		return STATUS_FAILED;
	}
	if (request_switch(req, "names"))
		return print_names(req, s);
	if (!count_hits(req, s, &counted))
		return STATUS_FAILED;
	if (!request_switch(req, "json")) {
		for (size_t i = 0; i < s->count; i++)
			print_row(req, &s->rows[i], &counted);
		print_reach(req, &counted);
		return STATUS_OK;
	}
	list = json_array();
	for (size_t i = 0; i < s->count; i++)
		json_array_append_new(list, row_json(req, &s->rows[i], &counted));
	if (!counted.has_history)
		channel_error(req->channel, "hits are not known: history.directory is not set\n");
	return request_print_json(req, list);
}
