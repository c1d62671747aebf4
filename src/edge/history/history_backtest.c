#include "edge/history/history_backtest.h"

#include "edge/os/monotonic.h"
#include "history_judge.h"
#include "history_reader.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* Threads of one backtest, which yield to mail: the nice value of a thread is its own on Linux. */
enum { PARTS_MAX = 2, NICE = 10 };

/* Fewer rows are not worth a second thread. */
enum { PART_ROWS_MIN = 1000 };

/* Rows of messages that begin in front of a part are looked at, to know them; a bit more, since
 * rows are a little out of order. */
#define LEAD_MS ((BACKTEST_OPEN_SECONDS + 20) * INT64_C(1000))

/* Columns that say of what message a row is. */
enum {
	PLACE_COLUMNS = 1 << HISTORY_NUMBER | 1 << HISTORY_TIME | 1 << HISTORY_SESSION |
			1 << HISTORY_TRANSACTION | 1 << HISTORY_VERDICT | 1 << HISTORY_FLAGS
};

/* What all parts share. */
struct job {
	const struct history_backtest *ask;
	const struct rules_touch *touch; /* NULL: every row is decided */
	struct history_files files;
	int64_t since_ms, until_ms, end_ns;
	/* Sessions of which every row is touched, sorted. */
	const uint64_t *seeds;
	size_t seed_count;
};

/* One half of one part: its segments one behind the other. */
struct cursor {
	struct part *part;
	enum history_half half;
	size_t file, block, row; /* that come next */
	struct history_segment *segment;
	struct history_rows rows;
	unsigned columns; /* of the block that are read */
	bool counts;      /* some of its rows may stand for more than themselves */
	struct history_judge judge;
	bool has;
	size_t at; /* of the rows: the current one */
	int64_t time_ms;
	struct decision_row counted; /* what is needed to count what a row stands for */
};

struct part {
	const struct job *job;
	struct history_reader *reader; /* of its own */
	struct backtest *backtest;
	struct cursor cursor[HISTORY_HALVES];
	int64_t from_ms; /* of the first row that is looked at */
	uint64_t segments, rows;
	bool failed, timed_out; /* failed: out of memory */
};

/* Rows that are decided between two looks at the clock: some milliseconds. */
enum { LOOK_ROWS = 1024 };

static void look_at_clock(struct part *p)
{
	p->timed_out |= p->job->end_ns && monotonic_now() > p->job->end_ns;
}

/* ---- one half ------------------------------------------------------------------------ */

static bool is_wanted(const struct cursor *c, const struct history_file *f)
{
	return f->header.half == c->half &&
	       (f->header.state == HISTORY_OPEN || (f->header.max_ms >= c->part->from_ms &&
						       f->header.min_ms < c->part->job->until_ms));
}

static bool load_segment(struct cursor *c)
{
	bool ok = history_segment_load(c->segment) &&
		  (!c->part->job->touch || history_judge_segment(&c->judge, c->segment));

	c->part->failed |= !ok;
	c->part->segments++;
	return ok;
}

/* The next segment of the half that may have rows of the part; false behind the last. */
static bool next_segment(struct cursor *c)
{
	const struct history_files *files = &c->part->job->files;
	char why[HISTORY_WHY_MAX];

	history_segment_close(&c->segment);
	for (; !c->segment && c->file < files->count; c->file++) {
		const struct history_file *f = &files->file[c->file];

		if (!is_wanted(c, f))
			continue;
		c->segment = history_segment_open(&c->part->reader->coder,
		    c->part->reader->directory, f->name, &c->part->reader->damage, why);
		if (!c->segment)
			c->part->reader->damage.blocks += errno != ENOENT;
	}
	c->block = 0;
	return c->segment && load_segment(c);
}

/* The next block of rows of the part, as far as rows are judged by it. */
static bool next_block(struct cursor *c)
{
	const struct job *job = c->part->job;

	for (;;) {
		const struct history_block *b;

		look_at_clock(c->part);
		if (c->part->timed_out || c->part->failed)
			return false;
		if (!c->segment || c->block >= c->segment->block_count) {
			if (!next_segment(c))
				return false;
			continue;
		}
		b = &c->segment->blocks[c->block++];
		c->columns = job->touch ? PLACE_COLUMNS | c->judge.columns : HISTORY_ALL_COLUMNS;
		if (b->type != HISTORY_ROWS || b->max_ms < c->part->from_ms ||
		    b->min_ms >= job->until_ms ||
		    !history_segment_rows(c->segment, c->block - 1, c->columns, &c->rows))
			continue;
		c->row = 0;
		c->part->rows += c->rows.count;
		if (job->touch)
			history_judge_rows(&c->judge, &c->rows);
		c->counts =
		    c->segment->count_count > 0 || history_reader_counts(c->part->reader,
						       &job->files, &c->segment->header, b->max_ms);
		return true;
	}
}

