#include "core/base/hyperloglog.h"

#include "unit/unit.h"

#include <stdio.h>

static void add(struct hyperloglog *d, unsigned from, unsigned to)
{
	char text[16];

	for (unsigned n = from; n < to; n++)
		hyperloglog_add(d, slice_of(text, (size_t)snprintf(text, sizeof text, "u%u@x", n)));
}

/* Few keys are counted almost exactly, many within three standard errors of 1.04 / sqrt(1024). */
static const struct {
	unsigned keys, at_least, at_most;
} sizes[] = {
    {0, 0, 0},
    {1, 1, 1},
    {2, 2, 2},
    {10, 10, 10},
    {64, 62, 67},
    {1000, 902, 1098},
    {2560, 2310, 2810}, /* where one formula takes over from the other */
    {100000, 90200, 109800},
    {2000000, 1804000, 2196000},
};

START_TEST(estimates)
{
	struct hyperloglog d = {{0}};
	uint64_t n;

	add(&d, 0, sizes[_i].keys);
	n = hyperloglog_estimate(&d);
	ck_assert_msg(n >= sizes[_i].at_least && n <= sizes[_i].at_most, "%u: %llu", sizes[_i].keys,
	    (unsigned long long)n);
	/* The same again is nothing new. */
	add(&d, 0, sizes[_i].keys);
	ck_assert_uint_eq(hyperloglog_estimate(&d), n);
}
END_TEST

/* As if all keys of the other had been added, too, whichever way round. */
START_TEST(merges)
{
	struct hyperloglog all = {{0}}, one = {{0}}, other = {{0}}, back;

	add(&all, 0, 5000);
	add(&one, 0, 3000);
	add(&other, 2000, 5000);
	back = other;
	hyperloglog_merge(&back, &one);
	hyperloglog_merge(&one, &other);
	ck_assert_mem_eq(&one, &all, sizeof one);
	ck_assert_mem_eq(&back, &all, sizeof back);
}
END_TEST

static const struct {
	const char *label;
	struct slice one, other;
} pairs[] = {
    {"the last byte", SLICE_INIT("user1@example.org"), SLICE_INIT("user1@example.orh")},
    {"the first byte", SLICE_INIT("auser@example.org"), SLICE_INIT("buser@example.org")},
    {"a byte more", SLICE_INIT("a"), SLICE_INIT("aa")},
    {"a NUL", SLICE_INIT("a"), SLICE_INIT("a\0")},
    {"the order", SLICE_INIT("ab"), SLICE_INIT("ba")},
    {"the eighth bit", SLICE_INIT("\x61"), SLICE_INIT("\xe1")},
};

START_TEST(tells_apart)
{
	struct hyperloglog d = {{0}};

	hyperloglog_add(&d, pairs[_i].one);
	hyperloglog_add(&d, pairs[_i].other);
	ck_assert_msg(hyperloglog_estimate(&d) == 2, "%s", pairs[_i].label);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("hyperloglog");
	TCase *tc = tcase_create("keys");

	tcase_add_loop_test(tc, estimates, 0, (int)ROWS(sizes));
	tcase_add_test(tc, merges);
	tcase_add_loop_test(tc, tells_apart, 0, (int)ROWS(pairs));
	suite_add_tcase(s, tc);
	return s;
}
