/*
 * evaluator_test: messages that are evaluated afterwards: how many connections are in the sample,
 * that no more than so many are under way, what becomes of those that do not fit, and of the rest
 * at the end.
 */
#include "edge/worker/evaluator.h"
#include "unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WAITING_MAX = 1024, CONNECTIONS = 20000 };

static struct evaluator *evaluator;

/* ---- the outside, made up ------------------------------------------------------------ */

/* While it is closed, SPF does not answer. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static bool closed;

static atomic_uint inside, most_inside, results, ended;
static atomic_bool no_resolver;

struct message {
	int unused;
};

static struct message *quiet_message(void *self, struct arena *arena, int64_t now)
{
	static struct message one;

	(void)self;
	(void)arena;
	(void)now;
	return atomic_load(&no_resolver) ? NULL : &one;
}

static void message_end(struct message *m)
{
	(void)m;
	atomic_fetch_add(&ended, 1);
}

static void at_end(struct message *m)
{
	(void)m;
}

static const struct dns *message_dns(struct message *m)
{
	static const struct dns none;

	(void)m;
	return &none;
}

static bool message_spf(struct message *m, const struct spf_query *query, struct spf_answer *out)
{
	unsigned now = atomic_fetch_add(&inside, 1) + 1, most = atomic_load(&most_inside);

	(void)m;
	(void)query;
	while (now > most && !atomic_compare_exchange_weak(&most_inside, &most, now))
		;
	pthread_mutex_lock(&lock);
	while (closed)
		pthread_cond_wait(&opened, &lock);
	pthread_mutex_unlock(&lock);
	atomic_fetch_sub(&inside, 1);
	*out = (struct spf_answer){.result = SPFR_FAIL};
	return true;
}

static void evaluated(void *self, const struct record *r)
{
	(void)self;
	if (r->number->row == 7 && r->facts->spf.result == SPFR_FAIL &&
	    r->facts->dmarc_state == FACT_UNKNOWN && r->decision.action == ACTION_REJECT)
		atomic_fetch_add(&results, 1);
}

static const struct env env = {.quiet_message = quiet_message,
    .message_end = message_end,
    .dns = message_dns,
    .spf = message_spf,
    .at_end = at_end,
    .evaluated = evaluated};

static void set_closed(bool value)
{
	pthread_mutex_lock(&lock);
	closed = value;
	pthread_cond_broadcast(&opened);
	pthread_mutex_unlock(&lock);
}

static void begin(void)
{
	atomic_store(&inside, 0);
	atomic_store(&most_inside, 0);
	atomic_store(&results, 0);
	atomic_store(&ended, 0);
	atomic_store(&no_resolver, false);
	set_closed(false);
	evaluator = evaluator_create();
	ck_assert_ptr_nonnull(evaluator);
}

static void end(void)
{
	set_closed(false);
	evaluator_free(&evaluator);
	ck_assert_ptr_null(evaluator);
}

/* One refused recipient. */
static void put(void)
{
	static const struct verdict refused = {.kind = VERDICT_FINAL, .action = ACTION_REJECT};
	static const struct record_number number = {.row = 7, .run = 1};
	struct facts facts = {.auth_state = FACT_ABSENT};
	struct evaluation *e;

	ck_assert(ip_parse(SLICE("192.0.2.1"), &facts.client));
	facts.id[IDENTITY_SENDER] = (struct identity){.state = FACT_KNOWN,
	    .text = SLICE("a@example.org"),
	    .name = SLICE("example.org"),
	    .sent = SLICE("a")};
	e = evaluation_create(&env, &facts, SLICE("mx.example.net"));
	ck_assert_ptr_nonnull(e);
	evaluation_note(e, &number, &refused, &facts);
	ck_assert(evaluation_has_rows(e));
	evaluator_put(evaluator, e);
}

static void await_idle(void)
{
	for (int i = 0; i < 30000 && evaluator_counts(evaluator).waiting > 0; i++)
		usleep(1000);
	ck_assert_uint_eq(evaluator_counts(evaluator).waiting, 0);
}

