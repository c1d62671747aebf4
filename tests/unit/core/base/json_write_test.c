#include "core/base/json_write.h"
#include "unit/unit.h"

#include <string.h>

static const struct row {
	const char *label;
	struct slice value;
	const char *want;
} rows[] = {
    {"plain", SLICE_INIT("abc"), "{\"k\":\"abc\"}"},
    {"empty", SLICE_INIT(""), "{\"k\":\"\"}"},
    {"quote and backslash", SLICE_INIT("a\"b\\c"), "{\"k\":\"a\\u0022b\\u005cc\"}"},
    {"control bytes", SLICE_INIT("a\r\n\t\x7f"), "{\"k\":\"a\\u000d\\u000a\\u0009\\u007f\"}"},
    {"NUL", SLICE_INIT("a\0b"), "{\"k\":\"a\\u0000b\"}"},
    {"UTF-8 stays", SLICE_INIT("b\xc3\xbc"), "{\"k\":\"b\xc3\xbc\"}"},
    {"what a terminal obeys",
	SLICE_INIT("a\xc2\x9b"
		   "31m\xc2\xa0"),
	"{\"k\":\"a\\u009b31m\xc2\xa0\"}"},
    {"four bytes", SLICE_INIT("\xf0\x9f\x98\x80"), "{\"k\":\"\xf0\x9f\x98\x80\"}"},
    {"cut UTF-8", SLICE_INIT("\xc3"), "{\"k\":\"\\u00c3\"}"},
    {"overlong", SLICE_INIT("\xc0\xaf"), "{\"k\":\"\\u00c0\\u00af\"}"},
    {"surrogate", SLICE_INIT("\xed\xa0\x80"), "{\"k\":\"\\u00ed\\u00a0\\u0080\"}"},
    {"Latin-1",
	SLICE_INIT("\xfc"
		   "x"),
	"{\"k\":\"\\u00fcx\"}"},
};

START_TEST(test_strings)
{
	const struct row *r = &rows[_i];
	char buffer[256];
	struct json_write j = json_write_begin(buffer, sizeof buffer);

	json_write_string(&j, "k", r->value);
	ck_assert_msg(
	    slice_equal(json_write_end(&j), slice_str(r->want)), "%s: %s", r->label, buffer);
	ck_assert(!j.full);
}
END_TEST

START_TEST(test_several)
{
	char buffer[256];
	struct json_write j = json_write_begin(buffer, sizeof buffer);

	json_write_string(&j, "a", SLICE("x"));
	json_write_number(&j, "b", -7);
	json_write_number(&j, "c", INT64_MAX);
	json_write_end(&j);
	ck_assert_str_eq(buffer, "{\"a\":\"x\",\"b\":-7,\"c\":9223372036854775807}");
}
END_TEST

/* Whatever fits, the object is whole and what is in it is whole. */
START_TEST(test_full)
{
	for (size_t capacity = 3; capacity < 40; capacity++) {
		char buffer[64];
		struct json_write j;

		memset(buffer, '!', sizeof buffer);
		j = json_write_begin(buffer, capacity);
		json_write_string(&j, "a", SLICE("0123456789"));
		json_write_string(&j, "b", SLICE("\n\n"));
		json_write_end(&j);
		ck_assert_uint_lt(strlen(buffer), capacity);
		ck_assert_int_eq(buffer[capacity], '!');
		ck_assert_msg(
		    strcmp(buffer, "{}") == 0 || strcmp(buffer, "{\"a\":\"0123456789\"}") == 0 ||
			strcmp(buffer, "{\"b\":\"\\u000a\\u000a\"}") == 0 ||
			strcmp(buffer, "{\"a\":\"0123456789\",\"b\":\"\\u000a\\u000a\"}") == 0,
		    "capacity %zu: %s", capacity, buffer);
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("json_write");
	TCase *c = tcase_create("write");

	tcase_add_loop_test(c, test_strings, 0, ROWS(rows));
	tcase_add_test(c, test_several);
	tcase_add_test(c, test_full);
	suite_add_tcase(s, c);
	return s;
}
