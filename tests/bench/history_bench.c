/*
 * history_bench: bytes and times of the history, by a realistic mix of decisions.
 *
 *     history_bench DIRECTORY ROWS [PER_SECOND]     makes what is not there, then asks
 *
 * Prints bytes a row before and after compression, rows a second of the writer, and how long each
 * kind of search takes over all of them, with the files in the page cache.  With jq and sqlite3
 * installed, tests/bench/history_bench.py asks these the same.
 */
#include "core/stats/decision_text.h"
#include "edge/history/history_find.h"
#include "edge/os/monotonic.h"
#include "fake/decisions.h"
#include "src/edge/history/history_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds_since(int64_t ns)
{
	return (double)(monotonic_now() - ns) / 1e9;
}

/* Of the process: what is left on a machine that has other work, too. */
static double cpu_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1000 + (double)ts.tv_nsec / 1e6;
}

static int64_t now_ms(void)
{
	return (int64_t)time(NULL) * 1000;
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "history_bench: %s: %s\n", what, why);
	exit(1);
}

/* ---- writing ------------------------------------------------------------------------- */

static uint64_t bytes_of(struct history_store *store)
{
	struct history_counts counts = {.rows = 0};

	history_store_counts(store, &counts);
	return counts.bytes;
}

static void write_rows(const char *directory, unsigned rows, unsigned per_second)
{
	struct history_settings settings = {.directory = directory,
	    .keep_days = 3650,
	    .max_bytes = UINT64_MAX / 4,
	    .per_network_minute = 600};
	char why[HISTORY_WHY_MAX];
	uint32_t run;
	struct history_store *store = history_store_open(&settings, NULL, &run, why);
	struct decisions *d = decisions_create(1);
	struct decision_row row;
	uint64_t number[HISTORY_HALVES] = {0, 0};
	double generated;
	int64_t start = monotonic_now();

	if (!store)
		die(directory, why);
	for (unsigned i = 0; i < rows; i++)
		decisions_next(d, &row);
	generated = seconds_since(start);
	decisions_free(&d);
	d = decisions_create(1);
	decisions_pace(d, per_second);
	decisions_begin(d, now_ms());
	start = monotonic_now();
	for (unsigned i = 1; i <= rows; i++) {
		enum history_half half;

		decisions_next(d, &row);
		half = decision_row_is_refusal(&row) ? HISTORY_REFUSED : HISTORY_ACCEPTED;
		row.number = ++number[half];
		history_store_row(store, half, &row);
		if (i % 20000 == 0) {
			history_store_write(store, false);
			history_store_maintain(store, now_ms());
		}
	}
	history_store_write(store, true);
	printf("written          %u rows, %.0f a second (the generator's time taken off)\n", rows,
	    rows / (seconds_since(start) - generated));
	history_store_close(&store);
	store = history_store_open(&settings, NULL, &run, why);
	for (int i = 0; i < 10; i++)
		history_store_maintain(store, now_ms() + i * 70000);
	printf("hot              %.1f bytes a row\n", (double)bytes_of(store) / rows);
	fflush(stdout);
	start = monotonic_now();
	for (uint64_t before = 0, bytes = 1; before != bytes;) {
		before = bytes;
		history_store_maintain(store, now_ms() + INT64_C(2000) * 86400000);
		history_store_maintain(store, now_ms() + INT64_C(2000) * 86400000);
		bytes = bytes_of(store);
	}
	printf("cold             %.1f bytes a row, %.0f rows a second compressed\n",
	    (double)bytes_of(store) / rows, rows / seconds_since(start));
	history_store_close(&store);
	decisions_free(&d);
}

/* ---- what a decision costs ------------------------------------------------------------ */