/* The next row of the time; false: none is left. */
static bool next_row(struct cursor *c)
{
	c->has = false;
	for (;;) {
		if (c->row >= c->rows.count && !next_block(c)) {
			c->rows.count = c->row = 0;
			return false;
		}
		if (c->row >= c->rows.count)
			continue;
		c->at = c->row++;
		c->time_ms = (int64_t)c->rows.value[HISTORY_TIME][c->at];
		if (c->time_ms < c->part->from_ms || c->time_ms >= c->part->job->until_ms)
			continue;
		c->has = true;
		return true;
	}
}

/* ---- rows ---------------------------------------------------------------------------- */

static void count_row(struct cursor *c, struct decision_row *row)
{
	history_segment_count(c->segment, row);
	history_reader_count(c->part->reader, &c->part->job->files, &c->segment->header, row);
}

/* The whole of the current row is decided. */
static void decide_row(struct cursor *c)
{
	uint64_t values[HISTORY_COLUMNS];
	struct decision_row row;
	unsigned missing = HISTORY_ALL_COLUMNS & ~c->columns;
	size_t count = c->rows.count;

	if (missing && !history_segment_rows(c->segment, c->block - 1, missing, &c->rows)) {
		c->rows.count = count;
		return;
	}
	c->columns = HISTORY_ALL_COLUMNS;
	history_rows_values(&c->rows, c->at, values);
	if (!history_row_unpack(&c->segment->items, values, &row)) {
		c->part->reader->damage.rows++;
		return;
	}
	count_row(c, &row);
	row.run = c->segment->header.run;
	backtest_row(c->part->backtest, &row);
}

static int compare_sessions(const void *one, const void *other)
{
	uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;

	return (a > b) - (a < b);
}

static bool is_seed(const struct job *job, uint64_t session)
{
	return job->seed_count > 0 &&
	       bsearch(&session, job->seeds, job->seed_count, sizeof *job->seeds, compare_sessions);
}

/* Rows ahead, of which the memory that they need is asked for. */
enum { AHEAD = 16 };

static void expect_row(struct cursor *c)
{
	size_t i = c->at + AHEAD;

	if (i < c->rows.count)
		backtest_expect(c->part->backtest, c->judge.row[i].session,
		    (uint32_t)c->rows.value[HISTORY_TRANSACTION][i]);
}

/* What says of which message the current row is, and whether the change can touch it. */
static struct backtest_place place_of(struct cursor *c)
{
	const struct history_judged_row *judged = &c->judge.row[c->at];
	unsigned flags = (unsigned)c->rows.value[HISTORY_FLAGS][c->at];
	struct decision_row *counted = &c->counted;

	expect_row(c);
	counted->count = 1;
	if (c->counts) {
		counted->number = c->rows.value[HISTORY_NUMBER][c->at];
		counted->time_ms = c->time_ms;
		counted->flags = flags;
		count_row(c, counted);
	}
	return (struct backtest_place){
	    .session = judged->session,
	    .transaction = (uint32_t)c->rows.value[HISTORY_TRANSACTION][c->at],
	    .time_ms = c->time_ms,
	    .count = counted->count,
	    .stage = (enum stage)(judged->bits & JUDGED_STAGE),
	    .refused = (judged->bits & JUDGED_REFUSED) != 0,
	    .folded = (flags & ROW_FOLDED) != 0,
	    .touched = (judged->bits & JUDGED_TOUCHED) != 0,
	};
}

static void take_row(struct cursor *c)
{
	struct backtest_place place;

	if (c->part->job->touch) {
		place = place_of(c);
		place.touched |= is_seed(c->part->job, place.session);
		if (!backtest_wants_row(c->part->backtest, &place))
			return;
	}
	decide_row(c);
}

/* Whose row comes first; of one millisecond a refusal, since it is not the end of a message. */
static struct cursor *first_of(struct cursor cursor[HISTORY_HALVES])
{
	struct cursor *refused = &cursor[HISTORY_REFUSED], *accepted = &cursor[HISTORY_ACCEPTED];

	if (refused->has && (!accepted->has || refused->time_ms <= accepted->time_ms))
		return refused;
	return accepted->has ? accepted : NULL;
}

