/* DKIM without memory: each allocation of a message fails once, also those inside of libraries. */
#include "unit/unit.h"

#include "fake/stage.h"
#include "lab/failmalloc.h"

#include <time.h>

/* A sanitizer has an allocator of its own, which does not fail for us. */
#ifdef NO_FAILMALLOC
static struct failmalloc none, *failmalloc = &none;
enum { CAN_FAIL = 0 };
#else
enum { CAN_FAIL = 1 };
#endif

static const struct {
	const char *label;
	int key;
	const char *what, *with; /* changed on the way */
	enum dkim_result result;
} rows[] = {
    {"RSA", KEY_2048, "Bob", "Bob", DKIM_PASS},
    {"ed25519", KEY_ED25519, "Bob", "Bob", DKIM_PASS},
    {"RSA, header changed", KEY_2048, "subject", "matter", DKIM_FAIL},
    {"ed25519, header changed", KEY_ED25519, "subject", "matter", DKIM_FAIL},
    {"body changed", KEY_2048, "this is it", "that is it", DKIM_FAIL},
};

static struct slice message_of(int row)
{
	struct signing how = stage_signing(rows[row].key, true);
	struct slice signed_one =
	    rows[row].key == KEY_ED25519
		? sign_by_dkimpy(stage.keys[KEY_ED25519], &how, SLICE(STAGE_MESSAGE), stage.arena)
		: stage_signed_by(rows[row].key, true);

	return stage_replaced(signed_one, rows[row].what, rows[row].with);
}

/* A message without its n-th allocation is judged as with it, or says that memory was short.  False
 * when there were fewer.  The library is new, with no key in its cache. */
static bool play_without(long n, int row, struct slice message)
{
	struct arena *arena = arena_create(1 << 22);
	long failed = failmalloc->failed;
	struct dkim_answer a;

	dkim_library_free(&stage.library);
	stage.library = dkim_library_create();
	failmalloc->countdown = n;
	stage_play_at(message, "example.org", arena, (uint64_t)time(NULL), &a);
	failmalloc->countdown = 0;
	if (a.count == 0 || arena_starved(arena))
		ck_assert_msg(a.count == 0 || a.signatures[0].result == DKIM_TEMPERROR ||
				  a.signatures[0].result == rows[row].result,
		    "%s without allocation %ld (%s): %s, starved", rows[row].label, n,
		    failmalloc->caller, dkim_result_name(a.signatures[0].result));
	else
		ck_assert_msg(a.signatures[0].result == rows[row].result,
		    "%s without allocation %ld (%s): %s", rows[row].label, n, failmalloc->caller,
		    dkim_result_name(a.signatures[0].result));
	arena_free(&arena);
	return failmalloc->failed > failed;
}

START_TEST(judges_without_memory)
{
	struct slice message = message_of(_i);
	long n = 1;

	while (CAN_FAIL && play_without(n, _i, message))
		n++;
	ck_assert_int_gt(n, (CAN_FAIL ? 10 : 0));
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("dkim_memory");
	TCase *t = tcase_create("dkim_memory");

	tcase_add_unchecked_fixture(t, stage_make_keys, stage_free_keys);
	tcase_add_checked_fixture(t, stage_setup, stage_teardown);
	tcase_add_loop_test(t, judges_without_memory, 0, (int)ROWS(rows));
	suite_add_tcase(s, t);
	return s;
}
