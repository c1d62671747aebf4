/* JSON without memory: what jansson is not given is remembered, and nothing crashes. */
#include "unit/unit.h"

#include "edge/control/json_memory.h"
#include "lab/failmalloc.h"

#include <jansson.h>
#include <string.h>

/* A sanitizer has an allocator of its own, which does not fail for us. */
#ifdef NO_FAILMALLOC
static struct failmalloc none, *failmalloc = &none;
enum { CAN_FAIL = 0 };
#else
enum { CAN_FAIL = 1 };
#endif

static const char text[] = "{\"command\":\"explain\",\"arguments\":[\"a\",\"b\"],\"n\":[1,2.5,true,"
			   "null],\"o\":{\"x\":{}}}";

static int count(const char *bytes, size_t len, void *sum)
{
	(void)bytes;
	*(size_t *)sum += len;
	return 0;
}

/* Reads, adds and writes without the n-th allocation; false when there were fewer. */
static bool answer_without(long n)
{
	long before = failmalloc->failed;
	size_t written = 0;
	json_t *o;

	json_memory_forget();
	failmalloc->countdown = n;
	o = json_loadb(text, sizeof text - 1, JSON_REJECT_DUPLICATES, NULL);
	json_object_set_new(o, "more", json_pack("{s:s, s:I}", "a", "b", "c", (json_int_t)7));
	if (o)
		json_dump_callback(o, count, &written, JSON_COMPACT);
	failmalloc->countdown = 0;
	json_decref(o);
	ck_assert_msg(json_memory_failed() == (failmalloc->failed > before),
	    "allocation %ld: remembered %d", n, json_memory_failed());
	if (!json_memory_failed())
		ck_assert_uint_eq(
		    written, sizeof text - 1 + strlen(",\"more\":{\"a\":\"b\",\"c\":7}"));
	return failmalloc->failed > before;
}

START_TEST(answers_without_memory)
{
	long n = 1;

	json_memory_watch();
	while (CAN_FAIL && answer_without(n))
		n++;
	ck_assert_int_gt(n, (CAN_FAIL ? 20 : 0));
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("json_memory");
	TCase *t = tcase_create("json_memory");

	tcase_add_test(t, answers_without_memory);
	suite_add_tcase(s, t);
	return s;
}
