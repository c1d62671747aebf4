/*
 * history_backtest_test: the fast way, which selects rows, and the full one, which decides all,
 * have the same figures for any two rule sets, and so has a backtest of the rows in memory;
 * verdicts counted by columns are those of the rows.
 *
 * BACKTEST_PAIRS=1000 BACKTEST_ROWS=20000 make the long run of it (make backtest-pairs).
 */
#include "core/change/rules_touch.h"
#include "edge/history/history_backtest.h"
#include "edge/idn/idn.h"
#include "fake/configured.h"
#include "fake/mixed_rows.h"
#include "fake/mixed_rules.h"
#include "fake/scratch.h"
#include "src/edge/history/history_store.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

static unsigned number_of(const char *name, unsigned otherwise)
{
	const char *text = getenv(name);

	return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

/* ---- the history --------------------------------------------------------------------- */

/* Writes rows into several runs of several segments; some stand for more than themselves. */
static void write_rows(const char *directory, const struct mixed_rows *m)
{
	const struct history_settings settings = {.directory = directory,
	    .keep_days = 3650,
	    .max_bytes = UINT64_C(1) << 40,
	    .per_network_minute = 600};
	enum { RUNS = 3 };

	for (size_t run = 0; run < RUNS; run++) {
		uint64_t number[HISTORY_HALVES] = {0, 0};
		char why[HISTORY_WHY_MAX];
		uint32_t which;
		struct history_store *store = history_store_open(&settings, NULL, &which, why);

		ck_assert_msg(store != NULL, "%s", why);
		for (size_t i = m->count * run / RUNS; i < m->count * (run + 1) / RUNS; i++) {
			struct decision_row row = m->row[i];
			enum history_half half =
			    decision_row_is_refusal(&row) ? HISTORY_REFUSED : HISTORY_ACCEPTED;

			row.number = ++number[half];
			history_store_row(store, half, &row);
			for (uint64_t n = 1; n < row.count; n++)
				history_store_more(store, half, row.number, row.time_ms + 5);
			if (i % 700 == 0)
				history_store_write(store, false);
		}
		history_store_write(store, true);
		/* All runs but the last are sealed. */
		history_store_maintain(store, m->row[m->count - 1].time_ms + (int64_t)run * 20000);
		history_store_close(&store);
	}
}

static void remove_history(const char *directory)
{
	char command[512];

	snprintf(command, sizeof command, "rm -rf '%s'", directory);
	ck_assert_int_eq(system(command), 0);
}

/* ---- figures as text ----------------------------------------------------------------- */

enum { TEXT_MAX = 65536 };

struct text {
	char text[TEXT_MAX];
	size_t len;
	size_t figures; /* in front of the samples, whose order hangs on how the time is divided */
};

static void put(struct text *t, const char *name, uint64_t value)
{
	int n = snprintf(
	    t->text + t->len, TEXT_MAX - t->len, "%s %llu\n", name, (unsigned long long)value);

	if (n > 0 && (size_t)n < TEXT_MAX - t->len)
		t->len += (size_t)n;
}

static void put_key(void *context, struct slice key, uint64_t at_least, uint64_t at_most)
{
	char name[300];

	(void)at_most;
	snprintf(name, sizeof name, " %.*s", SLICE_ARG(key));
	put(context, name, at_least);
}

static void tell(const struct backtest_result *r, struct text *t)
{
	t->len = 0;
	put(t, "rows", r->rows);
	put(t, "messages", r->messages);
	put(t, "refused", r->newly_refused);
	put(t, "proven", r->newly_refused_proven);
	put(t, "unevaluated", r->newly_refused_unevaluated);
	put(t, "refused then", r->refused_then);
	put(t, "accepted", r->newly_accepted);
	put(t, "at rcpt", r->accepted_at_rcpt);
	put(t, "unknown", r->unknown);
	for (int c = 0; c < BACKTEST_CHANGES; c++)
		for (int by = 0; by < BACKTEST_BY; by++) {
			put(t, "table", (uint64_t)(c * BACKTEST_BY + by));
			top_k_each(r->by[c][by], put_key, t);
		}
	t->figures = t->len;
	for (size_t i = 0; i < r->samples; i++) {
		const struct backtest_sample *s = &r->sample[i];
		char line[400];

		snprintf(line, sizeof line, "%d %.*s %.*s %.*s %.*s %d", s->change,
		    SLICE_ARG(s->sender), SLICE_ARG(s->recipient), SLICE_ARG(s->rule),
		    SLICE_ARG(s->then), s->proven);
		put(t, line, (uint64_t)s->time_ms);
	}
	ck_assert(!r->no_memory);
}

/* ---- three ways ---------------------------------------------------------------------- */

static struct text in_memory, full, fast;

struct pair {
	struct configured before, after;
	char before_text[MIXED_RULES_TEXT_MAX], after_text[MIXED_RULES_TEXT_MAX];
};

static void ask(
    struct history_reader *reader, const struct pair *p, int64_t now, bool all, struct text *out)
{
	const struct history_backtest question = {.before = p->before.rules,
	    .after = p->after.rules,
	    .now = now,
	    .idna = &idn_lenient,
	    .full = all};
	struct history_backtest_told told;
	char why[HISTORY_FIND_WHY_MAX];
	struct backtest *b = history_backtest(reader, &question, &told, why);

	ck_assert_msg(b != NULL, "%s", why);
	ck_assert(told.finished);
	ck_assert_uint_eq(told.scan.damaged_rows + told.scan.damaged_blocks, 0);
	tell(backtest_end(b), out);
	backtest_free(&b);
}

/* That of no mailbox of the rows, as a history's own is of none. */
static void hash(const void *context, struct slice local, char out[BACKTEST_HASH_CHARS])
{
	(void)context;
	(void)local;
	memset(out, '7', BACKTEST_HASH_CHARS);
}

static void remember(const struct pair *p, const struct mixed_rows *m, int64_t now)
{
	struct backtest *b = backtest_create(p->before.rules, p->after.rules, now, &idn_lenient);

	backtest_hash_locals(b, hash, NULL);
	for (size_t i = 0; i < m->count; i++)
		backtest_row(b, &m->row[i]);
	tell(backtest_end(b), &in_memory);
	backtest_free(&b);
}

/* False when one of the two is refused. */
static bool load(struct pair *p, const struct mixed_rules *before, const struct mixed_rules *after)
{
	mixed_rules_text(before, p->before_text);
	mixed_rules_text(after, p->after_text);
	configured_load(&p->before, p->before_text);
	configured_load(&p->after, p->after_text);
	return p->before.rules && p->after.rules;
}

static void unload(struct pair *p)
{
	configured_free(&p->after);
	configured_free(&p->before);
}

/* What a seed gives is tried on the same rows until a pair is taken. */
static void load_pair(struct pair *p, uint64_t *seed)
{
	static const unsigned shares[] = {2, 5, 5, 15, 15, 40, 100};

	for (int tries = 0; tries < 1000; tries++) {
		struct mixed_rules before, after;

		mixed_rules_draw(&before, mixed_draw(seed));
		after = before;
		mixed_rules_change(
		    &after, mixed_draw(seed), shares[mixed_draw(seed) % ROWS(shares)]);
		if (load(p, &before, &after))
			return;
		if (tries == 999)
			fprintf(stderr, "%s%s%s", p->before.lines, p->after.lines, p->before_text);
		unload(p);
	}
	ck_abort_msg("no configuration is taken");
}

static uint64_t selected, changes;

static void try_pair(struct history_reader *reader, const struct mixed_rows *m, uint64_t *seed)
{
	struct pair *p = malloc(sizeof *p);
	uint64_t began = *seed;
	int64_t now = m->row[0].time_ms / 1000;
	struct rules_touch *touch;

	ck_assert_ptr_nonnull(p);
	load_pair(p, seed);
	remember(p, m, now);
	ask(reader, p, now, true, &full);
	ask(reader, p, now, false, &fast);
	touch = rules_touch_create(p->before.rules, p->after.rules, now, &idn_lenient);
	selected += touch && !rules_touch_everything(touch);
	changes += !strstr(full.text, "\nrefused 0\n");
	rules_touch_free(&touch);
	if (strcmp(full.text, fast.text) != 0 || full.figures != in_memory.figures ||
	    memcmp(full.text, in_memory.text, full.figures) != 0) {
		fprintf(stderr,
		    "%s\n---- becomes\n%s\n---- in memory\n%s\n---- full\n%s\n---- fast\n%s",
		    p->before_text, p->after_text, in_memory.text, full.text, fast.text);
		ck_abort_msg("they differ; seed %llu", (unsigned long long)began);
	}
	unload(p);
	free(p);
}

START_TEST(random_pairs)
{
	enum { PAIRS_OF_ROWS = 5 };
	unsigned pairs = number_of("BACKTEST_PAIRS", 50), rows = number_of("BACKTEST_ROWS", 2000);
	uint64_t seed = number_of("BACKTEST_SEED", 1);

	for (unsigned i = 0; i < pairs;) {
		struct mixed_rows *m = mixed_rows_create(mixed_draw(&seed), rows);
		char directory[256], why[HISTORY_FIND_WHY_MAX];
		struct history_reader *reader;

		/* Every third without the local parts of its addresses. */
		if (i / PAIRS_OF_ROWS % 3 == 2)
			mixed_rows_hide(m, mixed_draw(&seed) % 2);
		snprintf(directory, sizeof directory, "%s", scratch_path("history"));
		write_rows(directory, m);
		reader = history_reader_open(directory, why);
		ck_assert_msg(reader != NULL, "%s", why);
		for (int k = 0; k < PAIRS_OF_ROWS && i < pairs; k++, i++)
			try_pair(reader, m, &seed);
		history_reader_free(&reader);
		remove_history(directory);
		mixed_rows_free(&m);
	}
	/* Otherwise nothing is tried. */
	ck_assert_uint_gt(selected, pairs / 4);
	ck_assert_uint_gt(changes, pairs / 4);
	if (pairs > 50)
		printf("%u pairs of %u rows: %llu selected rows, %llu newly refused\n", pairs, rows,
		    (unsigned long long)selected, (unsigned long long)changes);
}
END_TEST

/* ---- a budget of time ---------------------------------------------------------------- */

/* 20,000 rows take longer than a millisecond: what was found by then is no more than there is. */
START_TEST(budget)
{
	struct mixed_rows *m = mixed_rows_create(12, 20000);
	char directory[256];
	struct configured before, after;
	struct history_backtest question = {.now = m->row[0].time_ms / 1000, .idna = &idn_lenient};
	struct history_backtest_told told;
	char why[HISTORY_FIND_WHY_MAX];
	struct history_reader *reader;
	uint64_t refused[2];

	snprintf(directory, sizeof directory, "%s", scratch_path("history"));
	write_rows(directory, m);
	configured_load(&before, "spf = { fail = \"off\"; };\n");
	configured_load(&after, "spf = { fail = \"reject\"; };\n");
	question.before = before.rules;
	question.after = after.rules;
	reader = history_reader_open(directory, why);
	for (int budgeted = 0; budgeted < 2; budgeted++) {
		struct backtest *b;

		question.budget_ms = budgeted;
		b = history_backtest(reader, &question, &told, why);
		ck_assert_msg(b != NULL, "%s", why);
		ck_assert(told.everything);
		ck_assert_int_eq(told.finished, !budgeted);
		ck_assert_uint_ge(told.about, 10000);
		refused[budgeted] = backtest_end(b)->newly_refused;
		ck_assert(
		    budgeted ? backtest_end(b)->rows < 20000 : backtest_end(b)->rows == 20000);
		backtest_free(&b);
	}
	ck_assert_uint_gt(refused[0], 0);
	ck_assert_uint_lt(refused[1], refused[0]);
	history_reader_free(&reader);
	configured_free(&after);
	configured_free(&before);
	remove_history(directory);
	mixed_rows_free(&m);
}
END_TEST

/* ---- verdicts by columns ------------------------------------------------------------- */

struct totals {
	uint64_t count[STAGE_END + 1][ACTION_COUNT][2];
	int64_t last_ms[STAGE_END + 1][ACTION_COUNT][2];
};

static bool add_verdict(void *context, const struct decision_row *row)
{
	struct totals *t = context;
	bool named = slice_equal(row->text[ROW_RULE], SLICE("then"));
	int64_t *last = &t->last_ms[row->stage][row->action][named];
	int64_t at = row->last_ms > row->time_ms ? row->last_ms : row->time_ms;

	t->count[row->stage][row->action][named] += row->count;
	*last = at > *last ? at : *last;
	return true;
}

START_TEST(verdicts)
{
	struct mixed_rows *m = mixed_rows_create(11, 3000);
	char directory[256], why[HISTORY_FIND_WHY_MAX];
	struct totals by_rows = {.count = {{{0}}}}, by_columns = {.count = {{{0}}}};
	struct history_reader *reader;
	struct history_scan scan;

	snprintf(directory, sizeof directory, "%s", scratch_path("history"));
	write_rows(directory, m);
	reader = history_reader_open(directory, why);
	ck_assert(history_replay(reader, 0, 0, false, add_verdict, &by_rows, &scan, why));
	ck_assert(history_verdicts(reader, add_verdict, &by_columns, &scan, why));
	ck_assert_uint_eq(scan.rows, 3000);
	ck_assert_uint_gt(by_rows.count[STAGE_RCPT][ACTION_REJECT][true], 300);
	ck_assert_mem_eq(&by_rows, &by_columns, sizeof by_rows);
	history_reader_free(&reader);
	remove_history(directory);
	mixed_rows_free(&m);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("history_backtest");
	TCase *t = tcase_create("ways");

	tcase_set_timeout(t, number_of("BACKTEST_PAIRS", 0) ? 36000 : 300);
	tcase_add_test(t, random_pairs);
	tcase_add_test(t, budget);
	tcase_add_test(t, verdicts);
	suite_add_tcase(s, t);
	return s;
}
