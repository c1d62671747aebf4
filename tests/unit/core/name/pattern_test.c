#include "unit/unit.h"

#include "core/name/pattern.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define MANY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char *label;
	struct slice pattern, subject;
	enum pattern_result want;
} rows[] = {
    {"whole", SLICE_INIT("^mx[0-9]+\\.example\\.com$"), SLICE_INIT("mx12.example.com"),
	PATTERN_YES},
    {"without anchors too", SLICE_INIT("mx[0-9]+"), SLICE_INIT("mx12"), PATTERN_YES},
    {"more behind", SLICE_INIT("mx[0-9]+"), SLICE_INIT("mx12.example.com"), PATTERN_NO},
    {"more in front", SLICE_INIT("mx[0-9]+"), SLICE_INIT("smx12"), PATTERN_NO},
    {"in all alternatives", SLICE_INIT("a|ab|abc"), SLICE_INIT("abc"), PATTERN_YES},
    {"not the first line", SLICE_INIT("^abc$"), SLICE_INIT("abc\n"), PATTERN_NO},
    {"no case", SLICE_INIT("User@.*"), SLICE_INIT("uSER@x"), PATTERN_YES},
    {"no case beyond ASCII", SLICE_INIT("\xc3\xbc+"), SLICE_INIT("\xc3\x9c\xc3\xbc"), PATTERN_YES},
    {"a character is not a byte", SLICE_INIT("."), SLICE_INIT("\xc3\xbc"), PATTERN_YES},
    {"a NUL is one", SLICE_INIT("a.b"), SLICE_INIT("a\0b"), PATTERN_YES},
    {"a NUL does not end it", SLICE_INIT("a"), SLICE_INIT("a\0b"), PATTERN_NO},
    {"empty subject", SLICE_INIT("a*"), {NULL, 0}, PATTERN_YES},
    {"empty subject, no", SLICE_INIT("a+"), {NULL, 0}, PATTERN_NO},
    {"slash", SLICE_INIT("a\\/b"), SLICE_INIT("a/b"), PATTERN_YES},
    {"\\K changes nothing", SLICE_INIT("foo\\Kbar"), SLICE_INIT("foobar"), PATTERN_YES},
    {"invalid byte", SLICE_INIT(".*"),
	SLICE_INIT("a\xff"
		   "b"),
	PATTERN_NO},
    {"invalid byte last", SLICE_INIT("abc"), SLICE_INIT("abc\xff"), PATTERN_NO},
    {"invalid byte first", SLICE_INIT("abc"),
	SLICE_INIT("\xff"
		   "abc"),
	PATTERN_NO},
    {"invalid byte by name", SLICE_INIT("\\xff"), SLICE_INIT("\xff"), PATTERN_NO},
    {"half a character", SLICE_INIT("a?.*"), SLICE_INIT("a\xc3"), PATTERN_NO},
    {"a missing letter is seen at once", SLICE_INIT("(a|a)*d"), SLICE_INIT(MANY_A "c"), PATTERN_NO},
    {"runs away", SLICE_INIT("(a|a)*d"), SLICE_INIT(MANY_A "dc"), PATTERN_BROKEN},
    {"calls itself", SLICE_INIT("(a?(?1)?)*x"), SLICE_INIT(MANY_A "xc"), PATTERN_BROKEN},
};

START_TEST(matches)
{
	char why[PATTERN_WHY_MAX] = "";
	struct pattern *p = pattern_compile(rows[_i].pattern, why);
	enum pattern_result got;
	char *tight;

	ck_assert_msg(p != NULL, "%s: %s", rows[_i].label, why);
	tight = malloc(rows[_i].subject.len + 1);
	if (rows[_i].subject.len)
		memcpy(tight, rows[_i].subject.ptr, rows[_i].subject.len);
	got = pattern_match(p, slice_of(tight, rows[_i].subject.len));
	ck_assert_msg(got == rows[_i].want, "%s: %d", rows[_i].label, (int)got);
	free(tight);
	pattern_free(&p);
	ck_assert_ptr_null(p);
	pattern_free(&p);
}
END_TEST