/* ---- the tests ----------------------------------------------------------------------- */

START_TEST(runs)
{
	for (int i = 0; i < 500; i++)
		put();
	await_idle();
	ck_assert_uint_eq(atomic_load(&results), 500);
	ck_assert_uint_eq(atomic_load(&ended), 500);
	ck_assert_uint_eq(evaluator_counts(evaluator).dropped, 0);
	ck_assert_uint_le(atomic_load(&most_inside), EVALUATOR_THREADS);
}
END_TEST

/* All threads wait for answers: so many more may wait, and the rest is dropped. */
START_TEST(full)
{
	enum { MORE = 100 };

	set_closed(true);
	for (int i = 0; i < EVALUATOR_THREADS; i++)
		put();
	for (int i = 0; i < 30000 && atomic_load(&inside) < EVALUATOR_THREADS; i++)
		usleep(1000);
	for (int i = 0; i < WAITING_MAX + MORE; i++)
		put();
	ck_assert_uint_eq(evaluator_counts(evaluator).dropped, MORE);
	ck_assert_uint_eq(evaluator_counts(evaluator).waiting, WAITING_MAX + EVALUATOR_THREADS);
	ck_assert_uint_eq(atomic_load(&most_inside), EVALUATOR_THREADS);
	set_closed(false);
	await_idle();
	ck_assert_uint_eq(atomic_load(&results), WAITING_MAX + EVALUATOR_THREADS);
}
END_TEST

START_TEST(without_a_resolver)
{
	atomic_store(&no_resolver, true);
	for (int i = 0; i < 10; i++)
		put();
	await_idle();
	ck_assert_uint_eq(evaluator_counts(evaluator).dropped, 10);
	ck_assert_uint_eq(atomic_load(&results), 0);
}
END_TEST

/* What waits at the end is freed, and nothing is taken any more. */
START_TEST(stops)
{
	set_closed(true);
	for (int i = 0; i < 50; i++)
		put();
	evaluator_stop(evaluator);
	put();
	ck_assert_uint_ge(evaluator_counts(evaluator).dropped, 1);
}
END_TEST

static unsigned sampled(unsigned one_in)
{
	unsigned count = 0;
	char id[TOKEN_CHARS + 1];

	evaluator_configure(evaluator, one_in);
	for (int i = 0; i < CONNECTIONS; i++) {
		snprintf(id, sizeof id, "%016d", i);
		count += evaluator_samples(evaluator, slice_of(id, TOKEN_CHARS));
	}
	return count;
}

START_TEST(samples)
{
	ck_assert_uint_eq(sampled(0), 0);
	ck_assert_uint_eq(sampled(1), CONNECTIONS);
	ck_assert_uint_ge(sampled(10), CONNECTIONS / 10 - 400); /* nine standard deviations */
	ck_assert_uint_le(sampled(10), CONNECTIONS / 10 + 400);
}
END_TEST

/* Which ones is another evaluator's own secret. */
START_TEST(cannot_be_chosen)
{
	struct evaluator *other = evaluator_create();
	unsigned same = 0, mine = 0;
	char id[TOKEN_CHARS + 1];

	ck_assert_ptr_nonnull(other);
	evaluator_configure(evaluator, 10);
	evaluator_configure(other, 10);
	for (int i = 0; i < CONNECTIONS; i++) {
		struct slice session;

		snprintf(id, sizeof id, "%016d", i);
		session = slice_of(id, TOKEN_CHARS);
		mine += evaluator_samples(evaluator, session);
		same += evaluator_samples(evaluator, session) && evaluator_samples(other, session);
	}
	ck_assert_uint_lt(same, mine / 4);
	evaluator_free(&other);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("evaluator");
	TCase *t = tcase_create("sample");

	tcase_add_checked_fixture(t, begin, end);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, runs);
	tcase_add_test(t, full);
	tcase_add_test(t, without_a_resolver);
	tcase_add_test(t, stops);
	tcase_add_test(t, samples);
	tcase_add_test(t, cannot_be_chosen);
	suite_add_tcase(s, t);
	return s;
}
