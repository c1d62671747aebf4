#include "unit/unit.h"

#include "core/change/table_diff.h"
#include "core/rules/survey.h"
#include "edge/os/textfile.h"
#include "fake/configured.h"
#include "fake/not_run.h"
#include "fake/scratch.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * The lists of a mail host as they stood, host bits and a /2 included: what the checker says of
 * them, and its numbers once they are put right as it says, against tests/list_numbers.py.
 */
static const char *const names[] = {
    "ranges-2025-10.txt", "whitelist-2025-10.txt", "helo-2026-08.txt"};
enum { RANGES, WHITELIST, HELO, LISTS };

static char paths[LISTS][PATH_MAX]; /* absolute: loading changes the working directory */
static bool present = true;

/* What the script says. */
static struct {
	char bad[4096]; /* "FILE:LINE: NETWORK" a line */
	struct {
		char key[32];
		unsigned long long value;
	} numbers[64];
	size_t count;
} counted;

static void find_lists(void)
{
	const char *shared = getenv("SHARED");

	for (size_t i = 0; i < LISTS; i++) {
		char path[PATH_MAX];
		snprintf(
		    path, sizeof path, "%s/data/lists/%s", shared ? shared : "../shared", names[i]);
		if (!realpath(path, paths[i])) {
			not_run("reallists: what check says of real lists", path);
			present = false;
		}
	}
}

static void read_count(char *line)
{
	char file[64], network[64];
	unsigned number;
	size_t len = strlen(counted.bad);

	if (sscanf(line, "bad %63s %u %63s", file, &number, network) == 3) {
		snprintf(counted.bad + len, sizeof counted.bad - len, "%s:%u: %s\n", file, number,
		    network);
		return;
	}
	ck_assert_int_eq(sscanf(line, "%31s %llu", counted.numbers[counted.count].key,
			     &counted.numbers[counted.count].value),
	    2);
	ck_assert_uint_lt(++counted.count, ROWS(counted.numbers));
}

static void count_lists(void)
{
	char command[LISTS * PATH_MAX + 64], line[256];
	FILE *script;

	if (!present)
		return;
	snprintf(command, sizeof command, "python3 tests/list_numbers.py '%s' '%s' '%s'",
	    paths[RANGES], paths[WHITELIST], paths[HELO]);
	script = popen(command, "r");
	ck_assert_ptr_nonnull(script);
	while (fgets(line, sizeof line, script))
		read_count(line);
	ck_assert_int_eq(pclose(script), 0);
}

static unsigned long long wanted(const char *rule, const char *what)
{
	char key[64];

	snprintf(key, sizeof key, "%s_%s", rule, what);
	for (size_t i = 0; i < counted.count; i++)
		if (strcmp(counted.numbers[i].key, key) == 0)
			return counted.numbers[i].value;
	ck_abort_msg("the script does not count %s", key);
	return 0;
}

/* ---- putting right ------------------------------------------------------------------- */

static void copy_list(size_t i)
{
	char why[TEXTFILE_WHY_MAX];
	struct slice text;

	ck_assert_msg(textfile_read(paths[i], &text, why) == TEXTFILE_OK, "%s %s", paths[i], why);
	scratch_write(names[i], text);
	textfile_free(&text);
}

/* Replaces a line of a list; an empty one takes its entry away. */
static void replace_line(const char *name, unsigned number, struct slice with)
{
	char why[TEXTFILE_WHY_MAX];
	struct slice text, rest, line;
	char *out;
	size_t len = 0;

	ck_assert(textfile_read(scratch_path(name), &text, why) == TEXTFILE_OK);
	out = malloc(text.len + with.len + 2);
	ck_assert_ptr_nonnull(out);
	rest = text;
	for (unsigned i = 1; rest.len > 0; i++) {
		line = slice_cut(&rest, '\n');
		if (i == number)
			line = with;
		memcpy(out + len, line.ptr, line.len);
		len += line.len;
		out[len++] = '\n';
	}
	scratch_write(name, slice_of(out, len));
	free(out);
	textfile_free(&text);
}

/* "FILE:LINE: … did you mean NETWORK?" → the line says NETWORK; returns false for other lines. */
static bool follow(const char *line)
{
	static const char mean[] = "did you mean ";
	const char *network = strstr(line, mean), *colon = strchr(line, ':');
	char name[64];

	if (!network || !colon)
		return false;
	network += strlen(mean);
	snprintf(name, sizeof name, "%.*s", (int)(colon - line), line);
	replace_line(
	    name, (unsigned)strtoul(colon + 1, NULL, 10), slice_of(network, strcspn(network, "?")));
	return true;
}

/* "FILE:LINE: NETWORK" of every line of errors. */
static void shorten(const char *lines, const char *file, char *out, size_t size)
{
	for (const char *end; (end = strchr(lines, '\n')) != NULL; lines = end + 1) {
		const char *network = strstr(lines, "did you mean ");
		const char *second = strchr(strchr(lines, ':') + 1, ':');

		if (strncmp(lines, file, strlen(file)) == 0 && network && network < end)
			snprintf(out + strlen(out), size - strlen(out), "%.*s: %.*s\n",
			    (int)(second - lines), lines, (int)strcspn(network + 13, "?"),
			    network + 13);
	}
}

