#include "config_load.h"

#include "core/rules/survey.h"
#include "edge/geo/geo.h"
#include "edge/syntax/config_parser.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Settings of the edge are a few strings. */
#define CONFIG_STRINGS_MAX ((size_t)16 << 20)
/* Names of files, and entries whose spelling had to be changed. */
#define CONFIG_SCRATCH_MAX ((size_t)4 << 30)

struct arena *load_arena(void)
{
	return arena_create(CONFIG_SCRATCH_MAX);
}

/* ---- the tree ------------------------------------------------------------------------ */

/* The line that libconfig could not read, as far as it helps to recognise it. */
static struct slice line_of(const struct config_text *text, unsigned line)
{
	struct slice rest = slice_of(text->bytes, text->len), current = rest;

	for (unsigned i = 0; i < line && rest.len > 0; i++)
		current = slice_cut(&rest, '\n');
	return slice_trim(current);
}

/* libconfig's words, in ours where these help. */
static const char *syntax_error(struct slice text)
{
	if (slice_equal(text, SLICE("duplicate setting name")))
		return "this key was set before";
	if (slice_equal(text, SLICE("mismatched element type in array")))
		return "all elements between [ and ] must be of one type: quote the numbers";
	if (slice_equal(text, SLICE("memory exhausted")))
		return "brackets are nested too deeply, or there is no memory for them";
	return text.ptr;
}

static void tell_syntax_error(struct load *load, unsigned line, struct slice words)
{
	struct slice text = line_of(&load->text, line);
	const char *error = syntax_error(words);
	char shown[EXCERPT_MAX];

	if (load->start)
		diag_error(load->diag, config_text_origin(&load->text, line),
		    "%s here or before; what follows was not read", error);
	else if (text.len == 0)
		diag_error(load->diag, config_text_origin(&load->text, line),
		    "%s at the end: is a closing } or ) missing?", error);
	else
		diag_error(load->diag, config_text_origin(&load->text, line),
		    "%s, at or before \"%s\"; what follows was not read", error,
		    slice_excerpt(text, shown));
}

/* As root an included file is read only when nobody else could have written it. */
static enum textfile_result read_roots(
    struct load *load, const char *path, struct slice *out, char why[TEXTFILE_WHY_MAX])
{
	struct loaded_file file = {.path = path, .kind = LOADED_CONFIG, .owned = true};
	enum textfile_result result = textfile_read_roots(path, &file.text, why);

	*out = file.text;
	if (result != TEXTFILE_OK || (load->loaded && loaded_add(load->loaded, &file)))
		return result;
	textfile_free(out);
	snprintf(why, TEXTFILE_WHY_MAX, "cannot be kept: out of memory");
	return TEXTFILE_BROKEN;
}

static enum textfile_result read_config(
    void *context, const char *path, bool roots, struct slice *out, char why[TEXTFILE_WHY_MAX])
{
	return roots ? read_roots(context, path, out, why)
		     : load_file(context, LOADED_CONFIG, path, out, why);
}

bool load_tree(struct load *load, const char *path)
{
	const struct config_reader reader = {read_config, load, load->start && geteuid() == 0};
	char why[CONFIG_PARSE_WHY_MAX];
	struct slice error;
	unsigned line;

	config_text_read(&load->text, path, &reader, load->diag, load->arena);
	if (diag_errors(load->diag) > 0)
		return false;
	if (!config_parse(slice_of(load->text.bytes, load->text.len), &load->parsed, why)) {
		diag_error(load->diag, (struct origin){path, 0}, "%s", why);
		return false;
	}
	load->root = settings_decode(load->parsed, load->arena, &line, &error);
	if (error.len > 0)
		tell_syntax_error(load, line, error);
	else if (!load->root)
		diag_error(load->diag, (struct origin){path, 0}, "%s",
		    arena_failed(load->arena) ? "out of memory"
					      : "cannot be parsed: the answer of the process "
						"that did it makes no sense");
	return load->root;
}

void load_close(struct load *load)
{
	loaded_free(&load->loaded);
	load_close_feeds(load);
	free((void *)(uintptr_t)load->parsed.ptr);
	config_text_free(&load->text);
	free(load->names);
	free(load->wants);
	free(load->modes);
	free(load->wides);
	arena_free(&load->arena);
}

/* Debian's, and everybody's who has not moved it. */
static const char POSTFIX_QUEUE[] = "/var/spool/postfix";

/* ---- loading ------------------------------------------------------------------------- */

static struct config *create_config(const char *path)
{
	struct config *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->arena = arena_create(CONFIG_STRINGS_MAX);
	c->path = c->arena ? arena_strdup(c->arena, slice_str(path)) : NULL;
	if (!c->path)
		config_free(&c);
	return c;
}

const char *config_default_socket(struct arena *arena, const char *queue)
{
	struct slice directory = arena_printf(arena, "%s/susmilter", queue);
	struct stat st;

	if (directory.len > 0 && stat(directory.ptr, &st) == 0 && S_ISDIR(st.st_mode))
		return arena_printf(arena, "unix:%s/milter.sock", directory.ptr).ptr;
	return arena_strdup(arena, SLICE("unix:/run/susmilter/milter.sock"));
}

static void fill_default_socket(struct config *c)
{
	if (c->milter_socket && !c->milter_socket[0])
		c->milter_socket = config_default_socket(c->arena, POSTFIX_QUEUE);
}

