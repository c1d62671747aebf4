#include "unit/unit.h"

#include "core/base/arena.h"

#include <stdalign.h>

START_TEST(gives_aligned_memory_apart)
{
	static const size_t sizes[] = {1, 7, 16, 0, 4000, 5000, 1, (size_t)3 << 20, 3};
	struct arena *a = arena_create((size_t)8 << 20);
	unsigned char *at[ROWS(sizes)];

	for (size_t i = 0; i < ROWS(sizes); i++) {
		at[i] = arena_alloc(a, sizes[i]);
		ck_assert_msg(at[i] != NULL, "size %zu", sizes[i]);
		ck_assert_uint_eq((uintptr_t)at[i] % alignof(max_align_t), 0);
		memset(at[i], (int)i + 1, sizes[i]);
	}
	for (size_t i = 0; i < ROWS(sizes); i++) {
		size_t intact = 0;

		while (intact < sizes[i] && at[i][intact] == i + 1)
			intact++;
		ck_assert_msg(intact == sizes[i], "size %zu was written over", sizes[i]);
	}
	arena_free(&a);
	ck_assert_ptr_null(a);
	arena_free(&a);
}
END_TEST

START_TEST(keeps_its_limit)
{
	struct arena *a = arena_create(1000);

	ck_assert_ptr_nonnull(arena_alloc(a, 600));
	ck_assert(!arena_failed(a));
	ck_assert_ptr_null(arena_alloc(a, 600));
	ck_assert_msg(arena_failed(a), "a failure is remembered");
	ck_assert_ptr_nonnull(arena_alloc(a, 100));
	ck_assert_msg(arena_failed(a), "also after a success");
	ck_assert_uint_ge(arena_used(a), 700);
	ck_assert_uint_le(arena_used(a), 1000);
	arena_reset(a);
	ck_assert(!arena_failed(a));
	ck_assert_uint_eq(arena_used(a), 0);
	ck_assert_ptr_nonnull(arena_alloc(a, 600));
	arena_free(&a);
}
END_TEST

START_TEST(reset_gives_the_same_memory_again)
{
	struct arena *a = arena_create((size_t)1 << 20);
	void *first = arena_alloc(a, 100);

	for (int i = 0; i < 100; i++)
		arena_alloc(a, 5000);
	arena_reset(a);
	ck_assert_ptr_eq(arena_alloc(a, 100), first);
	arena_free(&a);
}
END_TEST

/* Each size is one whose sum with something overflows. */
START_TEST(refuses_the_absurd)
{
	static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 7, SIZE_MAX - 15, SIZE_MAX - 31};
	struct arena *a = arena_create(SIZE_MAX);

	for (size_t i = 0; i < ROWS(sizes); i++)
		ck_assert_msg(arena_alloc(a, sizes[i]) == NULL, "%zu bytes", sizes[i]);
	ck_assert_ptr_null(arena_calloc(a, SIZE_MAX / 2, 3));
	ck_assert_ptr_null(arena_strdup(a, slice_of("", SIZE_MAX)));
	ck_assert(arena_failed(a));
	arena_free(&a);
}
END_TEST

START_TEST(calloc_clears)
{
	struct arena *a = arena_create(1 << 16);
	unsigned char *p = arena_alloc(a, 64);

	memset(p, 0xff, 64);
	arena_reset(a);
	p = arena_calloc(a, 4, 16);
	for (size_t i = 0; i < 64; i++)
		ck_assert_uint_eq(p[i], 0);
	ck_assert_ptr_nonnull(arena_calloc(a, 0, 16));
	ck_assert_ptr_nonnull(arena_calloc(a, 16, 0));
	arena_free(&a);
}
END_TEST

START_TEST(copies_text)
{
	struct arena *a = arena_create(1 << 16);
	struct slice copy = arena_copy(a, SLICE("a\0b"));

	ck_assert(slice_equal(copy, SLICE("a\0b")));
	ck_assert_int_eq(copy.ptr[3], '\0');
	ck_assert_str_eq(arena_strdup(a, slice_of(NULL, 0)), "");
	ck_assert_str_eq(arena_strdup(a, slice_of("abcdef", 3)), "abc");
	copy = arena_printf(a, "%s-%d", "x", 42);
	ck_assert(slice_equal(copy, SLICE("x-42")) && copy.ptr[4] == '\0');
	ck_assert(arena_printf(a, "%s", "").ptr != NULL);
	arena_free(&a);

	a = arena_create(8);
	copy = arena_printf(a, "%s", "too long for it");
	ck_assert(copy.ptr == NULL && copy.len == 0 && arena_failed(a));
	copy = arena_copy(a, SLICE("too long for it"));
	ck_assert(copy.ptr == NULL && copy.len == 0);
	arena_free(&a);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("arena");
	TCase *t = tcase_create("arena");

	tcase_add_test(t, gives_aligned_memory_apart);
	tcase_add_test(t, keeps_its_limit);
	tcase_add_test(t, reset_gives_the_same_memory_again);
	tcase_add_test(t, refuses_the_absurd);
	tcase_add_test(t, calloc_clears);
	tcase_add_test(t, copies_text);
	suite_add_tcase(s, t);
	return s;
}
