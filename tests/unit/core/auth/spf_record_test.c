#include "unit/unit.h"

#include "core/auth/spf_record.h"

/* wrong: a piece of the reason, NULL for a good record. */
static const struct {
	const char *label;
	struct slice text;
	const char *wrong;
} rows[] = {
    {"nothing", SLICE_INIT("v=spf1"), NULL},
    {"blanks only", SLICE_INIT("v=spf1    "), NULL},
    {"usual", SLICE_INIT("v=spf1 ip4:192.0.2.0/24 a mx:x.example/28//64 -all"), NULL},
    {"any case", SLICE_INIT("V=SPF1 IP4:192.0.2.1 A:X.Example -ALL"), NULL},
    {"tab", SLICE_INIT("v=spf1 a\tmx"), "\"a?mx\": unknown mechanism"},
    {"qualifier alone", SLICE_INIT("v=spf1 -"), "unknown mechanism"},
    {"two qualifiers", SLICE_INIT("v=spf1 --all"), "unknown mechanism"},
    {"unknown mechanism", SLICE_INIT("v=spf1 moo:a.example"), "unknown mechanism"},
    {"bad term behind all", SLICE_INIT("v=spf1 -all moo"), "unknown mechanism"},
    {"all with argument", SLICE_INIT("v=spf1 -all:x.example"), "does not take"},
    {"all with length", SLICE_INIT("v=spf1 -all/8"), "does not take"},
    {"all with NUL", SLICE_INIT("v=spf1 -all\0"), "\"-all?\": unknown mechanism"},
    {"8 bits", SLICE_INIT("v=spf1 a:b\374cher.example -all"), "not printable"},
    {"NUL", SLICE_INIT("v=spf1 a:b\0cher.example -all"), "not printable"},
    {"include without domain", SLICE_INIT("v=spf1 include"), "a domain is missing"},
    {"include empty", SLICE_INIT("v=spf1 include:"), "a domain name is wanted"},
    {"include with length", SLICE_INIT("v=spf1 include:x.example/24"), "a domain name is wanted"},
    {"exists without domain", SLICE_INIT("v=spf1 exists"), "a domain is missing"},
    {"exists by macro", SLICE_INIT("v=spf1 exists:%{i}._spf.%{d2}"), NULL},
    {"a empty", SLICE_INIT("v=spf1 a:"), "a domain name is wanted"},
    {"a one label", SLICE_INIT("v=spf1 a:foo"), "a domain name is wanted"},
    {"a lengths", SLICE_INIT("v=spf1 a/0//0 a/32 a//128 a:x.y/1 a:x.y//1"), NULL},
    {"a /33", SLICE_INIT("v=spf1 a/33"), "prefix length"},
    {"a //129", SLICE_INIT("v=spf1 a//129"), "prefix length"},
    {"a /032", SLICE_INIT("v=spf1 a/032"), "prefix length"},
    {"a /00", SLICE_INIT("v=spf1 a/00"), "prefix length"},
    {"a /", SLICE_INIT("v=spf1 a/"), "prefix length"},
    {"a //", SLICE_INIT("v=spf1 a//"), "prefix length"},
    {"a /24/64", SLICE_INIT("v=spf1 a/24/64"), "prefix length"},
    {"a //64/24", SLICE_INIT("v=spf1 a//64/24"), "prefix length"},
    {"a ///64", SLICE_INIT("v=spf1 a///64"), "prefix length"},
    {"a name/33", SLICE_INIT("v=spf1 a:x.example/33"), "a domain name is wanted"},
    {"a macro/24", SLICE_INIT("v=spf1 a:%{d}/24"), NULL},
    {"a slash as delimiter", SLICE_INIT("v=spf1 a:%{d/}"), NULL},
    {"ptr", SLICE_INIT("v=spf1 ptr ptr:x.example"), NULL},
    {"ptr with length", SLICE_INIT("v=spf1 ptr/24"), "does not take"},
    {"ip4 without address", SLICE_INIT("v=spf1 ip4"), "an address is missing"},
    {"ip4 with slash", SLICE_INIT("v=spf1 ip4/24"), "an address is missing"},
    {"ip4 empty", SLICE_INIT("v=spf1 ip4:"), "not an IPv4 network"},
    {"ip4 short", SLICE_INIT("v=spf1 ip4:192.0.2"), "not an IPv4 network"},
    {"ip4 leading zero", SLICE_INIT("v=spf1 ip4:192.0.2.01"), "not an IPv4 network"},
    {"ip4 over 45 characters",
	SLICE_INIT("v=spf1 ip4:192.0.2.111111111111111111111111111111111111111111 -all"),
	"not an IPv4 network"},
    {"ip4 that is IPv6", SLICE_INIT("v=spf1 ip4:2001:db8::1"), "not an IPv4 network"},
    {"ip4 /0", SLICE_INIT("v=spf1 ip4:0.0.0.0/0"), NULL},
    {"ip4 /33", SLICE_INIT("v=spf1 ip4:192.0.2.0/33"), "not an IPv4 network"},
    {"ip4 /024", SLICE_INIT("v=spf1 ip4:192.0.2.0/024"), "not an IPv4 network"},
    {"ip4 //24", SLICE_INIT("v=spf1 ip4:192.0.2.0//24"), "not an IPv4 network"},
    {"ip4 host bits", SLICE_INIT("v=spf1 ip4:192.0.2.7/24"), NULL},
    {"ip6", SLICE_INIT("v=spf1 ip6:2001:db8::/32 ip6:::1 ip6:::ffff:192.0.2.1"), NULL},
    {"ip6 that is IPv4", SLICE_INIT("v=spf1 ip6:192.0.2.1"), "not an IPv6 network"},
    {"ip6 two gaps", SLICE_INIT("v=spf1 ip6:2001::db8::1"), "not an IPv6 network"},
    {"ip6 zone", SLICE_INIT("v=spf1 ip6:fe80::1%eth0"), "not an IPv6 network"},
    {"ip6 /129", SLICE_INIT("v=spf1 ip6:::/129"), "not an IPv6 network"},
    {"redirect", SLICE_INIT("v=spf1 redirect=_spf.example"), NULL},
    {"redirect twice", SLICE_INIT("v=spf1 redirect=a.example redirect=a.example"), "there twice"},
    {"redirect empty", SLICE_INIT("v=spf1 redirect="), "a domain name is wanted"},
    {"redirect as mechanism", SLICE_INIT("v=spf1 redirect:a.example"), "unknown mechanism"},
    {"redirect with qualifier", SLICE_INIT("v=spf1 -redirect=a.example"), "unknown mechanism"},
    {"exp twice", SLICE_INIT("v=spf1 exp=a.example EXP=b.example"), "there twice"},
    {"exp empty", SLICE_INIT("v=spf1 -all exp="), "a domain name is wanted"},
    {"unknown modifiers", SLICE_INIT("v=spf1 a=b a= x.-_9=%{c} -all"), NULL},
    {"unknown modifier, bad macro", SLICE_INIT("v=spf1 m=%x -all"), "a % is not followed"},
    {"modifier name begins with digit", SLICE_INIT("v=spf1 1a=b"), "unknown mechanism"},
};

