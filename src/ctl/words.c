#include "ctl.h"

#include "core/base/closest.h"
#include "edge/os/version.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- help ---------------------------------------------------------------------------- */

static const char usage[] = "usage: susmilterctl [--socket PATH | -c FILE] COMMAND …\n"
			    "\n"
			    "Talks to the susmilter that listens on PATH (" DEFAULT_SOCKET ") or,\n"
			    "with -c, answers from the configuration FILE without a daemon.\n"
			    "\n";

/* printf() pads by bytes: those that continue a character of UTF-8 take no column. */
static int padded(int columns, const char *text)
{
	for (; *text; text++)
		columns += (*text & 0xc0) == 0x80;
	return columns;
}

static void print_usage(FILE *to)
{
	fputs(usage, to);
	for (const struct command *c = commands; c->words; c++) {
		char left[64];
		snprintf(left, sizeof left, "%s %s", c->words, c->arguments);
		fprintf(to, "  %-*s %s\n", padded(24, left), left, c->help);
	}
	fputs("\nRun `susmilterctl COMMAND --help` for its options, --version for the version.\n",
	    to);
}

static void print_help(const struct command *c)
{
	printf("usage: susmilterctl %s%s%s%s\n\n%s%s\n", c->words, c->options ? " [OPTION …]" : "",
	    c->arguments[0] ? " " : "", c->arguments, c->help,
	    c->flags & COMMAND_ADMIN ? " (root and the daemon's own user only)" : "");
	for (const struct command_option *o = c->options; o && o->name; o++) {
		char left[64];
		if (!o->help)
			continue;
		snprintf(left, sizeof left, "%s%s%s", o->name, o->value ? " " : "",
		    o->value ? o->value : "");
		printf("  %-22s %s\n", left, o->help);
	}
	if (c->flags & COMMAND_OFFLINE)
		printf(
		    "  %-22s %s\n", "-c FILE", "use this configuration file instead of a daemon");
	printf("  %-22s %s\n", "--socket PATH", "the control socket of susmilter");
}

/* ---- the command line ---------------------------------------------------------------- */

struct line {
	int argc, at;
	char **argv;
	struct words *words;
	json_t *arguments;
	bool help, version;
	const char *joined; /* the value of --option=value; NULL: it was not joined */
};

/* What follows an option; NULL after a complaint. */
static const char *value_of(struct line *l, const char *option)
{
	const char *joined = l->joined;

	l->joined = NULL;
	if (joined)
		return joined;
	if (l->at + 1 < l->argc)
		return l->argv[++l->at];
	fprintf(stderr, "susmilterctl: %s needs a value\n", option);
	return NULL;
}

static const struct command_option *find_option(const struct command *c, const char *name)
{
	for (const struct command_option *o = c ? c->options : NULL; o && o->name; o++)
		if (strcmp(o->name, name) == 0)
			return o;
	return NULL;
}

/* "--client-name" → "client_name" */
static void key_of(const char *option, char key[64])
{
	snprintf(key, 64, "%s", option + 2);
	for (char *c = key; *c; c++)
		if (*c == '-')
			*c = '_';
}

static bool set_option(struct line *l, const struct command_option *o)
{
	const char *value = o->value ? value_of(l, o->name) : NULL;
	char key[64];

	if (o->value && !value)
		return false;
	key_of(o->name, key);
	if (json_object_get(l->words->request, key)) {
		fprintf(stderr, "susmilterctl: %s is given twice\n", o->name);
		return false;
	}
	if (json_object_set_new(l->words->request, key, value ? json_string(value) : json_true()) ==
	    0)
		return true;
	fprintf(stderr, "susmilterctl: the value of %s is not valid UTF-8\n", o->name);
	return false;
}

/* Options that every command has. */
static const char *const common_options[] = {"--socket", "--help", "--version", NULL};

static bool unknown_option(const struct line *l, const char *word)
{
	const struct command *c = l->words->command;
	struct closest like = closest_start(slice_str(word));

	for (const struct command_option *o = c ? c->options : NULL; o && o->name; o++)
		if (o->help)
			closest_try(&like, slice_str(o->name));
	for (const char *const *o = common_options; *o; o++)
		closest_try(&like, slice_str(*o));
	fprintf(
	    stderr, "susmilterctl: %s%sunknown option %s", c ? c->words : "", c ? ": " : "", word);
	if (like.like.len > 0)
		fprintf(stderr, "; did you mean %.*s?", SLICE_ARG(like.like));
	fputc('\n', stderr);
	return false;
}

static bool take_single_option(struct line *l, const char *word)
{
	const struct command_option *o = find_option(l->words->command, word);

	if (o)
		return set_option(l, o);
	if (strcmp(word, "--socket") == 0)
		return (l->words->socket = value_of(l, word)) != NULL;
	if (strcmp(word, "-c") == 0)
		return (l->words->config = value_of(l, word)) != NULL;
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		return l->help = true;
	if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
		return l->version = true;
	return unknown_option(l, word);
}

/* "--option" or "--option=value". */
static bool take_option(struct line *l, const char *word)
{
	const char *equals = strncmp(word, "--", 2) == 0 ? strchr(word, '=') : NULL;
	char name[64];
	bool ok;

	if (!equals)
		return take_single_option(l, word);
	snprintf(name, sizeof name, "%.*s", (int)(equals - word), word);
	l->joined = equals + 1;
	ok = take_single_option(l, name);
	if (ok && l->joined)
		fprintf(stderr, "susmilterctl: %s takes no value\n", name);
	ok = ok && !l->joined;
	l->joined = NULL;
	return ok;
}

