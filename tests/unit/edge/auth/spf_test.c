/* Whole checks: what the public suite does not ask. */
#include "unit/unit.h"

#include "fake/counting.h"
#include "unit/spf_ask.h"

#define NAME(n) "192.0.2.1 PTR p" n ".other.example\n"
#define NINE_NAMES                                                                                 \
	NAME("0") NAME("1") NAME("2") NAME("3") NAME("4") NAME("5") NAME("6") NAME("7") NAME("8")

/* mechanism, explanation: exact.  problem: a piece of it. */
static const struct {
	const char *label, *zone, *client, *sender;
	enum spf_result result;
	const char *mechanism, *explanation, *problem;
} rows[] = {
    /* Who is checked. */
    {"null sender", "mx.h.example TXT \"v=spf1 -all\"", "192.0.2.1", "", SPFR_FAIL, "-all", "", ""},
    {"no record", "e.example A 192.0.2.1", "192.0.2.1", "a@e.example", SPFR_NONE, "", "", ""},
    {"one label is no domain", "example TXT \"v=spf1 -all\"", "192.0.2.1", "a@example", SPFR_NONE,
	"", "", ""},
    {"an empty label is none", "e.example TXT \"v=spf1 -all\"", "192.0.2.1", "a@e..example",
	SPFR_NONE, "", "", ""},
    {"no client address", "e.example TXT \"v=spf1 -all\"", "", "a@e.example", SPFR_NONE, "", "",
	""},
    {"trailing dot", "e.example TXT \"v=spf1 -all\"", "192.0.2.1", "a@e.example.", SPFR_FAIL,
	"-all", "", ""},
    {"loopback is no exception", "e.example TXT \"v=spf1 a -all\"\ne.example A 127.0.0.2",
	"127.0.0.1", "a@e.example", SPFR_FAIL, "-all", "", ""},
    {"loopback by a", "e.example TXT \"v=spf1 a/31 -all\"\ne.example A 127.0.0.0", "127.0.0.1",
	"a@e.example", SPFR_PASS, "a/31", "", ""},
    {"loopback by mx, IPv6",
	"e.example TXT \"v=spf1 mx -all\"\ne.example MX 1 m.example\nm.example AAAA ::1", "::1",
	"a@e.example", SPFR_PASS, "mx", "", ""},
    /* The term that decided. */
    {"ip4 in the middle",
	"e.example TXT \"v=spf1 a ip4:192.0.2.0/24 mx -all\"\ne.example A 1.2.3.4", "192.0.2.1",
	"a@e.example", SPFR_PASS, "ip4:192.0.2.0/24", "", ""},
    {"ip6", "e.example TXT \"v=spf1 ip4:192.0.2.0/24 ~ip6:2001:db8::/32 -all\"", "2001:db8::5",
	"a@e.example", SPFR_SOFTFAIL, "~ip6:2001:db8::/32", "", ""},
    {"ip6 that holds the mapped addresses and others",
	"e.example TXT \"v=spf1 ip6:::ffff:192.0.2.1/80 -all\"", "::5", "a@e.example", SPFR_PASS,
	"ip6:::ffff:192.0.2.1/80", "", ""},
    {"ip6 next to the mapped addresses",
	"e.example TXT \"v=spf1 -ip6:::ffff:192.0.2.1/95 ip6:::ffff:0:0/95 -all\"", "::fffe:0:1",
	"a@e.example", SPFR_FAIL, "-ip6:::ffff:192.0.2.1/95", "", ""},
    {"ip6 with mapped addresses only", "e.example TXT \"v=spf1 ip6:::ffff:192.0.2.1/96 -all\"",
	"192.0.2.1", "a@e.example", SPFR_FAIL, "-all", "", ""},
    {"ip6 of everything is not for IPv4", "e.example TXT \"v=spf1 ip6:::ffff:0:0/0 -all\"",
	"192.0.2.1", "a@e.example", SPFR_FAIL, "-all", "", ""},
    {"last DNS term",
	"e.example TXT \"v=spf1 -a:x.example ?mx\"\nx.example A 192.0.2.1\n"
	"e.example MX 1 y.example\ny.example A 192.0.2.9",
	"192.0.2.9", "a@e.example", SPFR_NEUTRAL, "?mx", "", ""},
    {"none decided", "e.example TXT \"v=spf1 a\"\ne.example A 192.0.2.2", "192.0.2.1",
	"a@e.example", SPFR_NEUTRAL, "", "", ""},
    {"through an include",
	"e.example TXT \"v=spf1 a include:i.example -all\"\ne.example A 192.0.2.2\n"
	"i.example TXT \"v=spf1 a:z.example ip4:192.0.2.1 -all\"\nz.example A 192.0.2.3",
	"192.0.2.1", "a@e.example", SPFR_PASS, "include:i.example", "", ""},
    {"past an include",
	"e.example TXT \"v=spf1 include:i.example ~all\"\ni.example TXT \"v=spf1 -all\"",
	"192.0.2.1", "a@e.example", SPFR_SOFTFAIL, "~all", "", ""},
    {"through a redirect",
	"e.example TXT \"v=spf1 redirect=r.example\"\nr.example TXT \"v=spf1 ptr -all\"",
	"192.0.2.1", "a@e.example", SPFR_FAIL, "-all", "", ""},
    {"redirect inside an include keeps the explanation outside",
	"e.example TXT \"v=spf1 -include:i.example exp=x.example ?all\"\n"
	"i.example TXT \"v=spf1 redirect=r.example exp=bad.example\"\n"
	"r.example TXT \"v=spf1 +all exp=bad.example\"\n"
	"x.example TXT \"outer\"\nbad.example TXT \"inner\"",
	"192.0.2.1", "a@e.example", SPFR_FAIL, "-include:i.example", "outer", ""},
    /* Traps of the library. */
    {"two labels of two",
	"e.example TXT \"v=spf1 exists:%{d2}.l.example -all\"\n"
	"e.example.l.example A 127.0.0.2",
	"192.0.2.1", "a@e.example", SPFR_PASS, "exists:%{d2}.l.example", "", ""},
    {"two hundred labels",
	"e.example TXT \"v=spf1 exists:%{d200}.l.example -all\"\n"
	"e.example.l.example A 127.0.0.2",
	"192.0.2.1", "a@e.example", SPFR_PASS, "exists:%{d200}.l.example", "", ""},
    {"comma and slash split",
	"e.example TXT \"v=spf1 exists:%{l1r,/}.l.example -all\"\n"
	"a.l.example A 127.0.0.2",
	"192.0.2.1", "a,b/c@e.example", SPFR_PASS, "exists:%{l1r,/}.l.example", "", ""},
    {"bar does not", "e.example TXT \"v=spf1 exists:%{l|}.l.example -all\"", "192.0.2.1",
	"a|b@e.example", SPFR_PERMERROR, "", "", "other than digits"},
    {"upper case escapes",
	"e.example TXT \"v=spf1 exists:%{L}.l.example -all\"\n"
	"a%21%2A%27%28%29.l.example A 127.0.0.2",
	"192.0.2.1", "a!*'()@e.example", SPFR_PASS, "exists:%{L}.l.example", "", ""},
    {"ip4 over 45 characters",
	"e.example TXT \"v=spf1 ip4:192.0.2.1000000000000000000000000000000000000000000000 ?all\"",
	"192.0.2.1", "a@e.example", SPFR_PERMERROR, "", "", "not an IPv4 network"},
    {"NUL ends nothing", "e.example TXT \"v=spf1 +all\\000 -all\"", "192.0.2.1", "a@e.example",
	SPFR_PERMERROR, "", "", "unknown mechanism"},
    {"8 bits", "e.example TXT \"v=spf1 a:\\252.example -all\"", "192.0.2.1", "a@e.example",
	SPFR_PERMERROR, "", "", "not printable"},
    {"space in the local part",
	"e.example TXT \"v=spf1 exists:%{l}.l.example -all\"\n"
	"a\\032b.l.example A 127.0.0.2",
	"192.0.2.1", "a b@e.example", SPFR_PASS, "exists:%{l}.l.example", "", ""},
    {"local part with empty labels", "e.example TXT \"v=spf1 exists:%{l}.l.example -all\"",
	"192.0.2.1", "a..b@e.example", SPFR_FAIL, "-all", "", ""},
    {"local part beyond ASCII matches nobody (RFC 8616)",
	"e.example TXT \"v=spf1 include:%{l}.l.example exists:%{S}.l.example -all\"", "192.0.2.1",
	"j\303\266rg@e.example", SPFR_FAIL, "-all", "", ""},
    {"lengths of zero",
	"e.example TXT \"v=spf1 -a:n.example/0 a:y.example/0 -all\"\n"
	"n.example AAAA ::5\ny.example A 10.0.0.1",
	"192.0.2.1", "a@e.example", SPFR_PASS, "a:y.example/0", "", ""},
    {"mx of zero length, IPv6",
	"e.example TXT \"v=spf1 mx/24//0 -all\"\ne.example MX 1 m.example\n"
	"m.example AAAA 2001:db8::1",
	"2001:db9::1", "a@e.example", SPFR_PASS, "mx/24//0", "", ""},
    {"both lengths",
	"e.example TXT \"v=spf1 -a/31//32 a/8//16 -all\"\ne.example A 192.0.2.2\n"
	"e.example AAAA 2001:db9::",
	"2001:db8::1", "a@e.example", SPFR_PASS, "a/8//16", "", ""},
    {"null MX", "e.example TXT \"v=spf1 mx -all\"\ne.example MX 0 .", "192.0.2.1", "a@e.example",
	SPFR_FAIL, "-all", "", ""},
    {"ptr: reverse look-up fails", "e.example TXT \"v=spf1 ptr -all\"\n192.0.2.1 PTR SERVFAIL",
	"192.0.2.1", "a@e.example", SPFR_TEMPERROR, "", "",
	"no DNS answer for PTR of 1.2.0.192.in-addr.arpa"},
    {"ptr: the same without a fail", "e.example TXT \"v=spf1 ptr ~all\"\n192.0.2.1 PTR SERVFAIL",
	"192.0.2.1", "a@e.example", SPFR_SOFTFAIL, "~all", "", ""},
    {"ptr: ten names are looked at",
	"e.example TXT \"v=spf1 ptr -all\"\n" NINE_NAMES
	"192.0.2.1 PTR w.e.example\nw.e.example A 192.0.2.1",
	"192.0.2.1", "a@e.example", SPFR_PASS, "ptr", "", ""},
    {"ptr: an eleventh is not",
	"e.example TXT \"v=spf1 ptr -all\"\n" NINE_NAMES
	"192.0.2.1 PTR p9.other.example\n192.0.2.1 PTR w.e.example\nw.e.example A 192.0.2.1",
	"192.0.2.1", "a@e.example", SPFR_FAIL, "-all", "", ""},
    {"ptr: the only name fails",
	"e.example TXT \"v=spf1 ptr -all\"\n"
	"192.0.2.1 PTR a.e.example\na.e.example A TIMEOUT",
	"192.0.2.1", "a@e.example", SPFR_TEMPERROR, "", "", "no DNS answer for A of a.e.example"},
    {"the macro p fails",
	"e.example TXT \"v=spf1 exists:%{p}.l.example -all\"\n"
	"192.0.2.1 PTR SERVFAIL",
	"192.0.2.1", "a@e.example", SPFR_TEMPERROR, "", "", "no DNS answer for PTR"},
    {"ptr: one name fails, the next holds",
	"e.example TXT \"v=spf1 ptr -all\"\n"
	"192.0.2.1 PTR a.e.example\n192.0.2.1 PTR b.e.example\n"
	"a.e.example A SERVFAIL\nb.e.example A 192.0.2.1",
	"192.0.2.1", "a@e.example", SPFR_PASS, "ptr", "", ""},
    {"ptr: not by label",
	"e.example TXT \"v=spf1 ptr -all\"\n192.0.2.1 PTR xe.example\n"
	"xe.example A 192.0.2.1",
	"192.0.2.1", "a@e.example", SPFR_FAIL, "-all", "", ""},
    {"the macro p",
	"e.example TXT \"v=spf1 exists:%{p}.l.example -all\"\n"
	"2001:db8::1 PTR other.example\n2001:db8::1 PTR w.e.example\n"
	"other.example AAAA 2001:db8::1\nw.e.example AAAA 2001:db8::1\n"
	"w.e.example.l.example A 127.0.0.2",
	"2001:db8::1", "a@e.example", SPFR_PASS, "exists:%{p}.l.example", "", ""},
    /* A missing answer is never a fail. */
    {"TXT SERVFAIL", "e.example TXT SERVFAIL", "192.0.2.1", "a@e.example", SPFR_TEMPERROR, "", "",
	"no DNS answer for TXT of e.example"},
    {"a SERVFAIL", "e.example TXT \"v=spf1 a -all\"\ne.example A SERVFAIL", "192.0.2.1",
	"a@e.example", SPFR_TEMPERROR, "", "", "no DNS answer for A of e.example"},
    {"mx TIMEOUT", "e.example TXT \"v=spf1 mx -all\"\ne.example MX TIMEOUT", "192.0.2.1",
	"a@e.example", SPFR_TEMPERROR, "", "", "no DNS answer for MX of e.example"},
    {"mx host BOGUS",
	"e.example TXT \"v=spf1 mx -all\"\ne.example MX 1 m.example\nm.example A BOGUS",
	"192.0.2.1", "a@e.example", SPFR_TEMPERROR, "", "", "no DNS answer for A of m.example"},
    {"exists SERVFAIL", "e.example TXT \"v=spf1 exists:x.example -all\"\nx.example A SERVFAIL",
	"2001:db8::1", "a@e.example", SPFR_TEMPERROR, "", "", "no DNS answer for A of x.example"},
    {"include SERVFAIL", "e.example TXT \"v=spf1 include:x.example -all\"\nx.example ANY SERVFAIL",
	"192.0.2.1", "a@e.example", SPFR_TEMPERROR, "", "", "no DNS answer for TXT of x.example"},
    {"deep inside",
	"e.example TXT \"v=spf1 include:x.example -all\"\n"
	"x.example TXT \"v=spf1 -include:y.example -all\"\n"
	"y.example TXT \"v=spf1 redirect=z.example\"\nz.example ANY TIMEOUT",
	"192.0.2.1", "a@e.example", SPFR_TEMPERROR, "", "", "no DNS answer for TXT of z.example"},
    {"redirect SERVFAIL", "e.example TXT \"v=spf1 redirect=x.example\"\nx.example ANY SERVFAIL",
	"192.0.2.1", "a@e.example", SPFR_TEMPERROR, "", "", "no DNS answer for TXT of x.example"},
    {"length zero SERVFAIL", "e.example TXT \"v=spf1 a/0 -all\"\ne.example A SERVFAIL", "192.0.2.1",
	"a@e.example", SPFR_TEMPERROR, "", "", "no DNS answer for A"},
    {"length zero, the MX SERVFAIL",
	"e.example TXT \"v=spf1 mx:m.example/0 -all\"\nm.example MX SERVFAIL", "192.0.2.1",
	"a@e.example", SPFR_TEMPERROR, "", "", "no DNS answer for MX of m.example"},
    {"length zero, the host of the MX SERVFAIL",
	"e.example TXT \"v=spf1 mx:m.example/0 -all\"\nm.example MX 1 h.example\nh.example A "
	"SERVFAIL",
	"192.0.2.1", "a@e.example", SPFR_TEMPERROR, "", "", "no DNS answer for A of h.example"},
    {"length zero, no MX", "e.example TXT \"v=spf1 mx:m.example/0 -all\"", "192.0.2.1",
	"a@e.example", SPFR_FAIL, "-all", "", ""},
    {"the last octet of IPv6",
	"e.example TXT \"v=spf1 ip6:2001:db8::1 a mx -all\"\n"
	"e.example AAAA 2001:db8::3\ne.example MX 1 m.example\nm.example AAAA 2001:db8::4",
	"2001:db8::2", "a@e.example", SPFR_FAIL, "-all", "", ""},
    {"the last octet of IPv6, in a PTR name",
	"e.example TXT \"v=spf1 ptr -all\"\n2001:db8::2 PTR a.e.example\n"
	"a.e.example AAAA 2001:db8::3",
	"2001:db8::2", "a@e.example", SPFR_FAIL, "-all", "", ""},
    {"the last octet of IPv6, in a macro",
	"e.example TXT \"v=spf1 exists:%{ir}.i.example -all\"\n"
	"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.i.example A 127.0.0.2",
	"2001:db8::2", "a@e.example", SPFR_FAIL, "-all", "", ""},
    {"behind the match nobody asks",
	"e.example TXT \"v=spf1 ip4:192.0.2.1 a -all\"\n"
	"e.example A SERVFAIL",
	"192.0.2.1", "a@e.example", SPFR_PASS, "ip4:192.0.2.1", "", ""},
    /* Nor is a broken record. */
    {"two records", "e.example TXT \"v=spf1 -all\"\ne.example TXT \"v=spf1 -all\"", "192.0.2.1",
	"a@e.example", SPFR_PERMERROR, "", "", "e.example has more than one SPF record"},
    {"include without record", "e.example TXT \"v=spf1 include:x.example -all\"", "192.0.2.1",
	"a@e.example", SPFR_PERMERROR, "", "", "include of e.example leads to x.example"},
    {"include of one label",
	"e.example TXT \"v=spf1 include:%{d1} -all\"\nexample TXT \"v=spf1 +all\"", "192.0.2.1",
	"a@e.example", SPFR_PERMERROR, "", "", "leads to example, which is no domain"},
    {"redirect to one label",
	"e.example TXT \"v=spf1 redirect=%{d1}\"\nexample TXT \"v=spf1 +all\"", "192.0.2.1",
	"a@e.example", SPFR_PERMERROR, "", "", "leads to example, which is no domain"},
    {"redirect without record", "e.example TXT \"v=spf1 redirect=x.example\"", "192.0.2.1",
	"a@e.example", SPFR_PERMERROR, "", "", "redirect of e.example leads to x.example"},
    {"include of itself", "e.example TXT \"v=spf1 include:e.example -all\"", "192.0.2.1",
	"a@e.example", SPFR_PERMERROR, "", "", "more than 10 terms"},
    {"redirect to itself", "e.example TXT \"v=spf1 redirect=e.example\"", "192.0.2.1",
	"a@e.example", SPFR_PERMERROR, "", "", "more than 10 terms"},
    {"three voids", "e.example TXT \"v=spf1 a:x.example a:y.example mx:z.example -all\"",
	"192.0.2.1", "a@e.example", SPFR_PERMERROR, "", "", "more than 2 void lookups"},
    {"two voids", "e.example TXT \"v=spf1 a:x.example mx -all\"", "192.0.2.1", "a@e.example",
	SPFR_FAIL, "-all", "", ""},
    {"eleven MX hosts",
	"e.example TXT \"v=spf1 mx -all\"\ne.example MX 1 a.x\ne.example MX 1 b.x\n"
	"e.example MX 1 c.x\ne.example MX 1 d.x\ne.example MX 1 e.x\ne.example MX 1 f.x\n"
	"e.example MX 1 g.x\ne.example MX 1 h.x\ne.example MX 1 i.x\ne.example MX 1 j.x\n"
	"e.example MX 1 k.x",
	"192.0.2.1", "a@e.example", SPFR_PERMERROR, "", "", "more than 10 MX hosts"},
    /* Explanations. */
    {"explanation",
	"e.example TXT \"v=spf1 exp=x.%{d} -all\"\nx.e.example TXT \"%{c} for %{s}, %{r}\"",
	"2001:db8::1", "a@e.example", SPFR_FAIL, "-all",
	"2001:db8::1 for a@e.example, in.example.net", ""},
    {"two strings are one",
	"e.example TXT \"v=spf1 exp=x.example -all\"\nx.example TXT \"a%\" \"{l}\"", "192.0.2.1",
	"u@e.example", SPFR_FAIL, "-all", "au", ""},
    {"two records are none",
	"e.example TXT \"v=spf1 exp=x.example -all\"\nx.example TXT a\n"
	"x.example TXT b",
	"192.0.2.1", "a@e.example", SPFR_FAIL, "-all", "", ""},
    {"line feed in it", "e.example TXT \"v=spf1 exp=x.example -all\"\nx.example TXT \"a\\010b\"",
	"192.0.2.1", "a@e.example", SPFR_FAIL, "-all", "", ""},
    {"line feed by a macro", "e.example TXT \"v=spf1 exp=x.example -all\"\nx.example TXT \"%{l}\"",
	"192.0.2.1", "a\nb@e.example", SPFR_FAIL, "-all", "", ""},
    {"its name fails", "e.example TXT \"v=spf1 exp=x.example -all\"\nx.example TXT SERVFAIL",
	"192.0.2.1", "a@e.example", SPFR_FAIL, "-all", "", ""},
    {"the macro p in it, DNS failing",
	"e.example TXT \"v=spf1 exp=x.example -all\"\n"
	"x.example TXT \"%{p}\"\n192.0.2.1 PTR SERVFAIL",
	"192.0.2.1", "a@e.example", SPFR_FAIL, "-all", "unknown", ""},
};

