/*
 * resolver_recursive_test: without a forwarder, from the root down; and the servers of resolv.conf,
 * whose port nobody can choose.  Both in a network of the test's own, in which a server of the test
 * is the root of the DNS.
 */
#include "fake/netns.h"
#include "fake/resolver_client.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ROOT   "192.0.2.53"
#define ANCHOR "/usr/share/dns/root.key" /* Debian's dns-root-data */

static const char zone[] = ".                NS  a.root.example\n"
			   "a.root.example   A   " ROOT "\n"
			   "mail.example.org A   192.0.2.1\n"
			   "mail.example.org TXT \"v=spf1 -all\"\n"
			   "dead.example.org ANY TIMEOUT\n";

static void write_file(char path[], const char *text)
{
	int fd = mkstemp(path);

	ck_assert(fd >= 0);
	ck_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void start(const char *how, const char *hints, const char *resolv_conf, const char *anchor)
{
	struct resolver_settings settings = {.servers = &how,
	    .server_count = 1,
	    .question_ms = 2000,
	    .root_hints = hints,
	    .resolv_conf = resolv_conf,
	    .trust_anchor = anchor};
	char why[RESOLVER_WHY_MAX];

	server = dnsserver_start_at(zone, ROOT, 53);
	resolver = resolver_create(&settings, why, sizeof why);
	ck_assert_msg(resolver != NULL, "%s", why);
	client_start(&client, resolver);
}

static void check_answers(void)
{
	want(&client, "mail.example.org", DNS_A, DNS_OK);
	ck_assert(slice_equal(client.answer.records[0].data, SLICE("\xc0\0\2\1")));
	want(&client, "Mail.Example.org", DNS_TXT, DNS_OK);
	want(&client, "mail.example.org", DNS_MX, DNS_NODATA);
	want(&client, "none.example.org", DNS_A, DNS_NXDOMAIN);
	ck_assert_int_lt(ask(&client, "dead.example.org", DNS_A), 2000 + SLACK_MS);
	ck_assert_int_eq(client.answer.status, DNS_TEMP);
	want(&client, "other.example.org", DNS_A, DNS_NXDOMAIN);
}

START_TEST(from_the_root)
{
	char hints[] = "/tmp/resolver_test.XXXXXX";

	if (!netns_enter(ROOT))
		return;
	write_file(hints, ". 3600 NS a.root.example.\na.root.example. 3600 A " ROOT "\n");
	start("recursive", hints, NULL, "");
	unlink(hints);
	check_answers();
	close_zone();
}
END_TEST

/* This root is not signed, and the true one is: nothing that it says counts. */
START_TEST(from_a_false_root)
{
	char hints[] = "/tmp/resolver_test.XXXXXX";

	if (access(ANCHOR, R_OK) != 0) {
		fprintf(stderr, "not tested, for there is no %s\n", ANCHOR);
		return;
	}
	if (!netns_enter(ROOT))
		return;
	write_file(hints, ". 3600 NS a.root.example.\na.root.example. 3600 A " ROOT "\n");
	start("recursive", hints, NULL, NULL);
	unlink(hints);
	want(&client, "mail.example.org", DNS_A, DNS_TEMP);
	close_zone();
}
END_TEST

START_TEST(from_the_servers_of_the_system)
{
	char conf[] = "/tmp/resolver_test.XXXXXX";

	if (!netns_enter(ROOT))
		return;
	write_file(conf, "search example.net\nnameserver " ROOT "\noptions timeout:1\n");
	start("system", NULL, conf, NULL);
	unlink(conf);
	check_answers();
	close_zone();
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("resolver_recursive");
	TCase *t = tcase_create("recursive");

	tcase_set_timeout(t, TEST_SECONDS);
	tcase_add_test(t, from_the_root);
	tcase_add_test(t, from_a_false_root);
	tcase_add_test(t, from_the_servers_of_the_system);
	suite_add_tcase(s, t);
	return s;
}
