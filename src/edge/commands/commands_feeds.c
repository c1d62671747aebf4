/* What stands behind a generation: feeds, and whether it comes from files or copies. */
#include "edge/control/commands.h"

#include "core/base/rfc3339.h"

#include <stdio.h>

/* ---- feeds ---------------------------------------------------------------------------- */

static json_t *feed_json(const struct loaded_feed *f, int64_t now)
{
	json_t *o = json_pack("{s:o, s:s, s:o, s:b, s:I, s:I, s:o, s:I, s:o}", "rule",
	    json_from_slice(slice_str(f->rule)), "key", f->key, "path",
	    json_from_slice(slice_str(f->path)), "taken", f->taken, "entries",
	    (json_int_t)f->entries, "left_out", (json_int_t)f->left_out, "modified",
	    json_from_time(f->modified), "age_seconds", (json_int_t)(now - f->modified), "read",
	    json_from_time(f->read));

	if (!f->taken)
		json_object_set_new(o, "reason", json_from_slice(slice_str(f->why)));
	if (f->shrunken) {
		json_object_set_new(o, "shrunken_since", json_from_time(f->memory.shrunk_at));
		json_object_set_new(o, "shrunken_reloads", json_integer(f->memory.shrunk));
	}
	return o;
}

json_t *feeds_json(const struct loaded *l, int64_t now)
{
	json_t *all = json_array();

	for (const struct loaded_feed *f = l->feeds; f; f = f->next)
		json_array_append_new(all, feed_json(f, now));
	return all;
}

static void print_feed(struct request *req, const struct loaded_feed *f, int64_t now)
{
	char age[AGE_MAX], path[PLAIN_MAX], why[PLAIN_MAX];

	channel_print(req->channel, "             %s %s: %zu entries, %s old, %s; %s\n", f->rule,
	    f->key, f->entries, age_text(now - f->modified, age), f->taken ? "taken" : "NOT TAKEN",
	    plain_text(f->path, path));
	if (!f->taken)
		channel_print(req->channel, "               its earlier entries stay in use: %s\n",
		    plain_text(f->why, why));
}

void feeds_print(struct request *req, const struct loaded *l, int64_t now)
{
	size_t all = 0, kept = 0;

	for (const struct loaded_feed *f = l->feeds; f; f = f->next) {
		all++;
		kept += !f->taken;
	}
	if (all == 0)
		return;
	channel_print(req->channel, "feeds        %zu, %zu of them not taken\n", all, kept);
	for (const struct loaded_feed *f = l->feeds; f; f = f->next)
		print_feed(req, f, now);
}

/* ---- files or copies ------------------------------------------------------------------ */

json_t *source_json(const struct config *c)
{
	return json_string(c->from ? "copy" : "files");
}

void source_print(struct request *req, const struct config *c)
{
	char since[RFC3339_TEXT_MAX];

	if (!c->from)
		return;
	rfc3339_format(c->from->sets[c->from_set].loaded, since);
	channel_print(req->channel,
	    "files        copies from %s (reload --previous); `reload` reads the files\n", since);
}