static const struct {
	struct slice pattern;
	const char *why;
} wrong[] = {
    {SLICE_INIT("mx("), "missing closing parenthesis at character 3"},
    {SLICE_INIT("*"), "quantifier does not follow a repeatable item at character 0"},
    {SLICE_INIT("[a-"), "at character 3"},
    {SLICE_INIT("\\"), "\\ at end of pattern at character 1"},
    {SLICE_INIT("f\xfc"), "UTF-8 error"},
    {SLICE_INIT("\\C"), "at character"},
    {SLICE_INIT("((((a{1,500}){1,500}){1,500}){1,500})"), "too large at character"},
};

START_TEST(says_what_is_wrong)
{
	char why[PATTERN_WHY_MAX] = "";

	ck_assert_ptr_null(pattern_compile(wrong[_i].pattern, why));
	ck_assert_msg(
	    strstr(why, wrong[_i].why) != NULL, "%.*s: %s", SLICE_ARG(wrong[_i].pattern), why);
}
END_TEST

START_TEST(refuses_endless_text)
{
	static char text[5000];
	char why[PATTERN_WHY_MAX];

	memset(text, 'a', sizeof text);
	ck_assert_ptr_null(pattern_compile(slice_of(text, sizeof text), why));
	ck_assert_str_eq(why, "the pattern is longer than 4096 bytes");
}
END_TEST

/* The worst that a subject can do costs milliseconds, not minutes: 2 s leave room for sanitizers.
 */
START_TEST(is_bounded)
{
	static const char *const patterns[] = {"(a|a)*(b|c)?d", "(.*)*(.*)*(.*)*x",
	    "(a?){500}a{500}b", "(?:(a|aa)+)+$x", "(a*)*\\1*\\1*b"};
	char subject[1000], why[PATTERN_WHY_MAX];
	clock_t start = clock();

	memset(subject, 'a', sizeof subject);
	memcpy(subject + sizeof subject - 4, "xdbc", 4);
	for (size_t i = 0; i < ROWS(patterns); i++) {
		struct pattern *p = pattern_compile(slice_str(patterns[i]), why);

		ck_assert_msg(p != NULL, "%s", why);
		ck_assert_msg(pattern_match(p, slice_of(subject, sizeof subject)) == PATTERN_BROKEN,
		    "%s", patterns[i]);
		pattern_free(&p);
	}
	ck_assert_int_lt(clock() - start, 2 * CLOCKS_PER_SEC);
}
END_TEST

static void *match_often(void *pattern)
{
	for (int i = 0; i < 2000; i++)
		if (pattern_match(pattern, SLICE("mx12.example.com")) != PATTERN_YES ||
		    pattern_match(pattern, SLICE("mx.example.com")) != PATTERN_NO)
			return pattern;
	return NULL;
}

START_TEST(is_shared_by_threads)
{
	char why[PATTERN_WHY_MAX];
	struct pattern *p = pattern_compile(SLICE("(mx)([0-9]+)(\\.[a-z]+)+"), why);
	pthread_t threads[4];
	void *failed;

	for (size_t i = 0; i < ROWS(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, match_often, p), 0);
	for (size_t i = 0; i < ROWS(threads); i++) {
		pthread_join(threads[i], &failed);
		ck_assert_ptr_null(failed);
	}
	pattern_free(&p);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("pattern");
	TCase *t = tcase_create("pattern");

	tcase_add_loop_test(t, matches, 0, ROWS(rows));
	tcase_add_loop_test(t, says_what_is_wrong, 0, ROWS(wrong));
	tcase_add_test(t, refuses_endless_text);
	tcase_add_test(t, is_bounded);
	tcase_add_test(t, is_shared_by_threads);
	suite_add_tcase(s, t);
	return s;
}
