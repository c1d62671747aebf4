/*
 * A reload from text files, validation included: how long it takes, how large the table is, and
 * how slow verdicts get meanwhile.
 *
 *     reload_bench [RANGES [HELO]]       real lists, cleaned of what the checker refuses
 *
 * Peer in the same run: reading the same bytes and counting their lines, which no reload can beat.
 */
#include "core/change/rules_diff.h"
#include "core/policy/policy.h"
#include "edge/config/config.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 7, SAMPLES_MAX = 4000000 };

static char directory[] = "/tmp/susmilter-reload.XXXXXX";
static uint64_t state = 88172645463325252u;

static uint64_t random_bits(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec * 1e-6;
}

static FILE *create(const char *name)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	return fopen(path, "w");
}

/* ---- lists --------------------------------------------------------------------------- */

static void write_prefixes(unsigned n)
{
	FILE *f = create("networks");

	for (unsigned i = 0; i < n; i++) {
		uint64_t r = random_bits();
		unsigned length = 16 + (unsigned)(r >> 40) % 9;
		uint32_t address = (uint32_t)r & ~(0xffffffffu >> length);
		fprintf(f, "%u.%u.%u.%u/%u\n", address >> 24, address >> 16 & 255,
		    address >> 8 & 255, address & 255, length);
	}
	fclose(f);
}

static void write_names(unsigned n)
{
	FILE *f = create("names");

	for (unsigned i = 0; i < n; i++)
		fprintf(
		    f, "host%u.d%u.example%u.com\n", i, (unsigned)(random_bits() % 100000), i % 40);
	fclose(f);
}

/* Copies the lines of a real list that the checker takes. */
static unsigned copy_clean(const char *from, const char *to, enum entry_accept accept)
{
	FILE *in = fopen(from, "r"), *out = create(to);
	struct arena *arena = arena_create(1 << 20);
	char line[1024], why[ENTRY_WHY_MAX];
	struct entry entry;
	unsigned kept = 0;

	while (in && fgets(line, sizeof line, in)) {
		struct slice text = slice_of(line, strcspn(line, "\r\n"));
		arena_reset(arena);
		if (entry_parse(text, accept, NULL, arena, &entry, why))
			continue;
		fprintf(out, "%.*s\n", SLICE_ARG(text));
		kept++;
	}
	if (in)
		fclose(in);
	fclose(out);
	arena_free(&arena);
	return kept;
}

static void write_conf(bool networks, bool names)
{
	FILE *f = create("susmilter.conf");

	fprintf(f, "spf = { fail = \"off\"; };\n");
	if (networks)
		fprintf(f, "susranges = ( { name = \"n\"; networks = \"file:networks\"; } );\n");
	if (names)
		fprintf(f, "blocks = ( { name = \"h\"; helo = \"file:names\"; } );\n");
	fclose(f);
}

/* ---- verdicts beside a reload -------------------------------------------------------- */

static atomic_bool stop;
static float *samples;
static size_t sample_count;

