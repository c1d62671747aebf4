/*
 * resolver_answer_test: every kind of answer that a DNS server may give, and how long it is kept.
 */
#include "fake/resolver_client.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MANY = 120 }; /* records of one name */

/* ---- answers ------------------------------------------------------------------------- */

#define A255                                                                                       \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"                         \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"                         \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"                         \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LABEL63 "abcdefghijklmnopqrstuvwxyz0123456789-abcdefghijklmnopqrstuvwxyz"

static const char zone[] = "a.example        A     192.0.2.1\n"
			   "a.example        AAAA  2001:db8::1\n"
			   "two.example      A     192.0.2.1\n"
			   "two.example      A     192.0.2.2\n"
			   "mx.example       MX    10 Mail.Example\n"
			   "null.example     MX    0 .\n"
			   "192.0.2.1        PTR   Mail.Example\n"
			   "10.1.2.3         PTR   inside.example\n"
			   "2001:db8::1      PTR   six.example\n"
			   "txt.example      TXT   \"v=spf1 \" \"-all\"\n"
			   "nul.example      TXT   a\\000b\\255\n"
			   "empty.example    TXT   \"\"\n"
			   "long.example     TXT   " A255 "b\n"
			   "cut.example      TXT   whole\n"
			   "cut.example      TXT   TRUNCATE\n"
			   "alias.example    CNAME txt.example\n"
			   "alias2.example   CNAME alias.example\n"
			   "dead.example     CNAME nothing.example\n"
			   "loop.example     CNAME loop2.example\n"
			   "loop2.example    CNAME loop.example\n"
			   "b.deep.example   A     192.0.2.3\n"
			   "a\\032b.example  A     192.0.2.4\n"
			   "a\\\\b.example   A     192.0.2.5\n"
			   "a\\046b.example  A     192.0.2.6\n"
			   "\\200\\000.example A   192.0.2.7\n"
			   "_x-1.example     A     192.0.2.8\n" LABEL63 ".example A     192.0.2.9\n"
			   "name.test        A     192.0.2.10\n"
			   "fail.example     ANY   SERVFAIL\n"
			   "refused.example  ANY   REFUSED\n"
			   "garbage.example  ANY   GARBAGE\n"
			   "a3.example       A     \\# 3 C00002\n"
			   "a5.example       A     \\# 5 C000020101\n"
			   "txtcut.example   TXT   \\# 3 056162\n"
			   "txtnone.example  TXT   \\# 0\n"
			   "mxcut.example    MX    \\# 2 000A\n"
			   "mxdot.example    MX    \\# 8 000A03612E620000\n"
			   "ptrdot.example   PTR   \\# 5 03612E6200\n";

