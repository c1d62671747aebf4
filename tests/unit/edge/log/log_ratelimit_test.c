#include "edge/log/log_ratelimit.h"
#include "unit/unit.h"

#include <stdio.h>

struct told {
	unsigned lines;
	uint64_t total, others;
};

static void tell(void *context, struct slice recipient, struct slice rule, uint64_t lines)
{
	struct told *t = context;

	t->lines++;
	t->total += lines;
	if (recipient.len == 0 && rule.len == 0)
		t->others += lines;
}

START_TEST(test_limit)
{
	struct log_ratelimit *s = log_ratelimit_create();
	struct told told = {0, 0, 0};
	unsigned admitted = 0;

	for (int i = 0; i < 100; i++)
		admitted += log_ratelimit_allow(s, 7, SLICE("b@example.org"), SLICE("dialup"), 20);
	ck_assert_uint_eq(admitted, 20);
	ck_assert(log_ratelimit_allow(s, 7, SLICE("b@example.org"), SLICE("other"), 20));
	ck_assert(log_ratelimit_allow(s, 7, SLICE("c@example.org"), SLICE("dialup"), 20));
	log_ratelimit_flush(s, 7, tell, &told);
	ck_assert_uint_eq(told.lines, 0); /* the minute is not over */
	log_ratelimit_flush(s, 8, tell, &told);
	ck_assert_uint_eq(told.lines, 1);
	ck_assert_uint_eq(told.total, 80);
	ck_assert(log_ratelimit_allow(s, 8, SLICE("b@example.org"), SLICE("dialup"), 20));
	log_ratelimit_free(&s);
	ck_assert_ptr_null(s);
}
END_TEST

/* A clock that was an hour ahead does not silence the hour that comes again. */
START_TEST(test_set_back)
{
	struct log_ratelimit *s = log_ratelimit_create();
	struct told told = {0, 0, 0};

	ck_assert(log_ratelimit_allow(s, 100, SLICE("b@example.org"), SLICE("dialup"), 1));
	ck_assert(!log_ratelimit_allow(s, 40, SLICE("b@example.org"), SLICE("dialup"), 1));
	log_ratelimit_flush(s, 40, tell, &told);
	ck_assert_uint_eq(told.total, 1);
	ck_assert(log_ratelimit_allow(s, 40, SLICE("b@example.org"), SLICE("dialup"), 1));
	log_ratelimit_free(&s);
}
END_TEST

/* "ab" + "c" is not "a" + "bc". */
START_TEST(test_parts)
{
	struct log_ratelimit *s = log_ratelimit_create();

	ck_assert(log_ratelimit_allow(s, 1, SLICE("ab"), SLICE("c"), 1));
	ck_assert(log_ratelimit_allow(s, 1, SLICE("a"), SLICE("bc"), 1));
	ck_assert(!log_ratelimit_allow(s, 1, SLICE("ab"), SLICE("c"), 1));
	log_ratelimit_free(&s);
}
END_TEST

/* However many recipients are invented, what is written is bounded and nothing is uncounted. */
START_TEST(test_flood)
{
	struct log_ratelimit *s = log_ratelimit_create();
	struct told told = {0, 0, 0};
	unsigned admitted = 0;

	for (unsigned i = 0; i < 50000; i++) {
		char text[32];
		int n = snprintf(text, sizeof text, "u%u@example.org", i);
		admitted += log_ratelimit_allow(s, 1, slice_of(text, (size_t)n), SLICE("r"), 20);
	}
	ck_assert_uint_eq(admitted, LOG_RATELIMIT_KEYS);
	log_ratelimit_flush(s, 2, tell, &told);
	ck_assert_uint_eq(told.total, 50000 - LOG_RATELIMIT_KEYS);
	ck_assert_uint_eq(told.others, told.total);
	log_ratelimit_free(&s);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("log_ratelimit");
	TCase *c = tcase_create("minutes");

	tcase_add_test(c, test_limit);
	tcase_add_test(c, test_set_back);
	tcase_add_test(c, test_parts);
	tcase_add_test(c, test_flood);
	suite_add_tcase(s, c);
	return s;
}
