/*
 * history_results_test: SPF, DKIM and DMARC that were found after their rows were written: in the
 * open segment and, sealed, in the rows themselves; of rows that are gone they are counted.
 */
#include "edge/history/history.h"
#include "edge/history/history_find.h"
#include "unit/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { FLUSH_MS = 20000, DECISIONS = 40, HALVES = 2 };

static char path[] = "/tmp/history_results_XXXXXX";
static struct history_settings settings;
static struct history *history;

static void begin(void)
{
	memcpy(path + sizeof path - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(path));
	settings = (struct history_settings){
	    .directory = path,
	    .keep_days = 30,
	    .max_bytes = UINT64_C(1) << 30,
	    .per_network_minute = 600,
	};
	history = history_create(&settings);
	ck_assert_ptr_nonnull(history);
}

/* Calls `each` for all files. */
static void each_file(void (*each)(const char *name))
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char name[400];

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir))) {
		snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
		each(name);
	}
	closedir(dir);
}

static void remove_file(const char *name)
{
	unlink(name);
}

static void end(void)
{
	history_free(&history);
	each_file(remove_file);
	rmdir(path);
}

/* ---- decisions, and what was found of them ------------------------------------------- */

static const struct verdict refused = {
    .kind = VERDICT_FINAL, .action = ACTION_REJECT, .family = FAMILY_SUSRANGES};
static const struct verdict accepted = {.kind = VERDICT_CONTINUE};

static struct record record_of(const struct facts *facts, bool is_refused)
{
	return (struct record){
	    .time_us = time(NULL) * INT64_C(1000000),
	    .session = SLICE("qrstuvwxyz234567"),
	    .transaction = 1,
	    .stage = is_refused ? STAGE_RCPT : STAGE_END,
	    .facts = facts,
	    .decision = decision_of(is_refused ? &refused : &accepted),
	};
}

/* The i-th decision, every third a refusal. */
static struct record_number decide(int i)
{
	struct facts facts = {.auth_state = FACT_ABSENT};
	struct record record = record_of(&facts, i % 3 == 0);
	struct record_number number;
	char sender[40];

	facts.client = (struct ip){.family = IP_V4, .hi = 0, .lo = (uint64_t)i + 1};
	snprintf(sender, sizeof sender, "s%d@example.org", i);
	facts.id[IDENTITY_SENDER] =
	    (struct identity){.state = FACT_KNOWN, .text = slice_str(sender)};
	ck_assert(history_number(history, &record, &number));
	record.number = &number;
	history_record(history, &record);
	return number;
}

/* SPF passes for all; DKIM and DMARC of every second accepted one. */
static void find_out(int i, const struct record_number *number)
{
	static const struct dkim_signature_result signature = {
	    .result = DKIM_PASS, .domain = SLICE_INIT("example.org"), .body_covered = true};
	struct facts facts = {.spf_state = FACT_KNOWN, .spf = {.result = SPFR_PASS}};
	struct record record = record_of(&facts, i % 3 == 0);

	if (i % 3 != 0 && i % 2 == 0) {
		facts.dkim_state = facts.dmarc_state = FACT_KNOWN;
		facts.dkim = (struct dkim_answer){.signatures = &signature, .count = 1};
		facts.dmarc =
		    (struct dmarc_result){.verdict = DMARC_V_PASS, .published = DMARC_P_REJECT};
	}
	record.number = number;
	history_results(history, &record);
}

/* Of every row what find_out() found; those of `without` have nothing. */
struct seen {
	int rows, evaluated, without;
};

static bool compare(void *context, const struct decision_row *row)
{
	struct seen *seen = context;
	int i = atoi(row->text[ROW_SENDER].ptr + 1);
	bool dmarc = i % 3 != 0 && i % 2 == 0;

	seen->rows++;
	if (i >= seen->without) {
		ck_assert_int_eq(row->spf_state, FACT_UNKNOWN);
		ck_assert_uint_eq(row->flags & ROW_EVALUATED, 0);
		return true;
	}
	seen->evaluated++;
	ck_assert_uint_ne(row->flags & ROW_EVALUATED, 0);
	ck_assert_int_eq(row->spf_state, FACT_KNOWN);
	ck_assert_int_eq(row->spf, SPFR_PASS);
	ck_assert_int_eq(row->dmarc_state, dmarc ? FACT_KNOWN : FACT_UNKNOWN);
	ck_assert_int_eq(row->dmarc, dmarc ? DMARC_V_PASS : DMARC_V_NONE);
	ck_assert_int_eq(row->dmarc_published, dmarc ? DMARC_P_REJECT : DMARC_P_NONE);
	ck_assert(slice_equal(row->text[ROW_DKIM], dmarc ? SLICE("pass:example.org") : SLICE("")));
	return true;
}

