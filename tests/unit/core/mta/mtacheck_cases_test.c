/* doctor's view of sendmail.cf, against the cases that a real Sendmail has tried. */
#include "core/mta/mtacheck.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

static const char CASES[] = "tests/unit/core/mta/sendmail_cases.txt";

/* Fewer would mean that the file is no longer read as it is written. */
enum { CASES_LEAST = 55 };

struct text {
	char bytes[16384];
	size_t len;
};

static void append(struct text *t, struct slice s)
{
	ck_assert_uint_lt(t->len + s.len, sizeof t->bytes);
	memcpy(t->bytes + t->len, s.ptr, s.len);
	t->len += s.len;
}

static struct slice slice_of_text(const struct text *t)
{
	return slice_of(t->bytes, t->len);
}

static void read_file(const char *path, char **text)
{
	size_t room = 0;
	FILE *f = fopen(path, "r");

	*text = NULL;
	ck_assert_msg(f && getdelim(text, &room, '\0', f) > 0, "%s", path);
	fclose(f);
}

static const struct {
	const char *mark, *value;
} marks[] = {
    {"@OURS@", "unix:/run/susmilter/milter.sock"},
    {"@PATH@", "/run/susmilter/milter.sock"},
    {"@OTHER@", "unix:/run/other.sock"},
    {"@AT25@", "Name=MTA, Addr=127.0.0.1, Port=smtp"},
    {"@AT587@", "Name=MSA, Addr=127.0.0.1, Port=587"},
    {"\\t", "\t"},
    {"\\r", "\r"},
};

static void append_line(struct text *cf, struct slice line)
{
	while (line.len > 0) {
		size_t i = 0;

		while (i < ROWS(marks) && !slice_starts(line, slice_str(marks[i].mark)))
			i++;
		append(cf, i < ROWS(marks) ? slice_str(marks[i].value) : slice_of(line.ptr, 1));
		line = slice_skip(line, i < ROWS(marks) ? strlen(marks[i].mark) : 1);
	}
	append(cf, SLICE("\n"));
}

/* Only what is not good, a line each. */
static void say(void *context, enum finding f, const char *what, const char *change)
{
	ck_assert_msg((f == FINDING_WRONG) == (change != NULL), "%s", what);
	if (f == FINDING_GOOD)
		return;
	append(context, f == FINDING_WRONG ? SLICE("wrong ") : SLICE("note "));
	append(context, slice_str(what));
	append(context, SLICE("\n"));
}

/* What was said begins, line by line, as is wanted. */
static bool begins_as(struct slice said, struct slice wanted)
{
	while (said.len > 0 && wanted.len > 0)
		if (!slice_starts(slice_cut(&said, '\n'), slice_cut(&wanted, '\n')))
			return false;
	return said.len == 0 && wanted.len == 0;
}

static void try_case(struct slice block)
{
	struct arena *arena = arena_create(1 << 20);
	struct slice label = slice_cut(&block, '\n');
	struct text cf = {.len = 0}, wanted = {.len = 0}, said = {.len = 0};
	struct findings findings = {say, &said};

	while (block.len > 0) {
		struct slice line = slice_cut(&block, '\n');

		if (slice_starts(line, SLICE("> "))) {
			append_line(&cf, slice_skip(line, 2));
		} else if (line.len > 0 && !slice_starts(line, SLICE("sendmail "))) {
			append(&wanted, line);
			append(&wanted, SLICE("\n"));
		}
	}
	mtacheck_sendmail(slice_of_text(&cf), "unix:/run/susmilter/milter.sock", arena, &findings);
	if (!begins_as(slice_of_text(&said), slice_of_text(&wanted)))
		ck_abort_msg("%.*s:\n%.*swanted:\n%.*s", SLICE_ARG(label),
		    SLICE_ARG(slice_of_text(&said)), SLICE_ARG(slice_of_text(&wanted)));
	arena_free(&arena);
}

START_TEST(test_cases)
{
	char *text, *next;
	unsigned count = 0;

	read_file(CASES, &text);
	for (char *at = strstr(text, "\n== "); at; at = next) {
		at += strlen("\n== ");
		next = strstr(at, "\n== ");
		try_case(slice_of(at, next ? (size_t)(next - at) + 1 : strlen(at)));
		count++;
	}
	ck_assert_uint_ge(count, CASES_LEAST);
	free(text);
}
END_TEST

/* README, manual and doctor name one and the same line. */
static void find_line(void *context, enum finding f, const char *what, const char *change)
{
	(void)what;
	if (f == FINDING_WRONG)
		append(context, slice_str(change));
}

START_TEST(test_same_line)
{
	static const char *const pages[] = {"README.md", "src/susmilter.8"};
	struct arena *arena = arena_create(1 << 16);
	struct text said = {.len = 0};
	struct findings findings = {find_line, &said};
	char *text, *end;

	mtacheck_sendmail(SLICE(""), "unix:/run/susmilter/milter.sock", arena, &findings);
	append(&said, slice_of("", 1));
	end = strstr(said.bytes, "dnl in sendmail.mc");
	ck_assert_ptr_nonnull(end);
	end[strlen("dnl")] = '\0';
	for (size_t i = 0; i < ROWS(pages); i++) {
		read_file(pages[i], &text);
		ck_assert_msg(
		    strstr(text, said.bytes) != NULL, "%s has no %s", pages[i], said.bytes);
		free(text);
	}
	arena_free(&arena);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("mtacheck_cases");
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, test_cases);
	tcase_add_test(tc, test_same_line);
	suite_add_tcase(s, tc);
	return s;
}
