/* The fake DNS that many other tests stand on. */
#include "unit/unit.h"

#include "edge/dns/zone.h"
#include "fake/counting.h"

static const char text[] = "# a comment\n"
			   "Example.org.  TXT  \"v=spf1 \" \"-all\\\"\\000\\255\" tail\r\n"
			   "example.org   TXT  plain\n"
			   "example.org   MX   10 MX.Example.org.\n"
			   "example.org   MX   20 .\n"
			   "mx.example.org A   192.0.2.1\n"
			   "mx.example.org AAAA 2001:db8::1\n"
			   "192.0.2.1     PTR  mx.example.org\n"
			   "2001:db8::1   PTR  mx.example.org\n"
			   "a.b.example.org A  192.0.2.2\n"
			   "alias.example.org CNAME mx.example.org\n"
			   "loop.example.org CNAME loop.example.org\n"
			   "void.example.org TXT NODATA\n"
			   "gone.example.org A NXDOMAIN\n"
			   "bad.example.org A SERVFAIL\n"
			   "slow.example.org ANY TIMEOUT\n"
			   "slow.example.org A 192.0.2.3\n"
			   "\n"
			   "sp\\032ace.example.org TXT \"\"\n"
			   "signed.example.org ANY SECURE\n"
			   "signed.example.org TXT x";

static const struct {
	const char *label, *name;
	enum dns_type type;
	enum dns_status status;
	size_t count;
	struct slice first;
} rows[] = {
    {"strings joined, escapes", "EXAMPLE.org", DNS_TXT, DNS_OK, 2,
	SLICE_INIT("v=spf1 -all\"\0\377tail")},
    {"hosts in lower case", "example.org", DNS_MX, DNS_OK, 2, SLICE_INIT("mx.example.org")},
    {"A", "mx.example.org", DNS_A, DNS_OK, 1, SLICE_INIT("\300\0\2\1")},
    {"AAAA", "mx.example.org", DNS_AAAA, DNS_OK, 1,
	SLICE_INIT("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1")},
    {"PTR by IPv4", "1.2.0.192.in-addr.arpa", DNS_PTR, DNS_OK, 1, SLICE_INIT("mx.example.org")},
    {"PTR by IPv6", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
	DNS_PTR, DNS_OK, 1, SLICE_INIT("mx.example.org")},
    {"no such type", "mx.example.org", DNS_MX, DNS_NODATA, 0, {NULL, 0}},
    {"empty non-terminal", "b.example.org", DNS_A, DNS_NODATA, 0, {NULL, 0}},
    {"no such name", "c.example.org", DNS_A, DNS_NXDOMAIN, 0, {NULL, 0}},
    {"no label boundary", "xexample.org", DNS_A, DNS_NXDOMAIN, 0, {NULL, 0}},
    {"alias", "alias.example.org", DNS_A, DNS_OK, 1, SLICE_INIT("\300\0\2\1")},
    {"alias loop", "loop.example.org", DNS_A, DNS_TEMP, 0, {NULL, 0}},
    {"NODATA by hand", "void.example.org", DNS_TXT, DNS_NODATA, 0, {NULL, 0}},
    {"NXDOMAIN by hand", "gone.example.org", DNS_A, DNS_NXDOMAIN, 0, {NULL, 0}},
    {"SERVFAIL", "bad.example.org", DNS_A, DNS_TEMP, 0, {NULL, 0}},
    {"SERVFAIL for this type only", "bad.example.org", DNS_TXT, DNS_NODATA, 0, {NULL, 0}},
    {"ANY status", "slow.example.org", DNS_TXT, DNS_TEMP, 0, {NULL, 0}},
    {"ANY status leaves records", "slow.example.org", DNS_A, DNS_OK, 1, SLICE_INIT("\300\0\2\3")},
    {"escaped name, empty string", "sp ace.example.org", DNS_TXT, DNS_OK, 1, {NULL, 0}},
    {"empty label", "a..example.org", DNS_A, DNS_BADNAME, 0, {NULL, 0}},
    {"trailing dot", "example.org.", DNS_A, DNS_BADNAME, 0, {NULL, 0}},
    {"empty name", "", DNS_A, DNS_BADNAME, 0, {NULL, 0}},
    {"long label", "a123456789012345678901234567890123456789012345678901234567890123.org", DNS_A,
	DNS_BADNAME, 0, {NULL, 0}},
};

