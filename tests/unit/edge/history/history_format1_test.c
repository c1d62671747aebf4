/*
 * history_format1_test: segments of version 1 as its writer made them: open, sealed and compressed;
 * and open ones of version 2, with results.
 *
 * Every later reader has to say of them what the file "rows" says.  The files are not to be made
 * again.
 */
#include "core/stats/decision_text.h"
#include "edge/history/history_find.h"
#include "unit/unit.h"

#include <stdio.h>

#define DIRECTORY "tests/unit/edge/history/format-"

static const struct {
	const char *directory, *rows;
	unsigned segments, count;
} formats[] = {
    {DIRECTORY "1", DIRECTORY "1/rows", 4, 124},
    {DIRECTORY "2", DIRECTORY "2/rows", 2, 60},
};

static bool compare(void *context, const struct decision_row *row)
{
	struct decision_record_room room;
	struct record record;
	char wanted[2 * RECORD_JSON_MAX], json[2 * RECORD_JSON_MAX];
	size_t len;

	decision_row_record(row, &room, &record);
	len = record_json(&record, json).len;
	snprintf(json + len, sizeof json - len, " %llu %u\n", (unsigned long long)row->count,
	    row->flags);
	ck_assert_ptr_nonnull(fgets(wanted, sizeof wanted, context));
	ck_assert_str_eq(json, wanted);
	return true;
}

START_TEST(all_rows)
{
	char why[HISTORY_FIND_WHY_MAX], rest[8];
	struct history_reader *reader = history_reader_open(formats[_i].directory, why);
	const struct history_query all = {.count = 0};
	struct history_scan scan;
	FILE *rows = fopen(formats[_i].rows, "r");

	ck_assert_msg(reader != NULL, "%s", why);
	ck_assert_ptr_nonnull(rows);
	ck_assert(history_find(reader, &all, compare, rows, &scan, why));
	ck_assert_ptr_null(fgets(rest, sizeof rest, rows));
	ck_assert_uint_eq(scan.segments, formats[_i].segments);
	ck_assert_uint_eq(scan.rows, formats[_i].count);
	ck_assert_uint_eq(scan.damaged_blocks + scan.damaged_rows + scan.repaired_bits, 0);
	fclose(rows);
	history_reader_free(&reader);
}
END_TEST

static bool count_row(void *context, const struct decision_row *row)
{
	(void)row;
	++*(unsigned *)context;
	return true;
}

static const struct {
	const char *id;
	unsigned rows;
} ids[] = {
    {"zttbyxqkditzlu6j", 1},
    {"boflopuhvd7phshr", 2}, /* one that stands for others, and an example */
    {"aaaaaaaaaaaaaaaa", 0},
};

START_TEST(by_id)
{
	char why[HISTORY_FIND_WHY_MAX];
	struct history_reader *reader = history_reader_open(formats[0].directory, why);
	struct history_scan scan;
	unsigned rows = 0;

	history_find_decision(reader, slice_str(ids[_i].id), count_row, &rows, &scan, why);
	ck_assert_uint_eq(rows, ids[_i].rows);
	history_reader_free(&reader);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("history_format1");
	TCase *t = tcase_create("kept");

	tcase_add_loop_test(t, all_rows, 0, ROWS(formats));
	tcase_add_loop_test(t, by_id, 0, ROWS(ids));
	suite_add_tcase(s, t);
	return s;
}
