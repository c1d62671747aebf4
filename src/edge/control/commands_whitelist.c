#include "edge/control/commands.h"

#include "core/base/rfc3339.h"
#include "edge/config/config.h"
#include "edge/config/managed.h"
#include "edge/log/log.h"

#include <stdio.h>
#include <time.h>

/* ---- the words of a new entry -------------------------------------------------------- */

enum { TEXT_BYTES_MAX = 500 }; /* a line of the list stays one that an editor shows whole */

/* Text that stays on its line and in its place, and hides nothing of it. */
static bool fits(struct slice text, bool one_word)
{
	return slice_is_utf8(text) && text.len <= TEXT_BYTES_MAX && !slice_has_controls(text) &&
	       !(one_word && slice_find(text, ' ') < text.len);
}

/* The client of a decision, as an entry; NULL after a complaint. */
static const char *client_of(struct asked *a, const char *token)
{
	json_t *record = asked_decision(a, token);
	const char *client = json_string_value(json_object_get(record, "client"));
	char *entry = client ? arena_strdup(a->arena, slice_str(client)) : NULL;

	if (record && !entry)
		channel_complain(a->channel, "the decision %s knows no client\n", token);
	json_decref(record);
	return entry;
}

static const char *entry_of(struct asked *a)
{
	const char *entry = asked_argument(a, 0), *token = asked_text(a, "from");

	if (!entry == !token) {
		channel_complain(
		    a->channel, "whitelist add wants one entry, or --from TOKEN of a decision\n");
		return NULL;
	}
	return entry ? entry : client_of(a, token);
}

static bool read_line(struct asked *a, struct managed_line *line)
{
	const char *entry = entry_of(a), *span = asked_text(a, "for");
	struct list_entry parsed;
	char why[LIST_WHY_MAX];
	const char *wrong;

	if (!entry)
		return false;
	*line = (struct managed_line){
	    .entry = slice_trim(slice_str(entry)),
	    .owner = slice_str(asked_text(a, "owner")),
	    .comment = slice_trim(slice_str(asked_text(a, "comment"))),
	};
	wrong = managed_parse_entry(line->entry, a->arena, &parsed, why);
	if (!wrong && span && !(line->expires = span_of(span)))
		wrong = "--for wants a time such as 30m, 12h, 7d or 4w, ten years at most";
	if (!wrong && !fits(line->owner, true))
		wrong = "--owner is one word";
	if (!wrong && !fits(line->comment, false))
		wrong = "--comment is one line of at most 500 bytes";
	if (!wrong && line->entry.len > 0 && !fits(line->entry, true))
		wrong = "an entry holds no blanks";
	if (wrong)
		channel_complain(a->channel, "%s: %s\n", entry, wrong);
	if (line->expires)
		line->expires += time(NULL);
	return !wrong;
}

/* ---- edits --------------------------------------------------------------------------- */

static bool is_gone(void *channel)
{
	return channel_is_gone(channel);
}

/* Opens the list, to be changed or only to be read. */
static bool open_list(struct asked *a, struct managed_edit *e, bool change)
{
	const char *path = a->generation->config->managed_whitelist;
	char why[MANAGED_WHY_MAX];

	if (path[0] == '\0') {
		channel_complain(a->channel,
		    "there is no list to edit: set managed_whitelist = \"PATH\" in %s\n",
		    a->config_path);
		return false;
	}
	if (change ? managed_begin(e, path, a->arena, is_gone, a->channel, why)
		   : managed_read(e, path, a->arena, why))
		return true;
	channel_complain(a->channel, "%s\n", why);
	return false;
}

