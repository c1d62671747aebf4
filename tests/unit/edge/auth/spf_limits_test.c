/* Whole checks of records that are made to hurt: the work stays bounded and the answer right. */
#include "unit/unit.h"

#include "core/auth/spf_check.h"
#include "core/auth/spf_record.h"
#include "fake/counting.h"
#include "unit/spf_ask.h"

#include <stdio.h>

static void add_txt(struct zone *z, const char *name, struct slice text)
{
	ck_assert(zone_add(z, slice_str(name), DNS_TXT, text, 0));
}

static size_t repeat(char *out, const char *what, size_t times)
{
	size_t n = 0;

	for (size_t i = 0; i < times; i++)
		n += (size_t)sprintf(out + n, "%s", what);
	return n;
}

/* What kills libspf2 1.2.10 when it sees it: CVE-2023-42118 by explanation and by modifier. */
START_TEST(smashed_stacks)
{
	struct zone *z = zone_of("e.example TXT \"v=spf1 -all exp=x.example\"");
	struct arena *arena = arena_create(1 << 20);
	static char text[8000];
	size_t n = repeat(text, "%{d}", 127);
	struct spf_answer a;

	n += repeat(text + n, "l", 1500);
	add_txt(z, "x.example", slice_of(text, n));
	a = check(z, arena, "192.0.2.1", "h.example", "a@e.example");
	ck_assert_int_eq(a.result, SPFR_FAIL);
	ck_assert_uint_eq(a.explanation.len, SPF_EXPLANATION_MAX);
	ck_assert(slice_starts(a.explanation, SLICE("e.examplee.example")));

	n = repeat(text, "v=spf1 -all m=", 1);
	n += repeat(text + n, "%{d}", 127);
	n += repeat(text + n, "l", 6000);
	add_txt(z, "m.example", slice_of(text, n));
	a = check(z, arena, "192.0.2.1", "h.example", "a@m.example");
	ck_assert_int_eq(a.result, SPFR_PERMERROR);
	add_txt(z, "n.example", slice_of(text, SPF_RECORD_MAX));
	a = check(z, arena, "192.0.2.1", "h.example", "a@n.example");
	ck_assert_int_eq(a.result, SPFR_FAIL);
	ck_assert(a.sends_no_mail);
	arena_free(&arena);
	zone_free(&z);
}
END_TEST

/* libspf2 drops what is beyond 511 compiled bytes: -all behind 63 ip4 terms. */
START_TEST(long_lists)
{
	static const struct {
		const char *term;
		unsigned count;
		const char *client;
		enum spf_result result;
	} lists[] = {{" ip4:198.51.100.%u", 64, "192.0.2.1", SPFR_FAIL},
	    {" ip4:198.51.100.%u", 64, "198.51.100.64", SPFR_PASS},
	    {" ip4:198.51.100.%u", 200, "192.0.2.1", SPFR_FAIL},
	    {" ip6:2001:db8:1234:5678:9abc::%u", 100, "192.0.2.1", SPFR_FAIL},
	    {" ip6:2001:db8:1234:5678:9abc::%u", 100, "2001:db8:1234:5678:9abc::99", SPFR_PASS}};
	for (size_t i = 0; i < ROWS(lists); i++) {
		struct zone *z = zone_create();
		struct arena *arena = arena_create(1 << 20);
		char text[5000] = "v=spf1";
		size_t n = 6;
		for (unsigned k = 1; k <= lists[i].count; k++)
			n += (size_t)snprintf(text + n, sizeof text - n, lists[i].term, k);
		memcpy(text + n, " -all", 5);
		add_txt(z, "e.example", slice_of(text, n + 5));
		ck_assert_msg(check(z, arena, lists[i].client, "h.example", "a@e.example").result ==
				  lists[i].result,
		    "list %zu", i);
		arena_free(&arena);
		zone_free(&z);
	}
}
END_TEST

