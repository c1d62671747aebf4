#include "core/name/pattern_set.h"

#include "core/name/literal_set.h"
#include "fake/rdns.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- literals ------------------------------------------------------------------------ */

static const char *const words[] = {
    "he", "she", "his", "hers", "s", "sks", "k.example", "aaaa", "aa", "example.net", ".net", "he"};

static bool holds(const char *text, const char *word)
{
	char plain[256];
	size_t n = 0;

	for (const char *at = text; *at; at++) {
		if (strncmp(at, "\xc5\xbf", 2) == 0) {
			plain[n++] = 's';
			at += 1;
		} else if (strncmp(at, "\xe2\x84\xaa", 3) == 0) {
			plain[n++] = 'k';
			at += 2;
		} else {
			plain[n++] = slice_lower(*at);
		}
	}
	plain[n] = '\0';
	return strstr(plain, word) != NULL;
}

static const char *const texts[] = {"", "ushers", "USHERS", "u\xc5\xbfhers", "aaaaa",
    "\xc5\xbf\xe2\x84\xaas", "mx.example.net", "example.ne", "\xff\xc5", "\xe2\x84",
    "\xe2\x84\xaa.example.nets", "hishe", "xaaxaaaax"};

START_TEST(finds_every_literal_once)
{
	struct literal literals[ROWS(words)];
	struct literal_set *set;
	uint32_t ids[ROWS(words)];
	size_t count, wanted = 0;

	for (uint32_t i = 0; i < ROWS(words); i++)
		literals[i] = (struct literal){slice_str(words[i]), i};
	set = literal_set_build(literals, ROWS(words));
	ck_assert_ptr_nonnull(set);
	count = literal_set_find(set, slice_str(texts[_i]), ids, ROWS(ids));
	for (uint32_t i = 0; i < ROWS(words); i++) {
		unsigned seen = 0;

		for (size_t k = 0; k < count; k++)
			seen += ids[k] == i;
		wanted += holds(texts[_i], words[i]);
		ck_assert_msg(seen == holds(texts[_i], words[i]), "\"%s\" in \"%s\": %u", words[i],
		    texts[_i], seen);
	}
	ck_assert_uint_eq(count, wanted);
	if (wanted > 1)
		ck_assert_uint_eq(literal_set_find(set, slice_str(texts[_i]), ids, 1), 2);
	literal_set_free(&set);
}
END_TEST

START_TEST(no_literals)
{
	struct literal_set *set = literal_set_build(NULL, 0);
	uint32_t id;

	ck_assert_uint_eq(literal_set_find(set, SLICE("abc"), &id, 1), 0);
	literal_set_free(&set);
	ck_assert_ptr_null(set);
}
END_TEST

/* ---- patterns ------------------------------------------------------------------------ */

/* Patterns beside those of rdns.h: without any literal, with others in them, and hits in hundreds.
 */
static const char *const others[] = {"[0-9]{8}", ".*", "(?i)K[a-z]+", "s.*", "", "<>",
    "(a|b)?.*net", "\\Qmx1\\E.*", "mx[0-9]+\\..*", "[^.]+", ".*\xc3\xa4.*"};

enum { PATTERNS = RDNS_PATTERNS + sizeof others / sizeof others[0] };

static char pattern_texts[PATTERNS][RDNS_TEXT_MAX];
static struct pattern *patterns[PATTERNS];
static struct pattern_set *set;

static void setup(void)
{
	struct pattern_member members[PATTERNS];
	char why[PATTERN_WHY_MAX];

	for (uint32_t i = 0; i < PATTERNS; i++) {
		if (i < RDNS_PATTERNS)
			rdns_pattern(i, pattern_texts[i]);
		else
			snprintf(pattern_texts[i], RDNS_TEXT_MAX, "%s", others[i - RDNS_PATTERNS]);
		patterns[i] = pattern_compile(slice_str(pattern_texts[i]), why);
		ck_assert_msg(patterns[i] != NULL, "%s: %s", pattern_texts[i], why);
		members[i] =
		    (struct pattern_member){3 * i, slice_str(pattern_texts[i]), patterns[i]};
	}
	set = pattern_set_build(members, PATTERNS);
	ck_assert_ptr_nonnull(set);
}

