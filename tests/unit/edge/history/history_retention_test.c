/*
 * history_retention_test: which segments have to go, by age, by size of each half, and by what the
 * file system has left; open ones stay.
 */
#include "src/edge/history/history_append.h"
#include "src/edge/history/history_retention.h"
#include "src/edge/history/history_seal.h"
#include "unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DAY_MS INT64_C(86400000)
#define NOW_MS (INT64_C(20000) * DAY_MS)

static char path[] = "/tmp/history_retention_XXXXXX";
static int directory;
static struct history_coder coder;
static struct history_files files;

/* A segment of 100 rows of that age, 4 to 6 KB. */
static void make_segment(enum history_half half, uint32_t part, int64_t days_old, bool sealed)
{
	struct history_header header = {
	    .half = half, .run = 1, .part = part, .created_ms = NOW_MS - days_old * DAY_MS};
	const struct history_rewrite rewrite = {.state = HISTORY_SEALED};
	struct history_damage damage = {.rows = 0};
	struct decision_row row = {.time_ms = header.created_ms, .count = 1};
	char name[HISTORY_NAME_MAX], why[HISTORY_WHY_MAX], text[40];
	struct history_append *a = history_append_open(&coder, directory, &header, why);

	ck_assert_msg(a != NULL, "%s", why);
	for (unsigned i = 1; i <= 100; i++) {
		row.number = i;
		row.text[ROW_SESSION] =
		    slice_of(text, (size_t)snprintf(text, sizeof text, "%032u", i * part));
		ck_assert(history_append_row(a, &row));
	}
	ck_assert(history_append_write(a));
	memcpy(name, history_append_name(a), sizeof name);
	history_append_close(&a);
	if (sealed)
		ck_assert(history_seal(&coder, directory, name, &rewrite, &damage, why));
}

static void begin(void)
{
	struct history_damage damage = {.rows = 0};

	memcpy(path + sizeof path - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(path));
	directory = open(path, O_RDONLY | O_DIRECTORY);
	history_coder_init(&coder, false);
	for (unsigned i = 1; i <= 5; i++)
		make_segment(HISTORY_REFUSED, i, 10 - i, i < 5);
	for (unsigned i = 1; i <= 2; i++)
		make_segment(HISTORY_ACCEPTED, i, 40 - i, i < 2);
	ck_assert(history_files_list(&coder, directory, &files, &damage));
	ck_assert_uint_eq(files.count, 7);
}

static void end(void)
{
	struct history_damage damage = {.rows = 0};

	history_files_free(&files);
	ck_assert(history_files_list(&coder, directory, &files, &damage));
	for (size_t i = 0; i < files.count; i++)
		unlinkat(directory, files.file[i].name, 0);
	history_files_free(&files);
	close(directory);
	rmdir(path);
	history_coder_free(&coder);
}

static const struct {
	const char *label;
	struct history_settings settings;
	unsigned refused, accepted; /* what stays */
} rows[] = {
    {"all stay", {.keep_days = 50, .max_bytes = 1 << 30}, 5, 2},
    {"the accepted one is too old, but not the open one", {.keep_days = 30, .max_bytes = 1 << 30},
	5, 1},
    {"of the refused ones, too", {.keep_days = 8, .max_bytes = 1 << 30}, 4, 1},
    {"all that are sealed", {.keep_days = 0, .max_bytes = 1 << 30}, 1, 1},
    {"a half of 15 KB, the other untouched", {.keep_days = 50, .max_bytes = 30000}, 3, 2},
    {"nothing may stay", {.keep_days = 50, .max_bytes = 0}, 1, 1},
    {"no disk has 101 per cent", {.keep_days = 50, .max_bytes = 1 << 30, .min_free = 101}, 1, 1},
};

static unsigned count_of(enum history_half half)
{
	unsigned count = 0;

	for (size_t i = 0; i < files.count; i++)
		count += files.file[i].header.half == half;
	return count;
}

START_TEST(retention)
{
	struct history_removed removed = {.rows = 0};
	struct history_damage damage = {.rows = 0};

	history_retention(directory, &files, &rows[_i].settings, NOW_MS, &removed);
	for (int again = 0; again < 2; again++) {
		ck_assert_msg(count_of(HISTORY_REFUSED) == rows[_i].refused, "%s: %u refused",
		    rows[_i].label, count_of(HISTORY_REFUSED));
		ck_assert_msg(count_of(HISTORY_ACCEPTED) == rows[_i].accepted, "%s: %u accepted",
		    rows[_i].label, count_of(HISTORY_ACCEPTED));
		history_files_free(&files);
		ck_assert(history_files_list(&coder, directory, &files, &damage));
	}
	ck_assert_uint_eq(removed.segments, 7 - files.count);
	ck_assert_uint_eq(removed.rows, 100 * removed.segments);
	for (size_t i = 0; i + 1 < files.count; i++) /* the oldest have gone */
		ck_assert(files.file[i].header.half != files.file[i + 1].header.half ||
			  files.file[i].header.part < files.file[i + 1].header.part);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("history_retention");
	TCase *t = tcase_create("retention");

	tcase_add_checked_fixture(t, begin, end);
	tcase_add_loop_test(t, retention, 0, ROWS(rows));
	suite_add_tcase(s, t);
	return s;
}
