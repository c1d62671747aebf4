#include "unit/unit.h"

#include "core/base/slice.h"

static const struct {
	const char *label;
	struct slice a, b;
	int order;
	bool nocase, starts, starts_nocase, ends;
} pairs[] = {
    {"both empty", {NULL, 0}, SLICE_INIT(""), 0, true, true, true, true},
    {"empty second", SLICE_INIT("a"), {NULL, 0}, 1, false, true, true, true},
    {"empty first", {NULL, 0}, SLICE_INIT("a"), -1, false, false, false, false},
    {"same", SLICE_INIT("ab"), SLICE_INIT("ab"), 0, true, true, true, true},
    {"case", SLICE_INIT("aZ"), SLICE_INIT("Az"), 1, true, false, true, false},
    {"beginning", SLICE_INIT("abc"), SLICE_INIT("ab"), 1, false, true, true, false},
    {"end", SLICE_INIT("abc"), SLICE_INIT("bc"), -1, false, false, false, true},
    {"longer second", SLICE_INIT("ab"), SLICE_INIT("abc"), -1, false, false, false, false},
    {"NUL counts", SLICE_INIT("a\0b"), SLICE_INIT("a\0c"), -1, false, false, false, false},
    {"bytes are unsigned", SLICE_INIT("\x80"), SLICE_INIT("\x7f"), 1, false, false, false, false},
    {"only ASCII has case", SLICE_INIT("\xc4"), SLICE_INIT("\xe4"), -1, false, false, false, false},
    {"not letters", SLICE_INIT("@["), SLICE_INIT("`{"), -1, false, false, false, false},
};

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

START_TEST(compares)
{
	struct slice a = pairs[_i].a, b = pairs[_i].b;
	const char *label = pairs[_i].label;

	ck_assert_msg(sign(slice_compare(a, b)) == pairs[_i].order, "%s: order", label);
	ck_assert_msg(sign(slice_compare(b, a)) == -pairs[_i].order, "%s: order back", label);
	ck_assert_msg(slice_equal(a, b) == (pairs[_i].order == 0), "%s: equal", label);
	ck_assert_msg(slice_equal_nocase(a, b) == pairs[_i].nocase, "%s: nocase", label);
	ck_assert_msg(slice_starts(a, b) == pairs[_i].starts, "%s: starts", label);
	ck_assert_msg(
	    slice_starts_nocase(a, b) == pairs[_i].starts_nocase, "%s: starts nocase", label);
	ck_assert_msg(slice_ends(a, b) == pairs[_i].ends, "%s: ends", label);
}
END_TEST

static const struct {
	const char *label;
	struct slice text;
	size_t first, last; /* of 'x' */
	struct slice after_last, trimmed;
} places[] = {
    {"empty", {NULL, 0}, 0, 0, {NULL, 0}, {NULL, 0}},
    {"none", SLICE_INIT(" ab\t"), 4, 4, SLICE_INIT(" ab\t"), SLICE_INIT("ab")},
    {"first", SLICE_INIT("xab"), 0, 0, SLICE_INIT("ab"), SLICE_INIT("xab")},
    {"last", SLICE_INIT("abx"), 2, 2, {NULL, 0}, SLICE_INIT("abx")},
    {"two", SLICE_INIT("axbxc"), 1, 3, SLICE_INIT("c"), SLICE_INIT("axbxc")},
    {"only blanks", SLICE_INIT(" \t "), 3, 3, SLICE_INIT(" \t "), {NULL, 0}},
    {"line ends are no blanks", SLICE_INIT(" a\r\n"), 4, 4, SLICE_INIT(" a\r\n"),
	SLICE_INIT("a\r\n")},
    {"behind a NUL", SLICE_INIT("\0x"), 1, 1, {NULL, 0}, SLICE_INIT("\0x")},
};

START_TEST(finds)
{
	struct slice s = places[_i].text;
	const char *label = places[_i].label;

	ck_assert_msg(slice_find(s, 'x') == places[_i].first, "%s: first", label);
	ck_assert_msg(slice_find_last(s, 'x') == places[_i].last, "%s: last", label);
	ck_assert_msg(
	    slice_equal(slice_after_last(s, 'x'), places[_i].after_last), "%s: after", label);
	ck_assert_msg(slice_equal(slice_trim(s), places[_i].trimmed), "%s: trim", label);
}
END_TEST

