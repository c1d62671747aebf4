#include "unit/unit.h"

#include "edge/os/textfile.h"
#include "fake/configured.h"
#include "fake/scratch.h"

#include <stdio.h>
#include <stdlib.h>

/* The configuration that is installed. */
static const char shipped[] = "conf/susmilter.conf";

static struct slice text_of(const char *path)
{
	char why[TEXTFILE_WHY_MAX];
	struct slice text;

	ck_assert_msg(textfile_read(path, &text, why) == TEXTFILE_OK, "%s %s", path, why);
	return text;
}

static void print(void *context, enum diag_level level, const char *line)
{
	(void)level;
	(void)context;
	fprintf(stderr, "%s\n", line);
}

START_TEST(loads_as_shipped)
{
	struct diag *r = diag_create();
	struct ruleset *rules;
	struct config *c = config_load(shipped, NULL, r, &rules);

	diag_each(r, print, NULL);
	ck_assert_uint_eq(diag_errors(r) + diag_warnings(r), 0);
	ck_assert_ptr_nonnull(c);
	ck_assert(rules->settings.monitor);
	config_free(&c);
	ruleset_free(&rules);
	diag_free(&r);
}
END_TEST

/* ---- every option with its default --------------------------------------------------- */

/* The part of the text that a group's braces enclose; all of it for the top level. */
static struct slice group_of(struct slice text, const char *group)
{
	char begin[64];
	const char *at;

	if (!group[0])
		return text;
	snprintf(begin, sizeof begin, "\n%s", group);
	at = strstr(text.ptr, begin);
	ck_assert_msg(at != NULL, "no group %s", group);
	at = strchr(at, '{');
	ck_assert(at && strchr(at, '}'));
	return slice_of(at, (size_t)(strchr(at, '}') - at));
}

/* What stands behind "KEY =" up to the ';', without quotes, brackets and commas. */
static bool value_of(struct slice group, bool top, const char *key, char out[256])
{
	size_t len = strlen(key), n = 0;

	for (size_t i = 1; i + len < group.len; i++) {
		const char *at = group.ptr + i + len;

		if (memcmp(group.ptr + i, key, len) != 0 ||
		    !strchr(top ? "\n" : "\n {", group.ptr[i - 1]))
			continue;
		at += strspn(at, " ");
		if (*at++ != '=')
			continue;
		for (at++; *at != ';' && n < 255; at++)
			if (!strchr("[]\",()", *at) && !(n == 0 && *at == ' '))
				out[n++] = *at;
		while (n > 0 && out[n - 1] == ' ')
			n--;
		out[n] = '\0';
		return true;
	}
	return false;
}

static void check_option(void *context, const char *group, const char *key, const char *fallback)
{
	struct slice text = *(struct slice *)context;
	char got[256];

	ck_assert_msg(value_of(group_of(text, group), !group[0], key, got), "%s has no %s.%s",
	    shipped, group, key);
	if (strcmp(key, "mode") == 0)
		fallback = "monitor";
	/* sections of rules hold examples as comments */
	if (fallback[0] || !strchr(got, '#'))
		ck_assert_msg(
		    strcmp(got, fallback) == 0, "%s.%s is %s, not %s", group, key, got, fallback);
}

START_TEST(has_every_option)
{
	struct slice text = text_of(shipped);

	config_each_option(check_option, &text);
	textfile_free(&text);
}
END_TEST

/* ---- its examples -------------------------------------------------------------------- */

static void copy_list(const char *name)
{
	char from[128];
	struct slice text;

	snprintf(from, sizeof from, "conf/%s", name);
	text = text_of(from);
	scratch_write(name, text);
	textfile_free(&text);
}

START_TEST(loads_with_its_examples)
{
	struct slice text = text_of(shipped), from = SLICE("domains_file = \"");
	char *copy = strdup(text.ptr), *with_map = malloc(text.len + 64), *at;
	struct configured c;

	ck_assert(copy && with_map);
	while ((at = strstr(copy, "\n#  ")) != NULL)
		at[1] = ' ';
	at = strstr(copy, from.ptr);
	ck_assert_ptr_nonnull(at);
	at += from.len;
	snprintf(
	    with_map, text.len + 64, "%.*slists/domains.map.example%s", (int)(at - copy), copy, at);
	copy_list("lists/dialup.cidr.example");
	copy_list("lists/partners.cidr.example");
	copy_list("lists/tlds.example");
	copy_list("lists/undeliverable.example");
	copy_list("lists/domains.map.example");
	configured_load(&c, with_map);
	ck_assert_str_eq(c.lines, "");
	ck_assert_uint_eq(c.rules->rule_count, 2 + 1 + 4 + 3);
	ck_assert_uint_eq(c.rules->domain_entries, 2 + 3);
	configured_free(&c);
	textfile_free(&text);
	free(copy);
	free(with_map);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("config_shipped");
	TCase *all = tcase_create("shipped");

	tcase_add_test(all, loads_as_shipped);
	tcase_add_test(all, has_every_option);
	tcase_add_test(all, loads_with_its_examples);
	suite_add_tcase(s, all);
	return s;
}
