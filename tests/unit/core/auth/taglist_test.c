/* Tag lists and base64: what DKIM is written in. */
#include "unit/unit.h"

#include "core/auth/taglist.h"
#include "core/base/base64.h"

#include <stdio.h>

static const struct {
	const char *label, *text, *wrong;
	size_t count;
	const char *d; /* value of the tag d, NULL: absent */
} lists[] = {
    {"plain", "v=1; d=example.org; s=a", NULL, 3, "example.org"},
    {"closed by a semicolon", "d=example.org;", NULL, 1, "example.org"},
    {"blanks and folds around", " v = 1;\r\n\td =\r\n example.org \r\n ; s=a", NULL, 3,
	"example.org"},
    {"blanks inside stay", "d=a  b", NULL, 1, "a  b"},
    {"empty value", "d=; s=a", NULL, 2, ""},
    {"equal signs in the value", "d=a==; b=c", NULL, 2, "a=="},
    {"case of names matters", "D=x; v=1", NULL, 2, NULL},
    {"underscore and digits", "x_1=y", NULL, 1, NULL},
    {"nothing", "", "empty tag", 0, NULL},
    {"only blanks", " \t", "empty tag", 0, NULL},
    {"only a semicolon", ";", "empty tag", 0, NULL},
    {"two semicolons", "v=1;; d=x", "empty tag", 1, NULL},
    {"two at the end", "d=x;;", "empty tag", 1, "x"},
    {"no equal sign", "v=1; d", "tag without an equal sign", 1, NULL},
    {"no name", "=x", "malformed tag name", 0, NULL},
    {"a digit in front", "1=x", "malformed tag name", 0, NULL},
    {"a blank in the name", "d d=x", "malformed tag name", 0, NULL},
    {"twice", "d=x; d=x", "a tag stands twice", 1, "x"},
    {"UTF-8", "d=b\xc3\xbc", NULL, 1, "b\xc3\xbc"},
    {"UTF-8 in a name", "b\xc3\xbc=d", "malformed tag name", 0, NULL},
    {"Latin-1", "d=b\xfc", "control character or invalid UTF-8 in a tag", 0, NULL},
    {"half a character", "d=b\xc3", "control character or invalid UTF-8 in a tag", 0, NULL},
    {"a control character", "d=\x01", "control character or invalid UTF-8 in a tag", 0, NULL},
    {"delete", "d=\x7f", "control character or invalid UTF-8 in a tag", 0, NULL},
};

START_TEST(parses)
{
	struct taglist list;
	struct slice value;
	const char *wrong = taglist_parse(slice_str(lists[_i].text), &list);

	ck_assert_msg(!wrong == !lists[_i].wrong && (!wrong || !strcmp(wrong, lists[_i].wrong)),
	    "%s: %s", lists[_i].label, wrong ? wrong : "accepted");
	ck_assert_msg(list.count == lists[_i].count, "%s: %zu tags", lists[_i].label, list.count);
	ck_assert_msg(taglist_get(&list, "d", &value) == !!lists[_i].d, "%s: d", lists[_i].label);
	if (lists[_i].d)
		ck_assert_msg(slice_equal(value, slice_str(lists[_i].d)), "%s: d is \"%.*s\"",
		    lists[_i].label, SLICE_ARG(value));
}
END_TEST

START_TEST(nul_is_a_control_character)
{
	struct taglist list;

	ck_assert_ptr_nonnull(taglist_parse(SLICE("d=a\0b"), &list));
	ck_assert_ptr_nonnull(taglist_parse(SLICE("d\0=a"), &list));
}
END_TEST

START_TEST(too_many)
{
	char text[8 * (TAGLIST_MAX + 1)];
	struct taglist list;
	size_t n = 0;

	for (int i = 0; i < TAGLIST_MAX; i++)
		n += (size_t)sprintf(text + n, "a%03d=b;", i);
	ck_assert_ptr_null(taglist_parse(slice_of(text, n), &list));
	n += (size_t)sprintf(text + n, "z=1");
	ck_assert_str_eq(taglist_parse(slice_of(text, n), &list), "too many tags");
	ck_assert_uint_eq(list.count, TAGLIST_MAX);
}
END_TEST

START_TEST(elements)
{
	struct slice rest = SLICE(" from :to::\r\n subject"), e;
	static const char *const want[] = {"from", "to", "", "subject"};

	for (size_t i = 0; i < ROWS(want); i++) {
		ck_assert(taglist_element(&rest, &e));
		ck_assert(slice_equal(e, slice_str(want[i])));
	}
	ck_assert(!taglist_element(&rest, &e));
}
END_TEST

static const struct {
	const char *label, *text, *bytes; /* bytes NULL: refused */
} codes[] = {
    {"nothing", "", ""},
    {"one octet", "TQ==", "M"},
    {"two octets", "TWE=", "Ma"},
    {"three octets", "TWFu", "Man"},
    {"many", "aGVsbG8gd29ybGQ=", "hello world"},
    {"plus and slash", "+/+/", "\xfb\xff\xbf"},
    {"folded", " aGVs\r\n\tbG8 =\r\n", "hello"},
    {"padding missing", "TWE", "Ma"},
    {"both missing", "TQ", "M"},
    {"one digit over", "TWFuT", NULL},
    {"digits after padding", "TQ==TQ==", NULL},
    {"padding only", "====", NULL},
    {"too much padding", "TWE==", NULL},
    {"url alphabet", "-_-_", NULL},
    {"other characters", "TW!u", NULL},
};

START_TEST(decodes)
{
	unsigned char out[64];
	size_t len;
	bool done = base64_decode(slice_str(codes[_i].text), out, sizeof out, &len);

	ck_assert_msg(done == !!codes[_i].bytes, "%s", codes[_i].label);
	if (done)
		ck_assert_msg(slice_equal(slice_of((char *)out, len), slice_str(codes[_i].bytes)),
		    "%s: %zu octets", codes[_i].label, len);
}
END_TEST

START_TEST(keeps_to_the_room)
{
	unsigned char out[3] = {0, 0, 'x'};
	size_t len;

	ck_assert(!base64_decode(SLICE("TWFu"), out, 2, &len));
	ck_assert_int_eq(out[2], 'x');
	ck_assert(base64_decode(SLICE("TWFu"), out, 3, &len));
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("taglist");
	TCase *t = tcase_create("taglist");

	tcase_add_loop_test(t, parses, 0, ROWS(lists));
	tcase_add_test(t, nul_is_a_control_character);
	tcase_add_test(t, too_many);
	tcase_add_test(t, elements);
	tcase_add_loop_test(t, decodes, 0, ROWS(codes));
	tcase_add_test(t, keeps_to_the_room);
	suite_add_tcase(s, t);
	return s;
}
