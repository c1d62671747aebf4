#include "unit/unit.h"

#include "edge/milter/tls_memory.h"

#include <stdio.h>

START_TEST(remembers_who_gives_it)
{
	ck_assert(!tls_memory_gives(SLICE("a.example"), false));
	ck_assert(tls_memory_gives(SLICE("a.example"), true));
	ck_assert(tls_memory_gives(SLICE("a.example"), false));
	ck_assert(!tls_memory_gives(SLICE("b.example"), false));
	ck_assert(!tls_memory_gives(SLICE(""), false));
	ck_assert(tls_memory_gives(SLICE(""), true));
	ck_assert(tls_memory_gives(SLICE(""), false));
}
END_TEST

/* Those that it has no place for count as such that never gave it. */
START_TEST(is_bounded)
{
	char name[16];
	unsigned known = 0;

	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof name, "mx%d", i);
		ck_assert(tls_memory_gives(slice_str(name), true));
	}
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof name, "mx%d", i);
		known += tls_memory_gives(slice_str(name), false);
	}
	ck_assert(known > 0 && known < 200);
	ck_assert(tls_memory_gives(SLICE("mx0"), false));
	ck_assert(!tls_memory_gives(SLICE("mx199"), false));
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("tls_memory");
	TCase *t = tcase_create("MTAs");

	tcase_add_test(t, remembers_who_gives_it);
	tcase_add_test(t, is_bounded);
	suite_add_tcase(s, t);
	return s;
}