static const struct {
	const char *label;
	struct slice name;
	enum dns_type type;
	enum dns_status status;
	size_t count;
	struct slice data; /* of the first record, when there is just one */
	uint16_t preference;
} answers[] = {
    {"A", SLICE_INIT("a.example"), DNS_A, DNS_OK, 1, SLICE_INIT("\xc0\0\2\1"), 0},
    {"AAAA", SLICE_INIT("a.example"), DNS_AAAA, DNS_OK, 1,
	SLICE_INIT("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"), 0},
    {"upper case", SLICE_INIT("A.EXAMPLE"), DNS_A, DNS_OK, 1, SLICE_INIT("\xc0\0\2\1"), 0},
    {"two A", SLICE_INIT("two.example"), DNS_A, DNS_OK, 2, {0}, 0},
    {"MX", SLICE_INIT("mx.example"), DNS_MX, DNS_OK, 1, SLICE_INIT("mail.example"), 10},
    {"null MX", SLICE_INIT("null.example"), DNS_MX, DNS_OK, 1, SLICE_INIT(""), 0},
    {"PTR", SLICE_INIT("1.2.0.192.in-addr.arpa"), DNS_PTR, DNS_OK, 1, SLICE_INIT("mail.example"),
	0},
    {"PTR of a private network", SLICE_INIT("3.2.1.10.in-addr.arpa"), DNS_PTR, DNS_OK, 1,
	SLICE_INIT("inside.example"), 0},
    {"PTR of IPv6",
	SLICE_INIT("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"),
	DNS_PTR, DNS_OK, 1, SLICE_INIT("six.example"), 0},
    {"TXT of two strings", SLICE_INIT("txt.example"), DNS_TXT, DNS_OK, 1, SLICE_INIT("v=spf1 -all"),
	0},
    {"TXT with NUL", SLICE_INIT("nul.example"), DNS_TXT, DNS_OK, 1, SLICE_INIT("a\0b\xff"), 0},
    {"TXT empty", SLICE_INIT("empty.example"), DNS_TXT, DNS_OK, 1, SLICE_INIT(""), 0},
    {"TXT over 255", SLICE_INIT("long.example"), DNS_TXT, DNS_OK, 1, SLICE_INIT(A255 "b"), 0},
    {"too big for UDP", SLICE_INIT("big.example"), DNS_A, DNS_OK, MANY, {0}, 0},
    {"truncated, then TCP", SLICE_INIT("cut.example"), DNS_TXT, DNS_OK, 1, SLICE_INIT("whole"), 0},
    {"CNAME", SLICE_INIT("alias.example"), DNS_TXT, DNS_OK, 1, SLICE_INIT("v=spf1 -all"), 0},
    {"CNAME of CNAME", SLICE_INIT("alias2.example"), DNS_TXT, DNS_OK, 1, SLICE_INIT("v=spf1 -all"),
	0},
    {"CNAME to NODATA", SLICE_INIT("alias.example"), DNS_A, DNS_NODATA, 0, {0}, 0},
    {"CNAME to nothing", SLICE_INIT("dead.example"), DNS_A, DNS_NXDOMAIN, 0, {0}, 0},
    {"CNAME loop", SLICE_INIT("loop.example"), DNS_A, DNS_TEMP, 0, {0}, 0},
    {"NODATA", SLICE_INIT("a.example"), DNS_MX, DNS_NODATA, 0, {0}, 0},
    {"empty non-terminal", SLICE_INIT("deep.example"), DNS_A, DNS_NODATA, 0, {0}, 0},
    {"NXDOMAIN", SLICE_INIT("nothing.example"), DNS_A, DNS_NXDOMAIN, 0, {0}, 0},
    {"blank in a label", SLICE_INIT("a b.example"), DNS_A, DNS_OK, 1, SLICE_INIT("\xc0\0\2\4"), 0},
    {"backslash", SLICE_INIT("a\\b.example"), DNS_A, DNS_OK, 1, SLICE_INIT("\xc0\0\2\5"), 0},
    {"a dot is no part of a label", SLICE_INIT("a.b.example"), DNS_A, DNS_NXDOMAIN, 0, {0}, 0},
    {"no escapes in names", SLICE_INIT("a\\046b.example"), DNS_A, DNS_NXDOMAIN, 0, {0}, 0},
    {"8 bits and NUL", SLICE_INIT("\xc8\0.example"), DNS_A, DNS_OK, 1, SLICE_INIT("\xc0\0\2\7"), 0},
    {"hyphen and underscore", SLICE_INIT("_x-1.example"), DNS_A, DNS_OK, 1,
	SLICE_INIT("\xc0\0\2\x08"), 0},
    {"label of 63", SLICE_INIT(LABEL63 ".example"), DNS_A, DNS_OK, 1, SLICE_INIT("\xc0\0\2\x09"),
	0},
    {"below test.", SLICE_INIT("name.test"), DNS_A, DNS_OK, 1, SLICE_INIT("\xc0\0\2\x0a"), 0},
    {"SERVFAIL", SLICE_INIT("fail.example"), DNS_A, DNS_TEMP, 0, {0}, 0},
    {"REFUSED", SLICE_INIT("refused.example"), DNS_A, DNS_TEMP, 0, {0}, 0},
    {"garbage", SLICE_INIT("garbage.example"), DNS_A, DNS_TEMP, 0, {0}, 0},
    {"A of 3 bytes", SLICE_INIT("a3.example"), DNS_A, DNS_TEMP, 0, {0}, 0},
    {"A of 5 bytes", SLICE_INIT("a5.example"), DNS_A, DNS_TEMP, 0, {0}, 0},
    {"TXT cut short", SLICE_INIT("txtcut.example"), DNS_TXT, DNS_TEMP, 0, {0}, 0},
    {"TXT without string", SLICE_INIT("txtnone.example"), DNS_TXT, DNS_TEMP, 0, {0}, 0},
    {"MX without host", SLICE_INIT("mxcut.example"), DNS_MX, DNS_TEMP, 0, {0}, 0},
    {"MX bytes behind the host", SLICE_INIT("mxdot.example"), DNS_MX, DNS_TEMP, 0, {0}, 0},
    {"PTR dot in a label", SLICE_INIT("ptrdot.example"), DNS_PTR, DNS_TEMP, 0, {0}, 0},
    {"empty label", SLICE_INIT("a..example"), DNS_A, DNS_BADNAME, 0, {0}, 0},
    {"dot behind", SLICE_INIT("a.example."), DNS_A, DNS_BADNAME, 0, {0}, 0},
    {"no name", SLICE_INIT(""), DNS_A, DNS_BADNAME, 0, {0}, 0},
    {"label of 64", SLICE_INIT(LABEL63 "x.example"), DNS_A, DNS_BADNAME, 0, {0}, 0},
    {"name of 255", SLICE_INIT(LABEL63 "." LABEL63 "." LABEL63 "." LABEL63), DNS_A, DNS_BADNAME, 0,
	{0}, 0},
};

