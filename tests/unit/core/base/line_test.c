#include "unit/unit.h"

#include "core/base/line.h"

#include <wchar.h>

START_TEST(pieces_follow_each_other)
{
	char text[16];
	struct line l = line_start(text, sizeof text);

	ck_assert_str_eq(text, "");
	line_append(&l, "%s: ", "rule");
	line_append(&l, "%d", 42);
	ck_assert_str_eq(text, "rule: 42");
	ck_assert_uint_eq(l.len, 8);
	ck_assert(!l.cut);
}
END_TEST

START_TEST(the_last_byte_is_the_terminator)
{
	char text[9] = "........";
	struct line l = line_start(text, sizeof text - 1);

	line_append(&l, "1234567");
	ck_assert(!l.cut);
	line_append(&l, "%s", "");
	ck_assert(!l.cut);
	line_append(&l, "8");
	ck_assert(l.cut);
	ck_assert_str_eq(text, "1234567");
	line_append(&l, "9");
	ck_assert_uint_eq(l.len, 7);
	ck_assert_str_eq(text, "1234567");
}
END_TEST

START_TEST(a_piece_is_cut)
{
	char text[6];
	struct line l = line_start(text, sizeof text);

	line_append(&l, "abc%s", "defgh");
	ck_assert_str_eq(text, "abcde");
	ck_assert_uint_eq(l.len, 5);
	ck_assert(l.cut);
}
END_TEST

/* printf(3) cannot write every character in every locale: what stood there stays. */
START_TEST(what_cannot_be_written)
{
	char text[16];
	struct line l = line_start(text, sizeof text);

	line_append(&l, "ab");
	line_append(&l, "c%lc", (wint_t)0x20ac);
	ck_assert(l.cut);
	ck_assert_str_eq(text, "ab");
	line_append(&l, "%s", "c");
	ck_assert_str_eq(text, "abc");
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("line");
	TCase *t = tcase_create("line");

	tcase_add_test(t, pieces_follow_each_other);
	tcase_add_test(t, the_last_byte_is_the_terminator);
	tcase_add_test(t, a_piece_is_cut);
	tcase_add_test(t, what_cannot_be_written);
	suite_add_tcase(s, t);
	return s;
}
