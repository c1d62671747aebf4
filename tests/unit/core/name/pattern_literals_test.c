#include "core/name/pattern_literals.h"

#include "core/name/pattern.h"
#include "unit/unit.h"

#include <stdio.h>

/* The strings in the order in which they are found, with blanks; "" for none. */
static const struct {
	const char *label, *pattern, *literals;
} rows[] = {
    {"a word", "monster", "monster"},
    {"in lower case", "Dyn\\.Example", "dyn.example"},
    {"anchors", "^host$", "host"},
    {"a tail", "^[0-9.]+\\.dsl\\.example\\.net$", ".dsl.example.net"},
    {"the longest of several", "ab[0-9]+abcd[0-9]+abc", "abcd"},
    {"alternatives", "(adsl|dsl)\\.example", "adsl.example dsl.example"},
    {"at the top", "adsl.*|vdsl[0-9]", "adsl vdsl"},
    {"one without", "adsl.*|[0-9]+", ""},
    {"optional", "x?dsl", "xdsl dsl"},
    {"an optional group", "ab(cd)?ef", "abcdef abef"},
    {"any number", "ab*cd", "cd"},
    {"at least one", "[0-9](dsl)+[0-9]", "dsl"},
    {"counts", "[0-9]{1,3}pool", "pool"},
    {"a count of one", "a{1}b", "ab"},
    {"a count of none", "xyz(abcd){0}", "xyz"},
    {"a count up to", "xyz(abcd){0,2}", "xyz"},
    {"a count of two", "xy(abc){2}", "abc"},
    {"lazy and possessive", "ab?\?c+?d++ef", "ef"},
    {"a class of one", "a[.]b", "a.b"},
    {"a class of few", "a[-_]b", "a-b a_b"},
    {"a class of many", "xa[a-f]bcd", "bcd"},
    {"a class with a bracket", "a[]]b", "a]b"},
    {"a negated class", "xa[^b]cde", "cde"},
    {"a named class", "xa[[:digit:]]bcd", "bcd"},
    {"escapes in a class", "a[\\.\\-]b", "a.b a-b"},
    {"a digit class in a class", "xa[\\d.]bcd", "bcd"},
    {"a hyphen at the end", "a[.-]b", "a.b a-b"},
    {"dot", "ab.cde", "cde"},
    {"escapes of kinds", "ab\\d+\\.cde", ".cde"},
    {"of places", "ab\\bcd\\Z", "abcd"},
    {"a back reference", "(ab)\\1cde", "cde"},
    {"options that change nothing", "(?i)abc(?s:def)", "abcdef"},
    {"groups without number", "(?:ab)(?>cd)", "abcd"},
    {"looking ahead and behind", "ab(?=cd)(?!x)(?<=b)(?<!y)ef", "abef"},
    {"beyond ASCII", "ab\xc3\xa4*cde", "cde"},
    {"nothing", "", ""},
    {"only digits", "[0-9]{8}", ""},
    {"all optional", "(ab)?(cd)?", ""},
    {"too many to multiply", "(a|b|c|d|e)x(a|b|c|d|e)y", "axa axb axc axd axe bxa bxb bxc"},
    /* What is not understood for certain. */
    {"blanks that count for nothing", "(?x)a b", ""},
    {"quotes", "\\Qa+b\\E", ""},
    {"verbs", "(*UTF)abc", ""},
    {"a comment", "abc(?#d)", ""},
    {"names", "(?<n>abc)", ""},
    {"conditions", "(a)?(?(1)bcd|efg)", ""},
    {"recursion", "abc(?R)?", ""},
    {"a brace that is a character", "ab{,3}cd", ""},
    {"a start that is set anew", "ab\\Kcd", ""},
    {"a hexadecimal escape", "abc\\x41", ""},
    {"properties", "abc\\p{L}", ""},
};

START_TEST(finds_literals)
{
	struct arena *arena = arena_create(1 << 20);
	struct pattern_literals found;
	char text[1024] = "", why[PATTERN_WHY_MAX];
	size_t n = 0;
	struct pattern *p = pattern_compile(slice_str(rows[_i].pattern), why);

	ck_assert_msg(p != NULL, "%s: %s", rows[_i].label, why);
	pattern_free(&p);
	pattern_literals(slice_str(rows[_i].pattern), arena, &found);
	for (unsigned i = 0; i < found.count; i++)
		n += (size_t)snprintf(
		    text + n, sizeof text - n, "%s%.*s", i ? " " : "", SLICE_ARG(found.literal[i]));
	if (strcmp(rows[_i].label, "too many to multiply") == 0)
		ck_assert_msg(found.count >= 1 && found.count <= PATTERN_LITERALS_MAX, "%s", text);
	else
		ck_assert_msg(strcmp(text, rows[_i].literals) == 0, "%s: \"%s\", not \"%s\"",
		    rows[_i].label, text, rows[_i].literals);
	arena_free(&arena);
}
END_TEST

START_TEST(is_not_lost_in_groups)
{
	struct arena *arena = arena_create(1 << 20);
	struct pattern_literals found;
	char deep[400];

	memset(deep, '(', 100);
	memset(deep + 100, 'a', 3);
	memset(deep + 103, ')', 100);
	pattern_literals(slice_of(deep, 203), arena, &found);
	ck_assert_uint_eq(found.count, 0);
	/* Broken ones are PCRE2's to refuse. */
	for (size_t cut = 0; cut < sizeof rows / sizeof rows[0]; cut++)
		for (size_t len = 0; len <= strlen(rows[cut].pattern); len++)
			pattern_literals(slice_of(rows[cut].pattern, len), arena, &found);
	arena_free(&arena);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("pattern_literals");
	TCase *t = tcase_create("pattern_literals");

	tcase_add_loop_test(t, finds_literals, 0, ROWS(rows));
	tcase_add_test(t, is_not_lost_in_groups);
	suite_add_tcase(s, t);
	return s;
}
