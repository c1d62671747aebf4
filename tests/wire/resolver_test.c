/*
 * resolver_test: a server that is slow, silent or gone, many who ask at once, and the end.
 */
#include "fake/resolver_client.h"
#include "unit/unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { STACK_BYTES = 256 * 1024 }; /* for a thousand threads */

/* ---- callers ------------------------------------------------------------------------- */

/* Starting a thousand threads takes a while: they ask when the last one is there. */
static pthread_barrier_t all_there;

struct caller {
	pthread_t thread;
	const char *name;
	char text[32];
	int64_t took;
	enum dns_status status;
};

static void *call(void *self)
{
	struct caller *me = self;
	struct client c;

	client_start(&c, resolver);
	pthread_barrier_wait(&all_there);
	me->took = ask(&c, me->name, DNS_A);
	me->status = c.answer.status;
	client_end(&c);
	return NULL;
}

static void start_callers(struct caller *callers, size_t count, const char *format)
{
	pthread_attr_t attributes;

	pthread_barrier_init(&all_there, NULL, (unsigned)count + 1);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	for (size_t i = 0; i < count; i++) {
		struct caller *c = &callers[i];
		/* A format without %: all ask the same. */
		snprintf(c->text, sizeof c->text, format, (int)i);
		c->name = c->text;
		ck_assert_int_eq(pthread_create(&c->thread, &attributes, call, c), 0);
	}
	pthread_attr_destroy(&attributes);
	pthread_barrier_wait(&all_there);
}

static void join_callers(struct caller *callers, size_t count, enum dns_status status)
{
	for (size_t i = 0; i < count; i++)
		pthread_join(callers[i].thread, NULL);
	pthread_barrier_destroy(&all_there);
	for (size_t i = 0; i < count; i++)
		ck_assert_msg(callers[i].status == status, "%s: status %d after %lld ms",
		    callers[i].text, callers[i].status, (long long)callers[i].took);
}

static void wait_for_queries(size_t count)
{
	for (int i = 0; i < 1000 && stats_of(resolver).in_flight != count; i++)
		sleep_ms(5);
	ck_assert_uint_eq(stats_of(resolver).in_flight, count);
}

/* ---- deadlines ----------------------------------------------------------------------- */

START_TEST(silence_ends_at_the_deadline)
{
	struct resolver_stats stats;
	int64_t took;

	open_zone("dead.example ANY TIMEOUT\nlate.example A 192.0.2.1\nlate.example A SLOW=600\n"
		  "good.example A 192.0.2.1\n",
	    300, 0);
	took = ask(&client, "dead.example", DNS_A);
	ck_assert_int_eq(client.answer.status, DNS_TEMP);
	ck_assert_msg(took >= 290 && took < 300 + SLACK_MS, "%lld ms", (long long)took);
	want(&client, "late.example", DNS_A, DNS_TEMP);
	want(&client, "good.example", DNS_A, DNS_OK);
	sleep_ms(500); /* the late answer comes to nobody */
	want(&client, "good.example", DNS_A, DNS_OK);
	stats = stats_of(resolver);
	ck_assert_uint_eq(stats.expired, 2);
	ck_assert_uint_eq(stats.in_flight, 0);
	close_zone();
}
END_TEST

/* On a busy machine libunbound may give up a question before we do, so it is asked for dead names
 * until the budget is spent. */
START_TEST(budget_of_a_message)
{
	char zone[1024] = "good.example A 192.0.2.1\nnew.example A 192.0.2.1\n", name[24];
	int64_t took = 0;

	for (int i = 0; i < 20; i++)
		snprintf(
		    zone + strlen(zone), sizeof zone - strlen(zone), "%d.example ANY TIMEOUT\n", i);
	open_zone(zone, 400, 900);
	want(&client, "good.example", DNS_A, DNS_OK);
	sleep_ms(1000); /* does not count */
	for (int i = 0; client.session.purse.left > 0 && i < 20; i++) {
		snprintf(name, sizeof name, "%d.example", i);
		took += ask(&client, name, DNS_A);
		ck_assert_int_eq(client.answer.status, DNS_TEMP);
	}
	ck_assert_msg(took >= 850 && took < 900 + SLACK_MS, "%lld ms", (long long)took);
	took = ask(&client, "new.example", DNS_A);
	ck_assert_int_eq(client.answer.status, DNS_TEMP);
	ck_assert_int_lt(took, SLACK_MS);
	ck_assert_uint_eq(dnsserver_asked(server, "new.example"), 0);
	want(&client, "good.example", DNS_A, DNS_OK); /* from the cache, which costs nothing */
	client_end(&client);
	client_start(&client, resolver);
	want(&client, "new.example", DNS_A, DNS_OK);
	close_zone();
}
END_TEST

