#include "unit/unit.h"

#include "core/base/json_read.h"

#include <stdio.h>
#include <stdlib.h>

/* Members as "key=value;", null as "key;", then "!" and what is wrong. */
static const char *read_all(const char *line, size_t len, char out[512])
{
	struct arena *arena = arena_create(64 * 1024);
	struct json_read r = json_read_begin(slice_of(line, len), arena);
	struct slice key, value;
	int n = 0;

	out[0] = '\0';
	while (json_read_next(&r, &key, &value))
		n += snprintf(out + n, 512 - (size_t)n, "%.*s%s%.*s;", SLICE_ARG(key),
		    value.ptr ? "=" : "", SLICE_ARG(value));
	ck_assert(!json_read_next(&r, &key, &value));
	if (r.wrong)
		snprintf(out + n, 512 - (size_t)n, "!%s", r.wrong);
	arena_free(&arena);
	return out;
}

static const struct {
	const char *line, *members;
} good[] = {
    {"{}", ""},
    {" \t{ } \r\n", ""},
    {"{\"a\":\"b\"}", "a=b;"},
    {" { \"a\" : \"b\" , \"c\":\"\" } ", "a=b;c=;"},
    {"{\"a\":null,\"b\":-0.5e+10,\"c\":0}", "a;b=-0.5e+10;c=0;"},
    {"{\"\":\"\"}", "=;"},
    {"{\"a\":\"\\\"\\\\\\/\"}", "a=\"\\/;"},
    {"{\"a\":\"x\\b\\f\\n\\r\\ty\"}", "a=x\b\f\n\r\ty;"},
    {"{\"\\u0061\":\"\\u00e9\\u20AC\\ud83d\\ude00\"}", "a=\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80;"},
    {"{\"a\":\"\xc3\xa9\"}", "a=\xc3\xa9;"},
    {"{\"a\":\"1\",\"a\":\"2\"}", "a=1;a=2;"},
};

START_TEST(reads_members)
{
	char out[512];

	ck_assert_str_eq(read_all(good[_i].line, strlen(good[_i].line), out), good[_i].members);
}
END_TEST

static const struct {
	const char *line, *said;
} bad[] = {
    {"", "!not a JSON object"},
    {"x", "!not a JSON object"},
    {"[]", "!not a JSON object"},
    {"{", "!a member must start with its name in quotes"},
    {"{}x", "!something follows the object"},
    {"{}{}", "!something follows the object"},
    {"{a:1}", "!a member must start with its name in quotes"},
    {"{\"a\"}", "!a colon is missing behind the name of a member"},
    {"{\"a\":}", "!a member's value must be a string"},
    {"{\"a\":true}", "!a member's value must be a string"},
    {"{\"a\":{}}", "!a member's value must be a string"},
    {"{\"a\":[\"b\"]}", "!a member's value must be a string"},
    {"{\"a\":-}", "!a member's value must be a string"},
    {"{\"a\":01}", "!a member's value must be a string"},
    {"{\"a\":1.}", "!a member's value must be a string"},
    {"{\"a\":1e}", "!a member's value must be a string"},
    {"{\"a\":1x}", "a=1;!a comma or a closing brace is missing"},
    {"{\"a\":nullx}", "a;!a comma or a closing brace is missing"},
    {"{\"a\":\"b\"", "a=b;!a comma or a closing brace is missing"},
    {"{\"a\":\"b\",}", "a=b;!a member must start with its name in quotes"},
    {"{,\"a\":\"b\"}", "!a member must start with its name in quotes"},
    {"{\"a\":\"b\" \"c\":\"d\"}", "a=b;!a comma or a closing brace is missing"},
    {"{\"a\":\"b", "!a string has no end"},
    {"{\"a\":\"b\\", "!a string has no end"},
    {"{\"a\":\"b\\\"", "!a string has no end"},
    {"{\"a\":\"\n\"}", "!a string holds a control character"},
    {"{\"a\":\"\\x\"}", "!a string holds an escape that JSON does not know"},
    {"{\"a\":\"\\u12\"}", "!a string holds an escape that JSON does not know"},
    {"{\"a\":\"\\u12g4\"}", "!a string holds an escape that JSON does not know"},
    {"{\"a\":\"\\ud800\"}", "!a string holds an escape that JSON does not know"},
    {"{\"a\":\"\\ud800\\u0041\"}", "!a string holds an escape that JSON does not know"},
    {"{\"a\":\"\\udc00\"}", "!a string holds an escape that JSON does not know"},
    {"{\"a\":\"\xff\"}", "!a string is not valid UTF-8"},
    {"{\"a\":\"\xed\xa0\x80\"}", "!a string is not valid UTF-8"},
};

START_TEST(refuses_what_is_no_flat_object)
{
	char out[512];

	ck_assert_str_eq(read_all(bad[_i].line, strlen(bad[_i].line), out), bad[_i].said);
}
END_TEST

/* Every beginning of a line is refused, with a reason and within its bounds. */
START_TEST(refuses_every_beginning)
{
	static const char line[] =
	    "{\"a\":\"\\ud83d\\ude00\\n\",\"b\":null,\"c\":-1.5e3,\"d\":\"\xc3\xa9\"}";
	char out[512];

	for (size_t n = 0; n + 1 < sizeof line - 1; n++) {
		char *copy = malloc(n ? n : 1); /* where a sanitizer sees the end */

		ck_assert_ptr_nonnull(copy);
		memcpy(copy, line, n);
		read_all(copy, n, out);
		ck_assert_msg(strchr(out, '!'), "%zu bytes: %s", n, out);
		free(copy);
	}
	read_all(line, sizeof line - 1, out);
	ck_assert_ptr_null(strchr(out, '!'));
}
END_TEST

START_TEST(says_when_memory_runs_out)
{
	struct arena *arena = arena_create(8);
	struct json_read r = json_read_begin(SLICE("{\"a\":\"0123456789abcdef\\n\"}"), arena);
	struct slice key, value;

	ck_assert(!json_read_next(&r, &key, &value));
	ck_assert_str_eq(r.wrong, "out of memory");
	arena_free(&arena);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("json_read");
	TCase *t = tcase_create("jsonread");

	tcase_add_loop_test(t, reads_members, 0, ROWS(good));
	tcase_add_loop_test(t, refuses_what_is_no_flat_object, 0, ROWS(bad));
	tcase_add_test(t, refuses_every_beginning);
	tcase_add_test(t, says_when_memory_runs_out);
	suite_add_tcase(s, t);
	return s;
}
