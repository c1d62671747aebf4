/*
 * Look-ups of names against LMDB with a question for each parent domain, in one run: names found
 * (nought to two labels in front of a stored one), not found, and drawn by Zipf's law with one
 * in twenty found.  All figures are medians of interleaved rounds.
 *
 *     name_bench [FILE]      also with the names of FILE, one a line
 */
#include "bench/names.h"
#include "core/name/name_radix.h"

#include <lmdb.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 9, QUERIES = 1 << 18, QUERY_ROOM = 160, NONE = 0, RULES = 300 };

enum stream_kind { FOUND, NOT_FOUND, ZIPF, STREAMS };

static const char *const stream_name[STREAMS] = {"found", "not found", "zipf, 5 % found"};

struct stream {
	struct slice list[QUERIES];
	char *text;
};

struct database {
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	double bytes;
};

struct table {
	const char *label;
	struct names names; /* each once, shuffled */
	struct name_radix *trie;
	struct database lmdb;
	double build_ms;
	const double *bars; /* by stream: LMDB times this; 0 for none */
};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof *values, by_size);
	return values[ROUNDS / 2];
}

static void need(int failed, const char *what)
{
	if (failed) {
		fprintf(stderr, "name_bench: %s failed\n", what);
		exit(EXIT_FAILURE);
	}
}

/* ---- what is compared ---------------------------------------------------------------- */

static struct name_radix_values rule_of(
    void *context, uint32_t above, const struct name_radix_entry *entries, size_t n)
{
	(void)context;
	(void)above;
	(void)n;
	return (struct name_radix_values){entries[0].tag, entries[0].tag};
}

static uint32_t rule_number(size_t i)
{
	return 1 + (uint32_t)(i % RULES);
}

static void build_trie(struct table *t)
{
	struct name_radix_combine combine = {rule_of, NULL, NONE};
	struct name_radix_entry *entries = calloc(t->names.n, sizeof *entries);
	double ms[ROUNDS];

	need(!entries, "calloc");
	for (size_t i = 0; i < t->names.n; i++)
		entries[i] = (struct name_radix_entry){t->names.list[i], rule_number(i)};
	for (int round = 0; round < ROUNDS; round++) {
		double start;

		name_radix_free(&t->trie);
		start = now_ms();
		t->trie = name_radix_build(entries, t->names.n, &combine);
		ms[round] = now_ms() - start;
		need(!t->trie, "name_radix_build");
	}
	t->build_ms = median(ms);
	free(entries);
}

/* Appends in order, which makes the smallest and fastest file. */
static void build_lmdb(struct table *t)
{
	char dir[] = "/tmp/name-bench-XXXXXX", path[64];
	struct names sorted = t->names;
	MDB_stat stat;
	MDB_txn *txn;

	need(!mkdtemp(dir), "mkdtemp");
	need(mdb_env_create(&t->lmdb.env), "mdb_env_create");
	need(mdb_env_set_mapsize(t->lmdb.env, (size_t)1 << 31), "mdb_env_set_mapsize");
	need(mdb_env_open(t->lmdb.env, dir, MDB_NOSYNC | MDB_NOLOCK | MDB_NOTLS, 0600),
	    "mdb_env_open");
	need(mdb_txn_begin(t->lmdb.env, NULL, 0, &txn), "mdb_txn_begin");
	need(mdb_dbi_open(txn, NULL, MDB_CREATE, &t->lmdb.dbi), "mdb_dbi_open");
	sorted.list = malloc((sorted.n + 1) * sizeof *sorted.list);
	need(!sorted.list, "malloc");
	memcpy(sorted.list, t->names.list, sorted.n * sizeof *sorted.list);
	names_sort(&sorted);
	for (size_t i = 0; i < sorted.n; i++) {
		uint32_t value = name_radix_lookup(t->trie, sorted.list[i]);
		MDB_val k = {sorted.list[i].len, (void *)(uintptr_t)sorted.list[i].ptr};
		MDB_val v = {sizeof value, &value};

		need(mdb_put(txn, t->lmdb.dbi, &k, &v, MDB_APPEND), "mdb_put");
	}
	free(sorted.list);
	need(mdb_txn_commit(txn), "mdb_txn_commit");
	need(mdb_txn_begin(t->lmdb.env, NULL, MDB_RDONLY, &t->lmdb.txn), "mdb_txn_begin");
	need(mdb_stat(t->lmdb.txn, t->lmdb.dbi, &stat), "mdb_stat");
	t->lmdb.bytes = (double)stat.ms_psize * (double)(stat.ms_branch_pages + stat.ms_leaf_pages +
							 stat.ms_overflow_pages);
	snprintf(path, sizeof path, "%s/data.mdb", dir);
	need(unlink(path) || rmdir(dir), "unlink");
}

static uint32_t ask_trie(const struct table *t, struct slice name)
{
	return name_radix_lookup(t->trie, name);
}

static uint32_t ask_lmdb(const struct table *t, struct slice name)
{
	for (;;) {
		MDB_val k = {name.len, (void *)(uintptr_t)name.ptr}, v;
		const char *dot;
		uint32_t value;

		if (mdb_get(t->lmdb.txn, t->lmdb.dbi, &k, &v) == 0) {
			memcpy(&value, v.mv_data, sizeof value);
			return value;
		}
		dot = memchr(name.ptr, '.', name.len);
		if (!dot)
			return NONE;
		name = slice_skip(name, (size_t)(dot - name.ptr) + 1);
	}
}

