#include "unit/unit.h"

#include "core/base/array.h"

#include <stdint.h>
#include <stdlib.h>

START_TEST(keeps_what_it_holds)
{
	uint32_t *at = NULL;
	size_t capacity = 0, moves = 0;

	for (uint32_t i = 0; i < 100000; i++) {
		size_t before = capacity;

		ck_assert(ARRAY_ROOM(at, capacity, (size_t)i + 1));
		ck_assert_uint_ge(capacity, (size_t)i + 1);
		moves += capacity != before;
		at[i] = i;
	}
	for (uint32_t i = 0; i < 100000; i++)
		ck_assert_uint_eq(at[i], i);
	ck_assert_uint_le(moves, 17); /* log2 of a hundred thousand */
	free(at);
}
END_TEST

START_TEST(makes_room_for_many_at_once)
{
	size_t capacity = 0;
	char *at = array_grow(NULL, &capacity, 1000000, 1);

	ck_assert_ptr_nonnull(at);
	ck_assert_uint_ge(capacity, 1000000);
	ck_assert_ptr_eq(array_grow(at, &capacity, 1000000, 1), at);
	free(at);
}
END_TEST

/* Too much to be counted in bytes: refused, and the old array is as it was. */
START_TEST(refuses_what_overflows)
{
	size_t capacity = 0, before;
	uint64_t *at = array_grow(NULL, &capacity, 1, sizeof *at);

	ck_assert_ptr_nonnull(at);
	at[0] = 42;
	before = capacity;
	ck_assert_ptr_null(array_grow(at, &capacity, SIZE_MAX / 8 + 2, sizeof *at));
	ck_assert_ptr_null(array_grow(at, &capacity, SIZE_MAX / 16 + 1, sizeof *at));
	ck_assert(!ARRAY_ROOM(at, capacity, SIZE_MAX / 8 + 2));
	ck_assert_uint_eq(capacity, before);
	ck_assert_uint_eq(at[0], 42);
	free(at);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("array");
	TCase *t = tcase_create("array");

	tcase_add_test(t, keeps_what_it_holds);
	tcase_add_test(t, makes_room_for_many_at_once);
	tcase_add_test(t, refuses_what_overflows);
	suite_add_tcase(s, t);
	return s;
}
