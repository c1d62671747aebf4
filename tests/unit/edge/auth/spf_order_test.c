/* One record has one answer, in whatever order the DNS gives its records; void terms. */
#include "unit/unit.h"

#include "unit/spf_ask.h"

/* ---- a DNS that gives the records of each answer in another order --------------------- */

enum { ORDERS = 120 }; /* 5! */

struct shuffled {
	struct dns below;
	unsigned order;
};

/* The order-th permutation: each of up to five records, and each rotation of more. */
static void take_in_order(
    const struct dns_record *from, struct dns_record *to, size_t count, unsigned order)
{
	struct dns_record rest[64];

	ck_assert_uint_le(count, ROWS(rest));
	memcpy(rest, from, count * sizeof *rest);
	for (size_t left = count, at = 0; left > 0; left--, at++) {
		size_t pick = order % left;

		order /= (unsigned)left;
		to[at] = rest[pick];
		memmove(&rest[pick], &rest[pick + 1], (left - pick - 1) * sizeof *rest);
	}
}

static void look_up_shuffled(
    void *self, struct slice name, enum dns_type type, struct arena *arena, struct dns_answer *out)
{
	struct shuffled *s = self;
	struct dns_record *records;

	dns_lookup(&s->below, name, type, arena, out);
	if (out->count < 2)
		return;
	records = arena_calloc(arena, out->count, sizeof *records);
	ck_assert_ptr_nonnull(records);
	take_in_order(out->records, records, out->count, s->order);
	out->records = records;
}

/* ---- rows ---------------------------------------------------------------------------- */

#define MX(n, host) "e.example MX " n " " host "\n"
#define IP4(host)   host " A 192.0.2.9\n"
#define TXT(text)   "e.example TXT \"" text "\"\n"
#define PTR(name)   "192.0.2.1 PTR " name "\n"
#define THREE_HOSTS MX("10", "a.x") MX("10", "b.x") MX("10", "c.x")
#define FOUR_HOSTS  THREE_HOSTS MX("10", "d.x")
#define FOUR_NAMES  PTR("a.e.example") PTR("b.e.example") PTR("c.e.example") PTR("d.e.example")
#define NINE_OTHERS                                                                                \
	PTR("p0.x")                                                                                \
	PTR("p1.x")                                                                                \
	PTR("p2.x") PTR("p3.x") PTR("p4.x") PTR("p5.x") PTR("p6.x") PTR("p7.x") PTR("p8.x")
#define V4 "192.0.2.1"
#define V6 "2001:db8:1::1"

