/*
 * backtest_bench: how long a change of the rules takes to be tried on recorded mail.
 *
 *     backtest_bench DIRECTORY ROWS [RANGES [HELO [CHANGE]]]    makes the history where it is not
 * there
 *
 * Under real lists, cleaned of what the checker refuses: a change of 1,000 entries that touches
 * about one row in a hundred, one that touches ten times as many, one that touches all, and the
 * rules against themselves; fast and full, whose figures have to agree.  CHANGE: only this one of
 * them, from 0, and only fast.
 */
#include "edge/config/config.h"
#include "edge/history/history_backtest.h"
#include "edge/idn/idn.h"
#include "edge/os/monotonic.h"
#include "fake/configured.h"
#include "fake/decisions.h"
#include "src/edge/history/history_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void die(const char *what, const char *why)
{
	fprintf(stderr, "backtest_bench: %s: %s\n", what, why);
	exit(1);
}

static double cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Ten million a day. */
enum { PER_SECOND = 116 };

/* ---- the history --------------------------------------------------------------------- */

static void write_rows(const char *directory, unsigned rows)
{
	struct history_settings settings = {.directory = directory,
	    .keep_days = 3650,
	    .max_bytes = UINT64_MAX / 4,
	    .per_network_minute = 600};
	char why[HISTORY_WHY_MAX];
	uint32_t run;
	struct history_store *store = history_store_open(&settings, NULL, &run, why);
	struct decisions *d = decisions_create(1);
	int64_t now = (int64_t)time(NULL) * 1000;
	uint64_t number[HISTORY_HALVES] = {0, 0};

	if (!store)
		die(directory, why);
	decisions_pace(d, PER_SECOND);
	decisions_begin(d, now - (int64_t)rows * 1000 / PER_SECOND);
	for (unsigned i = 1; i <= rows; i++) {
		struct decision_row row;
		enum history_half half;

		decisions_next(d, &row);
		half = decision_row_is_refusal(&row) ? HISTORY_REFUSED : HISTORY_ACCEPTED;
		row.number = ++number[half];
		history_store_row(store, half, &row);
		if (i % 20000 == 0) {
			history_store_write(store, false);
			history_store_maintain(store, now);
		}
	}
	history_store_write(store, true);
	history_store_close(&store);
	store = history_store_open(&settings, NULL, &run, why);
	for (int i = 0; store && i < 10; i++)
		history_store_maintain(store, now + i * 20000);
	history_store_close(&store);
	decisions_free(&d);
}

/* ---- the rules ----------------------------------------------------------------------- */

/* Copies the lines of a list that the checker takes. */
static void copy_list(const char *from, const char *to, enum entry_accept accept)
{
	FILE *in = from ? fopen(from, "r") : NULL, *out = fopen(to, "w");
	struct arena *arena = arena_create(1 << 20);
	char line[1024], why[ENTRY_WHY_MAX];

	while (in && fgets(line, sizeof line, in)) {
		struct slice text = slice_of(line, strcspn(line, "\r\n"));
		struct entry entry;

		arena_reset(arena);
		if (text.len > 0 && text.ptr[0] != '#' &&
		    !entry_parse(text, accept, &idn_lenient, arena, &entry, why))
			fprintf(out, "%.*s\n", SLICE_ARG(text));
	}
	if (in)
		fclose(in);
	fclose(out);
	arena_free(&arena);
}

/* A thousand entries: networks of 500 companies, and names that nobody has. */
static void write_change(const char *networks, const char *names, unsigned first)
{
	FILE *f = fopen(networks, "w"), *g = fopen(names, "w");

	for (unsigned n = first; n < first + 500; n++)
		fprintf(f, "80.%u.%u.%u/28\n", n >> 12, n >> 4 & 255, n << 4 & 255);
	for (unsigned i = 0; i < 500; i++)
		fprintf(g, "mx%u.new%u.example\n", i, i % 7);
	fclose(f);
	fclose(g);
}

#define RULES                                                                                      \
	"susranges = ( { name = \"ranges\"; networks = [ \"file:ranges\" ]; wide = true; } );\n"   \
	"spf = { fail = \"off\"; };\n"