/* Puts the new lines into force, or the old ones back; the new generation's number, or 0. */
static uint64_t make_live(struct asked *a, struct managed_edit *e)
{
	char why[MANAGED_WHY_MAX];
	struct report *report = report_create();
	uint64_t number = 0;

	if (!managed_commit(e, why)) {
		channel_complain(a->channel, "not changed: %s\n", why);
		report_free(&report);
		return 0;
	}
	if (report)
		number = worker_reload(a->worker, report);
	if (report && number == 0)
		asked_report(a, report);
	report_free(&report);
	if (number)
		return number;
	if (managed_undo(e, why))
		channel_complain(a->channel, "the configuration does not load, so the list is as "
					     "it was; repair the errors first\n");
	else
		channel_complain(a->channel,
		    "the configuration does not load, and the old list could not be put back: %s\n",
		    why);
	return 0;
}

int command_whitelist_add(struct asked *a)
{
	char until[RFC3339_TEXT_MAX] = "";
	struct managed_line line;
	struct managed_edit e;
	bool replaced;
	uint64_t number;

	if (!read_line(a, &line))
		return STATUS_USAGE;
	if (!open_list(a, &e, true))
		return STATUS_FAILED;
	managed_add(&e, &line, time(NULL), &replaced);
	number = make_live(a, &e);
	managed_end(&e);
	if (!number)
		return STATUS_FAILED;
	if (line.expires)
		rfc3339_format(line.expires, until);
	channel_print(a->channel, "%.*s is %s %s%s: generation %llu is live\n",
	    SLICE_ARG(line.entry), replaced ? "changed," : "whitelisted",
	    until[0] ? "until " : "for good", until, (unsigned long long)number);
	log_info("whitelist: %.*s added %s%s", SLICE_ARG(line.entry),
	    until[0] ? "until " : "for good", until);
	return STATUS_OK;
}

int command_whitelist_remove(struct asked *a)
{
	struct slice entry = slice_trim(slice_str(asked_argument(a, 0)));
	struct managed_edit e;
	uint64_t number = 0;

	if (entry.len == 0) {
		channel_complain(a->channel, "whitelist remove wants an entry\n");
		return STATUS_USAGE;
	}
	if (!open_list(a, &e, true))
		return STATUS_FAILED;
	if (managed_remove(&e, entry, time(NULL)))
		number = make_live(a, &e);
	else
		channel_complain(a->channel, "%.*s is not in %s\n", SLICE_ARG(entry), e.path);
	managed_end(&e);
	if (!number)
		return STATUS_FAILED;
	channel_print(a->channel, "%.*s is removed: generation %llu is live\n", SLICE_ARG(entry),
	    (unsigned long long)number);
	log_info("whitelist: %.*s removed", SLICE_ARG(entry));
	return STATUS_OK;
}

/* ---- list ---------------------------------------------------------------------------- */

static void print_line(void *context, const struct managed_line *l)
{
	struct asked *a = context;
	char until[RFC3339_TEXT_MAX] = "for good";

	if (l->expires)
		rfc3339_format(l->expires, until);
	channel_print(a->channel, "%-32.*s %-20s%s %-10.*s %.*s\n", SLICE_ARG(l->entry), until,
	    l->expires && l->expires <= time(NULL) ? " EXPIRED" : "", SLICE_ARG(l->owner),
	    SLICE_ARG(l->comment));
}

static void add_line(void *context, const struct managed_line *l)
{
	json_t *o = json_pack("{s:o}", "entry", asked_slice(l->entry));
	char until[RFC3339_TEXT_MAX];

	if (l->expires) {
		rfc3339_format(l->expires, until);
		json_object_set_new(o, "expires", json_string(until));
	}
	if (l->owner.len > 0)
		json_object_set_new(o, "owner", asked_slice(l->owner));
	if (l->comment.len > 0)
		json_object_set_new(o, "comment", asked_slice(l->comment));
	json_array_append_new(context, o);
}

int command_whitelist_list(struct asked *a)
{
	struct managed_edit e;
	json_t *lines;

	if (!open_list(a, &e, false))
		return STATUS_FAILED;
	if (asked_switch(a, "json")) {
		lines = json_array();
		managed_each(&e, add_line, lines);
		asked_json(a, lines);
	} else {
		managed_each(&e, print_line, a);
	}
	return STATUS_OK;
}