/* A forwarder that resolves a name for seconds is asked again, but not given up, although it is
 * quick about others. */
/* One party's DNS is slow: its purse is spent, the other's is not, and what was hinted before is
 * there, even with an empty purse, with TTL 0, or failed. */
START_TEST(nobody_spends_another_s_purse)
{
	struct arena *purses = arena_create(4096); /* asking empties a client's own */
	struct client evil, victim, late;
	int64_t took;

	open_zone("s1.evil.example A 192.0.2.1\ns1.evil.example A SLOW=400\n"
		  "s2.evil.example A 192.0.2.1\ns2.evil.example A SLOW=400\n"
		  "dead.example ANY TIMEOUT\n"
		  "victim.example A 192.0.2.1\nvictim.example A SLOW=200\n"
		  "hinted.example A 192.0.2.1\nhinted.example A TTL=0\n",
	    1000, 0);
	evil = victim = late = client;
	evil.dns = dns_open(&client.dns, 600, purses);
	victim.dns = dns_open(&client.dns, 1000, purses);
	late.dns = dns_open(&client.dns, 0, purses);
	dns_hint(&evil.dns, SLICE("hinted.example"), DNS_A);
	want(&evil, "s1.evil.example", DNS_A, DNS_OK);
	took = ask(&evil, "s2.evil.example", DNS_A);
	ck_assert_int_eq(evil.answer.status, DNS_TEMP);
	ck_assert_msg(took < 300 + SLACK_MS, "%lld ms", (long long)took);
	dns_hint(&evil.dns, SLICE("victim.example"), DNS_A); /* an empty purse hints all the same */
	want(&late, "hinted.example", DNS_A, DNS_OK);
	want(&victim, "victim.example", DNS_A, DNS_OK);
	want(&victim, "s2.evil.example", DNS_A, DNS_OK); /* it was under way all the time */
	want(&late, "s2.evil.example", DNS_A, DNS_OK);
	want(&client, "dead.example", DNS_A, DNS_TEMP);
	took = ask(&client, "dead.example", DNS_A);
	ck_assert_int_lt(took, 500);                    /* not asked a second time */
	ck_assert_uint_eq(stats_of(resolver).asked, 5); /* each name once */
	arena_free(&purses);
	close_zone();
}
END_TEST

/* What a message keeps is bounded: beyond it an answer that no cache keeps is asked for again. */
START_TEST(keeps_so_much)
{
	enum { NAMES = 80, LENGTH = 4000 };
	size_t size = NAMES * (LENGTH + 100), len = 0;
	char *zone = malloc(size), big[LENGTH + 1], name[32];

	memset(big, 'x', LENGTH);
	big[LENGTH] = '\0';
	for (int i = 0; i < NAMES; i++)
		len += (size_t)snprintf(zone + len, size - len,
		    "%d.example TXT \"%s\"\n%d.example TXT TTL=0\n", i, big, i);
	open_zone(zone, 5000, 0);
	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof name, "%d.example", i);
		want(&client, name, DNS_TXT, DNS_OK);
	}
	want(&client, "0.example", DNS_TXT, DNS_OK);
	want(&client, name, DNS_TXT, DNS_OK);
	ck_assert_uint_ge(client.session.kept, RESOLVER_KEPT_BYTES);
	ck_assert_uint_lt(client.session.joined_count, NAMES);
	ck_assert_uint_eq(stats_of(resolver).asked, NAMES + 1);
	free(zone);
	close_zone();
}
END_TEST