#define BLOCKS(more) "blocks = ( { name = \"names\"; helo = [ \"file:names\" ]; }" more " );\n"
#define NEW(n)                                                                                     \
	", { name = \"new-n\"; networks = [ \"file:" n "-networks\" ]; }, { name = "               \
	"\"new-h\"; helo = [ \"file:" n "-names\" ]; }"

static const struct {
	const char *label, *rules;
} changes[] = {
    {"the rules themselves", RULES BLOCKS("")},
    {"1,000 entries, few rows", RULES BLOCKS(NEW("few"))},
    {"1,000 entries, many rows", RULES BLOCKS(NEW("many"))},
    {"a block by From", RULES BLOCKS(", { name = \"f\"; from = [ \".click\" ]; }")},
    {"spf.fail = \"reject\"",
	"susranges = ( { name = \"ranges\"; networks = [ \"file:ranges\" ]; wide = true; } );\n"
	"spf = { fail = \"reject\"; };\n" BLOCKS("")},
};

/* ---- trying -------------------------------------------------------------------------- */

static void try_change(struct history_reader *reader, const struct ruleset *before,
    const struct ruleset *after, bool full, struct backtest_result *out)
{
	const struct history_backtest ask = {.before = before,
	    .after = after,
	    .now = time(NULL),
	    .idna = &idn_lenient,
	    .full = full};
	struct history_backtest_told told;
	char why[HISTORY_FIND_WHY_MAX];
	double cpu = cpu_seconds();
	struct backtest *b = history_backtest(reader, &ask, &told, why);

	if (!b)
		die("backtest", why);
	*out = *backtest_end(b);
	printf(
	    "  %s %7.2f s, %6.2f s of processors; %llu of %llu rows decided, %llu messages; newly "
	    "refused %llu, accepted %llu, unknown %llu\n",
	    full ? "full" : "fast", told.seconds, cpu_seconds() - cpu,
	    (unsigned long long)out->decided, (unsigned long long)out->rows,
	    (unsigned long long)out->messages, (unsigned long long)out->newly_refused,
	    (unsigned long long)out->newly_accepted, (unsigned long long)out->unknown);
	fflush(stdout);
	backtest_free(&b);
}

static bool is_same(const struct backtest_result *a, const struct backtest_result *b)
{
	return a->rows == b->rows && a->messages == b->messages &&
	       a->newly_refused == b->newly_refused && a->newly_accepted == b->newly_accepted &&
	       a->newly_refused_proven == b->newly_refused_proven && a->unknown == b->unknown;
}

int main(int argc, char **argv)
{
	unsigned rows = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	size_t first = argc > 5 ? strtoul(argv[5], NULL, 10) : 0,
	       end = sizeof changes / sizeof *changes;
	char why[HISTORY_FIND_WHY_MAX];
	struct history_reader *reader;
	struct configured running;
	bool agree = true, only = argc > 5;

	if (rows == 0) {
		fprintf(stderr, "usage: backtest_bench DIRECTORY ROWS [RANGES [HELO [CHANGE]]]\n");
		return 2;
	}
	end = only && first < end ? first + 1 : end;
	reader = history_reader_open(argv[1], why);
	if (!reader)
		write_rows(argv[1], rows);
	if (!reader && !(reader = history_reader_open(argv[1], why)))
		die(argv[1], why);
	configured_enter();
	copy_list(argc > 3 ? argv[3] : NULL, "ranges", ENTRY_ACCEPT_NETWORKS);
	copy_list(argc > 4 ? argv[4] : NULL, "names", ENTRY_ACCEPT_NAMES);
	write_change("few-networks", "few-names", 2000);
	write_change("many-networks", "many-names", 0);
	configured_load(&running, changes[0].rules);
	if (!running.rules)
		die("rules", running.lines);
	for (size_t i = first; i < end; i++) {
		struct configured changed;
		struct backtest_result fast, full;

		configured_reload(&changed, changes[i].rules, NULL);
		if (!changed.rules)
			die(changes[i].label, changed.lines);
		printf("%s\n", changes[i].label);
		try_change(reader, running.rules, changed.rules, false, &fast);
		if (only)
			continue;
		try_change(reader, running.rules, changed.rules, true, &full);
		agree &= is_same(&fast, &full);
	}
	history_reader_free(&reader);
	if (!agree)
		die("fast and full", "they do not agree");
	return 0;
}
