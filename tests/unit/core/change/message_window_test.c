/* Rows that are one message, and memory that runs out while they are told apart. */
#include "unit/unit.h"

#include "core/change/backtest.h"
#include "lab/failmalloc.h"
#include "src/core/change/message_window.h"

#include <stdio.h>

/* A sanitizer has an allocator of its own, which does not fail for us. */
#ifdef NO_FAILMALLOC
static struct failmalloc none, *failmalloc = &none;
enum { CAN_FAIL = 0 };
#else
enum { CAN_FAIL = 1 };
#endif

enum { KEYS = 20000, FROM = 1000, UNTIL = 2000000 };

START_TEST(rows_of_one_message)
{
	struct message_window *w = message_window_create(FROM, UNTIL);
	const int64_t open_ms = BACKTEST_OPEN_SECONDS * INT64_C(1000);
	struct message_seen seen;
	bool failed = false;

	seen = message_window_take(w, 1, FROM, 3, MESSAGE_REFUSED, &failed);
	ck_assert(seen.own && seen.more == 3 && seen.flags == MESSAGE_REFUSED);
	seen = message_window_take(w, 1, FROM + open_ms, 5, MESSAGE_TOUCHED, &failed);
	ck_assert(seen.own && seen.more == 2 && seen.weight == 5);
	ck_assert_uint_eq(seen.flags, MESSAGE_REFUSED | MESSAGE_TOUCHED);
	/* Later than that it is another one; behind the part, another thread's. */
	seen = message_window_take(w, 1, UNTIL + 2 * open_ms, 1, 0, &failed);
	ck_assert(!seen.own && seen.more == 1 && seen.flags == 0 && !failed);
	seen = message_window_take(w, 2, FROM - 1, 1, 0, &failed);
	ck_assert(!seen.own);
	message_window_free(&w);
}
END_TEST

START_TEST(without_memory)
{
	bool out = true;
	long n;

	for (n = 1; out; n++) {
		long before = failmalloc->failed;
		struct message_window *w;
		unsigned counted = 0;
		bool failed = false;

		failmalloc->countdown = CAN_FAIL ? n : 0;
		w = message_window_create(FROM, UNTIL);
		for (uint64_t key = 1; w && key <= KEYS; key++)
			counted +=
			    message_window_take(w, key * 0x9e3779b97f4a7c15, FROM, 1, 0, &failed)
				.own;
		failmalloc->countdown = 0;
		out = failmalloc->failed > before;
		ck_assert_msg(out == (!w || failed), "allocation %ld", n);
		ck_assert(out || counted == KEYS);
		message_window_free(&w);
	}
	ck_assert_int_gt(n, CAN_FAIL ? 3 : 1);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("message_window");
	TCase *t = tcase_create("message_window");

	tcase_add_test(t, rows_of_one_message);
	tcase_add_test(t, without_memory);
	suite_add_tcase(s, t);
	return s;
}
