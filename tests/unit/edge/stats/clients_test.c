#include "unit/unit.h"

#include "edge/stats/clients.h"

#include <pthread.h>
#include <string.h>

/* A decision on one client. */
struct made {
	struct facts facts;
	struct rule rule;
	struct verdict verdict;
	struct record record;
};

static void make(struct made *m, uint32_t client, enum action action, bool monitored)
{
	unsigned char v4[4] = {(unsigned char)(client >> 24), (unsigned char)(client >> 16),
	    (unsigned char)(client >> 8), (unsigned char)client};

	memset(m, 0, sizeof *m);
	m->facts.client = ip_from_v4(v4);
	m->rule.name = SLICE("dialup");
	m->verdict = (struct verdict){
	    .kind = action == ACTION_ACCEPT ? VERDICT_CONTINUE : VERDICT_FINAL,
	    .action = action,
	    .monitored = monitored,
	    .family = action == ACTION_ACCEPT ? FAMILY_NONE : FAMILY_SUSRANGES,
	    .rule = action == ACTION_ACCEPT ? NULL : &m->rule,
	};
	m->record = (struct record){.facts = &m->facts, .decision = decision_of(&m->verdict)};
}

static void count(
    struct clients *c, uint32_t client, enum action action, bool monitored, unsigned n)
{
	struct made m;

	make(&m, client, action, monitored);
	while (n-- > 0)
		clients_count(c, &m.record);
}

static void check(const struct client_seen *s, const char *client, const char *rule, uint64_t times,
    bool monitored)
{
	char text[IP_TEXT_MAX];

	text[ip_format(&s->client, text)] = '\0';
	ck_assert_str_eq(text, client);
	ck_assert_str_eq(s->rule, rule);
	ck_assert_uint_eq(s->count, times);
	ck_assert_int_eq(s->monitored, monitored);
}

START_TEST(test_busiest_first)
{
	struct clients *c = clients_create();
	struct client_seen seen[8];
	struct clients_told told;
	struct clients_look *look;

	count(c, 0xc6336407, ACTION_REJECT, false, 1000); /* nobody looks */
	look = clients_begin(c);
	ck_assert_ptr_nonnull(look);
	count(c, 0xc6336407, ACTION_REJECT, false, 5);
	count(c, 0xc6336407, ACTION_REJECT, true, 7);
	count(c, 0xc6336408, ACTION_ACCEPT, false, 5);
	count(c, 0xc6336409, ACTION_ACCEPT, false, 9);
	ck_assert_uint_eq(clients_end(c, &look, seen, 8, &told), 4);
	ck_assert_ptr_null(look);
	ck_assert_uint_eq(told.pairs, 4);
	ck_assert_uint_eq(told.beyond, 0);
	check(&seen[0], "198.51.100.9", "", 9, false);
	check(&seen[1], "198.51.100.7", "dialup", 7, true);
	check(&seen[2], "198.51.100.7", "dialup", 5, false);
	check(&seen[3], "198.51.100.8", "", 5, false);
	look = clients_begin(c);
	count(c, 0xc6336407, ACTION_REJECT, false, 1);
	ck_assert_uint_eq(clients_end(c, &look, seen, 1, &told), 1);
	check(&seen[0], "198.51.100.7", "dialup", 1, false);
	clients_free(&c);
	ck_assert_ptr_null(c);
}
END_TEST

/* However many come, memory does not grow, those that were there first are exact, and no decision
 * is forgotten. */
START_TEST(test_bounded)
{
	enum { MANY = 3 * CLIENTS_MAX };
	struct clients *c = clients_create();
	struct clients_look *look = clients_begin(c);
	struct client_seen seen[2];
	struct clients_told told;

	count(c, 1, ACTION_REJECT, false, 3);
	for (uint32_t i = 1; i <= MANY; i++)
		count(c, i * 2654435761u, ACTION_REJECT, false, 1);
	count(c, 1, ACTION_REJECT, false, 3);
	ck_assert_uint_eq(clients_end(c, &look, seen, 2, &told), 2);
	ck_assert_uint_eq(told.pairs, CLIENTS_MAX);
	ck_assert_uint_eq(told.beyond, MANY - (CLIENTS_MAX - 1));
	check(&seen[0], "0.0.0.1", "dialup", 6, false);
	ck_assert_uint_eq(seen[1].count, 1);
	clients_free(&c);
}
END_TEST

START_TEST(test_looks)
{
	struct clients *c = clients_create();
	struct clients_look *looks[CLIENTS_LOOKS_MAX];
	struct client_seen seen;
	struct clients_told told;

	for (size_t i = 0; i < CLIENTS_LOOKS_MAX; i++) {
		looks[i] = clients_begin(c);
		ck_assert_ptr_nonnull(looks[i]);
		count(c, 7, ACTION_REJECT, false, 1);
	}
	ck_assert_ptr_null(clients_begin(c));
	for (size_t i = 0; i < CLIENTS_LOOKS_MAX; i++) {
		ck_assert_uint_eq(clients_end(c, &looks[i], &seen, 1, &told), 1);
		ck_assert_uint_eq(seen.count, CLIENTS_LOOKS_MAX - i); /* each from its own begin */
	}
	looks[0] = clients_begin(c);
	ck_assert_ptr_nonnull(looks[0]);
	ck_assert_uint_eq(clients_end(c, &looks[0], &seen, 1, &told), 0);
	clients_free(&c);
}
END_TEST

enum { EACH = 20000, THREADS = 4 };

static void *count_many(void *context)
{
	for (uint32_t i = 0; i < EACH; i++)
		count(context, i % 100, ACTION_REJECT, false, 1);
	return NULL;
}

START_TEST(test_threads)
{
	struct clients *c = clients_create();
	struct clients_look *look = clients_begin(c);
	struct client_seen seen[200];
	struct clients_told told;
	pthread_t threads[THREADS];
	size_t n;

	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, count_many, c);
	for (int i = 0; i < 50; i++) {
		struct clients_look *other = clients_begin(c);
		clients_end(c, &other, seen, 200, &told);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	n = clients_end(c, &look, seen, 200, &told);
	ck_assert_uint_eq(n, 100);
	for (size_t i = 0; i < n; i++)
		ck_assert_uint_eq(seen[i].count, EACH / 100 * THREADS);
	clients_free(&c);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("clients");
	TCase *t = tcase_create("clients");

	tcase_add_test(t, test_busiest_first);
	tcase_add_test(t, test_bounded);
	tcase_add_test(t, test_looks);
	tcase_add_test(t, test_threads);
	suite_add_tcase(s, t);
	return s;
}