static const struct {
	const char *label, *client, *zone;
	enum spf_result result;
	unsigned voids;
} rows[] = {
    /* MX hosts without an address of the client's family. */
    {"a void, mx with two void hosts and the client's", V4,
	TXT("v=spf1 a:x1.example mx -all") THREE_HOSTS "b.x A 192.0.2.1\n", SPFR_PASS, 1},
    {"the client's host is the last", V4,
	TXT("v=spf1 a:x1.example mx -all") THREE_HOSTS "c.x A 192.0.2.1\n", SPFR_PASS, 1},
    {"four MX, one with the client's AAAA", V6,
	TXT("v=spf1 mx -all") FOUR_HOSTS IP4("a.x") IP4("b.x") IP4("c.x") "d.x AAAA " V6 "\n",
	SPFR_PASS, 0},
    {"IPv4-only MX, then ip6", V6,
	TXT("v=spf1 mx ip6:2001:db8:1::/48 -all") FOUR_HOSTS IP4("a.x") IP4("b.x") IP4("c.x")
	    IP4("d.x"),
	SPFR_PASS, 0},
    {"IPv4-only MX for a foreign IPv6 client", V6,
	TXT("v=spf1 mx -all") FOUR_HOSTS IP4("a.x") IP4("b.x") IP4("c.x") IP4("d.x"), SPFR_FAIL, 0},
    {"IPv6-only MX for a foreign IPv4 client", V4,
	TXT("v=spf1 mx -all") THREE_HOSTS
	"a.x AAAA 2001:db8::a\nb.x AAAA 2001:db8::b\nc.x AAAA 2001:db8::c\n",
	SPFR_FAIL, 0},
    {"MX hosts that do not exist", V4, TXT("v=spf1 mx -all") FOUR_HOSTS, SPFR_FAIL, 0},
    {"the same with prefix length 0", V4, TXT("v=spf1 mx/0 -all") FOUR_HOSTS, SPFR_FAIL, 0},
    {"null MX beside two voids", V4, TXT("v=spf1 a:x1.example a:x2.example mx -all") MX("0", "."),
	SPFR_FAIL, 2},
    {"mx in an include", V4,
	TXT("v=spf1 a:x1.example include:i.example -all") "i.example TXT \"v=spf1 mx:e.example "
							  "?all\"\n" THREE_HOSTS
							  "c.x A 192.0.2.1\n",
	SPFR_PASS, 1},
    {"mx in an include, foreign", V6,
	TXT("v=spf1 mx include:i.example -all") "i.example TXT \"v=spf1 mx:e.example "
						"-all\"\n" FOUR_HOSTS,
	SPFR_FAIL, 0},
    {"mx in a redirect", V6,
	TXT("v=spf1 mx redirect=i.example") "i.example TXT \"v=spf1 mx:e.example "
					    "-all\"\n" FOUR_HOSTS,
	SPFR_FAIL, 0},
    /* A host that does not answer: the ones before it by preference and name are asked. */
    {"silence behind the match", V4,
	TXT("v=spf1 mx -all") THREE_HOSTS "b.x A 192.0.2.1\nc.x A SERVFAIL\n", SPFR_PASS, 0},
    {"silence before the match", V4,
	TXT("v=spf1 mx -all") THREE_HOSTS "b.x A SERVFAIL\nc.x A 192.0.2.1\n", SPFR_TEMPERROR, 0},
    {"preference before name", V4,
	TXT("v=spf1 mx -all") MX("20", "a.x") MX("10", "b.x") "a.x A SERVFAIL\nb.x A 192.0.2.1\n",
	SPFR_PASS, 0},
    {"preference as a number", V4,
	TXT("v=spf1 mx -all") MX("100", "a.x") MX("20", "b.x") "a.x A SERVFAIL\nb.x A 192.0.2.1\n",
	SPFR_PASS, 0},
    {"a name before a longer one", V4,
	TXT("v=spf1 mx -all") MX("1", "a.x") MX("1", "a.xy") "a.xy A SERVFAIL\na.x A 192.0.2.1\n",
	SPFR_PASS, 0},
    {"the same with prefix length 0: silence behind", V4,
	TXT("v=spf1 mx/0 -all") THREE_HOSTS IP4("b.x") "c.x A SERVFAIL\n", SPFR_PASS, 0},
    /* Addresses in any order. */
    {"the client among twelve addresses of a host", V4,
	TXT("v=spf1 mx -all") MX("1", "a.x") "a.x A 10.0.0.1\na.x A 10.0.0.2\na.x A 10.0.0.3\na.x "
					     "A 10.0.0.4\na.x A 10.0.0.5\n"
					     "a.x A 10.0.0.6\na.x A 10.0.0.7\na.x A 10.0.0.8\na.x "
					     "A 10.0.0.9\na.x A 10.0.0.10\n"
					     "a.x A 10.0.0.11\na.x A 192.0.2.1\n",
	SPFR_PASS, 0},
    {"the client among four addresses", V4,
	TXT("v=spf1 a -all") "e.example A 10.0.0.1\ne.example A 10.0.0.2\ne.example A 10.0.0.3\n"
			     "e.example A 192.0.2.1\n",
	SPFR_PASS, 0},
    /* Void terms. */
    {"a two times", V4, TXT("v=spf1 a a -all"), SPFR_FAIL, 2},
    {"a three times", V4, TXT("v=spf1 a a a -all"), SPFR_PERMERROR, 3},
    {"a three times, IPv4-only, IPv6 client", V6, TXT("v=spf1 a a a -all") IP4("e.example"),
	SPFR_PERMERROR, 3},
    {"a three times with an address", V4, TXT("v=spf1 a a a -all") IP4("e.example"), SPFR_FAIL, 0},
    {"a mx", V4, TXT("v=spf1 a mx -all"), SPFR_FAIL, 2},
    {"a mx exists", V4, TXT("v=spf1 a mx exists:x.example -all"), SPFR_PERMERROR, 3},
    {"a mx in an include", V4,
	TXT("v=spf1 a include:i.example -all") "i.example TXT \"v=spf1 a mx -all\"\n",
	SPFR_PERMERROR, 3},
    {"a mx in an include, MX without addresses", V4,
	TXT("v=spf1 a include:i.example -all") "i.example TXT \"v=spf1 a mx -all\"\n"
					       "i.example MX 1 a.x\ni.example MX 2 b.x\n",
	SPFR_FAIL, 2},
    /* PTR. */
    {"ptr, no PTR record", V4, TXT("v=spf1 ptr -all"), SPFR_FAIL, 1},
    {"ptr three times, no PTR record", V4, TXT("v=spf1 ptr ptr:b.example ptr:c.example -all"),
	SPFR_PERMERROR, 3},
    {"ptr three times, names without addresses", V4,
	TXT("v=spf1 ptr ptr:b.example ptr:c.example -all") FOUR_NAMES PTR("a.b.example")
	    PTR("a.c.example"),
	SPFR_FAIL, 0},
    {"ptr, the last of four names is the client's", V4,
	TXT("v=spf1 a:x1.example ptr -all") FOUR_NAMES "d.e.example A 192.0.2.1\n", SPFR_PASS, 1},
    {"ptr, ten names, the last is the client's", V4,
	TXT("v=spf1 ptr -all") NINE_OTHERS PTR("w.e.example") "w.e.example A 192.0.2.1\n",
	SPFR_PASS, 0},
    {"ptr, eleven names: the last by name is not asked", V4,
	TXT("v=spf1 ptr -all") NINE_OTHERS PTR("p9.x")
	    PTR("w.e.example") "w.e.example A 192.0.2.1\n",
	SPFR_FAIL, 0},
    {"ptr, eleven names: the first by name is asked", V4,
	TXT("v=spf1 ptr -all") NINE_OTHERS PTR("p9.x")
	    PTR("b.e.example") "b.e.example A 192.0.2.1\n",
	SPFR_PASS, 0},
    {"the macro p is the first by name", V4,
	TXT("v=spf1 exists:%{p}.l.example -all") FOUR_NAMES
	"b.e.example A 192.0.2.1\nc.e.example A 192.0.2.1\nb.e.example.l.example A 127.0.0.2\n",
	SPFR_PASS, 0},
    {"the macro p void, the term not", V4,
	TXT("v=spf1 -exists:%{p}.l.example a:x1.example mx ~all") "unknown.l.example A SERVFAIL\n",
	SPFR_TEMPERROR, 0},
    {"the macro p and the term void: once", V4,
	TXT("v=spf1 exists:%{p}.l.example a:x1.example -all"), SPFR_FAIL, 2},
    {"the macro p void, the term with an address", V4,
	TXT("v=spf1 a:%{p}.l.example a:x1.example mx -all") IP4("unknown.l.example"), SPFR_FAIL, 2},
};