START_TEST(cuts_and_skips)
{
	struct slice rest = SLICE("a,,b"), s = SLICE("abc");

	ck_assert(slice_equal(slice_cut(&rest, ','), SLICE("a")));
	ck_assert(slice_equal(slice_cut(&rest, ','), SLICE("")));
	ck_assert(rest.ptr && slice_equal(slice_cut(&rest, ','), SLICE("b")));
	ck_assert(rest.ptr == NULL && rest.len == 0);
	ck_assert_uint_eq(slice_cut(&rest, ',').len, 0);

	rest = SLICE("a,");
	slice_cut(&rest, ',');
	ck_assert_msg(rest.ptr && rest.len == 0, "an empty last part is not the end");

	ck_assert(slice_skip(s, 1).ptr == s.ptr + 1 && slice_skip(s, 1).len == 2);
	ck_assert(slice_skip(s, 3).ptr == s.ptr + 3 && slice_skip(s, 9).len == 0);
	ck_assert(slice_skip((struct slice){NULL, 0}, 5).ptr == NULL);
	ck_assert_uint_eq(slice_str(NULL).len, 0);
	ck_assert_uint_eq(slice_str("abc").len, 3);
}
END_TEST

static const struct {
	struct slice text;
	uint64_t max;
	bool ok;
	uint64_t value;
} numbers[] = {
    {SLICE_INIT("0"), 10, true, 0},
    {SLICE_INIT("10"), 10, true, 10},
    {SLICE_INIT("11"), 10, false, 0},
    {SLICE_INIT("9"), 5, false, 0},
    {SLICE_INIT("00007"), 10, true, 7},
    {SLICE_INIT("18446744073709551615"), UINT64_MAX, true, UINT64_MAX},
    {SLICE_INIT("18446744073709551616"), UINT64_MAX, false, 0},
    {SLICE_INIT("99999999999999999999999"), UINT64_MAX, false, 0},
    {SLICE_INIT(""), 10, false, 0},
    {SLICE_INIT("-1"), 10, false, 0},
    {SLICE_INIT("+1"), 10, false, 0},
    {SLICE_INIT(" 1"), 10, false, 0},
    {SLICE_INIT("1\0"), 10, false, 0},
    {SLICE_INIT("1a"), 10, false, 0},
};

START_TEST(reads_numbers)
{
	uint64_t value = 0;
	bool ok = slice_to_uint(numbers[_i].text, numbers[_i].max, &value);

	ck_assert_msg(ok == numbers[_i].ok && value == numbers[_i].value, "\"%.*s\"",
	    SLICE_ARG(numbers[_i].text));
}
END_TEST

static const struct {
	const char *label;
	struct slice text;
	bool printable, utf8;
	const char *excerpt;
} texts[] = {
    {"empty", {NULL, 0}, true, true, ""},
    {"ASCII", SLICE_INIT("a ~"), true, true, "a ~"},
    {"controls", SLICE_INIT("a\0\n\x7f\x1b"), false, true, "a????"},
    {"a tab", SLICE_INIT("a\tb"), false, true, "a b"},
    {"two bytes", SLICE_INIT("b\xc3\xbc"), false, true, "b\xc3\xbc"},
    {"three bytes", SLICE_INIT("\xe2\x82\xac"), false, true, "\xe2\x82\xac"},
    {"four bytes", SLICE_INIT("\xf0\x9f\x92\xa9"), false, true, "\xf0\x9f\x92\xa9"},
    {"last code point", SLICE_INIT("\xf4\x8f\xbf\xbf"), false, true, "\xf4\x8f\xbf\xbf"},
    {"beyond it", SLICE_INIT("\xf4\x90\x80\x80"), false, false, "????"},
    {"overlong slash", SLICE_INIT("\xc0\xaf"), false, false, "??"},
    {"overlong in three", SLICE_INIT("\xe0\x80\xaf"), false, false, "???"},
    {"overlong in four", SLICE_INIT("\xf0\x80\x80\xaf"), false, false, "????"},
    {"surrogate", SLICE_INIT("\xed\xa0\x80"), false, false, "???"},
    {"cut short", SLICE_INIT("x\xe2\x82"), false, false, "x??"},
    {"continuation alone", SLICE_INIT("\x80"), false, false, "?"},
    {"Latin-1", SLICE_INIT("f\xfc"), false, false, "f?"},
    {"63 bytes fit", SLICE_INIT("123456789012345678901234567890123456789012345678901234567890abc"),
	true, true, "123456789012345678901234567890123456789012345678901234567890abc"},
    {"64 do not", SLICE_INIT("123456789012345678901234567890123456789012345678901234567890abcd"),
	true, true, "123456789012345678901234567890123456789012345678901234567890..."},
    {"no half characters",
	SLICE_INIT("12345678901234567890123456789012345678901234567890123456789\xc3\xbc"
		   "abcd"),
	false, true, "12345678901234567890123456789012345678901234567890123456789..."},
};

