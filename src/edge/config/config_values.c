#include "config_load.h"

#include "core/base/closest.h"
#include "core/name/entry.h"

#include <stdio.h>

struct origin load_where(const struct load *load, const struct setting *s)
{
	return config_text_origin(&load->text, s->line);
}

/* ---- keys and words ------------------------------------------------------------------ */

void load_unknown_key(struct load *load, const struct setting *s, const char *const *known)
{
	const char *name = s->name;
	struct closest c = closest_start(slice_str(name));

	for (const char *const *k = known; *k; k++) {
		if (strcmp(*k, name) == 0)
			return;
		closest_try(&c, slice_str(*k));
	}
	if (c.like.len > 0)
		diag_error(load->diag, load_where(load, s),
		    "unknown key \"%s\"; did you mean \"%.*s\"?", name, SLICE_ARG(c.like));
	else
		diag_error(load->diag, load_where(load, s), "unknown key \"%s\"", name);
}

int load_word(struct load *load, struct slice text, const char *key, const struct word *words,
    struct origin where)
{
	const struct word *found = word_find(words, text);
	struct slice all = SLICE("");

	if (found)
		return found->value;
	for (const struct word *w = words; w->word; w++)
		all = arena_printf(load->arena, "%.*s%s%s", SLICE_ARG(all),
		    w == words  ? ""
		    : w[1].word ? ", "
				: " or ",
		    w->word);
	diag_error(load->diag, where, "%s is \"%.*s\" but must be %.*s", key, SLICE_ARG(text),
	    SLICE_ARG(all));
	return -1;
}

/* ---- types --------------------------------------------------------------------------- */

bool load_is_string(struct load *load, const struct setting *s)
{
	if (s->type == SETTING_STRING)
		return true;
	diag_error(load->diag, load_where(load, s), "%s must be a string in quotes",
	    s->name[0] ? s->name : "an entry");
	return false;
}

bool load_is_group(struct load *load, const struct setting *s)
{
	const char *name = s->name;

	if (s->type == SETTING_GROUP)
		return true;
	diag_error(load->diag, load_where(load, s), "%s must be a group: %s = { key = value; };",
	    name[0] ? name : "each of them", name[0] ? name : "name");
	return false;
}

bool load_bool(struct load *load, const struct setting *s, bool *out)
{
	if (s->type != SETTING_BOOL) {
		diag_error(load->diag, load_where(load, s), "%s must be true or false", s->name);
		return false;
	}
	*out = s->truth;
	return true;
}

/* ---- values and list files ----------------------------------------------------------- */

/* The bytes of a file, or of its copy where copies are loaded. */
static enum textfile_result read_bytes(
    struct load *load, struct loaded_file *f, char why[TEXTFILE_WHY_MAX])
{
	const struct copied_file *copy;

	if (!load->from || f->kind == LOADED_MANAGED || f->kind == LOADED_FEED)
		return file_read(f->path, &f->text, &f->id, why);
	copy = copies_find(load->from, load->from_set, f->path);
	if (!copy || copy->number == 0) {
		snprintf(why, TEXTFILE_WHY_MAX, "did not exist when this generation was live");
		return TEXTFILE_MISSING;
	}
	f->id = copy->id;
	return copies_open(load->from, copy->number, &f->text, why);
}

enum textfile_result load_file(struct load *load, enum loaded_kind kind, const char *path,
    struct slice *out, char why[TEXTFILE_WHY_MAX])
{
	struct loaded_file file = {.path = path, .kind = kind, .owned = true}, *f;
	enum textfile_result result;

	*out = slice_of(NULL, 0);
	if (!load->loaded)
		load->loaded = loaded_create();
	f = load->loaded ? loaded_find(load->loaded, path) : NULL;
	if (f && f->text.ptr) {
		*out = f->text;
		return TEXTFILE_OK;
	}
	result = read_bytes(load, &file, why);
	if (load->loaded && !f)
		f = loaded_add(load->loaded, &file);
	if (!f) {
		textfile_free(&file.text);
		snprintf(why, TEXTFILE_WHY_MAX, "cannot be kept: out of memory");
		return TEXTFILE_BROKEN;
	}
	*out = f->text;
	return result;
}

static void each_line(
    struct load *load, struct slice named, struct origin named_at, const struct value_walk *walk)
{
	const char *path = config_path(load->arena, named_at.file, named);
	struct origin where = {path, 0};
	struct slice rest, entry;
	char why[TEXTFILE_WHY_MAX];

	if (!path)
		return;
	if (load_file(load, LOADED_LIST, path, &rest, why) != TEXTFILE_OK) {
		diag_error(load->diag, named_at, "%s %s", path, why);
		return;
	}
	if (slice_find(rest, '\0') < rest.len) {
		diag_error(load->diag, where, "holds a NUL byte: not a list");
		return;
	}
	while (entry_next_line(&rest, &where.line, &entry)) {
		walk->each(walk->context, entry, where);
		named_at.line = 0;
	}
	if (named_at.line != 0 && !walk->may_be_empty)
		diag_error(load->diag, named_at,
		    "%s has no entries; only a rule with may_be_empty = true takes an empty file",
		    path);
}

static void each_text(
    struct load *load, struct slice text, struct origin where, const struct value_walk *walk)
{
	struct slice file = SLICE("file:"), feed = SLICE("feed:");
	struct slice behind = slice_trim(slice_skip(text, 1));

	if (slice_starts(text, SLICE("!")) &&
	    (slice_starts(behind, file) || slice_starts(behind, feed)))
		diag_error(load->diag, where,
		    "a file is not taken out as a whole: write \"!\" in front of its entries");
	else if (slice_starts(text, feed) && !walk->feed)
		diag_error(
		    load->diag, where, "only lists of networks, names and addresses take a feed");
	else if (slice_starts(text, feed))
		return; /* it had its turn */
	else if (slice_starts(text, file))
		each_line(load, slice_skip(text, file.len), where, walk);
	else
		walk->each(walk->context, slice_trim(text), where);
}

/* AS numbers may stand as numbers; everything else is a string. */
static void each_scalar(struct load *load, const struct setting *s, const struct value_walk *walk)
{
	struct origin where = load_where(load, s);
	struct slice text;

	switch (s->type) {
	case SETTING_STRING:
		each_text(load, setting_text(s), where, walk);
		break;
	case SETTING_INTEGER:
		text = arena_printf(load->arena, "%lld", (long long)s->integer);
		walk->each(walk->context, text, where);
		break;
	default:
		load_is_string(load, s);
	}
}

/* Feeds come first: the entries beside them are then known to be theirs, too. */
static void each_feed(struct load *load, const struct setting *s, const struct value_walk *walk)
{
	struct slice feed = SLICE("feed:");

	if (walk->feed && s->type == SETTING_STRING && slice_starts(setting_text(s), feed))
		walk->feed(
		    walk->context, slice_skip(setting_text(s), feed.len), load_where(load, s));
}

void load_each_value(struct load *load, const struct setting *s, const struct value_walk *walk)
{
	if (s->type != SETTING_ARRAY && s->type != SETTING_LIST) {
		each_feed(load, s, walk);
		each_scalar(load, s, walk);
		return;
	}
	for (unsigned i = 0; i < setting_count(s); i++)
		each_feed(load, setting_element(s, i), walk);
	if (setting_count(s) == 0 && !walk->may_be_empty)
		diag_error(load->diag, load_where(load, s),
		    "%s is empty; if it may be, set may_be_empty = true", s->name);
	for (unsigned i = 0; i < setting_count(s); i++)
		each_scalar(load, setting_element(s, i), walk);
}