/* The zone above, and a name with more records than UDP carries. */
static const char *whole_zone(void)
{
	static char text[sizeof zone + MANY * 32];
	char *at = text + sprintf(text, "%s", zone);

	for (int i = 0; i < MANY; i++)
		at += sprintf(at, "big.example A 192.0.2.%d\n", i);
	return text;
}

static void check_answer(size_t i, const char *when)
{
	const struct dns_answer *a = &client.answer;
	const char *label = answers[i].label;

	arena_reset(client.arena);
	dns_lookup(&client.dns, answers[i].name, answers[i].type, client.arena, &client.answer);
	ck_assert_msg(a->status == answers[i].status, "%s, %s: status %d", label, when, a->status);
	ck_assert_msg(a->count == answers[i].count, "%s, %s: %zu records", label, when, a->count);
	ck_assert_msg(!a->secure, "%s, %s: not signed", label, when);
	if (a->count != 1)
		return;
	ck_assert_msg(slice_equal(a->records[0].data, answers[i].data), "%s, %s: data %.*s", label,
	    when, SLICE_ARG(a->records[0].data));
	ck_assert_msg(a->records[0].preference == answers[i].preference, "%s, %s", label, when);
}

START_TEST(all_answers)
{
	struct resolver_stats first, stats;

	open_zone(whole_zone(), 5000, 60000);
	for (size_t i = 0; i < ROWS(answers); i++)
		check_answer(i, "asked");
	first = stats_of(resolver);
	ck_assert_uint_eq(first.cached, 1); /* "upper case" */
	for (size_t i = 0; i < ROWS(answers); i++)
		check_answer(i, "from before");
	stats = stats_of(resolver);
	ck_assert_uint_eq(stats.asked, first.asked);
	ck_assert_uint_eq(
	    stats.cached - first.cached, ROWS(answers) - stats.lookups[DNS_BADNAME] / 2);
	ck_assert_uint_eq(stats.lookups[DNS_OK] + stats.lookups[DNS_NODATA] +
			      stats.lookups[DNS_NXDOMAIN] + stats.lookups[DNS_TEMP] +
			      stats.lookups[DNS_BADNAME],
	    2 * ROWS(answers));
	ck_assert_uint_eq(stats.lookups[DNS_BADNAME], 10);
	ck_assert_uint_eq(stats.in_flight, 0);
	ck_assert(stats.running);
	close_zone();
}
END_TEST

START_TEST(bad_names_are_not_asked)
{
	open_zone("a.example A 192.0.2.1\n", 5000, 0);
	for (size_t i = 0; i < ROWS(answers); i++)
		if (answers[i].status == DNS_BADNAME)
			check_answer(i, "alone");
	ck_assert_uint_eq(dnsserver_asked(server, ""), 0);
	close_zone();
}
END_TEST

