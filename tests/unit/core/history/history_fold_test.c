/*
 * history_fold_test: which refusals share a row, by their texts, network and minute, and when the
 * tables are too small for a flood.
 */
#include "core/history/history_fold.h"
#include "unit/unit.h"

#include <stdio.h>

enum { PER_MINUTE = 3 };

static struct history_fold *fold;
static uint64_t numbers;

static void begin(void)
{
	static const struct history_seed seed[2] = {{{1, 3}}, {{5, 7}}};

	fold = history_fold_create(seed);
	ck_assert_ptr_nonnull(fold);
	numbers = 0;
}

static void end(void)
{
	history_fold_free(&fold);
	ck_assert_ptr_null(fold);
}

static enum fold_answer admit(
    const char *client, const char *sender, const char *rule, int64_t second, uint64_t *number)
{
	struct decision_row row = {.time_ms = 1000 * second};
	enum fold_answer answer;
	uint64_t *place;

	ck_assert(ip_parse(slice_str(client), &row.client));
	row.text[ROW_SENDER] = slice_str(sender);
	row.text[ROW_RECIPIENT] = SLICE("b@example.net");
	row.text[ROW_RULE] = slice_str(rule);
	answer = history_fold_admit(fold, &row, PER_MINUTE, &place);
	if (answer == FOLD_NEW || answer == FOLD_FIRST)
		*place = ++numbers;
	*number = *place;
	return answer;
}

/* One refusal behind the other. */
static const struct {
	const char *client, *sender, *rule;
	int64_t second;
	enum fold_answer answer;
	uint64_t number;
} rows[] = {
    {"198.51.100.1", "a", "r", 1000, FOLD_NEW, 1}, {"198.51.100.1", "a", "r", 1059, FOLD_REPEAT, 1},
    {"198.51.100.1", "a", "r", 1060, FOLD_NEW, 2}, /* its minute is over */
    {"198.51.100.1", "b", "r", 1061, FOLD_NEW, 3}, /* each of these differs in one thing */
    {"198.51.100.2", "b", "r", 1062, FOLD_NEW, 4},
    {"198.51.100.2", "b", "s", 1063, FOLD_FIRST, 5}, /* the fourth of its network since 1060 */
    {"198.51.100.2", "b", "s", 1064, FOLD_EXAMPLE, 5},
    {"198.51.100.3", "c", "s", 1065, FOLD_EXAMPLE, 5},
    {"198.51.100.3", "c", "r", 1066, FOLD_FIRST, 6}, /* of each rule one */
    {"198.51.101.3", "c", "r", 1067, FOLD_NEW, 7},   /* another network */
    {"198.51.100.1", "a", "r", 1068, FOLD_REPEAT, 2},
    {"198.51.100.9", "z", "r", 1125, FOLD_NEW, 8}, /* the network's minute is over */
    {"2001:db8::1", "a", "r", 2000, FOLD_NEW, 9}, {"2001:db8:0:1::1", "a", "r", 2000, FOLD_NEW, 10},
    {"2001:db8:0:2::1", "a", "r", 2000, FOLD_NEW, 11},
    {"2001:db8:0:3::1", "a", "r", 2000, FOLD_FIRST, 12}, /* one /48 */
    {"2001:db8:1::1", "a", "r", 2000, FOLD_NEW, 13},
    {"2001:db8:1::1", "a", "r", 1900, FOLD_NEW, 14}, /* the clock was set back */
};

START_TEST(in_turn)
{
	for (size_t i = 0; i < ROWS(rows); i++) {
		uint64_t number;
		enum fold_answer answer =
		    admit(rows[i].client, rows[i].sender, rows[i].rule, rows[i].second, &number);

		ck_assert_msg(answer == rows[i].answer && number == rows[i].number,
		    "row %zu: %d, %llu", i, answer, (unsigned long long)number);
	}
}
END_TEST

START_TEST(examples)
{
	unsigned count[4] = {0};
	char sender[40];
	uint64_t number;

	for (int i = 0; i < 100; i++) {
		snprintf(sender, sizeof sender, "s%d", i);
		count[admit("198.51.100.1", sender, "r", 1000, &number)]++;
	}
	ck_assert_uint_eq(count[FOLD_NEW], PER_MINUTE);
	ck_assert_uint_eq(count[FOLD_FIRST], 1);
	ck_assert_uint_eq(count[FOLD_EXAMPLE], FOLD_EXAMPLES);
	ck_assert_uint_eq(count[FOLD_REPEAT], 100 - PER_MINUTE - 1 - FOLD_EXAMPLES);
}
END_TEST

/* A million networks in a minute: more than the tables hold.  No refusal gets the row of another
 * one. */
START_TEST(more_than_the_tables_hold)
{
	struct decision_row row = {.client = {.family = IP_V4}};
	unsigned wrong = 0;

	row.text[ROW_SENDER] = SLICE("a");
	for (uint64_t i = 1; i <= 1000000; i++) {
		uint64_t *place;

		row.client.hi = i << 40 | UINT64_C(1) << 32;
		row.time_ms = 1000000 + (int64_t)i / 20;
		wrong += history_fold_admit(fold, &row, PER_MINUTE, &place) != FOLD_NEW;
		*place = i;
	}
	ck_assert_uint_eq(wrong, 0);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("history_fold");
	TCase *t = tcase_create("rows");

	tcase_add_checked_fixture(t, begin, end);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, in_turn);
	tcase_add_test(t, examples);
	tcase_add_test(t, more_than_the_tables_hold);
	suite_add_tcase(s, t);
	return s;
}
