#ifndef TESTS_UNIT_SPF_ASK_H
#define TESTS_UNIT_SPF_ASK_H
/*
 * spf_ask: a zone from text and one check by a DNS, for the tests of whole SPF checks, which run
 * for each evaluator.
 */
#include "edge/dns/zone.h"
#include "fake/spf_both.h"

#include <check.h>

static const struct spf_named_evaluator *evaluator = &spf_evaluators[0];

static inline struct zone *zone_of(const char *text)
{
	struct zone *z = zone_create();
	char why[ZONE_WHY_MAX];

	ck_assert_msg(!zone_load(z, slice_str(text), why), "%s", why);
	return z;
}

static inline struct spf_query query_of(const char *client, const char *helo, const char *sender)
{
	struct spf_query q = {
	    .helo = slice_str(helo), .receiver = SLICE("in.example.net"), .explain = true};
	struct slice from = slice_str(sender);

	ck_assert(!*client || ip_parse(slice_str(client), &q.client));
	q.local = slice_of(from.ptr, slice_find_last(from, '@'));
	q.domain = from.len ? slice_skip(from, q.local.len + 1) : from;
	return q;
}

static inline struct spf_answer check_by(const struct dns *dns, struct arena *arena,
    const char *client, const char *helo, const char *sender)
{
	struct spf_query q = query_of(client, helo, sender);
	struct spf_answer a;

	evaluator->evaluate(dns, &q, arena, &a);
	return a;
}

static inline struct spf_answer check(
    struct zone *z, struct arena *arena, const char *client, const char *helo, const char *sender)
{
	struct dns dns = zone_dns(z);

	return check_by(&dns, arena, client, helo, sender);
}

static inline void by_first(void)
{
	evaluator = &spf_evaluators[0];
}

static inline void by_second(void)
{
	evaluator = &spf_evaluators[1];
}

/* A suite of the same tests for each evaluator. */
static inline Suite *suite_by_each(const char *name, void (*add_tests)(TCase *))
{
	static void (*const choose[SPF_EVALUATORS])(void) = {by_first, by_second};
	Suite *s = suite_create(name);

	for (size_t i = 0; i < SPF_EVALUATORS; i++) {
		TCase *t = tcase_create(spf_evaluators[i].name);

		tcase_add_checked_fixture(t, choose[i], NULL);
		add_tests(t);
		suite_add_tcase(s, t);
	}
	return s;
}

#endif
