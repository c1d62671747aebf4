/* The scanner under From and Authentication-Results. */
#include "unit/unit.h"

#include "core/mail/rfc5322.h"

#include <stdlib.h>

#define T(literal) SLICE_INIT(literal)

/* What each function takes off the front; "rest" is what is left, NULL when it is refused. */
enum what { SKIP, QUOTED, ATOM, DOTTED };

static const struct {
	const char *label;
	enum what what;
	struct slice text;
	const char *rest, *wrong;
} rows[] = {
    {"nothing to skip", SKIP, T("a"), "a", NULL},
    {"blanks", SKIP, T(" \t a"), "a", NULL},
    {"folding", SKIP, T("\r\n \n\ta"), "a", NULL},
    {"folding twice", SKIP, T("\r\n \r\n a"), "a", NULL},
    {"line end at the end", SKIP, T(" \r\n"), "", NULL},
    {"line end in the middle", SKIP, T(" \r\na"), NULL, "a line end that no blank follows"},
    {"two line ends", SKIP, T("\n\n a"), NULL, "a line end that no blank follows"},
    {"CR alone stays", SKIP, T(" \r a"), "\r a", NULL},
    {"comment", SKIP, T("(a) b"), "b", NULL},
    {"nested comments", SKIP, T("(a (b) c)(d)e"), "e", NULL},
    {"escapes in a comment", SKIP, T("(\\) \\( \\\\)a"), "a", NULL},
    {"folding in a comment", SKIP, T("(a\r\n b)c"), "c", NULL},
    {"quote in a comment", SKIP, T("(\")\""), "\"", NULL},
    {"open comment", SKIP, T("(a (b)"), NULL, "a comment that does not end"},
    {"comment that ends in a backslash", SKIP, T("(a\\"), NULL, "a backslash at the end"},
    {"NUL in a comment", SKIP, T("(\0)"), NULL, "a control character"},
    {"NUL escaped", SKIP, T("(\\\0)"), NULL, "a control character"},
    {"TAB escaped", SKIP, T("(\\\t)a"), "a", NULL},
    {"loose line end in a comment", SKIP, T("(a\nb)"), NULL, "a line end that no blank follows"},
    {"UTF-8 and a backslash", SKIP, T("(\303\266\\))a"), "a", NULL},
    {"half of UTF-8 and a backslash", SKIP, T("(\303\\))a"), NULL,
	"a backslash behind a byte that is not UTF-8"},
    {"four bytes of UTF-8", SKIP, T("(\360\237\230\200\\))a"), "a", NULL},
    {"half of UTF-8 at the end", SKIP, T("(\360\237"), NULL, "a comment that does not end"},

    {"quoted", QUOTED, T("\"a\"b"), "b", NULL},
    {"quoted nothing", QUOTED, T("\"\""), "", NULL},
    {"quoted specials", QUOTED, T("\"(<@,;>\"b"), "b", NULL},
    {"quoted escapes", QUOTED, T("\"\\\"\\\\\"b"), "b", NULL},
    {"quoted, folded", QUOTED, T("\"a\r\n b\"c"), "c", NULL},
    {"quoted, open", QUOTED, T("\"a"), NULL, "a quoted string that does not end"},
    {"quoted, last quote escaped", QUOTED, T("\"a\\\""), NULL, "a quoted string that does not end"},
    {"quoted CR", QUOTED, T("\"\r\""), NULL, "a control character"},
    {"quoted DEL", QUOTED, T("\"\177\""), NULL, "a control character"},
    {"not quoted", QUOTED, T("a"), NULL, "no quoted string"},

    {"atom", ATOM, T("a-b!#$%&'*+/=?^_`{|}~.c"), ".c", NULL},
    {"atom with dots", DOTTED, T("a.b..c@d"), "@d", NULL},
    {"no atom", ATOM, T("@"), "@", NULL},
    {"atom with high bytes", ATOM, T("\303\266\377 "), " ", NULL},
};

START_TEST(table)
{
	size_t len = rows[_i].text.len;
	char *exact = malloc(len);
	struct rfc5322 s = {.text = {exact, len}};

	memcpy(exact, rows[_i].text.ptr, len);
	if (rows[_i].what == SKIP)
		rfc5322_skip(&s);
	else if (rows[_i].what == QUOTED)
		ck_assert(rfc5322_quoted(&s) == (rows[_i].rest != NULL));
	else
		rfc5322_atom(&s, rows[_i].what == DOTTED ? SLICE(".") : SLICE(""));
	if (rows[_i].rest) {
		struct slice left = slice_skip(s.text, s.at);

		ck_assert_msg(!s.wrong, "%s: %s", rows[_i].label, s.wrong);
		ck_assert_msg(slice_equal(left, slice_str(rows[_i].rest)), "%s", rows[_i].label);
	} else {
		ck_assert_msg(s.wrong, "%s", rows[_i].label);
		ck_assert_str_eq(s.wrong, rows[_i].wrong);
		ck_assert_int_eq(rfc5322_peek(&s), RFC5322_END);
		ck_assert(!rfc5322_take(&s, s.text.ptr[0]) && !rfc5322_skip(&s));
		ck_assert_uint_eq(rfc5322_atom(&s, SLICE("")).len, 0);
	}
	free(exact);
}
END_TEST

START_TEST(atom_ends_at_nul)
{
	struct rfc5322 s = {.text = SLICE("a\0b")};

	ck_assert_uint_eq(rfc5322_atom(&s, SLICE("")).len, 1);
	ck_assert_int_eq(rfc5322_peek(&s), 0);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("rfc5322");
	TCase *t = tcase_create("rfc5322");

	tcase_add_loop_test(t, table, 0, ROWS(rows));
	tcase_add_test(t, atom_ends_at_nul);
	suite_add_tcase(s, t);
	return s;
}
