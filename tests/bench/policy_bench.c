/*
 * What a verdict costs as the table grows: on 10 entries and 1 rule, and on 1,000,000 entries and
 * 1,000 rules, in turn, on the same sessions.
 *
 * Both tables refuse about one session in twenty, so that as many replies are written.  Timed
 * twice: the pure function alone, where the larger table shows as cache misses; and
 * core's part of what the daemon does, from MAIL and RCPT to the answer: addresses parsed, clocks,
 * an unguessable id for the decision, verdict, reply, and the record's JSON line.
 */
#include "core/policy/policy.h"
#include "core/session/transaction.h"
#include "core/stats/decision_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

enum { SESSIONS = 200000, ROUNDS = 9 };

struct session_text {
	struct ip client;
	char helo[32], sender[48], recipient[48];
};

static unsigned long refusals; /* so that no work can be left out */

static uint64_t state = 88172645463325252u;

static uint64_t random_bits(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static struct ip random_v4(void)
{
	uint64_t r = random_bits();
	unsigned char bytes[4] = {(unsigned char)(r % 223 + 1), (unsigned char)(r >> 8),
	    (unsigned char)(r >> 16), (unsigned char)(r >> 24)};

	return ip_from_v4(bytes);
}

static struct ruleset *build(unsigned rules, unsigned networks, unsigned length, unsigned names)
{
	struct diag *diag = diag_create();
	struct ruleset_builder *b = ruleset_builder_create(diag);
	struct arena *arena = arena_create((size_t)1 << 30);
	struct ruleset *built;
	struct origin where = {"bench", 1};

	for (unsigned i = 0; i < rules; i++) {
		char name[16];
		bool block = i < rules / 2;
		snprintf(name, sizeof name, "rule-%u", i);
		ruleset_add_rule(b, &(struct rule){
					.name = slice_str(name),
					.family = block ? FAMILY_BLOCKS : FAMILY_SUSRANGES,
					.keys = 1u << (block ? KEY_DOMAINS : KEY_NETWORKS),
					.in = 1u << IDENTITY_SENDER | 1u << IDENTITY_HELO |
					      1u << IDENTITY_CLIENT_NAME,
					.where = where,
				    });
	}
	for (unsigned i = 0; i < networks; i++) {
		struct ip ip = random_v4();
		struct entry e = {.kind = ENTRY_NETWORK, .prefix = prefix_of(&ip, length)};
		ruleset_add_entry(b, rules / 2 + i % (rules - rules / 2), KEY_NETWORKS, &e, where);
	}
	for (unsigned i = 0; i < names; i++) {
		struct entry e = {.kind = ENTRY_TREE,
		    .name = arena_printf(arena, "d%llu.example%u.com",
			(unsigned long long)(random_bits() % 10000000), i % 50)};
		ruleset_add_entry(b, rules > 1 ? i % (rules / 2) : 0,
		    rules > 1 ? KEY_DOMAINS : KEY_HELO, &e, where);
	}
	built = ruleset_finish(&b);
	diag_free(&diag);
	arena_free(&arena);
	return built;
}

static void make_sessions(struct session_text *sessions)
{
	for (unsigned i = 0; i < SESSIONS; i++) {
		struct session_text *s = &sessions[i];
		s->client = random_v4();
		snprintf(s->helo, sizeof s->helo, "mx%u.host%u.net", (unsigned)(random_bits() % 10),
		    (unsigned)(random_bits() % 100000));
		snprintf(s->sender, sizeof s->sender, "<user%u@d%u.example%u.com>",
		    (unsigned)(random_bits() % 1000), (unsigned)(random_bits() % 10000000),
		    (unsigned)(random_bits() % 50));
		snprintf(s->recipient, sizeof s->recipient, "<box%u@example.net>",
		    (unsigned)(random_bits() % 1000));
	}
}

/* ---- the pure function --------------------------------------------------------------- */

static void decide(const struct ruleset *rules, const struct session_text *s, struct arena *arena)
{
	struct facts facts = {.now = 1, .client = s->client, .auth_state = FACT_ABSENT};
	struct address address;
	struct verdict v;

	arena_reset(arena);
	facts.id[IDENTITY_CLIENT_NAME].state = FACT_ABSENT;
	facts.id[IDENTITY_HELO] = identity_of_name(slice_str(s->helo), NULL, arena);
	address_parse(slice_str(s->sender), NULL, arena, &address);
	facts.id[IDENTITY_SENDER] = identity_of_address(&address);
	address_parse(slice_str(s->recipient), NULL, arena, &address);
	facts.id[IDENTITY_RECIPIENT] = identity_of_address(&address);
	v = policy_decide(rules, &facts, PHASE_RCPT);
	refusals += v.kind == VERDICT_FINAL;
}

static double time_pure(const struct ruleset *rules, const struct session_text *sessions)
{
	struct arena *arena = arena_create(1 << 20);
	double start = now();

	for (unsigned i = 0; i < SESSIONS; i++)
		decide(rules, &sessions[i], arena);
	arena_free(&arena);
	return (now() - start) / SESSIONS * 1e9;
}

/* ---- as the daemon does it ----------------------------------------------------------- */

static int64_t clock_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t now_us(void *self)
{
	(void)self;
	return clock_us(CLOCK_REALTIME);
}

static int64_t monotonic_us(void *self)
{
	(void)self;
	return clock_us(CLOCK_MONOTONIC);
}

static void token(void *self, char *out)
{
	(void)self;
	if (getrandom(out, TOKEN_CHARS, 0) != TOKEN_CHARS)
		abort();
	for (int i = 0; i < TOKEN_CHARS; i++)
		out[i] = (char)('a' + (out[i] & 15));
}

static void record(void *self, const struct record *r)
{
	char text[RECORD_JSON_MAX];

	(void)self;
	refusals += record_json(r, text).len > 0 && r->reply;
}

static const struct env env = {
    .now_us = now_us,
    .monotonic_us = monotonic_us,
    .token = token,
    .record = record,
};

static double time_daemon(const struct ruleset *rules, const struct session_text *sessions)
{
	struct session *s = session_create(&env);
	double start = now();

	for (unsigned i = 0; i < SESSIONS; i++) {
		const struct session_text *t = &sessions[i];
		struct mail_event mail = {.rules = rules,
		    .generation = 1,
		    .sender = slice_str(t->sender),
		    .sees_headers = true,
		    .sees_body = true};
		session_connect(s, &t->client, slice_of(NULL, 0), false);
		session_helo(s, slice_str(t->helo));
		transaction_mail(s, &mail);
		transaction_rcpt(s, slice_str(t->recipient), slice_of(NULL, 0));
		transaction_abort(s);
	}
	session_free(&s);
	return (now() - start) / SESSIONS * 1e9;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof *values, compare);
	return values[ROUNDS / 2];
}

static void compare_tables(const char *what, const struct ruleset *small,
    const struct ruleset *large, const struct session_text *sessions,
    double (*time_round)(const struct ruleset *, const struct session_text *))
{
	double small_ns[ROUNDS], large_ns[ROUNDS], ratio[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		small_ns[i] = time_round(small, sessions);
		large_ns[i] = time_round(large, sessions);
		ratio[i] = large_ns[i] / small_ns[i];
	}
	printf("%-28s %6.0f ns small table, %6.0f ns large table, ratio %.2f\n", what,
	    median(small_ns), median(large_ns), median(ratio));
}

int main(void)
{
	struct session_text *sessions = calloc(SESSIONS, sizeof *sessions);
	struct ruleset *small = build(1, 10, 8, 0), *large = build(1000, 800000, 24, 200000);

	if (!sessions || !small || !large)
		return EXIT_FAILURE;
	make_sessions(sessions);
	printf("small: 10 entries, 1 rule; large: 1,000,000 entries, 1,000 rules\n");
	compare_tables("the pure function alone", small, large, sessions, time_pure);
	compare_tables("core's part of MAIL and RCPT", small, large, sessions, time_daemon);
	ruleset_free(&small);
	ruleset_free(&large);
	free(sessions);
	return refusals > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