static double thread_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* The thread that answers mail: a number, and a row for the queue. */
static void record_rows(const char *directory, unsigned rows)
{
	char path[4096];
	struct history_settings settings = {.directory = path,
	    .keep_days = 30,
	    .max_bytes = UINT64_C(1) << 30,
	    .per_network_minute = 600};
	struct decisions *d = decisions_create(5);
	struct history *history;
	struct history_counts counts;
	double spent = 0, start;

	snprintf(path, sizeof path, "%s/recorded", directory);
	history = history_create(&settings);
	for (unsigned i = 0; i < rows; i++) {
		struct decision_row row;
		struct decision_record_room room;
		struct record record;
		struct record_number number = {.row = 0};

		decisions_next(d, &row);
		decision_row_record(&row, &room, &record);
		start = thread_ns();
		if (history_number(history, &record, &number))
			record.token = slice_of(number.token, TOKEN_CHARS);
		record.number = &number;
		history_record(history, &record);
		spent += thread_ns() - start;
	}
	history_flush(history, 60000);
	counts = history_counts(history);
	printf("a decision       %.2f us of its thread; of %u rows %llu written, %llu shared, %llu "
	       "dropped\n",
	    spent / rows / 1000, rows, (unsigned long long)counts.rows,
	    (unsigned long long)counts.shared, (unsigned long long)counts.dropped);
	history_free(&history);
	decisions_free(&d);
}

/* ---- asking -------------------------------------------------------------------------- */

static char found_id[17], found_client[IP_TEXT_MAX], found_recipient[200];
static uint64_t found;

static bool count_row(void *context, const struct decision_row *row)
{
	(void)context;
	found++;
	if (row->id.len == TOKEN_CHARS)
		memcpy(found_id, row->id.ptr, TOKEN_CHARS);
	ip_format(&row->client, found_client);
	snprintf(
	    found_recipient, sizeof found_recipient, "%.*s", SLICE_ARG(row->text[ROW_RECIPIENT]));
	return true;
}

static void ask(struct history_reader *reader, const char *label, struct history_query query)
{
	struct history_scan scan;
	char why[HISTORY_FIND_WHY_MAX];
	int64_t start = monotonic_now();
	double cpu = cpu_ms();

	found = 0;
	if (!history_find(reader, &query, count_row, NULL, &scan, why))
		die(label, why);
	printf("%-28s %8.1f ms (%.1f of the processor), %llu found, %llu rows of %llu segments "
	       "looked at\n",
	    label, seconds_since(start) * 1000, cpu_ms() - cpu, (unsigned long long)found,
	    (unsigned long long)scan.rows, (unsigned long long)scan.segments);
	fflush(stdout);
}

static void ask_all(const char *directory)
{
	char why[HISTORY_FIND_WHY_MAX], recipient[200], client[IP_TEXT_MAX];
	struct history_reader *reader = history_reader_open(directory, why);
	struct history_scan scan;
	int64_t start;

	if (!reader)
		die(directory, why);
	ask(reader, "the newest 20", (struct history_query){.count = 20});
	snprintf(recipient, sizeof recipient, "%s", found_recipient);
	snprintf(client, sizeof client, "%s", found_client);
	ask(reader, "sender nobody@nowhere.test",
	    (struct history_query){.sender = SLICE("nobody@nowhere.test"), .count = 100});
	ask(reader, "recipient, all of it",
	    (struct history_query){.recipient = slice_str(recipient)});
	ask(reader, "client, all of it", (struct history_query){.client = slice_str(client)});
	ask(reader, "client in a /24, newest 100",
	    (struct history_query){.client = SLICE("112.0.16.0/24"), .count = 100});
	ask(reader, "*zz?n*@*.click, newest 100",
	    (struct history_query){.sender = SLICE("*zz?n*@*.click"), .count = 100});
	ask(reader, "rule and domain, newest 100",
	    (struct history_query){
		.rule = SLICE("range-39"), .recipient = SLICE("anto.de"), .count = 100});
	start = monotonic_now();
	found = 0;
	if (history_find_decision(reader, slice_str(found_id), count_row, NULL, &scan, why) !=
	    HISTORY_FOUND)
		die(found_id, why);
	printf("%-28s %8.1f ms\n", "by id", seconds_since(start) * 1000);
	history_reader_free(&reader);
}

int main(int argc, char **argv)
{
	unsigned rows = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	char why[HISTORY_FIND_WHY_MAX];
	struct history_reader *there;

	if (rows == 0) {
		fprintf(stderr, "usage: history_bench DIRECTORY ROWS [PER_SECOND]\n");
		return 2;
	}
	there = history_reader_open(argv[1], why);
	if (!there)
		write_rows(argv[1], rows, argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 2000);
	history_reader_free(&there);
	ask_all(argv[1]);
	record_rows(argv[1], 200000);
	return 0;
}
