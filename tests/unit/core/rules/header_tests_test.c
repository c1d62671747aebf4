#include "unit/unit.h"

#include "core/rules/header_tests.h"

static const struct {
	const char *text, *name, *pattern; /* name NULL: it is wrong */
	bool absent;
} entries[] = {
    {"Subject", "Subject", "", false},
    {" Subject ", "Subject", "", false},
    {"!Message-ID", "Message-ID", "", true},
    {"! Date", "Date", "", true},
    {"Subject: /a b/", "Subject", "a b", false},
    {"Subject:/a/", "Subject", "a", false},
    {"Subject : /a\\/b/", "Subject", "a\\/b", false},
    {"X-A: /a:b/", "X-A", "a:b", false},
    {"", NULL, NULL, false},
    {"!", NULL, NULL, false},
    {": /a/", NULL, NULL, false},
    {"a b", NULL, NULL, false},
    {"b\xc3\xbc: /a/", NULL, NULL, false},
    {"!Date: /a/", NULL, NULL, false},
    {"Date:", NULL, NULL, false},
    {"Date: x", NULL, NULL, false},
    {"Date: //", NULL, NULL, false},
    {"Date: /a", NULL, NULL, false},
    {"Date: /a\\/", NULL, NULL, false},
    {"Date: /a/i", NULL, NULL, false},
    {"Date: /a/b/", NULL, NULL, false},
};

START_TEST(parses)
{
	struct arena *arena = arena_create(1 << 16);
	char why[HEADER_ENTRY_WHY_MAX];
	struct header_entry e;
	const char *wrong = header_entry_parse(slice_str(entries[_i].text), NULL, arena, &e, why);

	ck_assert_msg(!!wrong == !entries[_i].name, "\"%s\": %s", entries[_i].text,
	    wrong ? wrong : "is not wrong");
	if (!wrong)
		ck_assert(slice_equal(e.name, slice_str(entries[_i].name)) &&
			  slice_equal(e.pattern, slice_str(entries[_i].pattern)) &&
			  e.absent == entries[_i].absent);
	arena_free(&arena);
}
END_TEST

static const struct header_field last = {NULL, SLICE_INIT("subject"), SLICE_INIT("two")},
				 long_one = {&last, SLICE_INIT("x"),
				     SLICE_INIT(
					 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")},
				 fields = {&long_one, SLICE_INIT("subject"), SLICE_INIT("one")};

static const struct {
	const char *name, *pattern;
	bool absent;
	enum pattern_result want;
} tests[] = {
    {"subject", NULL, false, PATTERN_YES},
    {"subject", NULL, true, PATTERN_NO},
    {"date", NULL, false, PATTERN_NO},
    {"date", NULL, true, PATTERN_YES},
    {"subject", "ONE", false, PATTERN_YES},
    {"subject", "two", false, PATTERN_YES},
    {"subject", "on", false, PATTERN_NO},
    {"date", ".*", false, PATTERN_NO},
    {"x", "(a|aa)+[bc]", false, PATTERN_BROKEN},
};

START_TEST(asks)
{
	char why[PATTERN_WHY_MAX];
	struct header_test t = {.name = slice_str(tests[_i].name), .absent = tests[_i].absent};

	if (tests[_i].pattern)
		t.pattern = pattern_compile(slice_str(tests[_i].pattern), why);
	ck_assert_int_eq(header_test_ask(&t, &fields), tests[_i].want);
	pattern_free(&t.pattern);
}
END_TEST

START_TEST(folds_names)
{
	char folded[HEADER_NAME_MAX], text[HEADER_NAME_MAX + 1];

	memset(text, 'A', sizeof text);
	ck_assert(slice_equal(header_name_fold(SLICE("List-ID"), folded), SLICE("list-id")));
	ck_assert_uint_eq(
	    header_name_fold(slice_of(text, HEADER_NAME_MAX), folded).len, HEADER_NAME_MAX);
	ck_assert_uint_eq(header_name_fold(slice_of(text, sizeof text), folded).len, 0);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("header_tests");
	TCase *t = tcase_create("entries");

	tcase_add_loop_test(t, parses, 0, ROWS(entries));
	tcase_add_loop_test(t, asks, 0, ROWS(tests));
	tcase_add_test(t, folds_names);
	suite_add_tcase(s, t);
	return s;
}