/* ---- what is asked ------------------------------------------------------------------- */

static struct slice write_query(char *out, struct slice name, uint64_t *random)
{
	static const char *const front[] = {"", "mail.", "a.mx."};
	const char *labels = front[names_below(random, 3)];

	return slice_of(out, (size_t)sprintf(out, "%s%.*s", labels, SLICE_ARG(name)));
}

/* A name that is stored, or one of `others` that is not and has nothing stored above it. */
static struct slice pick(
    const struct table *t, const struct names *others, bool stored, uint64_t *random)
{
	struct slice name;

	if (stored)
		return t->names.list[names_below(random, t->names.n)];
	do
		name = others->list[names_below(random, others->n)];
	while (name_radix_lookup(t->trie, name) != NONE);
	return name;
}

static struct stream *make_stream(
    const struct table *t, const struct names *others, enum stream_kind kind)
{
	struct stream *s = malloc(sizeof *s);
	uint64_t random = 42 + kind;
	char *end;

	need(!s, "malloc");
	end = s->text = malloc((size_t)QUERIES * QUERY_ROOM);
	need(!end, "malloc");
	for (size_t i = 0; i < QUERIES; i++) {
		bool stored = kind == FOUND || (kind == ZIPF && names_below(&random, 20) == 0);

		if (kind == ZIPF) {
			/* The rank says which name it is: the same rank gives the same name. */
			double u = (double)(names_random(&random) >> 11) * 0x1p-53;
			uint64_t rank = (uint64_t)pow(1e6, u);
			uint64_t own = rank * 2 + stored;

			s->list[i] = write_query(end, pick(t, others, stored, &own), &own);
		} else {
			s->list[i] = write_query(end, pick(t, others, stored, &random), &random);
		}
		end += s->list[i].len;
	}
	return s;
}

/* Millions of names a second. */
static double ask(uint32_t (*lookup)(const struct table *, struct slice), const struct table *t,
    const struct stream *s, uint64_t *sum)
{
	double start = now_ms();

	*sum = 0;
	for (size_t i = 0; i < QUERIES; i++)
		*sum = *sum * 31 + lookup(t, s->list[i]);
	return QUERIES / (now_ms() - start) / 1e3;
}

static void compare(const struct table *t, const struct names *others, enum stream_kind kind)
{
	struct stream *s = make_stream(t, others, kind);
	double mine[ROUNDS], lmdb[ROUNDS], ratio[ROUNDS];
	uint64_t sum, same;
	char bar[32] = "";

	for (int round = 0; round < ROUNDS; round++) {
		mine[round] = ask(ask_trie, t, s, &sum);
		lmdb[round] = ask(ask_lmdb, t, s, &same);
		ratio[round] = mine[round] / lmdb[round];
		need(sum != same, "agreeing with LMDB");
	}
	if (t->bars && t->bars[kind] > 0)
		snprintf(bar, sizeof bar, ">= %.1f %s", t->bars[kind],
		    median(ratio) >= t->bars[kind] ? "ok" : "MISSED");
	printf("  %-18s %10.2f %10.2f %8.1f  %s\n", stream_name[kind], median(mine), median(lmdb),
	    median(ratio), bar);
	free(s->text);
	free(s);
}

static void run(struct table *t, const struct names *others, double bytes_bar)
{
	double bytes;

	build_trie(t);
	build_lmdb(t);
	bytes = (double)name_radix_bytes(t->trie) / (double)t->names.n;
	printf("%s: %zu names, built in %.1f ms\n", t->label, t->names.n, t->build_ms);
	printf("  %-18s %10.1f %10.1f %8s  ", "bytes a name", bytes,
	    t->lmdb.bytes / (double)t->names.n, "");
	if (bytes_bar > 0)
		printf("<= %.1f %s", bytes_bar, bytes <= bytes_bar ? "ok" : "MISSED");
	putchar('\n');
	for (enum stream_kind kind = 0; kind < STREAMS; kind++)
		compare(t, others, kind);
	mdb_txn_abort(t->lmdb.txn);
	mdb_env_close(t->lmdb.env);
	name_radix_free(&t->trie);
	names_free(&t->names);
}

static struct names exactly(size_t n)
{
	struct names names = names_make(n + n / 3 + 10, n);

	names_sort(&names);
	need(names.n < n, "making enough names");
	names_shuffle(&names, 1);
	names.n = n;
	return names;
}

int main(int argc, char **argv)
{
	static const double bars[STREAMS] = {2.2, 6, 0}, real_bars[STREAMS] = {4, 0, 0};
	struct names others = names_make(1000000, 999);
	struct table tables[] = {
	    {.label = "ten", .names = exactly(10)},
	    {.label = "ten thousand", .names = exactly(10000)},
	    {.label = "two hundred thousand", .names = exactly(200000)},
	    {.label = "a million", .names = exactly(1000000), .bars = bars},
	};
	struct table real = {.label = "HELO list", .bars = real_bars};

	printf("%-20s %10s %10s %8s  bar\n", "million names/s", "name_radix", "LMDB", "ratio");
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
		run(&tables[i], &others, tables[i].bars ? 30 : 0);
	if (argc > 1)
		real.names = names_read(argv[1]);
	names_sort(&real.names);
	names_shuffle(&real.names, 1);
	if (real.names.n > 0)
		run(&real, &others, 30);
	else
		puts("HELO list: not there");
	names_free(&others);
	return EXIT_SUCCESS;
}