/* Three levels of ten includes are 11,111 look-ups for a bare libspf2. */
START_TEST(amplification)
{
	struct zone *z = zone_create();
	struct arena *arena = arena_create(1 << 20);
	struct counting counting;
	struct dns dns = counting_dns(&counting, zone_dns(z));
	char name[80], text[1000];
	struct spf_answer a;

	for (int level = 0; level < 4; level++)
		for (int width = 0; width < 10; width++) {
			size_t n = 6;
			memcpy(text, "v=spf1", n);
			for (int k = 0; k < 10; k++)
				n += (size_t)sprintf(
				    text + n, " include:l%d-%d.example", level + 1, k);
			n += (size_t)sprintf(text + n, " a:h.l%d.example -all", level);
			sprintf(name, "l%d-%d.example", level, width);
			add_txt(z, name, slice_of(text, n));
		}
	for (int width = 0; width < 10; width++) {
		sprintf(name, "l4-%d.example", width);
		add_txt(z, name, SLICE("v=spf1 ?all"));
	}
	a = check_by(&dns, arena, "192.0.2.1", "h.example", "a@l0-0.example");
	ck_assert_int_eq(a.result, SPFR_PERMERROR);
	ck_assert_uint_eq(a.dns_terms, 10);
	ck_assert_uint_le(counting_questions(&counting), 11);
	arena_free(&arena);
	zone_free(&z);
}
END_TEST

/* ptr of ten names, then seven to nine mx of ten hosts each: eight fit, but without the
 * explanation; the ninth is too much. */
START_TEST(most_questions)
{
	const int terms = 7 + _i;
	struct zone *z = zone_create();
	struct arena *arena = arena_create(1 << 20);
	struct counting counting;
	struct dns dns = counting_dns(&counting, zone_dns(z));
	char line[200], why[ZONE_WHY_MAX], text[1000] = "v=spf1";
	size_t n = 6;
	struct spf_answer a;

	for (int mx = 0; mx <= terms; mx++) {
		n += (size_t)sprintf(text + n, mx ? " mx:m%d.example" : " ptr", mx);
		for (int host = 0; host < 10; host++) {
			snprintf(line, sizeof line,
			    "m%d.example MX 1 h%d-%d.example\nh%d-%d.example A 192.0.2.9\n"
			    "192.0.2.1 PTR p%d-%d.e.example\np%d-%d.e.example A 192.0.2.2",
			    mx, mx, host, mx, host, mx, host, mx, host);
			ck_assert(!zone_load(z, slice_str(line), why));
		}
	}
	n += (size_t)sprintf(text + n, " -all exp=x.example");
	add_txt(z, "e.example", slice_of(text, n));
	add_txt(z, "x.example", SLICE("no"));
	a = check_by(&dns, arena, "192.0.2.1", "h.example", "a@e.example");
	ck_assert_int_eq(a.result, _i < 2 ? SPFR_FAIL : SPFR_PERMERROR);
	ck_assert(slice_equal(a.explanation, slice_str(_i < 1 ? "no" : "")));
	ck_assert(slice_equal(a.problem, slice_str(_i < 2 ? "" : "more than 100 DNS questions")));
	ck_assert_uint_eq(a.dns_terms, 1 + (unsigned)terms);
	ck_assert_uint_eq(a.void_lookups, 0);
	ck_assert_uint_eq(counting_questions(&counting), _i < 1 ? 90 : 100);
	arena_free(&arena);
	zone_free(&z);
}
END_TEST

/* A record of a thousand DNS terms, and one of the most terms that fit. */
START_TEST(many_terms)
{
	static const char *const terms[] = {
	    " a", " mx", " ptr", " exists:a.b", " include:e.example"};
	for (size_t i = 0; i < ROWS(terms); i++) {
		struct zone *z = zone_of("e.example A 192.0.2.9\ne.example MX 1 e.example\n"
					 "a.b A SERVFAIL\na.b A NODATA");
		struct arena *arena = arena_create(1 << 20);
		struct counting counting;
		struct dns dns = counting_dns(&counting, zone_dns(z));
		static char text[SPF_RECORD_MAX];
		size_t n = repeat(text, "v=spf1", 1);
		struct spf_answer a;
		while (n + strlen(terms[i]) + 5 < sizeof text)
			n += repeat(text + n, terms[i], 1);
		n += repeat(text + n, " -all", 1);
		add_txt(z, "e.example", slice_of(text, n));
		a = check_by(&dns, arena, "192.0.2.1", "h.example", "a@e.example");
		ck_assert_msg(a.result == SPFR_PERMERROR || a.result == SPFR_TEMPERROR, "%s: %s",
		    terms[i], spf_result_text(a.result));
		ck_assert_uint_le(counting_questions(&counting), SPF_QUESTIONS_MAX);
		arena_free(&arena);
		zone_free(&z);
	}
}
END_TEST

