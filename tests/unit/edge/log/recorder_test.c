#include "edge/log/recorder.h"
#include "edge/stats/counters.h"
#include "unit/unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[64];
static struct rule dialup = {.name = SLICE_INIT("dialup"), .family = FAMILY_SUSRANGES};

struct made {
	struct facts facts;
	struct verdict verdict;
	struct reply reply;
	struct record_number number;
	struct record record;
};

/* A refusal by `dialup`; to: the recipient, borrowed. */
static void make(struct made *m, struct slice to)
{
	static const unsigned char client[4] = {198, 51, 100, 7};

	*m = (struct made){.facts.client = ip_from_v4(client)};
	m->facts.id[IDENTITY_SENDER] =
	    (struct identity){.state = FACT_KNOWN, .text = SLICE("a\xff\n@example.org")};
	m->facts.id[IDENTITY_RECIPIENT] =
	    (struct identity){.state = FACT_KNOWN, .text = to, .folded = to};
	m->verdict = (struct verdict){.kind = VERDICT_FINAL,
	    .action = ACTION_REJECT,
	    .family = FAMILY_SUSRANGES,
	    .reason = REASON_RULE,
	    .rule = &dialup};
	m->reply = (struct reply){.code = 550, .xcode = "5.7.1", .text = "no"};
	m->record = (struct record){.time_us = 1800000000000000,
	    .took_us = 42,
	    .token = SLICE("aaaabbbbccccdddd"),
	    .stage = STAGE_RCPT,
	    .facts = &m->facts,
	    .decision = decision_of(&m->verdict),
	    .reply = &m->reply,
	    .number = &m->number};
}

/* As a transaction does; what the recorder took of it. */
static unsigned record(struct recorder *r, struct made *m)
{
	m->number.lines = recorder_admit(r, &m->record);
	recorder_record(r, &m->record);
	return m->number.lines;
}

static struct recorder *open_recorder(const char *file, unsigned limit)
{
	char why[RECORDER_WHY_MAX];
	struct recorder_settings settings = {file, false, limit};
	struct recorder *r = recorder_create(&settings, why);

	ck_assert_msg(r != NULL, "%s", why);
	return r;
}

