#include "config_load.h"

#include "core/base/array.h"
#include "edge/config/modes.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

/* One line of the file, and the rule that has it. */
struct rule_mode {
	struct slice name;
	struct rule_override override;
	bool used, same; /* there is the rule; its configured mode is this one */
	unsigned line;
};

/* ---- lines --------------------------------------------------------------------------- */

const char *modes_path(struct arena *arena, const char *state)
{
	struct slice path = state[0] ? arena_printf(arena, "%s/rule-modes", state) : SLICE("");

	return path.ptr ? path.ptr : "";
}

struct slice modes_entry(struct arena *arena, struct slice rule, bool monitor)
{
	return arena_printf(arena, "%.*s %s", SLICE_ARG(rule), monitor ? "monitor" : "enforce");
}

bool modes_parse(struct slice entry, struct slice *rule, bool *monitor)
{
	struct slice rest = entry;

	*rule = slice_cut(&rest, ' ');
	rest = slice_trim(rest);
	*monitor = slice_equal(rest, SLICE("monitor"));
	return rule->len > 0 && (*monitor || slice_equal(rest, SLICE("enforce")));
}

/* ---- the file ------------------------------------------------------------------------ */

/* The directory stays where it is while the process runs (edge/state/copies.h). */
static const char *path_of(struct load *load)
{
	const struct config *previous = load->request ? load->request->previous : NULL;

	return modes_path(load->arena, previous ? previous->copies_directory : load->config->state);
}

static bool add_mode(struct load *load, const struct rule_mode *mode)
{
	if (!ARRAY_ROOM(load->modes, load->mode_capacity, load->mode_count + 1))
		return false;
	load->modes[load->mode_count++] = *mode;
	return true;
}

static void read_line(struct load *load, struct slice line, struct origin where)
{
	struct rule_mode mode = {.override.given = true, .line = where.line};
	struct managed_line words;
	const char *wrong = NULL;

	if (!managed_parse_line(line, &words))
		return;
	if (!modes_parse(words.entry, &mode.name, &mode.override.monitor))
		wrong = "is not the name of a rule and monitor or enforce";
	else
		wrong = managed_parse_words(slice_skip(line, slice_find(line, '#')), &words);
	mode.override.until = words.expires;
	mode.override.set = words.added;
	mode.override.by = words.by;
	/* Without its end a mode might last for ever. */
	if (wrong)
		diag_warning(load->diag, where, "%s: the line is ignored", wrong);
	else if (words.expires != 0 && words.expires <= load->now)
		return;
	else if (!add_mode(load, &mode))
		diag_error(load->diag, where, "out of memory");
}

/* Whether the state directory is one that this user cannot enter: then the file is not his, and
 * none of its modes was ever in force here. */
static bool is_of_others(const char *path)
{
	char directory[PATH_MAX];

	snprintf(
	    directory, sizeof directory, "%.*s", (int)slice_find_last(slice_str(path), '/'), path);
	return access(directory, X_OK) != 0 && errno == EACCES;
}

/* Mail must not be decided without modes that are in force; a check may only warn. */
static void tell_unreadable(struct load *load, const char *path, const char *why)
{
	struct origin where = {path, 0};

	if (load->request && load->request->live && !is_of_others(path))
		diag_error(load->diag, where,
		    "%s: the modes that `susmilterctl rule` set are not known", why);
	else
		diag_warning(load->diag, where,
		    "%s: rules are taken as configured, without what `susmilterctl rule` set", why);
}

static void read_modes(struct load *load)
{
	const char *path = path_of(load);
	struct origin where = {path, 0};
	char why[TEXTFILE_WHY_MAX];
	struct slice rest;

	load->modes_read = true;
	if (path[0] == '\0')
		return;
	switch (load_file(load, LOADED_MANAGED, path, &rest, why)) {
	case TEXTFILE_OK:
		for (where.line = 1; rest.len > 0; where.line++)
			read_line(load, slice_cut(&rest, '\n'), where);
		break;
	case TEXTFILE_MISSING: /* nobody has set any */
		break;
	case TEXTFILE_BROKEN:
	case TEXTFILE_FOREIGN:
		tell_unreadable(load, path, why);
		break;
	}
}

/* ---- rules --------------------------------------------------------------------------- */

void load_rule_mode(struct load *load, struct rule *rule)
{
	if (!load->modes_read)
		read_modes(load);
	for (size_t i = 0; i < load->mode_count; i++) {
		struct rule_mode *mode = &load->modes[i];

		if (!slice_equal(mode->name, rule->name))
			continue;
		mode->used = true;
		mode->same = mode->override.monitor == rule->monitor;
		rule->override = mode->override; /* of two lines the last counts */
	}
}

void load_check_modes(struct load *load)
{
	for (size_t i = 0; i < load->mode_count; i++) {
		const struct rule_mode *mode = &load->modes[i];
		struct origin where = {path_of(load), mode->line};
		const char *word = mode->override.monitor ? "monitor" : "enforce";

		if (!mode->used)
			diag_warning(load->diag, where,
			    "mode %s is set for \"%.*s\", but there is no such rule: it counts "
			    "for nothing",
			    word, SLICE_ARG(mode->name));
		else if (mode->same)
			diag_warning(load->diag, where,
			    "mode %s is set for \"%.*s\", which is configured so: take it back "
			    "with `susmilterctl rule %.*s %s`",
			    word, SLICE_ARG(mode->name), SLICE_ARG(mode->name), word);
	}
}