START_TEST(decides)
{
	struct zone *z = zone_of(rows[_i].zone);
	struct arena *arena = arena_create(1 << 20);
	struct counting counting;
	struct dns dns = counting_dns(&counting, zone_dns(z));
	struct spf_answer a =
	    check_by(&dns, arena, rows[_i].client, "mx.h.example", rows[_i].sender);
	const char *problem = arena_strdup(arena, a.problem);

	ck_assert_msg(a.result == rows[_i].result, "%s: %s (%s)", rows[_i].label,
	    spf_result_text(a.result), problem);
	ck_assert_msg(slice_equal(a.mechanism, slice_str(rows[_i].mechanism)), "%s: by %.*s",
	    rows[_i].label, SLICE_ARG(a.mechanism));
	ck_assert_msg(slice_equal(a.explanation, slice_str(rows[_i].explanation)), "%s: says %.*s",
	    rows[_i].label, SLICE_ARG(a.explanation));
	ck_assert_msg(*rows[_i].problem ? strstr(problem, rows[_i].problem) != NULL : !*problem,
	    "%s: problem %s", rows[_i].label, problem);
	ck_assert(a.null_sender_used_helo == !*rows[_i].sender);
	ck_assert_uint_eq(a.questions, counting_questions(&counting));
	ck_assert_uint_le(a.dns_terms, 10);
	arena_free(&arena);
	zone_free(&z);
}
END_TEST

/* In all that they say, which the rows above do not tell. */
START_TEST(evaluators_agree)
{
	struct zone *z = zone_of(rows[_i].zone);
	struct arena *arena = arena_create(1 << 20);
	struct dns dns = zone_dns(z);
	struct spf_query q = query_of(rows[_i].client, "mx.h.example", rows[_i].sender);
	struct spf_answer a;

	spf_both(&dns, &q, arena, &a);
	arena_free(&arena);
	zone_free(&z);
}
END_TEST

static void add_tests(TCase *t)
{
	tcase_add_loop_test(t, decides, 0, ROWS(rows));
}

Suite *suite(void)
{
	Suite *s = suite_by_each("spf", add_tests);
	TCase *t = tcase_create("both");

	tcase_add_loop_test(t, evaluators_agree, 0, ROWS(rows));
	suite_add_tcase(s, t);
	return s;
}