START_TEST(decides_in_every_order)
{
	struct zone *z = zone_of(rows[_i].zone);

	for (unsigned order = 0; order < ORDERS; order++) {
		struct arena *arena = arena_create(1 << 20);
		struct shuffled shuffled = {zone_dns(z), order};
		struct dns dns = {.self = &shuffled, .lookup = look_up_shuffled};
		struct spf_query q = query_of(rows[_i].client, "h.x", "a@e.example");
		struct spf_answer a;

		spf_both(&dns, &q, arena, &a);
		ck_assert_msg(a.result == rows[_i].result, "%s, order %u: %s (%.*s)",
		    rows[_i].label, order, spf_result_text(a.result), SLICE_ARG(a.problem));
		ck_assert_msg(a.void_lookups == rows[_i].voids, "%s, order %u: %u void",
		    rows[_i].label, order, a.void_lookups);
		arena_free(&arena);
	}
	zone_free(&z);
}
END_TEST

/* The permutations are all there: four records have 24 orders. */
START_TEST(shuffles)
{
	static const struct dns_record four[4] = {
	    {.preference = 1}, {.preference = 2}, {.preference = 3}, {.preference = 4}};
	struct dns_record out[4];
	bool seen[5000] = {false};
	unsigned count = 0;

	for (unsigned order = 0; order < ORDERS; order++) {
		unsigned number = 0;

		take_in_order(four, out, 4, order);
		for (size_t i = 0; i < 4; i++)
			number = number * 10 + out[i].preference;
		count += !seen[number];
		seen[number] = true;
	}
	ck_assert_uint_eq(count, 24);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("spf_order");
	TCase *t = tcase_create("spf_order");

	tcase_add_loop_test(t, decides_in_every_order, 0, ROWS(rows));
	tcase_add_test(t, shuffles);
	suite_add_tcase(s, t);
	return s;
}