static void setup(void)
{
	int fd;

	snprintf(path, sizeof path, "/tmp/susmilter-recorder.XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void teardown(void)
{
	unlink(path);
}

static unsigned count_lines(const char *with)
{
	char line[8192];
	unsigned n = 0;
	FILE *f = fopen(path, "r");

	while (f && fgets(line, sizeof line, f)) {
		ck_assert_int_eq(line[0], '{');
		ck_assert_int_eq(line[strlen(line) - 2], '}');
		n += strstr(line, with) != NULL;
	}
	if (f)
		fclose(f);
	return n;
}

START_TEST(test_lines)
{
	struct recorder *r = open_recorder(path, 20);
	struct made m;

	make(&m, SLICE("b@example.net"));
	for (int i = 0; i < 25; i++)
		ck_assert_uint_eq(record(r, &m), i < 20 ? RECORD_JSON | RECORD_FILE : 0);
	ck_assert_uint_eq(recorder_counts(r).suppressed, 5);
	recorder_free(&r);
	ck_assert_ptr_null(r);
	ck_assert_uint_eq(count_lines("\"rule\":\"dialup\""), 20 + 1);
	ck_assert_uint_eq(count_lines("\"sender\":\"a\\u00ff\\u000a@example.org\""), 20);
	ck_assert_uint_eq(count_lines("\"suppressed\":5"), 1);
}
END_TEST

/* One mailbox, written in two ways: each line as it was sent, one limit for both. */
START_TEST(test_spellings)
{
	struct recorder *r = open_recorder(path, 20);
	struct made m;

	make(&m, SLICE("b@example.net"));
	for (int i = 0; i < 25; i++) {
		m.facts.id[IDENTITY_RECIPIENT].text =
		    i % 2 ? SLICE("B@Example.net") : SLICE("b@example.net");
		record(r, &m);
	}
	ck_assert_uint_eq(recorder_counts(r).suppressed, 5);
	recorder_free(&r);
	ck_assert_uint_eq(count_lines("\"recipient\":\"B@Example.net\""), 10);
	ck_assert_uint_eq(count_lines("\"suppressed\":5"), 1);
}
END_TEST

struct late {
	struct recorder *recorder;
	atomic_bool go_on;
	atomic_uint lines;
};

static void *record_on(void *context)
{
	struct late *late = context;
	struct made m;

	make(&m, SLICE("b@example.net"));
	while (atomic_load(&late->go_on)) {
		record(late->recorder, &m);
		atomic_fetch_add(&late->lines, 1);
		usleep(100);
	}
	return NULL;
}

/* libmilter's threads may outlive the milter: who records late finds a recorder. */
START_TEST(test_late_records)
{
	struct late late = {open_recorder(path, 10000000), true, 0};
	pthread_t thread;
	unsigned before, stopped_at, lines;

	ck_assert_int_eq(pthread_create(&thread, NULL, record_on, &late), 0);
	while ((before = atomic_load(&late.lines)) < 10)
		usleep(1000);
	ck_assert(recorder_stop(late.recorder));
	stopped_at = atomic_load(&late.lines);
	while (atomic_load(&late.lines) < stopped_at + 10)
		usleep(1000);
	atomic_store(&late.go_on, false);
	pthread_join(thread, NULL);
	ck_assert(recorder_stop(late.recorder));
	ck_assert_uint_gt(recorder_counts(late.recorder).queued, 0);
	recorder_free(&late.recorder);
	lines = count_lines("dialup");
	ck_assert_uint_ge(lines, before);
	ck_assert_uint_lt(lines, stopped_at + 10);
}
END_TEST

START_TEST(test_reopen)
{
	struct recorder *r = open_recorder(path, 1000);
	struct made m;
	char old[80];

	make(&m, SLICE("b@example.net"));
	record(r, &m);
	while (recorder_counts(r).written < 1)
		usleep(1000);
	snprintf(old, sizeof old, "%s.1", path);
	ck_assert_int_eq(rename(path, old), 0);
	recorder_reopen(r);
	for (int i = 0; access(path, F_OK) != 0 && i < 2000; i++)
		usleep(1000);
	record(r, &m);
	recorder_free(&r);
	ck_assert_uint_eq(count_lines("dialup"), 1);
	unlink(old);
}
END_TEST

/* A full disk: nothing waits, every lost line is counted. */
START_TEST(test_full_disk)
{
	struct recorder *r = open_recorder("/dev/full", 100000);
	struct made m;

	make(&m, SLICE("b@example.net"));
	for (int i = 0; i < 1000; i++)
		record(r, &m);
	for (int i = 0; recorder_counts(r).failed < 1000 && i < 5000; i++)
		usleep(1000);
	ck_assert_uint_eq(recorder_counts(r).failed, 1000);
	ck_assert_uint_eq(recorder_counts(r).written, 0);
	ck_assert_uint_eq(record(r, &m), RECORD_JSON); /* tried, and not promised */
	recorder_free(&r);
}
END_TEST

/* A log that takes nothing: the queue fills, and the rest is dropped, at once. */
START_TEST(test_slow_log)
{
	struct recorder *r;
	struct made m;
	int reader;

	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	reader = open(path, O_RDONLY | O_NONBLOCK);
	r = open_recorder(path, 10000000);
	make(&m, SLICE("b@example.net"));
	for (int i = 0; i < 60000; i++)
		record(r, &m);
	ck_assert_uint_gt(recorder_counts(r).dropped, 0);
	ck_assert_uint_le(recorder_counts(r).queued, 16384);
	close(reader); /* the writer gets EPIPE, and goes on */
	recorder_free(&r);
}
END_TEST

START_TEST(test_watch)
{
	struct recorder *r = open_recorder("", 100);
	char line[8192];
	struct made m;
	int fd = recorder_watch(r);
	ssize_t n = -1;

	ck_assert_int_ge(fd, 0);
	make(&m, SLICE("b@example.net"));
	record(r, &m);
	for (int i = 0; n <= 0 && i < 2000; i++) {
		n = read(fd, line, sizeof line - 1);
		usleep(1000);
	}
	ck_assert_int_gt(n, 0);
	line[n] = '\0';
	ck_assert_ptr_nonnull(strstr(line, "\"recipient\":\"b@example.net\""));
	close(fd);
	record(r, &m);
	recorder_free(&r);
}
END_TEST

/* ---- counters ------------------------------------------------------------------------ */

struct sum {
	uint64_t total;
	unsigned rows;
};

static void add(void *context, const struct counter *c)
{
	struct sum *s = context;

	s->total += c->count;
	s->rows++;
}

static void *count_many(void *context)
{
	struct made m;

	make(&m, SLICE("b@example.net"));
	for (int i = 0; i < 50000; i++) {
		m.verdict.monitored = i % 2;
		counters_count(context, &m.record);
	}
	return NULL;
}

START_TEST(test_counters_are_exact)
{
	struct counters *c = counters_create();
	struct sum sum = {0, 0};
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, count_many, c);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	counters_each(c, add, &sum);
	ck_assert_uint_eq(sum.total, 200000);
	ck_assert_uint_eq(sum.rows, 2); /* reject and would_reject */
	ck_assert_uint_eq(counters_latency(c, STAGE_RCPT).count, 200000);
	ck_assert_uint_eq(counters_latency(c, STAGE_RCPT).sum_us, 200000 * 42);
	ck_assert_uint_eq(counters_latency(c, STAGE_RCPT).bucket[2], 200000); /* at most 50 us */
	counters_free(&c);
}
END_TEST

/* Of the refusals of a message's recipients none counts as one more judgement. */
START_TEST(test_messages_are_timed_once)
{
	struct counters *c = counters_create();
	struct made m;

	make(&m, SLICE("b@example.net"));
	m.record.stage = STAGE_END;
	counters_count(c, &m.record);
	counters_count(c, &m.record);
	counters_judged(c, 42);
	counters_judged(c, 1000000);
	ck_assert_uint_eq(counters_latency(c, STAGE_END).count, 2);
	ck_assert_uint_eq(counters_latency(c, STAGE_END).sum_us, 1000042);
	counters_free(&c);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("recorder");
	TCase *c = tcase_create("lines");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 30);
	tcase_add_test(c, test_lines);
	tcase_add_test(c, test_spellings);
	tcase_add_test(c, test_late_records);
	tcase_add_test(c, test_reopen);
	tcase_add_test(c, test_full_disk);
	tcase_add_test(c, test_slow_log);
	tcase_add_test(c, test_watch);
	tcase_add_test(c, test_counters_are_exact);
	tcase_add_test(c, test_messages_are_timed_once);
	suite_add_tcase(s, c);
	return s;
}