START_TEST(grammar)
{
	struct arena *arena = arena_create(1 << 16);
	char why[SPF_RECORD_WHY_MAX];
	struct spf_record record;
	const char *got = spf_record_parse(rows[_i].text, arena, &record, why);

	if (rows[_i].wrong)
		ck_assert_msg(got && strstr(got, rows[_i].wrong), "%s: %s", rows[_i].label,
		    got ? got : "taken");
	else
		ck_assert_msg(!got, "%s: %s", rows[_i].label, got);
	arena_free(&arena);
}
END_TEST

START_TEST(parts)
{
	struct arena *arena = arena_create(1 << 16);
	char why[SPF_RECORD_WHY_MAX], text[PREFIX_TEXT_MAX];
	struct spf_record r;

	ck_assert(!spf_record_parse(SLICE("v=spf1  ip4:192.0.2.7/24 ~a:%{d}/28//64 ?mx "
					  "ip6:::ffff:192.0.2.1 exp=e.example redirect=r.example"),
	    arena, &r, why));
	ck_assert_uint_eq(r.count, 4);
	prefix_format(&r.terms[0].network, text);
	ck_assert_str_eq(text, "192.0.2.0/24");
	ck_assert_int_eq(r.terms[0].qualifier, SPFR_PASS);
	ck_assert_int_eq(r.terms[1].qualifier, SPFR_SOFTFAIL);
	ck_assert_uint_eq(r.terms[1].bits4, 28);
	ck_assert_uint_eq(r.terms[1].bits6, 64);
	ck_assert(slice_equal(r.terms[1].domain, SLICE("%{d}")));
	ck_assert(slice_equal(r.terms[1].text, SLICE("~a:%{d}/28//64")));
	ck_assert_int_eq(r.terms[2].qualifier, SPFR_NEUTRAL);
	ck_assert_uint_eq(r.terms[2].bits4, 32);
	ck_assert_uint_eq(r.terms[2].domain.len, 0);
	ck_assert_int_eq(r.terms[3].network.base.family, IP_NONE);
	ck_assert(slice_equal(r.exp, SLICE("e.example")));
	ck_assert(slice_equal(r.redirect, SLICE("r.example")));
	ck_assert(!spf_record_parse(SLICE("v=spf1 redirect=r.example ?all"), arena, &r, why));
	ck_assert_uint_eq(r.redirect.len, 0);
	arena_free(&arena);
}
END_TEST