/* The explanation is asked for on a fail and at no other time; hints cost no question. */
START_TEST(asks_no_more_than_needed)
{
	static const struct {
		const char *record;
		unsigned questions;
	} records[] = {{"v=spf1 -all exp=x.example", 2}, {"v=spf1 ~all exp=x.example", 1},
	    {"v=spf1 ?all exp=x.example", 1}, {"v=spf1 +all exp=x.example", 1},
	    {"v=spf1 exp=x.example", 1}, {"v=spf1 ip4:192.0.2.1 a mx -all", 1}};
	for (size_t i = 0; i < ROWS(records); i++) {
		struct zone *z = zone_of("x.example TXT no");
		struct arena *arena = arena_create(1 << 20);
		struct counting counting;
		struct dns dns = counting_dns(&counting, zone_dns(z));
		struct spf_query q = {.domain = SLICE("e.example")};
		add_txt(z, "e.example", slice_str(records[i].record));
		spf_hints(&dns, &q);
		ck_assert_uint_eq(counting_hinted(&counting, SLICE("e.example"), DNS_TXT), 1);
		check_by(&dns, arena, "192.0.2.1", "h.example", "a@e.example");
		ck_assert_msg(counting_questions(&counting) == records[i].questions, "%s: %u",
		    records[i].record, counting_questions(&counting));
		arena_free(&arena);
		zone_free(&z);
	}
}
END_TEST

/* What cannot have a record is not asked for. */
START_TEST(asks_nothing_for_no_domain)
{
	static const char *const senders[] = {"a@example", "a@e..example", "a@[192.0.2.1]", "a@.",
	    "a@b\001.example",
	    "a@123456789012345678901234567890123456789012345678901234567890abcd.example"};
	for (size_t i = 0; i < ROWS(senders); i++) {
		struct zone *z = zone_create();
		struct arena *arena = arena_create(1 << 20);
		struct counting counting;
		struct dns dns = counting_dns(&counting, zone_dns(z));
		struct spf_answer a = check_by(&dns, arena, "192.0.2.1", "h.example", senders[i]);
		ck_assert_int_eq(a.result, SPFR_NONE);
		ck_assert_msg(counting_questions(&counting) == 0, "%s", senders[i]);
		arena_free(&arena);
		zone_free(&z);
	}
}
END_TEST

/* RFC 7208 4.6.4: what the explanation costs is not held against the domain. */
START_TEST(explanation_does_not_count)
{
	struct zone *z =
	    zone_of("e.example TXT \"v=spf1 a:n1.example a:n2.example -all exp=x.example\"\n"
		    "x.example TXT \"%{p}: no\"");
	struct arena *arena = arena_create(1 << 20);
	struct spf_answer a = check(z, arena, "192.0.2.1", "h.example", "a@e.example");

	ck_assert_int_eq(a.result, SPFR_FAIL);
	ck_assert(slice_equal(a.explanation, SLICE("unknown: no")));
	ck_assert_uint_eq(a.void_lookups, 2);
	ck_assert_uint_eq(a.dns_terms, 2);
	ck_assert_uint_eq(a.questions, 5);
	arena_free(&arena);
	zone_free(&z);
}
END_TEST

/* Whatever memory there is for the answer, the result is right and the slices are usable. */
START_TEST(small_arenas)
{
	struct zone *z = zone_of("e.example TXT \"v=spf1 -all exp=x.example\"\nx.example TXT no");

	for (size_t bytes = 0; bytes < 200; bytes += 8) {
		struct arena *arena = arena_create(bytes);
		struct spf_answer a = check(z, arena, "192.0.2.1", "h.example", "a@e.example");
		ck_assert_int_eq(a.result, SPFR_FAIL);
		ck_assert(a.explanation.len == 0 || slice_equal(a.explanation, SLICE("no")));
		arena_free(&arena);
	}
	zone_free(&z);
}
END_TEST

static void add_tests(TCase *t)
{
	tcase_add_test(t, smashed_stacks);
	tcase_add_test(t, long_lists);
	tcase_add_test(t, amplification);
	tcase_add_loop_test(t, most_questions, 0, 3);
	tcase_add_test(t, many_terms);
	tcase_add_test(t, asks_no_more_than_needed);
	tcase_add_test(t, asks_nothing_for_no_domain);
	tcase_add_test(t, explanation_does_not_count);
	tcase_add_test(t, small_arenas);
}

Suite *suite(void)
{
	return suite_by_each("spf_limits", add_tests);
}
