/* Key records that are kept: found by their whole text, oldest out first, shared by threads. */
#include "unit/unit.h"

#include "edge/auth/dkim_keys.h"
#include "edge/auth/dkim_libcrypto.h"

#include <pthread.h>

#define POINT "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

static struct arena *arena;
static struct dkim_libcrypto *lib;
static struct dkim_keys *keys;

static void setup(void)
{
	arena = arena_create(8 << 20);
	lib = dkim_libcrypto_create();
	keys = dkim_keys_create();
}

static void teardown(void)
{
	dkim_keys_free(&keys);
	dkim_libcrypto_free(&lib);
	arena_free(&arena);
}

static struct slice record(unsigned i)
{
	return arena_printf(arena, "k=ed25519; n=%u; p=" POINT, i);
}

/* As dkim_library does. */
static bool read_key(struct slice text, struct dkim_key *out)
{
	bool found = dkim_keys_find(keys, text, out);

	if (!found) {
		ck_assert(dkim_libcrypto_key_read(lib, text, out));
		dkim_keys_keep(keys, text, out);
	}
	return found;
}

START_TEST(found_again)
{
	struct dkim_key a, b;

	ck_assert(!read_key(record(1), &a));
	ck_assert(read_key(record(1), &b));
	ck_assert_ptr_eq(a.public_key, b.public_key);
	dkim_libcrypto_key_drop(&b);
	ck_assert(!read_key(slice_of(record(1).ptr, record(1).len - 1), &b));
	ck_assert_int_eq(b.flaw, DKIM_KEY_FLAWLESS); /* padding may be missing */
	ck_assert_ptr_ne(a.public_key, b.public_key);
	dkim_libcrypto_key_drop(&b);
	dkim_libcrypto_key_drop(&a);
}
END_TEST

START_TEST(flawed_ones_are_kept)
{
	struct dkim_key key;

	ck_assert(!read_key(SLICE("p="), &key));
	ck_assert(read_key(SLICE("p="), &key));
	ck_assert_int_eq(key.flaw, DKIM_KEY_REVOKED);
	ck_assert_ptr_null(key.public_key);
	ck_assert(!read_key(slice_of(NULL, 0), &key));
	ck_assert(read_key(slice_of(NULL, 0), &key));
	ck_assert_int_eq(key.flaw, DKIM_KEY_MALFORMED);
}
END_TEST

START_TEST(long_ones_are_not)
{
	struct slice text = arena_printf(arena, "n=%*s; p=" POINT, DKIM_KEY_RECORD_MAX, "x");
	struct dkim_key key;

	ck_assert(!read_key(text, &key));
	ck_assert_int_eq(key.flaw, DKIM_KEY_TOO_LONG);
	ck_assert(!read_key(text, &key));
}
END_TEST

/* A flood leaves the key of a caller alone, and one that is used between its records stays. */
START_TEST(a_flood)
{
	struct dkim_key held, key;
	unsigned found = 0, again = 0;

	read_key(record(0), &held);
	for (unsigned i = 1; i <= 5000; i++) {
		found += read_key(record(i), &key);
		dkim_libcrypto_key_drop(&key);
		again += read_key(record(0), &key);
		dkim_libcrypto_key_drop(&key);
	}
	ck_assert_uint_eq(found, 0);
	ck_assert_uint_eq(again, 5000);
	for (unsigned i = 1; i <= 5000; i++) {
		found += dkim_keys_find(keys, record(i), &key);
		dkim_libcrypto_key_drop(&key);
		key.public_key = NULL;
	}
	ck_assert_uint_gt(found, 400);
	ck_assert_uint_le(found, 512);
	ck_assert_int_eq(
	    dkim_libcrypto_verify(&held, (const unsigned char *)POINT, SLICE("x")), DKIM_MISMATCH);
	dkim_libcrypto_key_drop(&held);
}
END_TEST

enum { THREADS = 4, RECORDS = 700, TURNS = 3000 };

static struct slice records[RECORDS];

/* More records than there is room for: they are found, kept and thrown out side by side. */
static void *read_many(void *self)
{
	unsigned *mismatches = self;

	for (unsigned i = 0; i < TURNS; i++) {
		struct dkim_key key;

		read_key(records[i * 7 % RECORDS], &key);
		*mismatches +=
		    i % 16 != 0 || dkim_libcrypto_verify(&key, (const unsigned char *)POINT,
				       SLICE("x")) == DKIM_MISMATCH;
		dkim_libcrypto_key_drop(&key);
	}
	return NULL;
}

START_TEST(threads)
{
	pthread_t thread[THREADS];
	unsigned mismatches[THREADS] = {0};

	for (unsigned i = 0; i < RECORDS; i++)
		records[i] = record(i);
	for (size_t i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, read_many, &mismatches[i]);
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		ck_assert_uint_eq(mismatches[i], TURNS);
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("dkim_keys");
	TCase *t = tcase_create("dkim_keys");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, found_again);
	tcase_add_test(t, flawed_ones_are_kept);
	tcase_add_test(t, long_ones_are_not);
	tcase_add_test(t, a_flood);
	tcase_add_test(t, threads);
	suite_add_tcase(s, t);
	return s;
}
