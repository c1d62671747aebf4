/*
 * Crooked From fields: the table fromheader_crooked.txt beside this, row by row.  It is a file of
 * its own because other programs read it, too: tests/readers/from_fields.py.
 */
#include "unit/unit.h"

#include "core/mail/fromheader.h"

#include <stdio.h>
#include <stdlib.h>

static const char path[] = "tests/unit/core/mail/fromheader_crooked.txt";

/* So many rows at least: a table that is cut short must not pass. */
enum { ROWS_MIN = 200, LINE_MAX_OCTETS = 1000 };

static size_t unescape(char *text)
{
	size_t n = 0;

	for (const char *c = text; *c && *c != '\n'; c++) {
		if (*c != '\\') {
			text[n++] = *c;
			continue;
		}
		c++;
		if (*c == 'x') {
			const char digits[] = {c[1], c[2], '\0'};

			text[n++] = (char)strtol(digits, NULL, 16);
			c += 2;
		} else {
			text[n++] = *c;
			text[n - 1] = *c == 'r' ? '\r' : *c == 'n' ? '\n' : *c == 't' ? '\t' : *c;
		}
	}
	return n;
}

static const char *answer_of(const struct fromheader *from)
{
	if (from->kind == FROM_BAD)
		return "refused";
	return from->forgiven ? "forgiven" : from_kind_name(from->kind);
}

static void join(const struct fromheader *from, char *out, size_t cap)
{
	size_t len = (size_t)snprintf(out, cap, "%s", from->domain_count > 0 ? "" : "-");

	for (size_t i = 0; i < from->domain_count; i++)
		len += (size_t)snprintf(
		    out + len, cap - len, "%s%.*s", i ? " " : "", SLICE_ARG(from->domains[i]));
}

/* The sentence for the reply: there when something is wrong, and nothing of the sender's in it. */
static void check_reason(const struct fromheader *from, unsigned line)
{
	bool wrong = from->forgiven || from->kind != FROM_ONE;

	ck_assert_msg((from->why.len > 0) == wrong, "%u: reason", line);
	ck_assert_msg(!wrong || slice_starts(from->why, SLICE("the From field ")), "%u: %.*s", line,
	    SLICE_ARG(from->why));
	ck_assert_msg(slice_is_printable_ascii(from->why), "%u: reason", line);
	for (size_t i = 0; i < from->domain_count; i++)
		for (size_t at = 0; at < from->why.len; at++)
			ck_assert_msg(!slice_starts(slice_skip(from->why, at), from->domains[i]),
			    "%u: %.*s", line, SLICE_ARG(from->why));
}

static void check_row(unsigned line, const char *answer, const char *domains, char *text)
{
	struct arena *arena = arena_create(1 << 20);
	size_t len = unescape(text);
	char *exact = malloc(len ? len : 1), found[LINE_MAX_OCTETS];
	struct slice field = slice_of(exact, len);
	struct fromheader from;

	memcpy(exact, text, len);
	fromheader_parse(&field, 1, NULL, arena, &from);
	join(&from, found, sizeof found);
	ck_assert_msg(strcmp(answer_of(&from), answer) == 0, "%s:%u: %s (%.*s)", path, line,
	    answer_of(&from), SLICE_ARG(from.why));
	ck_assert_msg(strcmp(found, domains) == 0, "%s:%u: domains '%s'", path, line, found);
	ck_assert_msg(
	    (from.author.text.len > 0) == (from.kind == FROM_ONE || from.kind == FROM_MANY),
	    "%s:%u: author", path, line);
	check_reason(&from, line);
	free(exact);
	arena_free(&arena);
}

START_TEST(table)
{
	char line[LINE_MAX_OCTETS], *domains, *text;
	FILE *f = fopen(path, "re");
	unsigned number = 0, rows = 0;

	ck_assert_msg(
	    f != NULL, "%s cannot be read: run the tests in the root of the sources", path);
	while (fgets(line, sizeof line, f)) {
		number++;
		if (line[0] == '#' || line[0] == '\n')
			continue;
		domains = strchr(line, '\t');
		text = domains ? strchr(domains + 1, '\t') : NULL;
		ck_assert_msg(text != NULL, "%s:%u: no row", path, number);
		*domains++ = '\0';
		*text++ = '\0';
		check_row(number, line, domains, text);
		rows++;
	}
	fclose(f);
	ck_assert_uint_ge(rows, ROWS_MIN);
}
END_TEST

/* A second field is never forgiven, whatever the two say. */
START_TEST(two_fields)
{
	struct arena *arena = arena_create(1 << 16);
	const struct slice fields[] = {SLICE("Doe, J <a@x.example>"), SLICE("ceo@bank .example")};
	struct fromheader from;

	fromheader_parse(fields, 2, NULL, arena, &from);
	ck_assert_int_eq(from.kind, FROM_BAD);
	ck_assert_uint_eq(from.domain_count, 2);
	ck_assert(slice_equal(from.domains[0], SLICE("x.example")));
	ck_assert(slice_equal(from.domains[1], SLICE("bank.example")));
	arena_free(&arena);
}
END_TEST

/* Longer than what is read in every way, or more names than are kept: not forgiven. */
START_TEST(limits)
{
	static const char tail[] = "<a@x.example>";
	struct arena *arena = arena_create(1 << 20);
	char text[5000];
	struct slice field = slice_of(text, sizeof text);
	struct fromheader from;

	memset(text, ',', sizeof text);
	memcpy(text, "Doe", 3);
	memcpy(text + 4000, tail, sizeof tail - 1);
	field.len = 4000 + sizeof tail - 1;
	fromheader_parse(&field, 1, NULL, arena, &from);
	ck_assert(from.forgiven);
	memset(text + 4000, ',', sizeof tail - 1);
	memcpy(text + 4900, tail, sizeof tail - 1);
	field.len = 4900 + sizeof tail - 1;
	fromheader_parse(&field, 1, NULL, arena, &from);
	ck_assert_int_eq(from.kind, FROM_BAD);
	ck_assert_uint_eq(from.domain_count, 1);
	field = SLICE("@a.1@a.2@a.3@a.4@a.5@a.6@a.7@a.8@a.9,");
	fromheader_parse(&field, 1, NULL, arena, &from);
	ck_assert_int_eq(from.kind, FROM_BAD);
	ck_assert_uint_eq(from.domain_count, FROM_DOMAINS_MAX);
	ck_assert(from.more);
	arena_free(&arena);
}
END_TEST

/* A comment behind an "@" that is longer than our reach hides nothing: it is not forgiven. */
START_TEST(long_comment)
{
	struct arena *arena = arena_create(1 << 20);
	char text[4000];
	struct fromheader from;
	int len = snprintf(text, sizeof text, "ceo@bank(%03000d).example <a@x.example>", 0);
	struct slice field = slice_of(text, (size_t)len);

	fromheader_parse(&field, 1, NULL, arena, &from);
	ck_assert_int_eq(from.kind, FROM_BAD);
	arena_free(&arena);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("fromheader_crooked");
	TCase *t = tcase_create("fromheader_crooked");

	tcase_add_test(t, table);
	tcase_add_test(t, two_fields);
	tcase_add_test(t, limits);
	tcase_add_test(t, long_comment);
	suite_add_tcase(s, t);
	return s;
}