static struct zone *loaded(void)
{
	struct zone *z = zone_create();
	char why[ZONE_WHY_MAX];
	const char *wrong = zone_load(z, SLICE(text), why);

	ck_assert_msg(!wrong, "%s", why);
	return z;
}

START_TEST(answers)
{
	struct zone *z = loaded();
	struct dns dns = zone_dns(z);
	struct arena *arena = arena_create(1 << 20);
	struct dns_answer a;

	dns_lookup(&dns, slice_str(rows[_i].name), rows[_i].type, arena, &a);
	ck_assert_msg(a.status == rows[_i].status, "%s: status %d", rows[_i].label, a.status);
	ck_assert_msg(a.count == rows[_i].count, "%s: count %zu", rows[_i].label, a.count);
	if (a.count)
		ck_assert_msg(
		    slice_equal(a.records[0].data, rows[_i].first), "%s: data", rows[_i].label);
	arena_free(&arena);
	zone_free(&z);
}
END_TEST

START_TEST(counts)
{
	struct zone *z = loaded();
	struct counting counting;
	struct dns dns = counting_dns(&counting, zone_dns(z));
	struct arena *arena = arena_create(1 << 20);
	struct dns_answer a;

	dns_lookup(&dns, SLICE("signed.example.org"), DNS_TXT, arena, &a);
	ck_assert(a.secure);
	dns_lookup(&dns, SLICE("Example.org"), DNS_MX, arena, &a);
	ck_assert(!a.secure);
	ck_assert_uint_eq(a.records[0].preference, 10);
	ck_assert_uint_eq(a.records[1].data.len, 0);
	dns_lookup(&dns, SLICE("example.ORG"), DNS_MX, arena, &a);
	dns_hint(&dns, SLICE("example.org"), DNS_MX);
	dns_lookup(&dns, SLICE("example..org"), DNS_MX, arena, &a);
	ck_assert_int_eq(a.status, DNS_BADNAME);
	ck_assert_uint_eq(counting_questions(&counting), 3);
	ck_assert_uint_eq(counting_hinted(&counting, SLICE("Example.org"), DNS_MX), 1);
	ck_assert_uint_eq(counting_hinted(&counting, SLICE("example.org"), DNS_A), 0);
	arena_free(&arena);
	zone_free(&z);
}
END_TEST

START_TEST(broken_lines)
{
	static const char *const lines[] = {"example.org", "example.org SRV x",
	    "example.org A 1.2.3", "example.org A 192.0.2.1 192.0.2.2",
	    "example.org AAAA 192.0.2.1", "example.org MX mx.example.org", "example.org TXT \"open",
	    "example.org TXT \\2x", "example.org ANY 192.0.2.1", "ex\\9.org A 192.0.2.1"};
	struct zone *z = zone_create();
	char why[ZONE_WHY_MAX];

	for (size_t i = 0; i < ROWS(lines); i++)
		ck_assert_msg(zone_load(z, slice_str(lines[i]), why) != NULL, "%s", lines[i]);
	ck_assert_str_eq(
	    zone_load(z, SLICE("\nx MX y z"), why), "line 2: an MX is PREFERENCE HOST: x MX y z");
	zone_free(&z);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("zone");
	TCase *t = tcase_create("zone");

	tcase_add_loop_test(t, answers, 0, ROWS(rows));
	tcase_add_test(t, counts);
	tcase_add_test(t, broken_lines);
	suite_add_tcase(s, t);
	return s;
}
