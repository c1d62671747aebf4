/*
 * outcomes CONFIGURATION <SESSIONS: what explain says of each rule against what decides mail.
 *
 * For each session, a line of JSON as `susmilterctl explain --batch` takes it, and each rule: the
 * truth that follows from the criteria that explain prints, and the outcome of match_next(), which
 * the policy reads.  Facts that a session does not give are unknown.  A rule that match_next() does
 * not return is not true, and unknown only where no entry speaks of it.  Prints
 * "OUTCOMES CONTRADICTIONS"; shows the first contradictions on standard error.
 */
#include "core/base/json_read.h"
#include "core/explain/explain.h"
#include "edge/config/config.h"
#include "edge/idn/idn.h"

#include <stdio.h>
#include <stdlib.h>

enum { ARENA_BYTES = 8 * 1024 * 1024, SHOWN = 3 };

static unsigned long long outcomes, contradictions;

static bool read_session(struct session_query *q, struct slice line)
{
	struct json_read r = json_read_begin(line, q->arena);
	char why[SESSION_QUERY_WHY_MAX];
	struct slice key, value;

	while (json_read_next(&r, &key, &value))
		if (value.ptr && session_query_set(q, key, value, why))
			return false;
	return !r.wrong;
}

static enum truth printed_truth(const struct explain_rule *r, int64_t now)
{
	enum truth truth = TRUTH_YES;

	if (rule_expired(r->rule, now))
		return TRUTH_NO;
	for (size_t i = 0; i < r->count; i++) {
		const struct explain_criterion *c = &r->criteria[i];

		if (c->truth == (c->slot < SLOT_UNLESS ? TRUTH_NO : TRUTH_YES))
			return TRUTH_NO;
		if (c->truth == TRUTH_UNKNOWN)
			truth = TRUTH_UNKNOWN;
	}
	return truth;
}

static void compare_rule(const struct explain_rule *r, const struct session_query *q,
    const enum truth *decided, const struct ruleset *rules, struct slice session)
{
	enum truth printed = printed_truth(r, q->facts.now);
	enum truth real = decided[r->rule - rules->rules];
	bool silent = printed == TRUTH_UNKNOWN && real == TRUTH_NO;

	outcomes++;
	for (size_t i = 0; silent && i < r->count; i++)
		silent = r->criteria[i].entry.len == 0 || r->criteria[i].slot >= KEY_LISTS;
	if (printed == real || silent)
		return;
	if (contradictions++ < SHOWN)
		fprintf(stderr, "rule %.*s: printed %d, decided %d: %.*s\n",
		    SLICE_ARG(r->rule->name), printed, real, SLICE_ARG(session));
}

static bool compare_session(const struct ruleset *rules, struct slice line, struct arena *arena)
{
	struct session_query q;
	struct explanation *e;
	struct match m;
	struct outcome o;
	enum truth *decided;

	arena_reset(arena);
	session_query_start(&q, 1000000000, &idn_lenient, arena);
	decided = arena_calloc(arena, rules->rule_count + 1, sizeof *decided);
	if (!decided || !read_session(&q, line))
		return false;
	match_start(&m, rules, &q.facts);
	while (match_next(&m, &o))
		decided[o.rule - rules->rules] = o.truth;
	e = explain_make(&q, rules, true, arena);
	for (int f = 0; e && f < EXPLAIN_FAMILIES; f++)
		for (size_t i = 0; i < e->families[f].count; i++)
			compare_rule(&e->families[f].rules[i], &q, decided, rules, line);
	return e;
}

static void print_error(void *context, enum diag_level level, const char *line)
{
	(void)context;
	if (level == DIAG_ERROR)
		fprintf(stderr, "%s\n", line);
}

int main(int argc, char **argv)
{
	struct diag *diag = diag_create();
	struct arena *arena = arena_create(ARENA_BYTES);
	struct ruleset *rules = NULL;
	struct config *config;
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	bool good = true;

	if (argc != 2 || !diag || !arena)
		return 2;
	config = config_load(argv[1], NULL, diag, &rules);
	diag_each(diag, print_error, NULL);
	while (config && good && (n = getline(&line, &size, stdin)) > 0)
		good = compare_session(
		    rules, slice_of(line, (size_t)n - (line[n - 1] == '\n')), arena);
	if (!good)
		fprintf(stderr, "not a session: %s\n", line);
	printf("%llu %llu\n", outcomes, contradictions);
	free(line);
	good = good && config && contradictions == 0;
	config_free(&config);
	ruleset_free(&rules);
	diag_free(&diag);
	arena_free(&arena);
	return good ? 0 : 1;
}
