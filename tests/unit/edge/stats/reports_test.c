#include "edge/stats/reports.h"

#include "fake/scratch.h"
#include "src/edge/stats/reports_store.h"
#include "unit/unit.h"

#include <glob.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* REPORTS_FLOOD=10000000 makes the long run of it. */
enum { FLOOD = 200000, RECIPIENTS_SHARE = 10, KEEP_DAYS = 30 };

static struct reports *reports;
static char database[4096];

static long resident_kib(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long size = 0, resident = 0;

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%ld %ld", &size, &resident), 2);
	fclose(f);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void start(const char *path)
{
	struct reports_settings settings = {.database = path, .keep_days = KEEP_DAYS};

	reports = reports_create(&settings);
	ck_assert_ptr_nonnull(reports);
}

static void refuse(const char *domain, const char *recipient, int64_t hour, bool monitored)
{
	struct refusal r = {
	    .domain = slice_str(domain),
	    .hour = hour,
	    .family = FAMILY_SUSRANGES,
	    .monitored = monitored,
	    .keys = {slice_str(recipient), SLICE("susranges dialup"), SLICE("198.51.100.7")},
	};

	reports_add(reports, &r);
}

static struct domain_report read_back(const char *domain, struct arena *arena)
{
	char why[REPORTS_WHY_MAX] = "";
	struct domain_report d;
	int64_t now = time(NULL);

	reports_flush(reports, 20000);
	ck_assert_msg(
	    reports_read(database, slice_str(domain), now - 86400, now + 3600, arena, &d, why),
	    "%s", why);
	return d;
}

static void enter(void)
{
	snprintf(database, sizeof database, "%s", scratch_path("reports.sqlite"));
	unlink(database);
}

START_TEST(test_flood)
{
	const char *wanted = getenv("REPORTS_FLOOD");
	unsigned flood = wanted ? (unsigned)atol(wanted) : FLOOD;
	int64_t hour = time(NULL) / 3600;
	struct arena *arena = arena_create(16 << 20);
	struct stat st;
	long before, grown;
	struct domain_report d;

	enter();
	start(database);
	refuse("example.org", "first@example.org", hour, false);
	reports_flush(reports, 20000);
	before = resident_kib();
	for (unsigned i = 0; i < flood; i++) {
		char recipient[64];
		snprintf(recipient, sizeof recipient, "invented%u@example.org",
		    i * 2654435761u % (flood / RECIPIENTS_SHARE));
		refuse(
		    "example.org", i % 10 == 0 ? "real@example.org" : recipient, hour, i % 4 == 0);
	}
	d = read_back("example.org", arena);
	grown = resident_kib() - before;
	ck_assert_uint_eq(
	    domain_report_total(&d, false) + domain_report_total(&d, true), flood + 1);
	ck_assert_uint_eq(domain_report_total(&d, true), flood / 4);
	ck_assert_uint_gt(d.top_count[TALLY_RECIPIENTS], 0);
	ck_assert(slice_equal(d.top[TALLY_RECIPIENTS][0].key, SLICE("real@example.org")));
	ck_assert_uint_le(d.top[TALLY_RECIPIENTS][0].count, flood / 10 + flood / 10);
	ck_assert_uint_ge(d.top[TALLY_RECIPIENTS][0].count, flood / 12);
	ck_assert_uint_ge(d.recipients, flood / RECIPIENTS_SHARE / 10 * 7);
	ck_assert_uint_le(d.recipients, flood / RECIPIENTS_SHARE / 10 * 12);
	ck_assert_uint_eq(d.top[TALLY_CLIENTS][0].count, flood + 1);
	ck_assert_int_eq(stat(database, &st), 0);
	printf(
	    "reports: %u refusals: memory %+ld KiB, database %lld KiB, %llu recipients (about)\n",
	    flood, grown, (long long)st.st_size / 1024, (unsigned long long)d.recipients);
	ck_assert_int_le(grown, 32 * 1024);
	ck_assert_int_le(st.st_size, 64 << 20);
	ck_assert_int_eq(st.st_mode & 0777, 0640);
	reports_free(&reports);
	arena_free(&arena);
}
END_TEST

enum { THREADS = 4, EACH = 20000 };

static void *flood(void *context)
{
	for (int i = 0; i < EACH; i++)
		refuse("example.org", context, time(NULL) / 3600, i % 2);
	return NULL;
}

/* While some count, others write and reload: nothing is lost. */
START_TEST(test_threads)
{
	static char names[THREADS][32];
	pthread_t threads[THREADS];
	struct arena *arena = arena_create(16 << 20);
	struct reports_settings same;
	struct domain_report d;

	enter();
	start(database);
	same = (struct reports_settings){.database = database, .keep_days = KEEP_DAYS};
	for (int i = 0; i < THREADS; i++) {
		snprintf(names[i], sizeof names[i], "u%d@example.org", i);
		ck_assert_int_eq(pthread_create(&threads[i], NULL, flood, names[i]), 0);
	}
	for (int i = 0; i < 8; i++) {
		reports_flush(reports, 20000);
		reports_configure(reports, &same);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	d = read_back("example.org", arena);
	ck_assert_uint_eq(domain_report_total(&d, false), THREADS * EACH / 2);
	ck_assert_uint_eq(domain_report_total(&d, true), THREADS * EACH / 2);
	ck_assert_uint_eq(d.top_count[TALLY_RECIPIENTS], THREADS);
	ck_assert_uint_eq(d.top[TALLY_RECIPIENTS][0].count, EACH);
	ck_assert_uint_eq(reports_counts(reports).written, THREADS * EACH);
	reports_free(&reports);
	arena_free(&arena);
}
END_TEST

/* Until the database works again, what it misses waits. */
START_TEST(test_broken)
{
	struct arena *arena = arena_create(16 << 20);
	struct reports_settings elsewhere;
	struct reports_counts counts;
	int64_t hour = time(NULL) / 3600;
	struct domain_report d;

	enter();
	start("/nowhere/missing/reports.sqlite");
	refuse("example.org", "a@example.org", hour, false);
	reports_flush(reports, 20000);
	refuse("example.org", "b@example.org", hour, false);
	reports_flush(reports, 20000);
	counts = reports_counts(reports);
	ck_assert_uint_eq(counts.counted, 2);
	ck_assert_uint_eq(counts.written, 0);
	ck_assert_uint_eq(counts.lost, 0);
	ck_assert_uint_eq(reports_waiting(&counts), 2);
	elsewhere = (struct reports_settings){.database = database, .keep_days = KEEP_DAYS};
	reports_configure(reports, &elsewhere);
	d = read_back("example.org", arena);
	ck_assert_uint_eq(domain_report_total(&d, false), 2);
	ck_assert_uint_eq(d.top_count[TALLY_RECIPIENTS], 2);
	counts = reports_counts(reports);
	ck_assert_uint_eq(counts.written, 2);
	ck_assert_uint_eq(reports_waiting(&counts), 0);
	reports_free(&reports);
	arena_free(&arena);
}
END_TEST

/* A damaged database is renamed once, and what waits is in the next. */
START_TEST(test_damaged)
{
	static const char junk[] =
	    "this is no database, and long enough that SQLite looks at it all";
	struct arena *arena = arena_create(16 << 20);
	int64_t hour = time(NULL) / 3600;
	char pattern[4200], why[REPORTS_WHY_MAX] = "";
	struct domain_report d;
	glob_t found;
	FILE *f;

	enter();
	if (_i == 1) { /* a real one whose pages are overwritten */
		start(database);
		refuse("example.org", "a@example.org", hour, false);
		reports_flush(reports, 20000);
		reports_free(&reports);
	}
	f = fopen(database, _i == 1 ? "r+be" : "wbe");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fseek(f, _i == 1 ? 4096 : 0, SEEK_SET), 0);
	for (int i = 0; i < (_i == 1 ? 600 : 60); i++)
		fputs(junk, f);
	fclose(f);
	ck_assert(!reports_read(database, SLICE("example.org"), 0, 3600, arena, &d, why));
	ck_assert_str_ne(why, "");
	start(database);
	refuse("example.org", "b@example.org", hour, false);
	d = read_back("example.org", arena);
	ck_assert_uint_eq(domain_report_total(&d, false), 1);
	refuse("example.org", "c@example.org", hour, false);
	d = read_back("example.org", arena);
	ck_assert_uint_eq(domain_report_total(&d, false), 2);
	snprintf(pattern, sizeof pattern, "%s.damaged-*Z", database);
	ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
	ck_assert_uint_eq(found.gl_pathc, 1);
	globfree(&found);
	reports_free(&reports);
	arena_free(&arena);
}
END_TEST

/* At the bound of the file the oldest day makes room for the newest. */
START_TEST(test_bounded)
{
	enum { BYTES = 512 * 1024, HOURS = 24 * 20 };
	struct reports_settings settings = {database, KEEP_DAYS, BYTES};
	struct arena *arena = arena_create(16 << 20);
	int64_t hour = time(NULL) / 3600;
	char why[REPORTS_WHY_MAX];
	struct stat st;
	struct domain_report d;

	enter();
	reports = reports_create(&settings);
	for (int h = HOURS; h >= 0; h--) {
		for (int i = 0; i < TALLY_TOP; i++) {
			char recipient[64];
			snprintf(recipient, sizeof recipient, "%d.recipient.%d@example.org", i, h);
			refuse("example.org", recipient, hour - h, false);
		}
		if (h % 24 == 0)
			reports_flush(reports, 20000);
	}
	d = read_back("example.org", arena);
	ck_assert_uint_eq(reports_counts(reports).lost, 0);
	ck_assert_uint_eq(reports_counts(reports).written, (HOURS + 1) * TALLY_TOP);
	ck_assert_int_eq(stat(database, &st), 0);
	ck_assert_int_le(st.st_size, BYTES);
	ck_assert_uint_ge(d.hour_count, 24); /* all of the last day */
	ck_assert(
	    reports_read(database, SLICE("example.org"), 0, (hour + 1) * 3600, arena, &d, why));
	ck_assert_uint_lt(d.hour_count, HOURS);
	reports_free(&reports);
	arena_free(&arena);
}
END_TEST

/* Whatever cannot be done, the file is named with it. */
START_TEST(test_reasons)
{
	enum { SMALL = 16 * 4096, DOMAINS = 2000 };
	char why[STORE_WHY_MAX], wanted[sizeof database + STORE_WHY_MAX], name[32];
	struct tally *tally = tally_create(1 << 20);
	struct store *store;
	bool damaged;

	enter();
	store = store_open(database, SMALL, &damaged, why);
	ck_assert_msg(store != NULL, "%s", why);
	for (int i = 0; i < DOMAINS; i++) {
		int n = snprintf(name, sizeof name, "d%d.example", i);
		struct refusal r = {.domain = slice_of(name, (size_t)n), .family = FAMILY_SPF};

		tally_count(tally, &r);
	}
	ck_assert(!store_add(store, tally, why));
	snprintf(wanted, sizeof wanted, "reports.database %s: database or disk is full", database);
	ck_assert_str_eq(why, wanted);
	store_close(&store);
	tally_free(&tally);
}
END_TEST

/* What is older than keep_days goes; other domains and other hours stay apart. */
START_TEST(test_expiry_and_domains)
{
	struct arena *arena = arena_create(16 << 20);
	int64_t hour = time(NULL) / 3600;
	char why[REPORTS_WHY_MAX];
	struct domain_report d;

	enter();
	start(database);
	refuse("example.org", "old@example.org", hour - (KEEP_DAYS + 1) * 24, false);
	refuse("example.org", "new@example.org", hour, false);
	refuse("example.org", "earlier@example.org", hour - 3, true);
	refuse("example.net", "x@example.net", hour, false);
	reports_flush(reports, 20000);
	reports_free(&reports);
	start(database); /* expires when it opens */
	reports_flush(reports, 20000);
	d = read_back("example.org", arena);
	ck_assert_uint_eq(domain_report_total(&d, false), 1);
	ck_assert_uint_eq(domain_report_total(&d, true), 1);
	ck_assert_uint_eq(d.hour_count, 2);
	ck_assert_uint_eq(d.recipients, 0);
	ck_assert(
	    reports_read(database, SLICE("example.org"), 0, (hour + 1) * 3600, arena, &d, why));
	ck_assert_uint_eq(d.top_count[TALLY_RECIPIENTS], 2);
	d = read_back("nobody.example", arena);
	ck_assert_uint_eq(domain_report_total(&d, false), 0);
	reports_free(&reports);
	arena_free(&arena);
}
END_TEST

/* ---- the renderings ------------------------------------------------------------------ */

struct text {
	char bytes[65536];
	size_t len;
};

static void put(void *context, const char *piece)
{
	struct text *t = context;
	size_t len = strlen(piece);

	ck_assert_uint_lt(t->len + len, sizeof t->bytes);
	memcpy(t->bytes + t->len, piece, len + 1);
	t->len += len;
}

START_TEST(test_renderings)
{
	static const struct domain_report_hour hours[] = {{480000, 900000, 0}, {480003, 99999, 1}};
	static const struct domain_report_key keys[] = {
	    {SLICE_INIT("<script>alert(1)</script>@example.org"), 400}};
	struct domain_report d = {
	    .domain = SLICE("example.org"),
	    .since = 480000,
	    .until = 480025,
	    .totals = {[FAMILY_SUSRANGES] = {999999, 1}},
	    .hours = hours,
	    .hour_count = 2,
	    .top = {keys},
	    .top_count = {1},
	    .recipients = 1000001,
	};
	static struct text text;

	text.len = 0;
	domain_report_text(&d, put, &text);
	ck_assert_ptr_nonnull(
	    strstr(text.bytes, "999,999 refused; 1 more would have been (monitor mode)"));
	ck_assert_ptr_nonnull(strstr(text.bytes, "999,600  to about 999,600 more recipients"));
	ck_assert_ptr_nonnull(strstr(text.bytes, "2024-10-04 00:00"));
	text.len = 0;
	domain_report_html(&d, 480024 * 3600LL, put, &text);
	ck_assert_ptr_null(strstr(text.bytes, "<script"));
	ck_assert_ptr_nonnull(strstr(text.bytes, "&#60;script&#62;"));
	ck_assert_ptr_null(strstr(text.bytes, "http"));
	ck_assert_ptr_nonnull(strstr(text.bytes, "</html>"));
	/* Any span can be drawn. */
	for (d.until = d.since + 4; d.until < d.since + 24 * 3650; d.until += 11) {
		text.len = 0;
		domain_report_html(&d, 480024 * 3600LL, put, &text);
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("reports");
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, test_flood);
	tcase_add_test(tc, test_threads);
	tcase_add_test(tc, test_broken);
	tcase_add_loop_test(tc, test_damaged, 0, 2);
	tcase_add_test(tc, test_bounded);
	tcase_add_test(tc, test_reasons);
	tcase_add_test(tc, test_expiry_and_domains);
	tcase_add_test(tc, test_renderings);
	suite_add_tcase(s, tc);
	return s;
}
