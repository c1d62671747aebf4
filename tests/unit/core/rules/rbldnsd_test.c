#include "core/rules/rbldnsd.h"

#include "core/base/line.h"
#include "unit/unit.h"

#include <stdio.h>

/* A text, and its entries in words: "[!]FIRST-LAST=ANSWER" or "[!]FORM NAME=ANSWER", "LINE:why". */
static const struct {
	const char *label;
	enum rbldnsd_type type;
	const char *text, *want;
} rows[] = {
    {"an address", RBLDNSD_IP4SET, "192.0.2.7", "192.0.2.7-192.0.2.7=127.0.0.2 "},
    {"a prefix of octets", RBLDNSD_IP4SET, "192.0.2\n10",
	"192.0.2.0-192.0.2.255=127.0.0.2 10.0.0.0-10.255.255.255=127.0.0.2 "},
    {"a network", RBLDNSD_IP4TRIE, "192.0.2.0/25\n127/8",
	"192.0.2.0-192.0.2.127=127.0.0.2 127.0.0.0-127.255.255.255=127.0.0.2 "},
    {"a range of last octets", RBLDNSD_IP4SET, "192.0.2.1-9", "192.0.2.1-192.0.2.9=127.0.0.2 "},
    {"a range of two prefixes", RBLDNSD_IP4SET, "127.16-127.31\n127.16-31",
	"127.16.0.0-127.31.255.255=127.0.0.2 127.16.0.0-127.31.255.255=127.0.0.2 "},
    {"a range of two addresses", RBLDNSD_IP4SET, "192.0.2.250-192.0.3.5",
	"192.0.2.250-192.0.3.5=127.0.0.2 "},
    {"taken out", RBLDNSD_IP4SET, "!192.0.2.7\n! 192.0.2.8",
	"!192.0.2.7-192.0.2.7=127.0.0.2 !192.0.2.8-192.0.2.8=127.0.0.2 "},
    {"answers", RBLDNSD_IP4SET, "192.0.2.1 :127.0.0.4:text\n192.0.2.2 :5:text\n192.0.2.3 text",
	"192.0.2.1-192.0.2.1=127.0.0.4 192.0.2.2-192.0.2.2=127.0.0.5 "
	"192.0.2.3-192.0.2.3=127.0.0.2 "},
    {"a default answer", RBLDNSD_IP4SET, ":127.0.0.9:text\n192.0.2.1\n192.0.2.2 :3:x",
	"192.0.2.1-192.0.2.1=127.0.0.9 192.0.2.2-192.0.2.2=127.0.0.3 "},
    {"comments, and lines for the server", RBLDNSD_IP4SET,
	"# x\n; y\n\n$SOA 1 a b 0 1 2 3 4\n$TTL 5\n$0 text\n192.0.2.1 # no comment, a text",
	"192.0.2.1-192.0.2.1=127.0.0.2 "},
    {"another list", RBLDNSD_IP4SET, "$DATASET dnset x",
	"1:begins another list ($DATASET): give each list a file of its own "},
    {"CRLF", RBLDNSD_IP4SET, "192.0.2.1\r\n192.0.2.2\r\n",
	"192.0.2.1-192.0.2.1=127.0.0.2 192.0.2.2-192.0.2.2=127.0.0.2 "},
    {"no range in a trie", RBLDNSD_IP4TRIE, "192.0.2.1-9",
	"1:is not an IPv4 address, prefix, network or range "},
    {"a range backwards", RBLDNSD_IP4SET, "192.0.2.9-1", "1:is a range whose end lies before it "},
    {"bits behind the length", RBLDNSD_IP4SET, "192.0.2.1/24",
	"1:is not a network: bits are set behind its length "},
    {"five octets", RBLDNSD_IP4SET, "1.2.3.4.5\n1.2.3.\n256\n",
	"1:is not an IPv4 address, prefix, network or range 2:is not an IPv4 address, prefix, "
	"network or range 3:is not an IPv4 address, prefix, network or range "},
    {"a wrong answer", RBLDNSD_IP4SET, "192.0.2.1 :x:y", "1:has an answer that is no address "},
    {"IPv6", RBLDNSD_IP6TRIE, "2001:db8::/32\n2001:db8::1",
	"2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff=127.0.0.2 "
	"2001:db8::1-2001:db8::1=127.0.0.2 "},
    {"IPv6, a prefix of groups", RBLDNSD_IP6TRIE, "2001:db8:1\n2001:db8:1/48",
	"2001:db8:1::-2001:db8:1:ffff:ffff:ffff:ffff:ffff=127.0.0.2 "
	"2001:db8:1::-2001:db8:1:ffff:ffff:ffff:ffff:ffff=127.0.0.2 "},
    {"IPv6 in full", RBLDNSD_IP6TRIE, "2001:db8:0:0:0:0:0:1", "2001:db8::1-2001:db8::1=127.0.0.2 "},
    {"IPv4 in a list of IPv6", RBLDNSD_IP6TRIE, "192.0.2.1",
	"1:is not an IPv6 address or network "},
    {"names", RBLDNSD_DNSET, "Example.COM.\n.example.net\n*.example.org\n!good.example.net",
	"0 example.com=127.0.0.2 1 example.net=127.0.0.2 2 example.org=127.0.0.2 !0 "
	"good.example.net=127.0.0.2 "},
    {"no name", RBLDNSD_DNSET, "a..b\n.", "1:is not a name 2:is not a name "},
};

static void tell(struct line *l, const struct rbldnsd_entry *e)
{
	char first[IP_TEXT_MAX], last[IP_TEXT_MAX], answer[IP_TEXT_MAX];

	ip_format(&e->first, first);
	ip_format(&e->last, last);
	ip_format(&e->answer, answer);
	if (e->wrong)
		line_append(l, "%u:%s ", e->line, e->wrong);
	else if (e->name.len > 0)
		line_append(l, "%s%u %.*s=%s ", e->out ? "!" : "", (unsigned)e->form,
		    SLICE_ARG(e->name), answer);
	else
		line_append(l, "%s%s-%s=%s ", e->out ? "!" : "", first, last, answer);
}

START_TEST(reads)
{
	struct arena *arena = arena_create(1 << 16);
	struct rbldnsd_reader r =
	    rbldnsd_open(slice_str(rows[_i].text), rows[_i].type, NULL, arena);
	char text[1024];
	struct line l = line_start(text, sizeof text);
	struct rbldnsd_entry e;

	while (rbldnsd_next(&r, &e))
		tell(&l, &e);
	ck_assert_msg(strcmp(text, rows[_i].want) == 0, "%s: %s", rows[_i].label, text);
	arena_free(&arena);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("rbldnsd");
	TCase *t = tcase_create("lines");

	tcase_add_loop_test(t, reads, 0, ROWS(rows));
	suite_add_tcase(s, t);
	return s;
}