static void *walk(void *context)
{
	struct part *p = context;
	uint64_t rows = 0;
	struct cursor *c;

	for (int h = 0; h < HISTORY_HALVES; h++)
		next_row(&p->cursor[h]);
	while ((c = first_of(p->cursor)) && !p->timed_out && !p->failed &&
	       backtest_wants(p->backtest, c->time_ms)) {
		take_row(c);
		if (++rows % LOOK_ROWS == 0)
			look_at_clock(p);
		next_row(c);
	}
	backtest_end(p->backtest);
	return NULL;
}

static void *walk_nicely(void *context)
{
	setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	return walk(context);
}

/* ---- parts of the time --------------------------------------------------------------- */

/* Bytes of a row in a segment that is open, about. */
enum { ROW_BYTES = 90 };

/* The rows of a file before this time, about: as if they came at an even pace. */
static double rows_before(const struct job *job, const struct history_file *f, int64_t ms)
{
	bool open = f->header.state == HISTORY_OPEN;
	double rows = open ? (double)f->bytes / ROW_BYTES : (double)f->header.rows;
	double first = (double)(open ? f->header.created_ms : f->header.min_ms),
	       last = (double)(open ? job->ask->now * 1000 : f->header.max_ms) + 1, at = (double)ms;

	return at <= first                   ? 0
	       : at >= last || last <= first ? rows
					     : rows * (at - first) / (last - first);
}

static double rows_between(const struct job *job, int64_t from_ms, int64_t until_ms)
{
	double rows = 0;

	for (size_t i = 0; i < job->files.count; i++)
		rows += rows_before(job, &job->files.file[i], until_ms) -
			rows_before(job, &job->files.file[i], from_ms);
	return rows;
}

