#include "src/core/name/nametable.h"

#include "unit/unit.h"

#include <stdlib.h>

static uint64_t state = 7;

static uint64_t random64(void)
{
	uint64_t x = state += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static struct namehash_sum random_sum(void)
{
	return (struct namehash_sum){random64() | 1, random64()};
}

/* A table of `names` random ones, each with its number, cut to 16 bits, as its value. */
static struct namehash_sum *filled(struct nametable *t, size_t names)
{
	struct namehash_sum *sums = calloc(names + 1, sizeof *sums);
	bool fresh;

	ck_assert(nametable_create(t, names));
	for (size_t i = 0; i < names; i++) {
		sums[i] = random_sum();
		*nametable_put(t, sums[i], &fresh) = (uint16_t)i;
		ck_assert(fresh);
	}
	return sums;
}

START_TEST(what_is_put_is_found)
{
	/* Tables of one line, of a few that run over into the first, and of many. */
	for (size_t names = 0; names < 3000; names += names < 60 ? 1 : 700) {
		struct nametable t;
		struct namehash_sum *sums = filled(&t, names);
		unsigned char *taken = calloc(nametable_slots(&t), 1);
		bool fresh;

		for (size_t i = 0; i < names; i++) {
			uint16_t *value = nametable_find(&t, sums[i]);
			struct namehash_sum other = {sums[i].tag ^ 2, sums[i].place};

			ck_assert_ptr_nonnull(value);
			ck_assert_uint_eq(*value, i);
			ck_assert_uint_lt(nametable_slot(&t, value), nametable_slots(&t));
			ck_assert_uint_eq(taken[nametable_slot(&t, value)]++, 0);
			ck_assert_ptr_eq(nametable_put(&t, sums[i], &fresh), value);
			ck_assert(!fresh);
			ck_assert_ptr_null(nametable_find(&t, other));
			ck_assert(!nametable_marked(&t, sums[i]));
		}
		free(taken);
		free(sums);
		nametable_free(&t);
	}
}
END_TEST

START_TEST(all_in_one_place)
{
	/* The worst that a bad seed could do: every name has the same place. */
	enum { NAMES = 1000 };
	struct namehash_sum sum = {0, UINT64_MAX};
	struct nametable t;
	bool fresh;

	ck_assert(nametable_create(&t, NAMES));
	for (sum.tag = 1; sum.tag <= NAMES; sum.tag++)
		*nametable_put(&t, sum, &fresh) = (uint16_t)sum.tag;
	for (sum.tag = 1; sum.tag <= NAMES; sum.tag++)
		ck_assert_uint_eq(*nametable_find(&t, sum), sum.tag);
	ck_assert_ptr_null(nametable_find(&t, sum));
	nametable_free(&t);
}
END_TEST

START_TEST(marks_are_kept_and_few_others_seem_so)
{
	enum { NAMES = 46000, MARKS = 20000, ASKED = 100000 };
	struct nametable t;
	struct namehash_sum *sums = filled(&t, NAMES);
	struct namehash_sum *marks = calloc(MARKS, sizeof *marks);
	size_t wrong = 0;

	for (size_t i = 0; i < MARKS; i++) {
		marks[i] = random_sum();
		nametable_mark(&t, marks[i]);
	}
	for (size_t i = 0; i < MARKS; i++)
		ck_assert(nametable_marked(&t, marks[i]));
	for (size_t i = 0; i < NAMES; i++)
		ck_assert_uint_eq(*nametable_find(&t, sums[i]), i & 0xffff);
	for (size_t i = 0; i < ASKED; i++)
		wrong += nametable_marked(&t, random_sum());
	/* Two marks a line, of 24 bits: one in twelve. */
	ck_assert_uint_gt(wrong, ASKED / 15);
	ck_assert_uint_lt(wrong, ASKED / 11);
	free(marks);
	free(sums);
	nametable_free(&t);
}
END_TEST

START_TEST(a_question_costs_little_more_than_one_line)
{
	enum { NAMES = 100000, ASKED = 100000 };
	struct nametable t;
	struct namehash_sum *sums = filled(&t, NAMES);
	size_t moved = 0, further = 0;

	for (size_t i = 0; i < NAMES; i++) {
		const struct nametable_line *home = nametable_home(&t, sums[i]);
		const uint16_t *value = nametable_find(&t, sums[i]);

		moved += value < home->values || value >= home->values + NAMETABLE_SLOTS;
	}
	for (size_t i = 0; i < ASKED; i++) {
		struct namehash_sum sum = random_sum();

		further += (nametable_home(&t, sum)->hints & nametable_moved_bit(sum)) != 0;
	}
	ck_assert_uint_lt(moved, NAMES / 10);
	ck_assert_uint_lt(further, ASKED / 11);
	free(sums);
	nametable_free(&t);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("nametable");
	TCase *c = tcase_create("nametable");

	tcase_set_timeout(c, 60);
	tcase_add_test(c, what_is_put_is_found);
	tcase_add_test(c, all_in_one_place);
	tcase_add_test(c, marks_are_kept_and_few_others_seem_so);
	tcase_add_test(c, a_question_costs_little_more_than_one_line);
	suite_add_tcase(s, c);
	return s;
}