/* A session that must be done by some time is, whatever its purses hold. */
START_TEST(limit_of_a_session)
{
	struct resolver_purse purse;
	int64_t took;

	open_zone("slow.example A 192.0.2.1\nslow.example A SLOW=900\n"
		  "quick.example A 192.0.2.1\n",
	    5000, 0);
	resolver_session_limit(&client.session, 300);
	resolver_purse_fill(&purse, &client.session, 5000);
	client.dns = resolver_purse_dns(&purse);
	want(&client, "quick.example", DNS_A, DNS_OK);
	ck_assert(!purse.dry);
	took = ask(&client, "slow.example", DNS_A);
	ck_assert_int_eq(client.answer.status, DNS_TEMP);
	ck_assert_msg(took < 300 + SLACK_MS && purse.dry, "%lld ms", (long long)took);
	resolver_session_limit(&client.session, 5000);
	want(&client, "slow.example", DNS_A, DNS_OK);
	close_zone();
}
END_TEST

static int stills;

static void count_still(void)
{
	stills++;
}

/* Told every four seconds, however many questions that time is made of. */
START_TEST(says_that_it_still_waits)
{
	const char *address;
	struct resolver_settings settings = {
	    .servers = &address, .server_count = 1, .question_ms = 3000, .still = count_still};
	char why[RESOLVER_WHY_MAX];

	server = dnsserver_start("1.example ANY TIMEOUT\n2.example ANY TIMEOUT\n"
				 "3.example ANY TIMEOUT\n");
	address = dnsserver_address(server);
	resolver = resolver_create(&settings, why, sizeof why);
	ck_assert_msg(resolver, "%s", why);
	client_start(&client, resolver);
	want(&client, "1.example", DNS_A, DNS_TEMP);
	ck_assert_int_eq(stills, 0);
	want(&client, "2.example", DNS_A, DNS_TEMP);
	ck_assert_int_eq(stills, 1);
	want(&client, "3.example", DNS_A, DNS_TEMP);
	ck_assert_int_eq(stills, 2);
	close_zone();
}
END_TEST

START_TEST(slow_is_not_silent)
{
	struct caller slow[1];
	char name[32];

	open_zone("slow.example A 192.0.2.1\nslow.example A SLOW=4300\n", 5000, 0);
	start_callers(slow, 1, "slow.example");
	for (int i = 0; i < 42; i++) {
		snprintf(name, sizeof name, "quick%d.example", i);
		want(&client, name, DNS_A, DNS_NXDOMAIN);
		sleep_ms(100);
	}
	join_callers(slow, 1, DNS_OK);
	close_zone();
}
END_TEST

START_TEST(server_pauses)
{
	open_zone("1.example A 192.0.2.1\n2.example A 192.0.2.2\n3.example A 192.0.2.3\n", 700, 0);
	want(&client, "1.example", DNS_A, DNS_OK);
	dnsserver_pause(server);
	ck_assert_int_lt(ask(&client, "2.example", DNS_A), 700 + SLACK_MS);
	ck_assert_int_eq(client.answer.status, DNS_TEMP);
	dnsserver_continue(server);
	want(&client, "3.example", DNS_A, DNS_OK);
	close_zone();
}
END_TEST

START_TEST(nobody_there)
{
	struct dnsserver *gone = dnsserver_start("");
	struct client c;

	resolver = resolver_for(dnsserver_address(gone), 1000, 0);
	dnsserver_free(&gone);
	client_start(&c, resolver);
	ck_assert_int_lt(ask(&c, "a.example", DNS_A), 1000 + SLACK_MS);
	ck_assert_int_eq(c.answer.status, DNS_TEMP);
	client_end(&c);
	resolver_free(&resolver);
}
END_TEST