static void *decide_all_the_time(void *context)
{
	const struct ruleset *rules = context;
	struct facts facts = {.now = 1, .auth_state = FACT_ABSENT};

	while (!atomic_load(&stop)) {
		uint64_t r = random_bits();
		unsigned char bytes[4] = {(unsigned char)(r >> 8), (unsigned char)(r >> 16),
		    (unsigned char)(r >> 24), (unsigned char)(r >> 32)};
		double start = now_ms();
		struct timespec pause = {0, 50000};

		facts.client = ip_from_v4(bytes);
		policy_decide(rules, &facts, PHASE_RCPT);
		if (sample_count < SAMPLES_MAX)
			samples[sample_count++] = (float)(now_ms() - start);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static int compare_floats(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* ---- one table ----------------------------------------------------------------------- */

static void print_line(void *context, enum diag_level level, const char *line)
{
	(void)context;
	if (level == DIAG_ERROR)
		printf("    %s\n", line);
}

static double load(struct ruleset **rules)
{
	char path[256];
	struct diag *diag = diag_create();
	double start = now_ms();
	struct config *config;

	snprintf(path, sizeof path, "%s/susmilter.conf", directory);
	config = config_load(path, NULL, diag, rules);
	start = now_ms() - start;
	diag_each(diag, print_line, NULL);
	diag_free(&diag);
	config_free(&config);
	return start;
}

static double read_lines(const char *name)
{
	char path[256], buffer[65536];
	double start = now_ms();
	size_t n, lines = 0;
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	f = fopen(path, "r");
	while (f && (n = fread(buffer, 1, sizeof buffer, f)) > 0)
		for (size_t i = 0; i < n; i++)
			lines += buffer[i] == '\n';
	if (f)
		fclose(f);
	if (lines == 0)
		fprintf(stderr, "%s: no lines to measure with\n", path);
	return now_ms() - start;
}

static double measure(const char *what, bool networks, bool names, double bar_ms)
{
	double ms[ROUNDS], peer[ROUNDS], median;
	struct ruleset *rules = NULL;

	write_conf(networks, names);
	for (int i = 0; i < ROUNDS; i++) {
		ruleset_free(&rules);
		ms[i] = load(&rules);
		peer[i] =
		    (networks ? read_lines("networks") : 0) + (names ? read_lines("names") : 0);
		if (!rules)
			return 0;
	}
	qsort(ms, ROUNDS, sizeof *ms, compare);
	qsort(peer, ROUNDS, sizeof *peer, compare);
	median = ms[ROUNDS / 2];
	printf("%-40s %7.0f ms (reading alone %4.0f), %9zu bytes, %5.1f an entry", what, median,
	    peer[ROUNDS / 2], ruleset_bytes(rules),
	    (double)ruleset_bytes(rules) / (double)(rules->network_entries + rules->name_entries));
	if (bar_ms > 0)
		printf(", bar %.0f ms: %s", bar_ms, median <= bar_ms ? "PASS" : "below");
	printf("\n");
	ruleset_free(&rules);
	return median;
}

static void measure_verdicts(void)
{
	struct ruleset *rules = NULL, *fresh = NULL;
	pthread_t thread;
	float p99;

	load(&rules);
	samples = malloc(SAMPLES_MAX * sizeof *samples);
	if (!rules || !samples || pthread_create(&thread, NULL, decide_all_the_time, rules) != 0)
		return;
	for (int i = 0; i < ROUNDS; i++) {
		load(&fresh);
		ruleset_free(&fresh);
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	qsort(samples, sample_count, sizeof *samples, compare_floats);
	p99 = samples[sample_count * 99 / 100];
	printf("verdicts beside %d reloads: p50 %.4f ms, p99 %.4f ms, longest %.2f ms of %zu; "
	       "bar 5 ms at p99: %s\n",
	    ROUNDS, (double)samples[sample_count / 2], (double)p99,
	    (double)samples[sample_count - 1], sample_count, p99 <= 5 ? "PASS" : "below");
	free(samples);
	ruleset_free(&rules);
}

/* ---- the difference, as check and reload tell it ------------------------------------- */

static double diff_ms(const struct ruleset *before, const struct ruleset *after)
{
	double start = now_ms();
	struct rules_diff *d = rules_diff_create(before, after, 0);

	if (!d)
		fprintf(stderr, "out of memory while comparing\n");
	rules_diff_free(&d);
	return now_ms() - start;
}

/* The files as they are against the same, and against others of the same size. */
static void measure_difference(void)
{
	struct ruleset *before = NULL, *same = NULL, *other = NULL;
	double none, all;

	load(&before);
	load(&same);
	write_prefixes(1000000);
	write_names(200000);
	load(&other);
	if (!before || !same || !other)
		return;
	none = diff_ms(before, same);
	all = diff_ms(before, other);
	printf("difference of 2 x (1,000,000 prefixes and 200,000 names): equal %.0f ms, nearly "
	       "all others %.0f ms; bar 1000 ms: %s\n",
	    none, all, none <= 1000 && all <= 1000 ? "PASS" : "below");
	ruleset_free(&before);
	ruleset_free(&same);
	ruleset_free(&other);
}

int main(int argc, char **argv)
{
	char clean[128];

	if (!mkdtemp(directory))
		return EXIT_FAILURE;
	if (argc > 1) {
		printf("%u ranges and ", copy_clean(argv[1], "networks", ENTRY_ACCEPT_NETWORKS));
		printf("%u HELO names of the real lists\n",
		    argc > 2 ? copy_clean(argv[2], "names", ENTRY_ACCEPT_NAMES) : 0);
		measure("real ranges", true, false, 0);
		if (argc > 2)
			measure("real HELO names", false, true, 0);
	}
	write_prefixes(2000000);
	measure("2,000,000 prefixes", true, false, 0);
	write_names(1000000);
	measure("1,000,000 names", false, true, 0);
	write_prefixes(1000000);
	write_names(200000);
	measure("1,000,000 prefixes and 200,000 names", true, true, 1000);
	measure_verdicts();
	measure_difference();
	snprintf(clean, sizeof clean, "rm -r %s", directory);
	return system(clean) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