START_TEST(judges_texts)
{
	char excerpt[EXCERPT_MAX];

	ck_assert_msg(slice_is_printable_ascii(texts[_i].text) == texts[_i].printable,
	    "%s: printable", texts[_i].label);
	ck_assert_msg(
	    slice_is_utf8(texts[_i].text) == texts[_i].utf8, "%s: UTF-8", texts[_i].label);
	ck_assert_str_eq(slice_excerpt(texts[_i].text, excerpt), texts[_i].excerpt);
}
END_TEST

static const struct {
	const char *label, *text;
	bool has;
} controls[] = {
    {"empty", "", false},
    {"ASCII", "a ~", false},
    {"a tab", "a\tb", true},
    {"DEL", "\x7f", true},
    {"the last C1", "a\xc2\x9f", true},
    {"CSI", "\xc2\x9b\x33\x31m", true},
    {"behind C1", "\xc2\xa0", false},
    {"Arabic letter mark", "\xd8\x9c", true},
    {"Arabic letter", "\xd8\xa7", false},
    {"left-to-right mark", "\xe2\x80\x8e", true},
    {"right-to-left override",
	"a\xe2\x80\xae"
	"b",
	true},
    {"line separator", "\xe2\x80\xa8", true},
    {"narrow space behind them", "\xe2\x80\xaf", false},
    {"first isolate", "\xe2\x81\xa6", true},
    {"last isolate", "\xe2\x81\xa9z", true},
    {"before the isolates", "\xe2\x81\xa5", false},
    {"umlauts", "M\xc3\xbcller", false},
    {"four bytes", "\xf0\x9f\x92\xa9", false},
    {"four bytes whose lower bits look like one", "\xf0\x92\x80\x8e", false},
};

START_TEST(finds_controls)
{
	ck_assert_msg(slice_has_controls(slice_str(controls[_i].text)) == controls[_i].has, "%s",
	    controls[_i].label);
}
END_TEST

START_TEST(values_hex_digits)
{
	static const char digits[] = "0123456789abcdef";

	for (int byte = 0; byte < 256; byte++) {
		char c = (char)byte;
		const char *found = c ? strchr(digits, slice_lower(c)) : NULL;

		ck_assert_int_eq(slice_hex_digit(c), found ? (int)(found - digits) : -1);
	}
}
END_TEST

START_TEST(takes_words)
{
	struct slice rest = SLICE(" \ta  bc\t");

	ck_assert(slice_equal(slice_word(&rest), SLICE("a")));
	ck_assert(slice_equal(rest, SLICE("bc")));
	ck_assert(slice_equal(slice_word(&rest), SLICE("bc")));
	ck_assert_uint_eq(rest.len, 0);
	ck_assert_uint_eq(slice_word(&rest).len, 0);
	rest = slice_of(NULL, 0);
	ck_assert_uint_eq(slice_word(&rest).len, 0);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("slice");
	TCase *t = tcase_create("slice");

	tcase_add_loop_test(t, compares, 0, ROWS(pairs));
	tcase_add_loop_test(t, finds, 0, ROWS(places));
	tcase_add_test(t, cuts_and_skips);
	tcase_add_test(t, takes_words);
	tcase_add_test(t, values_hex_digits);
	tcase_add_loop_test(t, reads_numbers, 0, ROWS(numbers));
	tcase_add_loop_test(t, judges_texts, 0, ROWS(texts));
	tcase_add_loop_test(t, finds_controls, 0, ROWS(controls));
	suite_add_tcase(s, t);
	return s;
}