/* ---- the cache ----------------------------------------------------------------------- */

/* A message keeps its own answers: what the cache has is seen by the next one. */
static void next_message(void)
{
	client_end(&client);
	client_start(&client, resolver);
}

static void want_once(const char *name, enum dns_type type, enum dns_status status)
{
	next_message();
	want(&client, name, type, status);
}

/* On a busy machine libunbound asks the server again: there may be more questions than here. */
START_TEST(cache)
{
	static const char *const names[] = {"a.example", "A.Example", "a.example"};
	struct resolver_stats stats;

	open_zone("a.example A 192.0.2.1\n"
		  "short.example A 192.0.2.1\nshort.example ANY TTL=1\n"
		  "never.example A 192.0.2.1\nnever.example ANY TTL=0\n"
		  "day.example A 192.0.2.1\nday.example ANY TTL=86400\n",
	    5000, 0);
	for (size_t i = 0; i < ROWS(names); i++)
		want_once(names[i], DNS_A, DNS_OK);
	ck_assert_uint_eq(stats_of(resolver).cached, 2);
	for (int i = 0; i < 2; i++)
		want_once("day.example", DNS_A, DNS_OK);
	ck_assert_uint_le(client.answer.ttl, 300);
	for (int i = 0; i < 3; i++)
		want_once("never.example", DNS_A, DNS_OK);
	ck_assert_uint_eq(stats_of(resolver).cached, 3);
	ck_assert_uint_ge(dnsserver_asked(server, "never.example"), 3);
	want_once("short.example", DNS_A, DNS_OK);
	sleep_ms(2100);
	want_once("short.example", DNS_A, DNS_OK);
	ck_assert_uint_ge(dnsserver_asked(server, "short.example"), 2);
	stats = stats_of(resolver);
	ck_assert_uint_eq(stats.cache_entries, 3);
	ck_assert_uint_gt(stats.cache_bytes, 0);
	close_zone();
}
END_TEST

/* A failure is kept, but only for a moment. */
START_TEST(cache_of_failures)
{
	open_zone("fail.example ANY SERVFAIL\n", 5000, 0);
	want_once("fail.example", DNS_A, DNS_TEMP);
	want_once("fail.example", DNS_A, DNS_TEMP);
	ck_assert_uint_eq(stats_of(resolver).cached, 1);
	dnsserver_reload(server, "fail.example A 192.0.2.1\n");
	for (int i = 0; i < 80 && client.answer.status != DNS_OK; i++) {
		sleep_ms(100);
		next_message();
		ask(&client, "fail.example", DNS_A);
	}
	ck_assert_int_eq(client.answer.status, DNS_OK);
	close_zone();
}
END_TEST

/* A zone that is to be signed, by its trust anchor, and is not: bogus, so no answer. */
START_TEST(bogus)
{
	static const char anchor[] =
	    "signed.example. IN DS 20326 8 2 "
	    "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n";
	char path[] = "/tmp/resolver_test.XXXXXX", why[RESOLVER_WHY_MAX] = "";
	int fd = mkstemp(path);

	server = dnsserver_start("a.signed.example A 192.0.2.1\na.plain.example A 192.0.2.1\n");
	const char *address = dnsserver_address(server);
	struct resolver_settings settings = {
	    .servers = &address, .server_count = 1, .trust_anchor = path};
	ck_assert(write(fd, anchor, strlen(anchor)) > 0);
	close(fd);
	resolver = resolver_create(&settings, why, sizeof why);
	ck_assert_msg(resolver != NULL, "%s", why);
	unlink(path);
	client_start(&client, resolver);
	want(&client, "a.plain.example", DNS_A, DNS_OK);
	want(&client, "a.signed.example", DNS_A, DNS_TEMP);
	close_zone();
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("resolver_answer");
	TCase *t = tcase_create("answers");

	tcase_set_timeout(t, TEST_SECONDS);
	tcase_add_test(t, all_answers);
	tcase_add_test(t, bad_names_are_not_asked);
	tcase_add_test(t, cache);
	tcase_add_test(t, cache_of_failures);
	tcase_add_test(t, bogus);
	suite_add_tcase(s, t);
	return s;
}