static void teardown(void)
{
	pattern_set_free(&set);
	for (unsigned i = 0; i < PATTERNS; i++)
		pattern_free(&patterns[i]);
}

/* How many names are compared pattern by pattern: SUSMILTER_NAMES=1000000 by hand. */
static unsigned names_wanted(void)
{
	const char *asked = getenv("SUSMILTER_NAMES");

	return asked ? (unsigned)strtoul(asked, NULL, 10) : 1000;
}

/* True when one of the list matches. */
static bool compare_name(struct slice name)
{
	uint32_t hits[PATTERNS];
	size_t count = pattern_set_match(set, name, hits, PATTERNS), at = 0;

	for (uint32_t i = 0; i < PATTERNS; i++) {
		bool matches = pattern_match(patterns[i], name) == PATTERN_YES;

		ck_assert_msg(matches == (at < count && hits[at] == 3 * i), "/%s/ and %.*s",
		    pattern_texts[i], SLICE_ARG(name));
		at += matches;
	}
	ck_assert_uint_eq(at, count);
	return count > 0 && hits[0] < 3 * RDNS_PATTERNS;
}

START_TEST(matches_as_pcre2_does)
{
	uint64_t state = 20261130;
	unsigned names = names_wanted(), hit = 0;

	for (unsigned i = 0; i < names; i++) {
		char name[RDNS_TEXT_MAX];

		rdns_name(&state, name);
		hit += compare_name(slice_str(name));
	}
	compare_name(SLICE(""));
	compare_name(SLICE("<>"));
	compare_name(SLICE("a\0b"));
	/* Else it shows nothing. */
	ck_assert_uint_gt(hit, names / 20);
}
END_TEST

START_TEST(says_when_there_are_more)
{
	uint32_t hits[2];

	ck_assert_uint_eq(pattern_set_match(set, SLICE("mx1.telnet.net"), hits, 2), 3);
}
END_TEST

START_TEST(knows_how_many_are_always_tried)
{
	ck_assert_uint_eq(pattern_set_always(set), 6);
	ck_assert_uint_lt(pattern_set_bytes(set), 2 << 20);
}
END_TEST

/* Patterns that all have the same literal. */
START_TEST(too_many_candidates)
{
	enum { MANY = 300 };
	struct pattern_member members[MANY];
	char text[MANY][32], why[PATTERN_WHY_MAX];
	uint32_t hits[MANY];
	struct pattern_set *many;

	for (uint32_t i = 0; i < MANY; i++) {
		snprintf(text[i], sizeof text[i], "[0-9]{%u}\\.example", i % 3 + 1);
		members[i] = (struct pattern_member){
		    i, slice_str(text[i]), pattern_compile(slice_str(text[i]), why)};
	}
	many = pattern_set_build(members, MANY);
	ck_assert_uint_eq(pattern_set_match(many, SLICE("22.example"), hits, MANY), MANY / 3);
	for (uint32_t i = 0; i < MANY / 3; i++)
		ck_assert_uint_eq(hits[i], 3 * i + 1);
	pattern_set_free(&many);
	for (unsigned i = 0; i < MANY; i++)
		pattern_free((struct pattern **)(uintptr_t)&members[i].pattern);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("pattern_set");
	TCase *t = tcase_create("literals"), *p = tcase_create("patterns");

	tcase_add_loop_test(t, finds_every_literal_once, 0, ROWS(texts));
	tcase_add_test(t, no_literals);
	suite_add_tcase(s, t);
	tcase_add_unchecked_fixture(p, setup, teardown);
	tcase_set_timeout(p, 7200);
	tcase_add_test(p, matches_as_pcre2_does);
	tcase_add_test(p, says_when_there_are_more);
	tcase_add_test(p, knows_how_many_are_always_tried);
	tcase_add_test(p, too_many_candidates);
	suite_add_tcase(s, p);
	return s;
}
