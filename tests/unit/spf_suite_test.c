/* The public suite of RFC 7208, through the code that the daemon runs. */
#include "unit/unit.h"

#include "edge/spf.h"
#include "fake/spf_suite.h"

#include <stdio.h>

enum { SUITE_CASES = 203 };

static struct spf_suite *spf_suite;

static bool is_wanted(const struct spf_case *c, enum spf_result result)
{
	for (size_t i = 0; i < ROWS(c->results); i++)
		if (slice_equal(c->results[i], slice_str(spf_result_text(result))))
			return true;
	return false;
}

START_TEST(rfc7208)
{
	const struct spf_case *c = &spf_suite->cases[_i];
	struct arena *arena = arena_create(1 << 20);
	struct dns dns = zone_dns(c->zone);
	struct spf_answer a;

	spf_check(&dns, &c->query, arena, &a);
	ck_assert_msg(is_wanted(c, a.result), "%.*s: %s (%.*s)", SLICE_ARG(c->label),
	    spf_result_text(a.result), SLICE_ARG(a.problem));
	if (a.result == SPFR_FAIL && c->explanation.len) {
		struct slice said = a.explanation.len ? a.explanation : SLICE("DEFAULT");
		ck_assert_msg(slice_equal(said, c->explanation), "%.*s: explains \"%.*s\"",
		    SLICE_ARG(c->label), SLICE_ARG(said));
	}
	arena_free(&arena);
}
END_TEST

START_TEST(all_are_there)
{
	ck_assert_uint_eq(spf_suite->count, SUITE_CASES);
}
END_TEST

/* Without the file there is nothing to check, which is said and is no failure. */
Suite *suite(void)
{
	Suite *s = suite_create("spf_suite");
	TCase *t = tcase_create("rfc7208");
	struct arena *arena = arena_create(4096);
	const char *path = spf_suite_path(arena);

	spf_suite = spf_suite_load(path);
	if (spf_suite) {
		tcase_add_test(t, all_are_there);
		tcase_add_loop_test(t, rfc7208, 0, (int)spf_suite->count);
	} else {
		printf("spf_suite: skipped, there is no %s\n", path);
	}
	suite_add_tcase(s, t);
	arena_free(&arena);
	return s;
}
