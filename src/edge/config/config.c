#include "config_load.h"

#include "core/policy/survey.h"
#include "edge/config/geo.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

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
static const char *syntax_error(const char *text)
{
	if (strcmp(text, "duplicate setting name") == 0)
		return "this key was set before";
	if (strcmp(text, "mismatched element type in array") == 0)
		return "all elements between [ and ] must be of one type: quote the numbers";
	return text;
}

static void tell_syntax_error(struct load *load)
{
	unsigned line = (unsigned)config_error_line(&load->tree);
	struct slice text = line_of(&load->text, line);
	const char *error = syntax_error(config_error_text(&load->tree));
	char shown[EXCERPT_MAX];

	if (text.len == 0)
		diag_error(load->diag, config_text_origin(&load->text, line),
		    "%s at the end: is a closing } or ) missing?", error);
	else
		diag_error(load->diag, config_text_origin(&load->text, line),
		    "%s, at or before \"%s\"; what follows was not read", error,
		    slice_excerpt(text, shown));
}

bool load_tree(struct load *load, const char *path)
{
	config_init(&load->tree);
	config_text_read(&load->text, path, load->diag, load->arena);
	if (diag_errors(load->diag) > 0)
		return false;
	if (config_read_string(&load->tree, load->text.bytes) == CONFIG_TRUE)
		return true;
	tell_syntax_error(load);
	return false;
}

void load_close(struct load *load)
{
	for (struct list_file *f = load->files; f; f = f->next)
		textfile_free(&f->text);
	config_destroy(&load->tree);
	config_text_free(&load->text);
	free(load->names);
	free(load->wants);
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

static struct ruleset *build(
    struct load *load, const struct config *previous, struct survey *survey)
{
	load->builder = ruleset_builder_create(load->diag);
	if (!load->builder) {
		diag_error(load->diag, (struct origin){load->config->path, 0}, "out of memory");
		return NULL;
	}
	if (survey)
		ruleset_survey(load->builder, survey);
	load_options(load);
	if (load->config->milter_socket && !load->config->milter_socket[0])
		load->config->milter_socket =
		    config_default_socket(load->config->arena, POSTFIX_QUEUE);
	load_check_names(load);
	load_check_wide(load);
	load_geo(load, previous);
	ruleset_set_settings(load->builder, &load->settings);
	if (arena_failed(load->arena) || arena_failed(load->config->arena))
		diag_error(load->diag, (struct origin){load->config->path, 0}, "out of memory");
	return ruleset_finish(&load->builder);
}

struct config *config_load(
    const char *path, const struct config *previous, struct diag *diag, struct ruleset **rules)
{
	return config_survey(path, previous, diag, rules, NULL);
}

struct config *config_survey(const char *path, const struct config *previous, struct diag *diag,
    struct ruleset **rules, struct survey *survey)
{
	struct load load = {
	    .config = create_config(path),
	    .settings.defaults = {.susranges = true, .blocks = true},
	    .diag = diag,
	    .arena = load_arena(),
	    .now = time(NULL),
	};

	*rules = NULL;
	if (!load.config || !load.arena)
		diag_error(diag, (struct origin){path, 0}, "out of memory");
	else if (load_tree(&load, path))
		*rules = build(&load, previous, survey);
	load_close(&load);
	if (!*rules)
		config_free(&load.config);
	return load.config;
}

void config_free(struct config **config)
{
	if (!*config)
		return;
	geo_free(&(*config)->geo_asn_db);
	geo_free(&(*config)->geo_country_db);
	arena_free(&(*config)->arena);
	free(*config);
	*config = NULL;
}