static const char table[] =
    "susranges = ( { name = \"ranges\"; networks = "
    "\"file:ranges-2025-10.txt\"; } );\n"
    "whitelist = ( { name = \"whitelist\"; networks = "
    "\"file:whitelist-2025-10.txt\"; } );\n"
    "blocks = ( { name = \"helo\"; helo = \"file:helo-2026-08.txt\"; } );\n";

/* The lists in the scratch directory, put right as the checker suggests. */
static void put_right(void)
{
	struct configured c;

	configured_enter();
	for (size_t i = 0; i < LISTS; i++)
		copy_list(i);
	configured_load(&c, table);
	for (char *line = c.lines, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		if (strncmp(line, "warning: ", 9) != 0)
			ck_assert_msg(follow(line), "%s", line);
	}
	configured_free(&c);
	configured_load(&c, table);
	ck_assert_msg(
	    strncmp(c.lines,
		"whitelist-2025-10.txt:1982: 192.0.0.0/2 is wider than /8 in \"whitelist\" "
		"(whitelist); if you mean it, set wide = true on the rule\nwarning: ",
		135) == 0,
	    "%s", c.lines);
	configured_free(&c);
	replace_line(names[WHITELIST], 1982, SLICE(""));
}

/* ---- tests --------------------------------------------------------------------------- */

START_TEST(refuses_what_is_wrong)
{
	struct configured c;
	char text[2048], told[4096] = "";

	if (!present)
		return;
	snprintf(text, sizeof text, "%s", table);
	configured_enter();
	for (size_t i = 0; i < LISTS; i++)
		copy_list(i);
	configured_load(&c, text);
	ck_assert_ptr_null(c.config);
	shorten(c.lines, names[RANGES], told, sizeof told);
	shorten(c.lines, names[WHITELIST], told, sizeof told);
	ck_assert_str_eq(told, counted.bad);
	ck_assert_uint_eq(diag_errors(c.diag), 19);
	configured_free(&c);
}
END_TEST

static void check_rule(const struct survey_rule *r, const char *name)
{
	ck_assert_uint_eq(r->entries, wanted(name, "entries"));
	ck_assert_uint_eq(r->duplicate, wanted(name, "duplicate"));
	ck_assert_uint_eq(r->covered, wanted(name, "covered"));
	ck_assert_uint_eq(r->dead, wanted(name, "dead"));
	ck_assert_uint_eq(r->shadowed, wanted(name, "shadowed"));
}

static struct config *survey_text_of(
    const char *text, struct diag *diag, struct ruleset **rules, struct survey *survey)
{
	struct config *config;

	configured_file("t.conf", text);
	config = config_survey("t.conf", NULL, diag, rules, survey);
	ck_assert_ptr_nonnull(config);
	return config;
}

START_TEST(counts_right)
{
	struct survey *survey = survey_create(0);
	struct diag *diag = diag_create();
	struct ruleset *rules;
	struct config *config;

	if (present) {
		put_right();
		config = survey_text_of(table, diag, &rules, survey);
		check_rule(&survey->rules[2], "whitelist");
		check_rule(&survey->rules[4], "ranges");
		ck_assert_uint_eq(survey->rules[4].ipv4, wanted("ranges", "ipv4"));
		ck_assert_uint_eq(
		    survey->families[FAMILY_WHITELIST].ipv4, wanted("whitelist", "ipv4"));
		/* names, and the two exempt recipients */
		ck_assert_uint_eq(rules->name_entries, wanted("names", "all") + 2);
		ck_assert_uint_eq(rules->duplicates, wanted("names", "duplicate") +
							 wanted("whitelist", "duplicate") +
							 wanted("ranges", "duplicate"));
		config_free(&config);
		ruleset_free(&rules);
	}
	diag_free(&diag);
	survey_free(&survey);
}
END_TEST

/* The whitelist as a second rule of susranges: what the first refuses already is shadowed. */
START_TEST(counts_shadowed)
{
	static const char again[] =
	    "susranges = ( { name = \"ranges\"; networks = \"file:ranges-2025-10.txt\"; },\n"
	    " { name = \"again\"; networks = \"file:whitelist-2025-10.txt\"; } );\n";
	struct survey *survey = survey_create(0);
	struct diag *diag = diag_create();
	struct ruleset *rules;
	struct config *config;
	struct table_diff d;
	struct configured before;

	if (present) {
		put_right();
		config = survey_text_of(again, diag, &rules, survey);
		check_rule(&survey->rules[3], "again");
		ck_assert_uint_eq(survey->families[FAMILY_SUSRANGES].ipv4, wanted("union", "ipv4"));
		configured_load(&before, table);
		ck_assert(table_diff_addresses(rules, before.rules, 0, &d));
		ck_assert_uint_eq(d.refused.ipv4, 0);
		ck_assert_uint_eq(d.released.ipv4, wanted("whitelist", "ipv4"));
		configured_free(&before);
		config_free(&config);
		ruleset_free(&rules);
	}
	diag_free(&diag);
	survey_free(&survey);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("reallists");
	TCase *all = tcase_create("lists");

	find_lists();
	tcase_add_unchecked_fixture(all, count_lists, NULL);
	tcase_set_timeout(all, 120);
	tcase_add_test(all, refuses_what_is_wrong);
	tcase_add_test(all, counts_right);
	tcase_add_test(all, counts_shadowed);
	suite_add_tcase(s, all);
	return s;
}
