/* The public suite of RFC 7208, by both evaluators. */
#include "unit/unit.h"

#include "fake/not_run.h"
#include "fake/spf_both.h"
#include "fake/spf_suite.h"

#include <pthread.h>
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

	spf_both(&dns, &c->query, arena, &a);
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

/* Every case in every thread at once: checks share nothing but the resolver. */
static void *run_all(void *wrong)
{
	struct arena *arena = arena_create(1 << 20);

	for (size_t i = 0; i < spf_suite->count; i++) {
		const struct spf_case *c = &spf_suite->cases[i];
		struct dns dns = zone_dns(c->zone);
		struct spf_answer a;
		spf_both(&dns, &c->query, arena, &a);
		*(size_t *)wrong += !is_wanted(c, a.result);
		arena_reset(arena);
	}
	arena_free(&arena);
	return NULL;
}

START_TEST(in_threads)
{
	pthread_t threads[4];
	size_t wrong[ROWS(threads)] = {0};

	for (size_t i = 0; i < ROWS(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, run_all, &wrong[i]), 0);
	for (size_t i = 0; i < ROWS(threads); i++) {
		pthread_join(threads[i], NULL);
		ck_assert_uint_eq(wrong[i], 0);
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("spf_suite");
	TCase *t = tcase_create("rfc7208");
	struct arena *arena = arena_create(4096);
	const char *path = spf_suite_path(arena);

	spf_suite = spf_suite_load(path);
	if (spf_suite) {
		tcase_add_test(t, all_are_there);
		tcase_add_test(t, in_threads);
		tcase_add_loop_test(t, rfc7208, 0, (int)spf_suite->count);
	} else {
		not_run("spf_suite: the test suite of RFC 7208", path);
	}
	suite_add_tcase(s, t);
	arena_free(&arena);
	return s;
}
