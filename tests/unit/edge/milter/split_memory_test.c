#include "edge/milter/split_memory.h"
#include "unit/unit.h"

enum { DAY = 86400 };

START_TEST(test_a_day)
{
	struct split_memory *s = split_memory_create();

	ck_assert(!split_memory_known(s, 5, 1000));
	split_memory_note(s, 5, 1000);
	ck_assert(split_memory_known(s, 5, 1000));
	ck_assert(split_memory_known(s, 5, 1000 + DAY - 1));
	ck_assert(!split_memory_known(s, 5, 1000 + DAY));
	ck_assert(!split_memory_known(s, 6, 1000));
	split_memory_free(&s);
	ck_assert_ptr_null(s);
}
END_TEST

/* A flood of new numbers pushes out the oldest; the newest stay.  Counted, since a million calls of
 * ck_assert() take a minute under valgrind. */
START_TEST(test_flood)
{
	struct split_memory *s = split_memory_create();
	uint64_t state = 1;
	unsigned lost = 0;

	for (int i = 0; i < 1000000; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		split_memory_note(s, state, 1000 + i / 1000);
		lost += !split_memory_known(s, state, 1000 + i / 1000);
	}
	ck_assert_uint_eq(lost, 0);
	split_memory_free(&s);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("split_memory");
	TCase *c = tcase_create("memory");

	tcase_add_test(c, test_a_day);
	tcase_add_test(c, test_flood);
	suite_add_tcase(s, c);
	return s;
}
