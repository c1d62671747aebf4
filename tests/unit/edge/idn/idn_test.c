/* libidn2 as core uses it, through name_parse(), and libunistring. */
#include "unit/unit.h"

#include "edge/idn/idn.h"

#include <pthread.h>

/* The canonical name, or NULL when there is none. */
static const struct {
	const char *label, *text, *name;
} rows[] = {
    {"umlaut",
	"b\xc3\xbc"
	"cher.example",
	"xn--bcher-kva.example"},
    {"capital umlaut",
	"B\xc3\x9c"
	"CHER.Example.",
	"xn--bcher-kva.example"},
    {"composed and decomposed",
	"bu\xcc\x88"
	"cher.example",
	"xn--bcher-kva.example"},
    {"non-transitional sharp s", "fa\xc3\x9f.example", "xn--fa-hia.example"},
    {"underscore",
	"_dmarc.b\xc3\xbc"
	"cher.example",
	"_dmarc.xn--bcher-kva.example"},
    {"underscore beside", "\xc3\xbc_x.example", "xn--_x-wka.example"},
    {"A-label beside",
	"xn--bcher-kva.b\xc3\xbc"
	"cher.example",
	"xn--bcher-kva.xn--bcher-kva.example"},
    {"full-width letters", "\xef\xbc\xa7mail.com", "gmail.com"},
    {"ideographic full stops",
	"b\xc3\xbc"
	"cher\xe3\x80\x82"
	"example\xe3\x80\x82",
	"xn--bcher-kva.example"},
    {"Cyrillic", "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xbc\xd0\xb5\xd1\x80.\xd1\x80\xd1\x84",
	"xn--e1afmkfd.xn--p1ai"},
    {"Han", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e.jp", "xn--wgv71a119e.jp"},
    {"a symbol", "\xe2\x98\x83.net", NULL},
    {"a joiner alone", "\xe2\x80\x8d.example", NULL},
    {"full-width slash", "a\xef\xbc\x8f\xc3\xbc.example", NULL},
    {"full-width at", "a\xef\xbc\xa0\xc3\xbc.example", NULL},
    {"only ignored characters", "\xc2\xad", NULL},
    {"not UTF-8", "f\xfc.example", NULL},
    {"a label too long",
	"\xc3\xbc"
	"12345678901234567890123456789012345678901234567890123456789.example",
	NULL},
};

static const struct {
	const char *label, *text, *name;
} whatever[] = {
    {"a name",
	"b\xc3\xbc"
	"cher.example",
	"xn--bcher-kva.example"},
    {"a symbol", "\xe2\x98\x83.net", "u8--e29883.net"},
    {"a symbol in the middle", "A.\xe2\x98\x83.Net", "a.u8--e29883.net"},
    {"beside a good label",
	"b\xc3\xbc"
	"cher.\xe2\x98\x83.net",
	"xn--bcher-kva.u8--e29883.net"},
    {"not UTF-8", "f\xfc.example", "u8--66fc.example"},
    {"an empty label", "\xe2\x98\x83..net", NULL},
};

START_TEST(converts_whatever)
{
	struct arena *arena = arena_create(1 << 16);
	struct slice name;
	const char *wrong = name_parse(slice_str(whatever[_i].text), &idn_lenient, arena, &name);

	ck_assert_msg((wrong == NULL) == (whatever[_i].name != NULL), "%s: %s", whatever[_i].label,
	    wrong ? wrong : "no error");
	if (!wrong)
		ck_assert_msg(slice_equal(name, slice_str(whatever[_i].name)), "%s: %.*s",
		    whatever[_i].label, SLICE_ARG(name));
	arena_free(&arena);
}
END_TEST

START_TEST(converts)
{
	struct arena *arena = arena_create(1 << 16);
	struct slice name;
	const char *wrong = name_parse(slice_str(rows[_i].text), &idn_uts46, arena, &name);

	if (rows[_i].name)
		ck_assert_msg(slice_equal(name, slice_str(rows[_i].name)), "%s: %.*s %s",
		    rows[_i].label, SLICE_ARG(name), wrong ? wrong : "");
	else
		ck_assert_msg(wrong != NULL, "%s: %.*s", rows[_i].label, SLICE_ARG(name));
	arena_free(&arena);
}
END_TEST

START_TEST(keeps_to_its_room)
{
	static char long_text[5000];
	const struct slice name = SLICE("b\xc3\xbc"
					"cher.example");
	char out[64];

	for (size_t cap = 0; cap < 30; cap++) {
		memset(out, '~', sizeof out);
		ck_assert_uint_eq(idn_uts46.to_ascii(name, out, cap), cap < 21 ? 0 : 21);
		ck_assert_msg(out[cap] == '~', "room of %zu", cap);
	}
	memset(long_text, 'a', sizeof long_text);
	ck_assert_uint_eq(idn_uts46.to_ascii(slice_of(long_text, sizeof long_text), out, 64), 0);
	ck_assert_uint_eq(idn_uts46.to_ascii(slice_of(NULL, 0), out, 64), 0);
	ck_assert_uint_eq(idn_uts46.to_ascii(SLICE("a\0b"), out, 64), 0);
}
END_TEST

/* Local parts that are one mailbox have one folded form; the others have none. */
static const struct {
	const char *label, *text, *folded;
} locals[] = {
    {"ASCII", "Bob", "bob"},
    {"umlaut", "m\xc3\xbcller", "m\xc3\xbcller"},
    {"capitals", "M\xc3\x9cLLER", "m\xc3\xbcller"},
    {"decomposed", "mu\xcc\x88ller", "m\xc3\xbcller"},
    {"decomposed capitals", "MU\xcc\x88LLER", "m\xc3\xbcller"},
    {"sharp s",
	"stra\xc3\x9f"
	"e",
	"strasse"},
    {"capital sharp s",
	"STRA\xe1\xba\x9e"
	"E",
	"strasse"},
    {"final sigma", "\xce\xa3\xce\xaf\xcf\x82", "\xcf\x83\xce\xaf\xcf\x83"},
    {"Cyrillic", "\xd0\x98\xd0\x92", "\xd0\xb8\xd0\xb2"},
    {"three for one", "\xce\x90", "\xce\x90"},
    {"full-width letters are others", "\xef\xbc\xa1", "\xef\xbd\x81"},
    {"not UTF-8", "m\xfcller", NULL},
    {"half a character", "m\xc3", NULL},
    {"nothing", "", NULL},
};

START_TEST(folds_local_parts)
{
	char out[64];
	struct slice text = slice_str(locals[_i].text);
	size_t n = idn_uts46.fold_local(text, out, sizeof out);

	ck_assert_msg(locals[_i].folded
			  ? slice_equal(slice_of(out, n), slice_str(locals[_i].folded))
			  : n == 0,
	    "%s: \"%.*s\"", locals[_i].label, (int)n, out);
	for (size_t cap = 0; cap < n; cap++) {
		memset(out, '~', sizeof out);
		ck_assert_uint_eq(idn_lenient.fold_local(text, out, cap), 0);
		ck_assert_msg(out[cap] == '~', "%s: room of %zu", locals[_i].label, cap);
	}
}
END_TEST

/* Composed, and nothing more: patterns find the case by themselves. */
static const struct {
	const char *label, *text, *composed;
} spelled[] = {
    {"ASCII", "Bob", "Bob"},
    {"capitals", "M\xc3\x9cLLER", "M\xc3\x9cLLER"},
    {"decomposed", "MU\xcc\x88ller", "M\xc3\x9cller"},
    {"sharp s",
	"stra\xc3\x9f"
	"e",
	"stra\xc3\x9f"
	"e"},
    {"three for one", "\xef\xac\xac", "\xd7\xa9\xd6\xbc\xd7\x81"},
    {"not UTF-8", "u\xcc\x88\xff", NULL},
    {"nothing", "", NULL},
};

START_TEST(composes)
{
	char out[64];
	struct slice text = slice_str(spelled[_i].text);
	size_t n = idn_uts46.compose(text, out, sizeof out);

	ck_assert_msg(spelled[_i].composed
			  ? slice_equal(slice_of(out, n), slice_str(spelled[_i].composed))
			  : n == 0,
	    "%s: \"%.*s\"", spelled[_i].label, (int)n, out);
	ck_assert_uint_le(n, text.len * IDNA_GROWTH);
	for (size_t cap = 0; cap < n; cap++) {
		memset(out, '~', sizeof out);
		ck_assert_uint_eq(idn_lenient.compose(text, out, cap), 0);
		ck_assert_msg(out[cap] == '~', "%s: room of %zu", spelled[_i].label, cap);
	}
}
END_TEST

static void *convert_often(void *unused)
{
	char out[64];

	for (int i = 0; i < 500; i++)
		if (idn_uts46.to_ascii(SLICE("b\xc3\xbc"
					     "cher.example"),
			out, sizeof out) != 21)
			return (void *)(uintptr_t) "a wrong answer";
	return unused;
}

START_TEST(works_in_threads)
{
	pthread_t threads[4];
	void *failed;

	for (size_t i = 0; i < ROWS(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, convert_often, NULL), 0);
	for (size_t i = 0; i < ROWS(threads); i++) {
		pthread_join(threads[i], &failed);
		ck_assert_ptr_null(failed);
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("idn");
	TCase *t = tcase_create("idn");

	tcase_add_loop_test(t, converts, 0, ROWS(rows));
	tcase_add_loop_test(t, converts_whatever, 0, ROWS(whatever));
	tcase_add_loop_test(t, folds_local_parts, 0, ROWS(locals));
	tcase_add_loop_test(t, composes, 0, ROWS(spelled));
	tcase_add_test(t, keeps_to_its_room);
	tcase_add_test(t, works_in_threads);
	suite_add_tcase(s, t);
	return s;
}
