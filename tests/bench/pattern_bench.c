/*
 * 1,600 patterns of generic reverse names (tests/fake/rdns.h) in one rule: a set of them beside
 * PCRE2 asked one by one, and a verdict with the rule, with its answer remembered, and without it.
 * All figures are medians of interleaved rounds; the bar is 3 µs more for a verdict.
 */
#include "core/policy/policy.h"
#include "fake/configured.h"
#include "fake/rdns.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 9, NAMES = 20000, ALONE = 100 };

enum subject { PCRE2_ALONE, SET, VERDICT_NONE, VERDICT_RULE, VERDICT_REMEMBERED, SUBJECTS };

static const char *const labels[SUBJECTS] = {
    [PCRE2_ALONE] = "PCRE2, one by one",
    [SET] = "pattern_set",
    [VERDICT_NONE] = "verdict without patterns",
    [VERDICT_RULE] = "verdict with the rule",
    [VERDICT_REMEMBERED] = "verdict, value remembered",
};

static char text[RDNS_PATTERNS][RDNS_TEXT_MAX], name[NAMES][RDNS_TEXT_MAX];
static struct pattern *patterns[RDNS_PATTERNS];
static struct pattern_set *set;
static struct configured with, without;
static struct identity identities[NAMES];
static volatile size_t sink;

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* ---- what is measured ------------------------------------------------------------------ */

static void ask_each(unsigned i)
{
	for (unsigned k = 0; k < RDNS_PATTERNS; k++)
		sink += pattern_match(patterns[k], slice_str(name[i])) == PATTERN_YES;
}

static void ask_set(unsigned i)
{
	uint32_t hits[PATTERN_HITS_MAX];

	sink += pattern_set_match(set, slice_str(name[i]), hits, PATTERN_HITS_MAX);
}

static void ask_policy(const struct ruleset *rules, unsigned i, struct pattern_hits *hits)
{
	static const unsigned char client[4] = {192, 0, 2, 7};
	struct facts f = {.client = ip_from_v4(client), .auth_state = FACT_ABSENT};

	for (int k = 0; k < IDENTITY_COUNT; k++)
		f.id[k].state = FACT_ABSENT;
	f.id[IDENTITY_CLIENT_NAME] = identities[i];
	f.id[IDENTITY_CLIENT_NAME].hits = hits;
	sink += policy_decide(rules, &f, PHASE_RCPT).kind;
}

/* Microseconds for one name. */
static double measure(enum subject s)
{
	static struct pattern_hits hits[NAMES];
	unsigned count = s == PCRE2_ALONE ? ALONE : NAMES;
	double start = now_us();

	for (unsigned i = 0; i < count; i++) {
		if (s == PCRE2_ALONE)
			ask_each(i);
		else if (s == SET)
			ask_set(i);
		else if (s == VERDICT_NONE)
			ask_policy(without.rules, i, NULL);
		else if (s == VERDICT_RULE)
			ask_policy(with.rules, i, NULL);
		else
			ask_policy(with.rules, i, &hits[i]);
	}
	return (now_us() - start) / count;
}

/* ---- setting up ------------------------------------------------------------------------ */

static double make_set(void)
{
	struct pattern_member *members = calloc(RDNS_PATTERNS, sizeof *members);
	char why[PATTERN_WHY_MAX];
	double start, took;

	for (uint32_t i = 0; i < RDNS_PATTERNS; i++) {
		rdns_pattern(i, text[i]);
		patterns[i] = pattern_compile(slice_str(text[i]), why);
		members[i] = (struct pattern_member){i, slice_str(text[i]), patterns[i]};
	}
	start = now_us();
	set = pattern_set_build(members, RDNS_PATTERNS);
	took = now_us() - start;
	free(members);
	return took;
}

static void make_rules(struct arena *arena)
{
	static const char rest[] = "spf = { fail = \"off\"; };\n"
				   "susranges = ( { name = \"dialup\"; networks = [ "
				   "\"198.51.100.0/24\" ]; } );\n";
	size_t size = RDNS_PATTERNS * (RDNS_TEXT_MAX + 4), n = 0;
	char *list = malloc(size), conf[1024];

	for (unsigned i = 0; i < RDNS_PATTERNS; i++)
		n += (size_t)snprintf(list + n, size - n, "/%s/\n", text[i]);
	configured_file("rdns", list);
	snprintf(conf, sizeof conf,
	    "blocks = ( { name = \"rdns\"; client_name = [ \"file:rdns\" ]; } );\n%s", rest);
	configured_load(&without, rest);
	configured_load(&with, conf);
	if (!with.rules || !without.rules) {
		fprintf(stderr, "%s%s", without.lines, with.lines);
		exit(1);
	}
	free(list);
	for (unsigned i = 0; i < NAMES; i++)
		identities[i] = identity_of_name(slice_str(name[i]), NULL, arena);
}

int main(void)
{
	double took[SUBJECTS][ROUNDS], median[SUBJECTS], built = make_set(), more;
	struct arena *arena = arena_create(64 << 20);
	uint64_t state = 7;

	for (unsigned i = 0; i < NAMES; i++)
		rdns_name(&state, name[i]);
	configured_enter();
	make_rules(arena);
	for (int round = 0; round < ROUNDS; round++)
		for (int s = 0; s < SUBJECTS; s++)
			took[s][round] = measure((enum subject)s);
	printf("%u patterns: %zu always tried, %zu kB, built in %.1f ms\n", (unsigned)RDNS_PATTERNS,
	    pattern_set_always(set), pattern_set_bytes(set) / 1024, built / 1000);
	for (int s = 0; s < SUBJECTS; s++) {
		qsort(took[s], ROUNDS, sizeof took[s][0], by_size);
		median[s] = took[s][ROUNDS / 2];
		printf("%-28s %9.2f us\n", labels[s], median[s]);
	}
	more = median[VERDICT_RULE] - median[VERDICT_NONE];
	printf("%-28s %9.2f us: %s\n", "more for a verdict", more,
	    more <= 3 ? "as it should be" : "MORE than 3 us");
	return more <= 3 ? 0 : 1;
}
