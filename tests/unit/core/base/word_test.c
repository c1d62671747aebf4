#include "core/base/word.h"

#include "core/base/line.h"

#include "unit/unit.h"

static const struct word colours[] = {{"red", 0}, {"green", 4}, {"blue", 2}, {NULL, 0}};

START_TEST(finds_words)
{
	ck_assert_ptr_eq(word_find(colours, SLICE("red")), &colours[0]);
	ck_assert_ptr_eq(word_find(colours, SLICE("blue")), &colours[2]);
	ck_assert_ptr_null(word_find(colours, SLICE("Blue")));
	ck_assert_ptr_null(word_find(colours, SLICE("blu")));
	ck_assert_ptr_null(word_find(colours, SLICE("")));
}
END_TEST

START_TEST(finds_values)
{
	ck_assert_str_eq(word_of(colours, 0), "red");
	ck_assert_str_eq(word_of(colours, 4), "green");
	ck_assert_str_eq(word_of(colours, 1), "");
}
END_TEST

START_TEST(reads_bits)
{
	ck_assert_uint_eq(word_bits(colours, SLICE("green")), 1u << 4);
	ck_assert_uint_eq(word_bits(colours, SLICE("blue, red")), 1u << 2 | 1u);
	ck_assert_uint_eq(word_bits(colours, SLICE("blue,blue")), 1u << 2);
	ck_assert_uint_eq(word_bits(colours, SLICE("blue,pink")), 0);
	ck_assert_uint_eq(word_bits(colours, SLICE("blue,")), 0);
	ck_assert_uint_eq(word_bits(colours, slice_of(NULL, 0)), 0);
}
END_TEST

START_TEST(writes_bits)
{
	char text[40];
	struct line l = line_start(text, sizeof text);

	word_append_bits(&l, colours, 0, ",");
	ck_assert_str_eq(text, "");
	word_append_bits(&l, colours, 1u << 2 | 1u << 4 | 1u << 1, ", ");
	ck_assert_str_eq(text, "green, blue");
	word_append_bits(&l, colours, 1u, ", ");
	ck_assert_str_eq(text, "green, bluered");
}
END_TEST

Suite *suite(void)
{
	TCase *tests = tcase_create("word");
	Suite *s = suite_create("word");

	tcase_add_test(tests, finds_words);
	tcase_add_test(tests, finds_values);
	tcase_add_test(tests, reads_bits);
	tcase_add_test(tests, writes_bits);
	suite_add_tcase(s, tests);
	return s;
}
