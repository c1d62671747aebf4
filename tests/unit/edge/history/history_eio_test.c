/*
 * history_eio_test: a disk that fails while the history is written or read: at 200 random points
 * each.  No wrong row and no crash; what is lost is bounded, told and counted.
 *
 * The calls below take the place of the C library's in this program.
 */
/* Its inline functions would call what they wrap. */
#undef _FORTIFY_SOURCE

#include "edge/history/history_backtest.h"
#include "edge/idn/idn.h"
#include "fake/configured.h"
#include "fake/mixed_rows.h"
#include "fake/scratch.h"
#include "src/edge/history/history_store.h"
#include "unit/unit.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* ---- the disk ------------------------------------------------------------------------ */

/* Of calls since it was set: the first that fails, and how many do; 0: none. */
static atomic_uint calls; /* threads read side by side */
static unsigned fails_at, fails;
static int64_t later_s; /* the clock goes faster than the test */

static bool is_failing(void)
{
	unsigned call = atomic_fetch_add(&calls, 1) + 1;

	if (fails == 0 || call < fails_at || call >= fails_at + fails)
		return false;
	errno = EIO;
	return true;
}

static void break_disk(unsigned at, unsigned n)
{
	calls = 0;
	fails_at = at;
	fails = n;
}

static bool reading; /* which calls count */