/* The next command of two words that begins with this one; NULL when there is none. */
static const struct command *next_with(const struct command *c, const char *word)
{
	size_t len = strlen(word);

	while (c->words && (strncmp(c->words, word, len) != 0 || c->words[len] != ' '))
		c++;
	return c->words ? c : NULL;
}

/* Says what may follow a word that begins commands of two. */
static void print_command_error(const char *word)
{
	const struct command *c = next_with(commands, word), *next;
	const char *separator = " needs a subcommand: ";

	if (!c) {
		struct closest like = closest_start(slice_str(word));

		for (c = commands; c->words; c++)
			closest_try(&like, slice_of(c->words, strcspn(c->words, " ")));
		fprintf(stderr, "susmilterctl: unknown command \"%s\"", word);
		if (like.like.len > 0)
			fprintf(stderr, "; did you mean \"%.*s\"?\n", SLICE_ARG(like.like));
		else
			fprintf(stderr, " (--help lists the commands)\n");
		return;
	}
	fprintf(stderr, "susmilterctl: %s", word);
	for (; c; c = next) {
		next = next_with(c + 1, word);
		fprintf(stderr, "%s%s", separator, c->words + strlen(word) + 1);
		separator = next && next_with(next + 1, word) ? ", " : " or ";
	}
	fprintf(stderr, "\n");
}

/* The command that the next word, or the next two, name. */
static bool take_command(struct line *l, const char *word)
{
	char two[64];

	/* `help whitelist add` is `whitelist add --help`. */
	if (strcmp(word, "help") == 0 && !l->help)
		return l->help = true;
	l->words->command = commands_find(word);
	if (!l->words->command && l->at + 1 < l->argc) {
		snprintf(two, sizeof two, "%s %s", word, l->argv[l->at + 1]);
		l->words->command = commands_find(two);
		if (l->words->command)
			l->at++;
	}
	if (l->words->command)
		return true;
	print_command_error(word);
	return false;
}

/* A file is meant from here, not from where the daemon happens to stand. */
static bool take_argument(struct line *l, const char *word)
{
	char directory[PATH_MAX], absolute[PATH_MAX * 2];
	bool file = strcmp(l->words->command->arguments, "[FILE]") == 0;

	if (file && word[0] != '/' && realpath(word, absolute)) {
		word = absolute;
	} else if (file && word[0] != '/' && getcwd(directory, sizeof directory)) {
		/* It is not there, or not to be seen: what stands beside the daemon is not meant.
		 */
		snprintf(absolute, sizeof absolute, "%s/%s", directory, word);
		word = absolute;
	}
	if (json_array_append_new(l->arguments, json_string(word)) == 0)
		return true;
	fprintf(stderr, "susmilterctl: an argument is not valid UTF-8\n");
	return false;
}

static bool take_word(struct line *l, const char *word)
{
	/* "-" and "<>" are words; so is whatever follows "--" in the place of an option's value. */
	if (word[0] == '-' && word[1])
		return take_option(l, word);
	return l->words->command ? take_argument(l, word) : take_command(l, word);
}

static size_t count_words(const char *text)
{
	size_t n = text[0] != '\0';

	for (; *text; text++)
		n += *text == ' ';
	return n;
}

static bool right_number(const struct line *l)
{
	const char *wanted = l->words->command->arguments;
	size_t n = json_array_size(l->arguments), most = count_words(wanted);

	if (strstr(wanted, "…") && n > 0)
		return true;
	if (n <= most && (n == most || wanted[0] == '['))
		return true;
	fprintf(stderr, "usage: susmilterctl %s%s%s\n", l->words->command->words,
	    wanted[0] ? " " : "", wanted);
	return false;
}

bool words_read(int argc, char **argv, struct words *out, int *status)
{
	struct line l = {.argc = argc, .at = 1, .argv = argv, .words = out};

	*out = (struct words){.socket = DEFAULT_SOCKET, .request = json_object()};
	l.arguments = json_array();
	json_object_set_new(out->request, "arguments", l.arguments);
	*status = STATUS_USAGE;
	for (; l.at < argc; l.at++)
		if (!take_word(&l, argv[l.at]))
			return false;
	if (l.version) {
		printf("susmilterctl %s\n", susmilter_version);
		*status = STATUS_OK;
		return false;
	}
	if (l.help || !out->command) {
		*status = l.help ? STATUS_OK : STATUS_USAGE;
		if (out->command)
			print_help(out->command);
		else
			print_usage(l.help ? stdout : stderr);
		return false;
	}
	json_object_set_new(out->request, "command", json_string(out->command->words));
	if (out->config && !(out->command->flags & COMMAND_OFFLINE)) {
		fprintf(stderr, "susmilterctl: %s %s; -c cannot be used\n", out->command->words,
		    out->command->flags & COMMAND_LOCAL ? "needs no configuration"
							: "needs a running susmilter");
		return false;
	}
	return right_number(&l);
}

bool words_name_history(const struct words *words)
{
	return (words->command->flags & COMMAND_HISTORY) &&
	       json_object_get(words->request, "history");
}
