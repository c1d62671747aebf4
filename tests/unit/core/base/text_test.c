#include "core/base/text.h"

#include "unit/unit.h"

static const struct {
	const char *label;
	struct slice text;
	size_t size;
	const char *shown, *ascii;
} rows[] = {
    {"plain", SLICE_INIT("a b~"), 20, "a b~", "a b~"},
    {"nothing", {NULL, 0}, 20, "", ""},
    {"C0 and DEL", SLICE_INIT("a\n\t\x1b[1m\x7f\0z"), 20, "a???[1m??z", "a???[1m??z"},
    {"UTF-8", SLICE_INIT("\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80"), 20,
	"\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80", "?? ??? ????"},
    {"C1",
	SLICE_INIT("\xc2\x9b"
		   "1\xc2\x80\xc2\xa0"),
	20, "??1??\xc2\xa0", "??1????"},
    {"not UTF-8", SLICE_INIT("\xff\xc3<\xe2\x82z\xc3\xbc"), 20, "?\?<??z\xc3\xbc", "?\?<??z??"},
    {"cut", SLICE_INIT("abcdef"), 4, "abc", "abc"},
    {"cut in a character", SLICE_INIT("ab\xc3\xbc"), 4, "ab?", "ab?"},
    {"the last that fits", SLICE_INIT("abc"), 4, "abc", "abc"},
    {"no room", SLICE_INIT("abc"), 1, "", ""},
};

START_TEST(masks)
{
	char out[20];

	ck_assert_ptr_eq(text_shown(rows[_i].text, out, rows[_i].size), out);
	ck_assert_msg(strcmp(out, rows[_i].shown) == 0, "%s: %s", rows[_i].label, out);
	ck_assert_ptr_eq(text_shown_ascii(rows[_i].text, out, rows[_i].size), out);
	ck_assert_msg(strcmp(out, rows[_i].ascii) == 0, "%s: %s", rows[_i].label, out);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("text");
	TCase *t = tcase_create("text");

	tcase_add_loop_test(t, masks, 0, ROWS(rows));
	suite_add_tcase(s, t);
	return s;
}