/* The dead one of two forwarders costs a second try, not the answer. */
START_TEST(second_forwarder)
{
	struct dnsserver *dead = dnsserver_start("");
	char name[32];

	server = dnsserver_start("a.example A 192.0.2.1\n");
	const char *servers[] = {dnsserver_address(dead), dnsserver_address(server)};
	struct resolver_settings settings = {.servers = servers, .server_count = 2};
	char why[RESOLVER_WHY_MAX];

	dnsserver_pause(dead);
	resolver = resolver_create(&settings, why, sizeof why);
	ck_assert_msg(resolver != NULL, "%s", why);
	client_start(&client, resolver);
	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof name, "no%d.example", i);
		want(&client, name, DNS_A, DNS_NXDOMAIN);
	}
	close_zone();
	dnsserver_free(&dead);
}
END_TEST

/* ---- many at once -------------------------------------------------------------------- */

START_TEST(callers_share_a_question)
{
	struct caller callers[64];
	struct resolver_stats stats;

	open_zone("same.example A 192.0.2.1\nsame.example A SLOW=450\n", 5000, 0);
	start_callers(callers, ROWS(callers), "same.example");
	join_callers(callers, ROWS(callers), DNS_OK);
	ck_assert_uint_ge(dnsserver_asked(server, "same.example"), 1);
	stats = stats_of(resolver);
	ck_assert_uint_eq(stats.asked, 1);
	ck_assert_uint_eq(stats.shared + stats.cached, ROWS(callers) - 1);
	ck_assert_uint_gt(stats.shared, 0);
	want(&client, "same.example", DNS_TXT, DNS_NODATA); /* another type is another question */
	ck_assert_uint_eq(stats_of(resolver).asked, 2);
	close_zone();
}
END_TEST

/* One whose budget ends leaves; the others get the answer that it started. */
START_TEST(one_leaves_early)
{
	struct caller other[1];
	struct client hasty;
	int64_t took;

	open_zone("slow.example A 192.0.2.1\nslow.example A SLOW=450\n", 5000, 0);
	client_start(&hasty, resolver);
	hasty.session.purse.left = 100 * MONOTONIC_MS;
	start_callers(other, 1, "slow.example");
	wait_for_queries(1);
	took = ask(&hasty, "slow.example", DNS_A);
	ck_assert_int_eq(hasty.answer.status, DNS_TEMP);
	ck_assert_int_lt(took, 400);
	client_end(&hasty);
	join_callers(other, 1, DNS_OK);
	ck_assert_uint_eq(stats_of(resolver).asked, 1);
	close_zone();
}
END_TEST

START_TEST(hints)
{
	int64_t start;
	char name[32];

	open_zone("slow.example A 192.0.2.1\nslow.example A SLOW=300\n"
		  "a.example A 192.0.2.1\nb.example A 192.0.2.1\n",
	    2000, 0);
	dns_hint(&client.dns, SLICE("slow.example"), DNS_A);
	dns_hint(&client.dns, SLICE("slow.example"), DNS_A);
	dns_hint(&client.dns, SLICE("a.example"), DNS_A);
	dns_hint(&client.dns, SLICE("bad..example"), DNS_A);
	want(&client, "slow.example", DNS_A, DNS_OK);
	want(&client, "a.example", DNS_A, DNS_OK);
	ck_assert_uint_eq(stats_of(resolver).asked, 2);
	ck_assert_uint_eq(stats_of(resolver).cached, 1);
	dnsserver_pause(server);
	start = monotonic_now();
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "hint%d.example", i);
		dns_hint(&client.dns, slice_str(name), DNS_A);
	}
	ck_assert_int_lt((monotonic_now() - start) / MONOTONIC_MS, 1000);
	dnsserver_continue(server);
	want(&client, "b.example", DNS_A, DNS_OK);
	close_zone();
}
END_TEST