static void check_rows(int without)
{
	char why[HISTORY_FIND_WHY_MAX];
	struct history_reader *reader = history_reader_open(path, why);
	const struct history_query some = {.sender = SLICE("*@example.org")};
	struct seen by_replay = {.without = without}, by_find = by_replay;
	struct history_scan scan;

	ck_assert_msg(reader != NULL, "%s", why);
	ck_assert(history_replay(reader, 0, 0, false, compare, &by_replay, &scan, why));
	ck_assert_uint_eq(scan.damaged_blocks + scan.damaged_rows, 0);
	ck_assert_int_eq(by_replay.rows, DECISIONS);
	ck_assert_int_eq(by_replay.evaluated, without);
	ck_assert(history_find(reader, &some, compare, &by_find, &scan, why));
	ck_assert_int_eq(by_find.evaluated, without);
	history_reader_free(&reader);
}

/* The version that stands in a segment's header: 2 open, and 1 sealed. */
static int open_segments, sealed_segments;

static void check_version(const char *name)
{
	unsigned char header[12] = {0};
	int fd;

	if (!strstr(name, ".sus"))
		return;
	fd = open(name, O_RDONLY);
	ck_assert_int_eq(read(fd, header, sizeof header), sizeof header);
	close(fd);
	ck_assert_int_eq(header[8], header[11] == 0 ? 2 : 1);
	++*(header[11] == 0 ? &open_segments : &sealed_segments);
}

START_TEST(found_later)
{
	struct record_number number[DECISIONS];

	for (int i = 0; i < DECISIONS; i++)
		number[i] = decide(i);
	history_flush(history, FLUSH_MS);
	check_rows(0);
	for (int i = 0; i < DECISIONS; i++)
		find_out(i, &number[i]);
	history_flush(history, FLUSH_MS);
	ck_assert_uint_eq(history_counts(history).evaluated, DECISIONS);
	ck_assert_uint_eq(history_counts(history).unevaluated, 0);
	ck_assert_uint_eq(history_counts(history).rows, DECISIONS);
	check_rows(DECISIONS);
	open_segments = sealed_segments = 0;
	each_file(check_version);
	ck_assert_int_eq(open_segments, HALVES);
	/* A start seals what was left, and results become a part of their rows. */
	history_free(&history);
	history = history_create(&settings);
	for (int i = 0; i < 3; i++)
		history_flush(history, FLUSH_MS);
	open_segments = sealed_segments = 0;
	each_file(check_version);
	ck_assert_int_eq(sealed_segments, HALVES);
	check_rows(DECISIONS);
}
END_TEST

/* Results that come when the segment of their rows was ended are of no use, and counted. */
START_TEST(too_late)
{
	struct record_number number[DECISIONS];

	for (int i = 0; i < DECISIONS; i++)
		number[i] = decide(i);
	for (int i = 0; i < DECISIONS / 2; i++)
		find_out(i, &number[i]);
	history_free(&history);
	history = history_create(&settings);
	history_flush(history, FLUSH_MS);
	for (int i = DECISIONS / 2; i < DECISIONS; i++)
		find_out(i, &number[i]);
	history_flush(history, FLUSH_MS);
	ck_assert_uint_eq(history_counts(history).evaluated, 0); /* since the start */
	ck_assert_uint_eq(history_counts(history).unevaluated, DECISIONS / 2);
	check_rows(DECISIONS / 2);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("history_results");
	TCase *t = tcase_create("results");

	tcase_add_checked_fixture(t, begin, end);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, found_later);
	tcase_add_test(t, too_late);
	suite_add_tcase(s, t);
	return s;
}