/* Copies stay where they are while the process runs: a restart takes another `state`. */
static void set_copies_directory(struct load *load)
{
	const struct config *previous = load->request->previous;
	struct config *c = load->config;
	const char *directory = c->state;

	if (previous)
		directory = arena_strdup(c->arena, slice_str(previous->copies_directory));
	c->copies_directory = directory ? directory : ""; /* "": out of memory, reported later */
}

/* Two fields of one name are told apart by nobody. */
static void warn_of_own_fields(struct load *load)
{
	const struct setting *headers = setting_member(load->root, "headers");
	const struct setting *s = headers ? setting_member(headers, "verdict") : NULL;
	struct slice name = load->settings.headers_verdict;

	if (!s || name.len == 0)
		return;
	if (slice_equal_nocase(name, load->settings.headers_results))
		diag_warning(load->diag, load_where(load, s),
		    "headers.verdict and headers.results are both %.*s: give each a name of its "
		    "own",
		    SLICE_ARG(name));
	else if (slice_equal_nocase(name, SLICE("X-Susmilter")))
		diag_warning(load->diag, load_where(load, s),
		    "headers.verdict is X-Susmilter, which marks what monitor mode would have "
		    "refused: give it a name of its own");
}

static struct ruleset *build(struct load *load)
{
	struct survey *survey = load->request->survey;
	struct ruleset *rules;

	load->builder = ruleset_builder_create(load->diag);
	if (!load->builder) {
		diag_error(load->diag, (struct origin){load->config->path, 0}, "out of memory");
		return NULL;
	}
	if (survey)
		ruleset_survey(load->builder, survey);
	load_options(load);
	set_copies_directory(load);
	fill_default_socket(load->config);
	load_check_names(load);
	load_check_modes(load);
	load_check_wide(load);
	warn_of_own_fields(load);
	load_feeds(load);
	load_geo(load, load->from ? NULL : load->request->previous);
	ruleset_set_settings(load->builder, &load->settings);
	if (arena_failed(load->arena) || arena_failed(load->config->arena))
		diag_error(load->diag, (struct origin){load->config->path, 0}, "out of memory");
	rules = ruleset_finish(&load->builder);
	if (rules)
		load_warn_policy(load, rules);
	return rules;
}

struct config *config_load(
    const char *path, const struct config *previous, struct diag *diag, struct ruleset **rules)
{
	return config_survey(path, previous, diag, rules, NULL);
}

struct config *config_survey(const char *path, const struct config *previous, struct diag *diag,
    struct ruleset **rules, struct survey *survey)
{
	const struct config_request request = {
	    .path = path, .previous = previous, .survey = survey};

	return config_request(&request, diag, rules);
}

/* A copy of the copies that are loaded: the generation looks into them later. */
static bool take_copies(struct load *load, const struct config_request *request)
{
	if (!request->from)
		return true;
	load->config->from = copies_duplicate(request->from);
	load->config->from_set = load->from_set = request->from_set;
	load->from = load->config->from;
	return load->from != NULL;
}

static void hand_over(struct load *load, const struct config_request *request, bool built)
{
	if (built) {
		load->config->loaded = load->loaded;
		load->loaded = NULL;
	} else if (request->refused && load->loaded) {
		loaded_release(load->loaded);
		*request->refused = load->loaded;
		load->loaded = NULL;
	}
}

struct config *config_request(
    const struct config_request *request, struct diag *diag, struct ruleset **rules)
{
	struct load load = {
	    .config = create_config(request->path),
	    .request = request,
	    .loaded = loaded_create(),
	    .settings.defaults = {.susranges = true, .blocks = true},
	    .diag = diag,
	    .arena = load_arena(),
	    .now = request->now ? request->now : time(NULL),
	};

	*rules = NULL;
	if (!load.config || !load.arena || !load.loaded || !take_copies(&load, request))
		diag_error(diag, (struct origin){request->path, 0}, "out of memory");
	else if (load_tree(&load, request->path))
		*rules = build(&load);
	hand_over(&load, request, *rules != NULL);
	load_close(&load);
	if (!*rules)
		config_free(&load.config);
	return load.config;
}

struct config *config_load_start(const char *path, struct diag *diag)
{
	struct load load = {
	    .config = create_config(path), .start = true, .diag = diag, .arena = load_arena()};

	if (load.config && load.arena && load_tree(&load, path)) {
		load_options(&load);
		fill_default_socket(load.config);
	}
	if (!load.config || !load.arena || arena_failed(load.arena) ||
	    arena_failed(load.config->arena))
		diag_error(diag, (struct origin){path, 0}, "out of memory");
	load_close(&load);
	if (diag_errors(diag) > 0)
		config_free(&load.config);
	return load.config;
}

bool config_keep_records(struct config *c, const struct config *replaced)
{
	c->history_directory = arena_strdup(c->arena, slice_str(replaced->history_directory));
	c->history_keep_days = replaced->history_keep_days;
	c->history_max_bytes = replaced->history_max_bytes;
	c->history_min_free = replaced->history_min_free;
	c->history_local_parts = replaced->history_local_parts;
	c->history_per_network_minute = replaced->history_per_network_minute;
	c->reports_database = arena_strdup(c->arena, slice_str(replaced->reports_database));
	c->reports_keep_days = replaced->reports_keep_days;
	return c->history_directory && c->reports_database;
}

void config_free(struct config **config)
{
	if (!*config)
		return;
	geo_free(&(*config)->geo_asn_db);
	geo_free(&(*config)->geo_country_db);
	loaded_free(&(*config)->loaded);
	copies_free(&(*config)->from);
	arena_free(&(*config)->arena);
	free(*config);
	*config = NULL;
}