/* As the daemon does: each question holds a socket, and shells start with room for 1,024 files. */
static void raise_files(void)
{
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

/* 1,000 messages hang on dead names; those of others are answered as if nothing were. */
START_TEST(the_dead_hold_up_nobody)
{
	enum { DEAD = 1000, GOOD = 200, QUESTION_MS = 4000 };
	static struct caller dead[DEAD];
	char *text = malloc(DEAD * 40 + GOOD * 40), *at = text, name[32];
	int64_t took, longest = 0;

	ck_assert(text != NULL);
	raise_files();
	for (int i = 0; i < DEAD; i++)
		at += sprintf(at, "dead%d.example ANY TIMEOUT\n", i);
	for (int i = 0; i < GOOD; i++)
		at += sprintf(at, "good%d.example A 192.0.2.1\n", i);
	open_zone(text, QUESTION_MS, 0);
	free(text);
	start_callers(dead, DEAD, "dead%d.example");
	wait_for_queries(DEAD);
	for (int i = 0; i < GOOD; i++) {
		snprintf(name, sizeof name, "good%d.example", i);
		took = ask(&client, name, DNS_A);
		ck_assert_msg(client.answer.status == DNS_OK, "%s: status %d after %lld ms", name,
		    client.answer.status, (long long)took);
		longest = took > longest ? took : longest;
	}
	ck_assert_msg(longest < 1000, "a good name took %lld ms", (long long)longest);
	ck_assert_uint_eq(stats_of(resolver).in_flight, DEAD);
	join_callers(dead, DEAD, DNS_TEMP);
	for (int i = 0; i < DEAD; i++)
		ck_assert_int_lt(dead[i].took, QUESTION_MS + SLACK_MS);
	wait_for_queries(0);
	ck_assert_uint_eq(stats_of(resolver).expired, DEAD);
	close_zone();
}
END_TEST

/* A forwarder that is silent about some names for long is still asked about others: left to itself,
 * libunbound does not ask it any more after some 20 s of this. */
START_TEST(silence_does_not_condemn_the_forwarder)
{
	enum { ROUNDS = 30, EACH = 8 };
	static struct caller dead[EACH];
	char text[ROUNDS * EACH * 40], format[32], *at = text;

	for (int i = 0; i < ROUNDS; i++)
		for (int k = 0; k < EACH; k++)
			at += sprintf(at, "dead%d.%d.example ANY TIMEOUT\n", k, i);
	sprintf(at, "good.example A 192.0.2.1\n");
	open_zone(text, 700, 60000);
	for (int i = 0; i < ROUNDS; i++) {
		snprintf(format, sizeof format, "dead%%d.%d.example", i);
		start_callers(dead, EACH, format);
		join_callers(dead, EACH, DNS_TEMP);
	}
	ck_assert_int_lt(ask(&client, "good.example", DNS_A), 500);
	ck_assert_int_eq(client.answer.status, DNS_OK);
	close_zone();
}
END_TEST

/* ---- the end ------------------------------------------------------------------------- */

START_TEST(stop_wakes_who_waits)
{
	static struct caller waiting[50];
	int64_t start;

	open_zone("a.example A 192.0.2.1\n", 20000, 60000);
	want(&client, "a.example", DNS_A, DNS_OK);
	dnsserver_pause(server);
	start_callers(waiting, ROWS(waiting), "dead%d.example");
	wait_for_queries(ROWS(waiting));
	start = monotonic_now();
	resolver_stop(resolver);
	join_callers(waiting, ROWS(waiting), DNS_TEMP);
	ck_assert_int_lt((monotonic_now() - start) / MONOTONIC_MS, SLACK_MS);
	want(&client, "a.example", DNS_A, DNS_OK);
	ck_assert_int_lt(ask(&client, "b.example", DNS_A), SLACK_MS);
	ck_assert_int_eq(client.answer.status, DNS_TEMP);
	dns_hint(&client.dns, SLICE("c.example"), DNS_A);
	ck_assert(!stats_of(resolver).running);
	resolver_stop(resolver);
	close_zone();
}
END_TEST

START_TEST(sessions_outlive_a_reload)
{
	struct client later;
	struct resolver *newer;

	open_zone("a.example A 192.0.2.1\nb.example A 192.0.2.1\n", 5000, 0);
	newer = resolver_for(dnsserver_address(server), 5000, 0);
	resolver_free(&resolver);
	ck_assert(resolver == NULL);
	client_start(&later, newer);
	want(&client, "a.example", DNS_A, DNS_OK);
	want(&later, "b.example", DNS_A, DNS_OK);
	client_end(&client);
	want(&later, "a.example", DNS_A, DNS_OK);
	client_end(&later);
	resolver_free(&newer);
	dnsserver_free(&server);
}
END_TEST

/* Threads, names and resolvers come and go all at once: for the thread sanitizer. */
static pthread_mutex_t swap_lock = PTHREAD_MUTEX_INITIALIZER;

static void *wander(void *seed)
{
	static const char *const names[] = {"a.example", "b.example", "none.example",
	    "fail.example", "dead.example", "slow.example", "a..example", "txt.example"};
	static const enum dns_type types[] = {DNS_A, DNS_TXT, DNS_MX};
	unsigned random = (unsigned)(uintptr_t)seed;

	for (int i = 0; i < 40; i++) {
		struct client c;
		pthread_mutex_lock(&swap_lock);
		client_start(&c, resolver);
		pthread_mutex_unlock(&swap_lock);
		for (int k = 0; k < 8; k++) {
			random = random * 1664525 + 1013904223;
			const char *name = names[(random >> 16) % ROWS(names)];
			enum dns_type type = types[(random >> 24) % ROWS(types)];
			if (random & 0x100)
				dns_hint(&c.dns, slice_str(name), type);
			else
				ask(&c, name, type);
		}
		client_end(&c);
	}
	return NULL;
}

START_TEST(everything_at_once)
{
	pthread_t threads[32];
	struct resolver *older;

	server = dnsserver_start("a.example A 192.0.2.1\nb.example A 192.0.2.2\nb.example A TTL=0\n"
				 "fail.example ANY SERVFAIL\ndead.example ANY TIMEOUT\n"
				 "slow.example A 192.0.2.1\nslow.example A SLOW=20\n"
				 "txt.example TXT abc\ntxt.example TXT TTL=1\n");
	resolver = resolver_for(dnsserver_address(server), 50, 100);
	for (size_t i = 0; i < ROWS(threads); i++)
		pthread_create(&threads[i], NULL, wander, (void *)(uintptr_t)(i + 1));
	for (int i = 0; i < 5; i++) {
		sleep_ms(100);
		pthread_mutex_lock(&swap_lock);
		older = resolver;
		resolver = resolver_for(dnsserver_address(server), 50, 100);
		pthread_mutex_unlock(&swap_lock);
		resolver_free(&older);
	}
	for (size_t i = 0; i < ROWS(threads); i++)
		pthread_join(threads[i], NULL);
	ck_assert(stats_of(resolver).running);
	resolver_free(&resolver);
	dnsserver_free(&server);
}
END_TEST

static TCase *group(Suite *s, const char *name)
{
	TCase *t = tcase_create(name);

	tcase_set_timeout(t, TEST_SECONDS);
	suite_add_tcase(s, t);
	return t;
}

Suite *suite(void)
{
	Suite *s = suite_create("resolver");
	TCase *t = group(s, "deadlines");

	tcase_add_test(t, silence_ends_at_the_deadline);
	tcase_add_test(t, budget_of_a_message);
	tcase_add_test(t, nobody_spends_another_s_purse);
	tcase_add_test(t, keeps_so_much);
	tcase_add_test(t, limit_of_a_session);
	tcase_add_test(t, says_that_it_still_waits);
	tcase_add_test(t, slow_is_not_silent);
	tcase_add_test(t, server_pauses);
	tcase_add_test(t, nobody_there);
	tcase_add_test(t, second_forwarder);
	t = group(s, "many");
	tcase_add_test(t, callers_share_a_question);
	tcase_add_test(t, one_leaves_early);
	tcase_add_test(t, hints);
	tcase_add_test(t, the_dead_hold_up_nobody);
	tcase_add_test(t, silence_does_not_condemn_the_forwarder);
	t = group(s, "end");
	tcase_add_test(t, stop_wakes_who_waits);
	tcase_add_test(t, sessions_outlive_a_reload);
	tcase_add_test(t, everything_at_once);
	return s;
}
