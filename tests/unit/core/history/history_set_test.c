#include "unit/unit.h"

#include "core/history/history_set.h"

#include <stdio.h>

static const struct history_seed seed = {{UINT64_C(0x1234567890abcdef), 0x9e3779b97f4a7c15}};

START_TEST(has_what_was_added)
{
	enum { MANY = 20000 };
	struct history_set *s = history_set_create(&seed);
	char text[32];
	bool is_new;

	ck_assert_ptr_nonnull(s);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < MANY; i++) {
			int n = snprintf(text, sizeof text, "%d", i);

			ck_assert(history_set_add(s, slice_of(text, (size_t)n), &is_new));
			ck_assert_int_eq(is_new, round == 0);
		}
	ck_assert_uint_eq(history_set_count(s), MANY);
	ck_assert(history_set_has(s, SLICE("19999")) && !history_set_has(s, SLICE("20000")));
	history_set_free(&s);
	ck_assert_ptr_null(s);
}
END_TEST

START_TEST(takes_any_bytes)
{
	struct history_set *s = history_set_create(&seed);
	bool is_new;

	ck_assert_ptr_nonnull(s);
	ck_assert(!history_set_has(s, SLICE("")));
	ck_assert(history_set_add(s, SLICE(""), &is_new) && is_new);
	ck_assert(history_set_add(s, slice_of("a\0b", 3), &is_new) && is_new);
	ck_assert(history_set_add(s, slice_of("a\0c", 3), &is_new) && is_new);
	ck_assert(history_set_add(s, slice_of("a", 1), &is_new) && is_new);
	ck_assert(history_set_has(s, SLICE("")) && history_set_has(s, slice_of("a\0c", 3)));
	ck_assert(!history_set_has(s, slice_of("a\0", 2)));
	history_set_free(&s);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("history_set");
	TCase *t = tcase_create("set");

	tcase_add_test(t, has_what_was_added);
	tcase_add_test(t, takes_any_bytes);
	suite_add_tcase(s, t);
	return s;
}