ssize_t pread(int fd, void *bytes, size_t len, off_t at)
{
	return reading && is_failing() ? -1 : (ssize_t)syscall(SYS_pread64, fd, bytes, len, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	/* Half of it is there. */
	if (!reading && is_failing()) {
		syscall(SYS_pwrite64, fd, bytes, len / 2, at);
		errno = EIO;
		return -1;
	}
	return (ssize_t)syscall(SYS_pwrite64, fd, bytes, len, at);
}

int fdatasync(int fd)
{
	(void)fd;
	return !reading && is_failing() ? -1 : 0;
}

int fsync(int fd)
{
	(void)fd;
	return 0;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
	int result = (int)syscall(SYS_clock_gettime, clock, out);

	/* Check measures how long a test takes with another one. */
	out->tv_sec += clock == CLOCK_REALTIME ? later_s : 0;
	return result;
}

/* ---- a history ----------------------------------------------------------------------- */

enum { ROWS_WRITTEN = 1500, BATCH = 50, POINTS = 200 };

static char directory[256];

static struct history_store *open_store(void)
{
	const struct history_settings settings = {.directory = directory,
	    .keep_days = 3650,
	    .max_bytes = UINT64_C(1) << 40,
	    .per_network_minute = 600};
	char why[HISTORY_WHY_MAX];
	uint32_t run;

	return history_store_open(&settings, NULL, &run, why);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000;
}

/* Rows as they are written: numbers of one half each, one second for each batch. */
static struct history_counts write_rows(const struct mixed_rows *m)
{
	struct history_store *store = open_store();
	struct history_counts counts = {.rows = 0};

	ck_assert_ptr_nonnull(store);
	for (size_t i = 0; i < m->count; i++) {
		struct decision_row row = m->row[i];

		row.number = i + 1;
		row.count = 1;
		history_store_row(store,
		    decision_row_is_refusal(&row) ? HISTORY_REFUSED : HISTORY_ACCEPTED, &row);
		if (i % BATCH != BATCH - 1)
			continue;
		history_store_write(store, true);
		later_s += 2;
		history_store_maintain(store, now_ms());
	}
	history_store_write(store, true);
	history_store_counts(store, &counts);
	history_store_close(&store);
	return counts;
}

static void remove_history(void)
{
	char command[400];

	snprintf(command, sizeof command, "rm -rf '%s'", directory);
	ck_assert_int_eq(system(command), 0);
}

static void set_up(void)
{
	snprintf(directory, sizeof directory, "%s", scratch_path("history"));
	/* 200 complaints. */
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
}

static void tear_down(void)
{
	break_disk(0, 0);
	remove_history();
}

struct seen {
	const struct mixed_rows *m;
	unsigned char rows[ROWS_WRITTEN];
	size_t count;
};

static bool is_same_row(const struct decision_row *a, const struct decision_row *b)
{
	for (int i = 0; i < ROW_TEXTS; i++)
		if (!slice_equal(a->text[i], b->text[i]))
			return false;
	return a->time_ms == b->time_ms && a->stage == b->stage && a->final == b->final &&
	       a->action == b->action && ip_compare(&a->client, &b->client) == 0 &&
	       a->spf_state == b->spf_state && a->spf == b->spf && a->transaction == b->transaction;
}

/* Each row at most once, and as it was. */
static bool see(void *context, const struct decision_row *row)
{
	struct seen *seen = context;

	ck_assert_uint_ge(row->number, 1);
	ck_assert_uint_le(row->number, ROWS_WRITTEN);
	ck_assert_uint_eq(seen->rows[row->number - 1], 0);
	ck_assert(is_same_row(row, &seen->m->row[row->number - 1]));
	seen->rows[row->number - 1] = 1;
	seen->count++;
	return true;
}

/* ---- writing ------------------------------------------------------------------------- */

START_TEST(written)
{
	struct mixed_rows *m = mixed_rows_create(3, ROWS_WRITTEN);
	uint64_t state = 1;
	unsigned all;

	break_disk(0, 0);
	write_rows(m);
	all = calls;
	ck_assert_uint_gt(all, 100);
	for (int point = 0; point < POINTS; point++) {
		unsigned n = point % 4 == 3 ? 5 : 1;
		struct history_counts counts;
		struct seen seen = {.m = m};
		struct history_reader *reader;
		struct history_scan scan;
		char why[HISTORY_FIND_WHY_MAX];

		remove_history();
		break_disk(10 + (unsigned)(mixed_draw(&state) % (all - 10)), n);
		counts = write_rows(m);
		break_disk(0, 0);
		reader = history_reader_open(directory, why);
		ck_assert_ptr_nonnull(reader);
		ck_assert(history_replay(reader, 0, 0, true, see, &seen, &scan, why));
		history_reader_free(&reader);
		ck_assert_msg(seen.count + counts.failed >= ROWS_WRITTEN,
		    "%zu found and %llu counted as lost", seen.count,
		    (unsigned long long)counts.failed);
		ck_assert_msg(counts.failed <= (uint64_t)BATCH * (n + 1), "%llu are lost",
		    (unsigned long long)counts.failed);
	}
	mixed_rows_free(&m);
}
END_TEST

/* ---- reading ------------------------------------------------------------------------- */

#define RULES "spf = { fail = \"off\"; };\n"

static uint64_t try_backtest(struct history_reader *reader, const struct ruleset *before,
    const struct ruleset *after, bool full, uint64_t *lost)
{
	const struct history_backtest ask = {.before = before,
	    .after = after,
	    .now = time(NULL),
	    .idna = &idn_lenient,
	    .full = full};
	struct history_backtest_told told;
	char why[HISTORY_FIND_WHY_MAX];
	struct backtest *b = history_backtest(reader, &ask, &told, why);
	uint64_t rows = b ? backtest_end(b)->rows : 0;

	*lost = b ? told.scan.damaged_rows + told.scan.damaged_blocks : 1;
	backtest_free(&b);
	return rows;
}

static bool count_verdict(void *context, const struct decision_row *row)
{
	*(uint64_t *)context += row->count;
	return true;
}

/* One of the four that read. */
static uint64_t read_rows(struct history_reader *reader, int which, const struct mixed_rows *m,
    const struct configured *before, const struct configured *after, uint64_t *lost)
{
	struct history_query all = {.count = 0};
	struct history_scan scan = {.rows = 0};
	char why[HISTORY_FIND_WHY_MAX];
	struct seen seen = {.m = m};
	uint64_t verdicts = 0;
	bool ok;

	if (which < 2)
		return try_backtest(reader, before->rules, after->rules, which == 0, lost);
	ok = which == 2 ? history_verdicts(reader, count_verdict, &verdicts, &scan, why)
			: history_find(reader, &all, see, &seen, &scan, why);
	*lost = ok ? scan.damaged_rows + scan.damaged_blocks : 1;
	return which == 2 ? verdicts : seen.count;
}

START_TEST(read_again)
{
	struct mixed_rows *m = mixed_rows_create(4, ROWS_WRITTEN);
	struct configured before, after;
	struct history_reader *reader;
	char why[HISTORY_FIND_WHY_MAX];
	uint64_t state = 2, lost;

	break_disk(0, 0);
	write_rows(m);
	configured_load(&before, RULES);
	configured_load(
	    &after, RULES "blocks = ( { name = \"b\"; sender = [ \".a.example\" ]; } );\n");
	reader = history_reader_open(directory, why);
	ck_assert_ptr_nonnull(reader);
	reading = true;
	for (int point = 0; point < POINTS; point++) {
		unsigned all;
		uint64_t rows;

		break_disk(0, 0);
		rows = read_rows(reader, point % 4, m, &before, &after, &lost);
		ck_assert_uint_eq(rows, ROWS_WRITTEN);
		ck_assert_uint_eq(lost, 0);
		all = calls;
		break_disk(1 + (unsigned)(mixed_draw(&state) % all), point % 8 == 7 ? 1000000 : 1);
		rows = read_rows(reader, point % 4, m, &before, &after, &lost);
		ck_assert_uint_le(rows, ROWS_WRITTEN);
		ck_assert_msg(rows == ROWS_WRITTEN || lost > 0,
		    "%d: %llu rows, and nothing is told", point % 4, (unsigned long long)rows);
	}
	reading = false;
	history_reader_free(&reader);
	configured_free(&after);
	configured_free(&before);
	mixed_rows_free(&m);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("history_eio");
	TCase *t = tcase_create("disk");

	tcase_set_timeout(t, 300);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, written);
	tcase_add_test(t, read_again);
	suite_add_tcase(s, t);
	return s;
}