START_TEST(sends_no_mail)
{
	static const struct {
		const char *text;
		bool want;
	} records[] = {{"v=spf1 -all", true}, {"V=SPF1   -ALL  ", true}, {"v=spf1 -all x=y", true},
	    {"v=spf1 redirect=a.example -all", true}, {"v=spf1 ~all", false}, {"v=spf1", false},
	    {"v=spf1 a -all", false}, {"v=spf1 -all -all", false},
	    {"v=spf1 redirect=a.example", false}};
	for (size_t i = 0; i < ROWS(records); i++) {
		struct arena *arena = arena_create(1 << 16);
		char why[SPF_RECORD_WHY_MAX];
		struct spf_record r;
		ck_assert(!spf_record_parse(slice_str(records[i].text), arena, &r, why));
		ck_assert_msg(r.only_fails_all == records[i].want, "%s", records[i].text);
		arena_free(&arena);
	}
}
END_TEST

START_TEST(selection)
{
	static const struct dns_record records[] = {{.data = SLICE_INIT("v=spf10 -all")},
	    {.data = SLICE_INIT("v=spf1\t-all")}, {.data = SLICE_INIT(" v=spf1 -all")},
	    {.data = SLICE_INIT("v=spf1\0-all")}, {.data = {NULL, 0}},
	    {.data = SLICE_INIT("v=spf")}, {.data = SLICE_INIT("v=spf1 ?all")},
	    {.data = SLICE_INIT("v=spf1")}};
	struct dns_answer txt = {.status = DNS_OK, .count = 6, .records = records};
	struct slice got;

	ck_assert_int_eq(spf_record_select(&txt, &got), SPF_RECORD_ABSENT);
	txt.count = 7;
	ck_assert_int_eq(spf_record_select(&txt, &got), SPF_RECORD_ONE);
	ck_assert(slice_equal(got, SLICE("v=spf1 ?all")));
	txt.count = 8;
	ck_assert_int_eq(spf_record_select(&txt, &got), SPF_RECORD_SEVERAL);
}
END_TEST

START_TEST(limits)
{
	struct arena *arena = arena_create(4 << 20), *tiny = arena_create(64);
	char text[SPF_RECORD_MAX + 1], why[SPF_RECORD_WHY_MAX];
	struct spf_record r;

	memset(text, ' ', sizeof text);
	memcpy(text, "v=spf1", 6);
	for (size_t i = 7; i < sizeof text; i += 2)
		text[i] = 'a';
	ck_assert(!spf_record_parse(slice_of(text, SPF_RECORD_MAX), arena, &r, why));
	ck_assert_uint_eq(r.count, (SPF_RECORD_MAX - 6) / 2);
	ck_assert_str_eq(spf_record_parse(slice_of(text, sizeof text), arena, &r, why),
	    "the record is longer than 4096 octets");
	ck_assert_ptr_eq(spf_record_parse(SLICE("v=spf1 a"), tiny, &r, why), spf_record_no_memory);
	arena_free(&arena);
	arena_free(&tiny);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("spf_record");
	TCase *t = tcase_create("spf_record");

	tcase_add_loop_test(t, grammar, 0, ROWS(rows));
	tcase_add_test(t, parts);
	tcase_add_test(t, sends_no_mail);
	tcase_add_test(t, selection);
	tcase_add_test(t, limits);
	suite_add_tcase(s, t);
	return s;
}
