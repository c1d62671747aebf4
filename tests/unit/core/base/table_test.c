#include "core/base/table.h"

#include "unit/unit.h"

#include <stdlib.h>

/* What lets allocations fail (LDFLAGS of this test). */
static bool no_memory;
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
	return no_memory ? NULL : __real_calloc(n, size);
}

enum { KEYS = 5000 };

struct keys {
	uint32_t at[KEYS];
	uint32_t count;
};

static unsigned long long compared;

static bool is_key(const void *context, uint32_t number, const void *key)
{
	const struct keys *keys = context;

	ck_assert_uint_lt(number, keys->count);
	compared++;
	return keys->at[number] == *(const uint32_t *)key;
}

static uint64_t spread(uint32_t key)
{
	return (key + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Worse and worse: few values, the upper half alone, one value. */
static uint64_t few(uint32_t key)
{
	return key % 7;
}

static uint64_t upper(uint32_t key)
{
	return (uint64_t)key << 32;
}

static uint64_t one(uint32_t key)
{
	(void)key;
	return UINT64_MAX;
}

static const struct {
	const char *label;
	uint64_t (*hash)(uint32_t key);
	uint32_t operations;
} hashes[] = {{"spread", spread, 100000}, {"few values", few, 2000}, {"upper half", upper, 100000},
    {"one value", one, 1000}};

static uint32_t search(const struct keys *keys, uint32_t key)
{
	for (uint32_t i = 0; i < keys->count; i++)
		if (keys->at[i] == key)
			return i;
	return TABLE_NONE;
}

/* Against a search through all of them. */
START_TEST(finds_what_is_in_it)
{
	uint64_t (*hash)(uint32_t key) = hashes[_i].hash;
	struct keys keys = {.count = 0};
	struct table t = {.slots = NULL};
	uint32_t random = 1;

	for (uint32_t i = 0; i < hashes[_i].operations; i++) {
		uint32_t key, number;

		random = random * 1664525 + 1013904223;
		key = (random >> 8) % (2 * KEYS);
		number = table_find(&t, hash(key), is_key, &keys, &key);
		ck_assert_msg(
		    number == search(&keys, key), "%s: %u is %u", hashes[_i].label, key, number);
		if (number != TABLE_NONE || keys.count == KEYS)
			continue;
		ck_assert(table_reserve(&t));
		keys.at[keys.count] = key;
		table_add(&t, hash(key), keys.count++);
		ck_assert_uint_eq(t.count, keys.count);
	}
	ck_assert_uint_gt(keys.count, 900);
	table_free(&t);
	ck_assert_uint_eq(t.count, 0);
	ck_assert_uint_eq(table_bytes(&t), 0);
}
END_TEST

/* The bits that are kept of a hash spare nearly all comparisons. */
START_TEST(compares_little)
{
	struct keys keys = {.count = 0};
	struct table t = {.slots = NULL};

	while (keys.count < KEYS) {
		ck_assert(table_reserve(&t));
		keys.at[keys.count] = keys.count;
		table_add(&t, spread(keys.count), keys.count);
		keys.count++;
	}
	compared = 0;
	for (uint32_t key = 0; key < 2 * KEYS; key++)
		ck_assert_uint_eq(table_find(&t, spread(key), is_key, &keys, &key),
		    key < KEYS ? key : TABLE_NONE);
	ck_assert_uint_ge(compared, KEYS);
	ck_assert_uint_le(compared, KEYS + 10);
	/* at most two thirds full, and at least a third */
	ck_assert_uint_ge(table_bytes(&t), KEYS * sizeof *t.slots * 3 / 2);
	ck_assert_uint_le(table_bytes(&t), KEYS * sizeof *t.slots * 3);
	table_free(&t);
}
END_TEST

/* Without memory it is as it was, and goes on when there is some again. */
START_TEST(without_memory_nothing_changes)
{
	struct keys keys = {.count = 0};
	struct table t = {.slots = NULL};
	unsigned refused = 0;

	no_memory = true;
	ck_assert(!table_reserve(&t));
	ck_assert_ptr_null(t.slots);
	while (keys.count < KEYS) {
		struct table before = t;

		no_memory = true;
		if (!table_reserve(&t)) {
			ck_assert_ptr_eq(t.slots, before.slots);
			ck_assert_uint_eq(t.mask, before.mask);
			ck_assert_uint_eq(t.count, before.count);
			for (uint32_t key = 0; key < keys.count; key++)
				ck_assert_uint_eq(
				    table_find(&t, spread(key), is_key, &keys, &key), key);
			refused++;
			no_memory = false;
			ck_assert(table_reserve(&t));
		}
		keys.at[keys.count] = keys.count;
		table_add(&t, spread(keys.count), keys.count);
		keys.count++;
	}
	no_memory = false;
	ck_assert_uint_eq(refused, 8);
	table_free(&t);
}
END_TEST

START_TEST(is_full_at_its_limit)
{
	struct table t = {.slots = NULL};

	ck_assert(table_reserve(&t));
	t.count = TABLE_MAX;
	ck_assert(!table_reserve(&t));
	t.count = 0;
	table_free(&t);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("table");
	TCase *t = tcase_create("table");

	tcase_add_loop_test(t, finds_what_is_in_it, 0, ROWS(hashes));
	tcase_add_test(t, compares_little);
	tcase_add_test(t, without_memory_nothing_changes);
	tcase_add_test(t, is_full_at_its_limit);
	suite_add_tcase(s, t);
	return s;
}
