/* Domains without memory: one that has no place makes the table full, and says so. */
#include "unit/unit.h"

#include "core/suggest/suggest_domains.h"
#include "lab/failmalloc.h"

#include <stdio.h>

/* A sanitizer has an allocator of its own, which does not fail for us. */
#ifdef NO_FAILMALLOC
static struct failmalloc none, *failmalloc = &none;
enum { CAN_FAIL = 0 };
#else
enum { CAN_FAIL = 1 };
#endif

enum { NAMES = 5000 };

/* How many of the names got a number; *wrong: one had another's, or none the second time. */
static unsigned add_all(struct suggest_domains *d, bool *wrong)
{
	unsigned added = 0;

	for (unsigned i = 0; i < NAMES; i++) {
		char text[40], domain[32];
		uint32_t n;

		snprintf(domain, sizeof domain, "d%u.example", i);
		snprintf(text, sizeof text, "a@%s", domain);
		n = suggest_domains_add(d, slice_str(text));
		if (n == SUGGEST_NO_DOMAIN)
			continue;
		added++;
		*wrong |= !slice_equal(suggest_domains_name(d, n), slice_str(domain));
	}
	return added;
}

START_TEST(full_is_told)
{
	bool failed = true;
	long n;

	for (n = 1; failed; n++) {
		long before = failmalloc->failed;
		struct suggest_domains *d;
		bool wrong = false;
		unsigned added;

		failmalloc->countdown = CAN_FAIL ? n : 0;
		d = suggest_domains_create(7, NULL, false);
		added = d ? add_all(d, &wrong) : 0;
		failmalloc->countdown = 0;
		failed = failmalloc->failed > before;
		ck_assert(!wrong);
		ck_assert_msg(!d || suggest_domains_full(d) || added == NAMES,
		    "allocation %ld: %u added, and not full", n, added);
		ck_assert(failed || (d && !suggest_domains_full(d)));
		suggest_domains_free(&d);
	}
	ck_assert_int_gt(n, CAN_FAIL ? 10 : 1);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("suggest_domains");
	TCase *t = tcase_create("memory");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, full_is_told);
	suite_add_tcase(s, t);
	return s;
}
