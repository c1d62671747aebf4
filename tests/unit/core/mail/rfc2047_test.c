#include "unit/unit.h"

#include "core/mail/rfc2047.h"

#include <stdio.h>

static const struct {
	const char *label;
	struct slice value;
	const char *want;
} rows[] = {
    {"plain", SLICE_INIT(" Hello"), "Hello"},
    {"nothing", SLICE_INIT(""), ""},
    {"blanks", SLICE_INIT(" \t "), ""},
    {"folded", SLICE_INIT(" a\r\n\tb\r\n  c"), "a b  c"},
    {"q", SLICE_INIT("=?utf-8?q?B=C3=BCch_er=3f?="),
	"B\xc3\xbc"
	"ch er?"},
    {"capitals", SLICE_INIT("=?UTF-8?Q?=c3=bC?="), "\xc3\xbc"},
    {"b", SLICE_INIT("=?utf-8?B?QsO8Y2hlcg==?="),
	"B\xc3\xbc"
	"cher"},
    {"b without padding", SLICE_INIT("=?utf-8?b?QsO8Y2hlcg?="),
	"B\xc3\xbc"
	"cher"},
    {"a language", SLICE_INIT("=?utf-8*en?q?a?="), "a"},
    {"two words", SLICE_INIT("=?utf-8?q?via?=\r\n =?us-ascii?q?gra?="), "viagra"},
    {"two words, nothing between", SLICE_INIT("=?utf-8?q?via?==?utf-8?q?gra?="), "viagra"},
    {"a word and text", SLICE_INIT("=?utf-8?q?a?= b =?utf-8?q?c?="), "a b c"},
    {"inside of text", SLICE_INIT("v=?utf-8?q?i?=agra"), "viagra"},
    {"inside of quotes", SLICE_INIT("\"=?utf-8?q?a?=\""), "\"a\""},
    {"a character cut in two", SLICE_INIT("=?utf-8?q?=C3?= =?utf-8?q?=BC?="), "\xc3\xbc"},
    {"Latin 1", SLICE_INIT("=?iso-8859-1?q?=FC=80=A4?="), "\xc3\xbc\xe2\x82\xac\xc2\xa4"},
    {"Latin 9", SLICE_INIT("=?ISO-8859-15?q?=A4?="), "\xe2\x82\xac"},
    {"Cyrillic", SLICE_INIT("=?koi8-r?b?8NLJ18XU?="),
	"\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82"},
    {"Cyrillic of windows", SLICE_INIT("=?windows-1251?q?=CF?="), "\xd0\x9f"},
    {"another charset", SLICE_INIT("=?gb2312?q?a=B0=A1b?="),
	"a\xef\xbf\xbd\xef\xbf\xbd"
	"b"},
    {"no charset", SLICE_INIT("=?\?q?a=FC?="), "a\xef\xbf\xbd"},
    {"ASCII is no ASCII", SLICE_INIT("=?iso-2022-jp?b?GyRC?="), "=?iso-2022-jp?b?GyRC?="},
    {"bytes that are no UTF-8",
	SLICE_INIT("a\xfc"
		   "b"),
	"a\xef\xbf\xbd"
	"b"},
    {"half a character", SLICE_INIT("a\xc3"), "a\xef\xbf\xbd"},
    {"overlong", SLICE_INIT("\xc0\xaf"), "\xef\xbf\xbd\xef\xbf\xbd"},
    {"controls", SLICE_INIT("=?utf-8?q?a=0Ab=00c=7Fd=C2=85e?="), "a b c d e"},
    {"a tab", SLICE_INIT("a\tb"), "a b"},
    {"NUL", SLICE_INIT("a\0b"), "a b"},
    {"another encoding", SLICE_INIT("=?utf-8?x?a?="), "=?utf-8?x?a?="},
    {"base64 that is none", SLICE_INIT("=?utf-8?b?a!?="), "=?utf-8?b?a!?="},
    {"no end", SLICE_INIT("=?utf-8?q?a"), "=?utf-8?q?a"},
    {"a question inside", SLICE_INIT("=?utf-8?q?a?b?="), "=?utf-8?q?a?b?="},
    {"a word that is none in front of one", SLICE_INIT("=?=?utf-8?q?a?="), "=?a"},
    {"hex that is none", SLICE_INIT("=?utf-8?q?=zz=4?="), "=zz=4"},
    {"empty words", SLICE_INIT("=?utf-8?q?\?= =?utf-8?b?\?= x"), " x"},
};

START_TEST(decodes)
{
	char out[RFC2047_TEXT_MAX];
	struct slice got = rfc2047_decode(rows[_i].value, out);

	ck_assert_msg(slice_equal(got, slice_trim(slice_str(rows[_i].want))), "%s: \"%.*s\"",
	    rows[_i].label, SLICE_ARG(got));
}
END_TEST

/* No more than so much, whatever is asked for. */
START_TEST(is_cut)
{
	static char value[3 * RFC2047_TEXT_MAX];
	char out[RFC2047_TEXT_MAX];
	struct slice got;

	memset(value, 'a', sizeof value);
	got = rfc2047_decode(slice_of(value, RFC2047_TEXT_MAX), out);
	ck_assert_uint_eq(got.len, RFC2047_TEXT_MAX);
	got = rfc2047_decode(slice_of(value, RFC2047_TEXT_MAX + 1), out);
	ck_assert_uint_eq(got.len, RFC2047_TEXT_MAX);
	memset(value, '\xff', sizeof value);
	got = rfc2047_decode(slice_of(value, sizeof value), out);
	ck_assert(got.len > RFC2047_TEXT_MAX - 3 && got.len <= RFC2047_TEXT_MAX);
	ck_assert(slice_is_utf8(got));
}
END_TEST

/* Words that find no end cost no more than others. */
START_TEST(takes_linear_time)
{
	static char value[256 * 1024];
	char out[RFC2047_TEXT_MAX];

	for (size_t i = 0; i < sizeof value; i++)
		value[i] = "=?"[i % 2];
	rfc2047_decode(slice_of(value, sizeof value), out);
	memset(value, '\n', sizeof value);
	memcpy(value, "=?utf-8?q?", 10);
	ck_assert_uint_eq(rfc2047_decode(slice_of(value, sizeof value), out).len, 10);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("rfc2047");
	TCase *t = tcase_create("values");

	tcase_add_loop_test(t, decodes, 0, ROWS(rows));
	tcase_add_test(t, is_cut);
	tcase_add_test(t, takes_linear_time);
	suite_add_tcase(s, t);
	return s;
}
