#include "edge/log/watchers.h"
#include "unit/unit.h"

#include <signal.h>
#include <unistd.h>

START_TEST(lines_reach_all)
{
	struct watchers w;
	char text[16];
	int first, second;

	watchers_init(&w);
	first = watchers_add(&w);
	watchers_write(&w, "one\n", 4);
	second = watchers_add(&w);
	watchers_write(&w, "two\n", 4);
	ck_assert_int_eq(read(first, text, sizeof text), 8);
	ck_assert_int_eq(read(second, text, sizeof text), 4);
	ck_assert_mem_eq(text, "two\n", 4);
	close(first);
	close(second);
	watchers_close(&w);
}
END_TEST

/* Who is gone makes room for others, whether or not anything was written since. */
START_TEST(room_of_those_who_left)
{
	struct watchers w;
	int ends[WATCHERS_MAX];

	signal(SIGPIPE, SIG_IGN);
	watchers_init(&w);
	for (int i = 0; i < WATCHERS_MAX; i++) {
		ends[i] = watchers_add(&w);
		ck_assert_int_ge(ends[i], 0);
	}
	ck_assert_int_eq(watchers_add(&w), -1);
	close(ends[3]);
	ends[3] = watchers_add(&w);
	ck_assert_int_ge(ends[3], 0);
	ck_assert_int_eq(watchers_add(&w), -1);
	ck_assert_uint_eq(watchers_count(&w), WATCHERS_MAX);
	close(ends[5]);
	watchers_write(&w, "x\n", 2);
	ck_assert_uint_eq(watchers_count(&w), WATCHERS_MAX - 1);
	watchers_close(&w);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("watchers");
	TCase *c = tcase_create("readers");

	tcase_add_test(c, lines_reach_all);
	tcase_add_test(c, room_of_those_who_left);
	suite_add_tcase(s, c);
	return s;
}