/* Where half of the rows are in front. */
static int64_t middle_of(const struct job *job, int64_t first_ms, int64_t last_ms)
{
	double half = rows_between(job, first_ms, last_ms) / 2;
	int64_t low = first_ms, high = last_ms;

	while (low < high) {
		int64_t middle = low + (high - low) / 2;

		if (rows_between(job, first_ms, middle) < half)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The time that the files are about; false: there are none. */
static bool find_range(const struct job *job, int64_t *first_ms, int64_t *last_ms)
{
	*first_ms = INT64_MAX;
	*last_ms = INT64_MIN;
	for (size_t i = 0; i < job->files.count; i++) {
		const struct history_header *h = &job->files.file[i].header;
		bool open = h->state == HISTORY_OPEN;
		int64_t first = open ? h->created_ms : h->min_ms,
			last = open ? job->ask->now * 1000 : h->max_ms;

		*first_ms = first < *first_ms ? first : *first_ms;
		*last_ms = last > *last_ms ? last : *last_ms;
	}
	*first_ms = *first_ms > job->since_ms ? *first_ms : job->since_ms;
	*last_ms = *last_ms < job->until_ms ? *last_ms : job->until_ms;
	return *first_ms < *last_ms;
}

/* ---- a walk -------------------------------------------------------------------------- */

static void hash_local(const void *key, struct slice local, char out[BACKTEST_HASH_CHARS])
{
	_Static_assert(
	    (int)BACKTEST_HASH_CHARS == (int)HISTORY_HASHED_CHARS, "the same hash in its text");
	history_hash_local(key, local, out);
}

static bool begin_part(struct part *p, const struct job *job, struct history_reader *reader,
    int64_t from_ms, int64_t until_ms)
{
	const struct history_backtest *ask = job->ask;
	bool ok;

	*p = (struct part){.job = job, .from_ms = job->since_ms};
	if (from_ms != INT64_MIN && from_ms - LEAD_MS > job->since_ms)
		p->from_ms = from_ms - LEAD_MS;
	p->reader = history_reader_share(reader);
	p->backtest = backtest_create(ask->before, ask->after, ask->now, ask->idna);
	ok = p->reader && p->backtest && backtest_part(p->backtest, from_ms, until_ms);
	if (ok && reader->key)
		backtest_hash_locals(p->backtest, hash_local, reader->key);
	for (int h = 0; h < HISTORY_HALVES; h++) {
		p->cursor[h].part = p;
		p->cursor[h].half = (enum history_half)h;
		ok &= history_rows_create(&p->cursor[h].rows) &&
		      history_judge_init(&p->cursor[h].judge, job->touch);
	}
	return ok;
}

static void end_part(struct part *p, struct history_reader *reader, struct history_scan *scan)
{
	for (int h = 0; h < HISTORY_HALVES; h++) {
		history_segment_close(&p->cursor[h].segment);
		history_rows_free(&p->cursor[h].rows);
		history_judge_free(&p->cursor[h].judge);
	}
	if (p->reader)
		history_damage_add(&reader->damage, &p->reader->damage);
	history_reader_free(&p->reader);
	backtest_free(&p->backtest);
	scan->segments += p->segments;
	scan->rows += p->rows;
}

/* Walks all parts; those that get no thread are walked here, one after the other. */
static void walk_parts(struct part *parts, size_t count)
{
	pthread_t thread[PARTS_MAX];
	bool started[PARTS_MAX];

	for (size_t i = 0; i < count; i++)
		started[i] = pthread_create(&thread[i], NULL, walk_nicely, &parts[i]) == 0;
	for (size_t i = 0; i < count; i++)
		if (started[i])
			pthread_join(thread[i], NULL);
		else
			walk(&parts[i]);
}

/* One walk over everything: the sum of its parts, NULL when out of memory. */
static struct backtest *walk_all(
    struct history_reader *reader, const struct job *job, struct history_backtest_told *told)
{
	struct part parts[PARTS_MAX] = {{.job = job}};
	size_t count = 1, ready = 0;
	int64_t first_ms, last_ms, middle_ms = INT64_MAX;
	struct backtest *sum = NULL;
	bool failed = false;

	if (find_range(job, &first_ms, &last_ms) && told->about >= PART_ROWS_MIN &&
	    sysconf(_SC_NPROCESSORS_ONLN) > 1) {
		middle_ms = middle_of(job, first_ms, last_ms);
		count = PARTS_MAX;
	}
	for (; ready < count && !failed; ready++)
		failed = !begin_part(&parts[ready], job, reader, ready == 0 ? INT64_MIN : middle_ms,
		    ready == 0 ? middle_ms : INT64_MAX);
	if (!failed)
		walk_parts(parts, count);
	for (size_t i = 0; i < ready; i++) {
		failed |= parts[i].failed;
		told->finished &= !parts[i].timed_out;
		if (!failed && i > 0)
			backtest_add(sum, parts[i].backtest);
		else if (!failed) {
			sum = parts[i].backtest;
			parts[i].backtest = NULL;
		}
		end_part(&parts[i], reader, &told->scan);
	}
	if (failed)
		backtest_free(&sum);
	return sum;
}

/* Once more, where sessions turned out to be touched behind rows that were left out. */
static struct backtest *walk_again(struct history_reader *reader, struct job *job,
    struct history_backtest_told *told, struct backtest *b)
{
	size_t count;
	const uint64_t *late = backtest_late(b, &count);
	uint64_t *seeds;

	if (count == 0 || !told->finished)
		return b;
	seeds = malloc(count * sizeof *seeds);
	if (seeds) {
		memcpy(seeds, late, count * sizeof *seeds);
		qsort(seeds, count, sizeof *seeds, compare_sessions);
		job->seeds = seeds;
		job->seed_count = count;
	}
	backtest_free(&b);
	if (seeds)
		b = walk_all(reader, job, told);
	free(seeds);
	return b;
}

struct backtest *history_backtest(struct history_reader *reader, const struct history_backtest *ask,
    struct history_backtest_told *told, char why[HISTORY_FIND_WHY_MAX])
{
	int64_t start = monotonic_now();
	struct job job = {.ask = ask,
	    .since_ms = ask->since_ms,
	    .until_ms = ask->until_ms ? ask->until_ms : INT64_MAX,
	    .end_ns = ask->budget_ms ? start + ask->budget_ms * 1000000 : 0};
	struct rules_touch *touch = NULL;
	struct backtest *b;

	*told = (struct history_backtest_told){.finished = true};
	if (!history_reader_list(reader, &job.files, why))
		return NULL;
	if (!ask->full)
		touch = rules_touch_create(ask->before, ask->after, ask->now, ask->idna);
	told->everything = !touch || rules_touch_everything(touch);
	job.touch = told->everything ? NULL : touch;
	told->about = (uint64_t)rows_between(&job, job.since_ms, job.until_ms);
	b = walk_all(reader, &job, told);
	if (b)
		b = walk_again(reader, &job, told, b);
	if (!b)
		snprintf(why, HISTORY_FIND_WHY_MAX, "out of memory: ask for less with --since");
	history_reader_report(reader, &job.files, &told->scan);
	told->seconds = (double)(monotonic_now() - start) / 1e9;
	rules_touch_free(&touch);
	history_files_free(&job.files);
	return b;
}
