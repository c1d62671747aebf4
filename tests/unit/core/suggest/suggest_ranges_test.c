/*
 * suggest_ranges_test: ranges proposed for labelled traffic, of which it is known what is bad; and
 * the cases that decide: too little evidence, one good host, a spammer's own domain, names that
 * somebody made up, days that contradict.
 */
#include "core/suggest/suggest_ranges.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#define DAY_MS    INT64_C(86400000)
#define FIRST_DAY INT64_C(20700)
enum { DAYS = 45, ORGANIZATIONS = 120 };

static struct suggest_votes *votes;

static void begin(void)
{
	votes = suggest_votes_create(UINT64_C(0x123456789abcdef), NULL);
	ck_assert_ptr_nonnull(votes);
}

static void end(void)
{
	suggest_votes_free(&votes);
}

/* ---- mail ---------------------------------------------------------------------------- */

enum what { PROVEN, FORGED, NOT_EVALUATED, BLOCKED, RANGE };

static struct ip address(const char *text)
{
	struct ip ip;

	ck_assert(ip_parse(slice_str(text), &ip));
	return ip;
}

static struct ip v4(unsigned a, unsigned b, unsigned c, unsigned d)
{
	const unsigned char bytes[4] = {
	    (unsigned char)a, (unsigned char)b, (unsigned char)c, (unsigned char)d};

	return ip_from_v4(bytes);
}

/* One message's end, or the refusal of its recipient. */
static void mail(
    int day, struct ip client, uint32_t asn, const char *country, const char *from, enum what what)
{
	struct decision_row row = {.time_ms = (FIRST_DAY + day) * DAY_MS + 1000,
	    .count = 1,
	    .stage = what == BLOCKED || what == RANGE ? STAGE_RCPT : STAGE_END,
	    .client = client,
	    .asn = asn,
	    .auth_state = FACT_ABSENT};

	snprintf(row.country, sizeof row.country, "%s", country);
	row.state[IDENTITY_SENDER] = row.state[IDENTITY_FROM] = FACT_KNOWN;
	row.text[ROW_SENDER] = slice_str(from);
	if (row.stage == STAGE_END)
		row.text[ROW_FROM] = slice_str(from);
	if (what == PROVEN || what == FORGED) {
		row.dmarc_state = FACT_KNOWN;
		row.dmarc = what == PROVEN ? DMARC_V_PASS : DMARC_V_FAIL;
	} else if (what != NOT_EVALUATED) {
		row.final = true;
		row.action = ACTION_REJECT;
		row.family = what == BLOCKED ? FAMILY_BLOCKS : FAMILY_SUSRANGES;
		row.reason = REASON_RULE;
	}
	suggest_votes_row(votes, &row);
}

static const char *organization(unsigned i)
{
	static char text[64];

	snprintf(text, sizeof text, "a@mx.org%u.example", i % ORGANIZATIONS);
	return text;
}

/* Every organization sends from its own network on that day. */
static void honest_mail(int day)
{
	for (unsigned i = 0; i < ORGANIZATIONS; i++)
		mail(day, v4(20, i, 1, 25), 100 + i, "NL", organization(i), PROVEN);
}

static struct suggest_ranges *find(void)
{
	struct suggest_ranges *s;

	ck_assert(suggest_votes_end(votes));
	s = suggest_ranges_find(votes);
	ck_assert_ptr_nonnull(s);
	return s;
}

static const char *text_of(const struct suggest_range *r)
{
	static char text[PREFIX_TEXT_MAX + 64];
	char part[IP_TEXT_MAX];

	if (r->kind == SUGGEST_ASN)
		snprintf(text, sizeof text, "AS%u", r->asn);
	else if (r->kind == SUGGEST_COUNTRY)
		snprintf(text, sizeof text, "%s", r->country);
	else
		prefix_format(&r->network, text);
	for (unsigned i = 0; i < r->excepts; i++) {
		ip_format(&r->except[i], part);
		snprintf(text + strlen(text), sizeof text - strlen(text), " !%s", part);
	}
	return text;
}

/* All of them, with the most votes first, in one line. */
static const char *found(void)
{
	static char line[4096];
	struct suggest_ranges *s = find();

	line[0] = '\0';
	for (size_t i = 0; i < s->count; i++)
		snprintf(line + strlen(line), sizeof line - strlen(line), "%s%s", i ? ", " : "",
		    text_of(&s->range[i]));
	suggest_ranges_free(&s);
	return line;
}

/* ---- single cases -------------------------------------------------------------------- */

/* Forged mail of `domains` organizations a day from one address in each of the networks. */
static void spam(
    int from_day, int to_day, unsigned b, unsigned c, unsigned networks, unsigned domains)
{
	for (int day = from_day; day < to_day; day++)
		for (unsigned n = 0; n < networks; n++)
			for (unsigned i = 0; i < domains; i++)
				mail(day, v4(60, b, c + n, (unsigned)day + i), 0, "",
				    organization(i), FORGED);
}

static void with_honest_mail(void (*more)(int day))
{
	for (int day = 0; day < DAYS; day++) {
		honest_mail(day);
		more(day);
	}
}

static void from_one_network(int day)
{
	spam(day, day + 1, 1, 7, 1, 10);
}

START_TEST(one_network)
{
	with_honest_mail(from_one_network);
	ck_assert_str_eq(found(), "60.1.7.0/24");
}
END_TEST

START_TEST(figures)
{
	struct suggest_ranges *s;

	with_honest_mail(from_one_network);
	s = find();
	ck_assert_uint_eq(s->count, 1);
	ck_assert_uint_eq(s->range[0].votes, 450);
	ck_assert_uint_eq(s->range[0].domains, 10);
	ck_assert_uint_eq(s->range[0].days, DAYS);
	ck_assert_uint_eq(s->range[0].messages, 450);
	ck_assert(s->range[0].claimed);
	ck_assert(s->range[0].bound > 0.99 && s->range[0].bound < 0.996);
	ck_assert_uint_eq(s->held_out, 30);
	ck_assert_uint_eq(s->held_bad, 150);
	ck_assert_uint_eq(s->held_good, 0);
	suggest_ranges_free(&s);
}
END_TEST

static void few(int day)
{
	spam(day, day + 1, 1, 7, 1, day < 29 ? 1 : 0); /* one domain alone */
	spam(day, day + 1, 2, 7, 1, day < 2 ? 60 : 0); /* two days */
	spam(day, day + 1, 3, 7, 1, day % 8 ? 0 : 5);  /* few votes in the first thirty days: 20 */
	spam(day, day + 1, 4, 7, 1, day % 8 ? 0 : 4);  /* 16 */
}

START_TEST(enough_evidence)
{
	with_honest_mail(few);
	ck_assert_str_eq(found(), "60.3.7.0/24");
}
END_TEST

static void no_claim(int day)
{
	spam(day, day + 1, 1, 7, 1, day < 30 ? 9 : 0);  /* 270 */
	spam(day, day + 1, 2, 7, 1, day < 30 ? 10 : 0); /* 300 */
}

START_TEST(claim)
{
	struct suggest_ranges *s;

	with_honest_mail(no_claim);
	s = find();
	ck_assert_uint_eq(s->count, 2);
	ck_assert_uint_eq(s->range[0].votes, 300);
	ck_assert(s->range[0].claimed);
	ck_assert_uint_eq(s->range[1].votes, 270);
	ck_assert(!s->range[1].claimed);
	suggest_ranges_free(&s);
}
END_TEST

/* A quarter of its /24, from both halves at each level: the whole /20. */
static void all_over(int day)
{
	spam(day, day + 1, 1, 16, 1, 6);
	spam(day, day + 1, 1, 20, 1, 6);
	spam(day, day + 1, 1, 25, 1, 6);
	spam(day, day + 1, 1, 31, 1, 6);
	spam(day, day + 1, 200, 9, 2, 6); /* two of four, from both halves */
}

START_TEST(widest)
{
	with_honest_mail(all_over);
	ck_assert_str_eq(found(), "60.1.16.0/20, 60.200.8.0/22");
}
END_TEST

static void one_good_host(int day)
{
	spam(day, day + 1, 1, 16, 4, 6);
	mail(day, v4(60, 1, 18, 25), 0, "", organization(3), PROVEN);
	/* In that /24 are several. */
	spam(day, day + 1, 2, 16, 1, 6);
	mail(day, v4(60, 2, 16, 25), 0, "", organization(4), PROVEN);
	mail(day, v4(60, 2, 16, 26), 0, "", organization(5), PROVEN);
}

START_TEST(excepted)
{
	with_honest_mail(one_good_host);
	ck_assert_str_eq(found(), "60.1.16.0/22 !60.1.18.25");
}
END_TEST

/* 300 mails of a domain that its spammer has had from the first day on, from here and there in his
 * range; a domain that was bought later; and three that have their mail here. */
static void own_domain(int day)
{
	spam(day, day + 1, 1, 7, 1, 10);
	for (unsigned i = 0; i < 7; i++)
		mail(day, v4(60, 1, 7, i + (unsigned)day), 0, "", "x@spammer.example", PROVEN);
	spam(day, day + 1, 2, 7, 1, 9);
	for (unsigned i = 0; i < 7 && day > 2; i++)
		mail(day, v4(60, 2, 7, i + (unsigned)day), 0, "", "x@bought.example", PROVEN);
	spam(day, day + 1, 3, 7, 1, 10);
	mail(day, v4(60, 3, 7, 25), 0, "", "x@one-here.example", PROVEN);
	mail(day, v4(60, 3, 7, 26), 0, "", "x@two-here.example", PROVEN);
	mail(day, v4(60, 3, 7, 27), 0, "", "x@three-here.example", PROVEN);
}

START_TEST(own_domains)
{
	struct suggest_ranges *s;

	with_honest_mail(own_domain);
	s = find();
	ck_assert_uint_eq(s->count, 2);
	ck_assert_str_eq(text_of(&s->range[0]), "60.1.7.0/24");
	ck_assert_uint_eq(s->range[0].owns, 1);
	ck_assert(slice_equal(
	    suggest_domains_name(votes->domains, s->range[0].own[0]), SLICE("spammer.example")));
	ck_assert_uint_eq(s->range[0].own_votes, DAYS);
	ck_assert_str_eq(text_of(&s->range[1]), "60.2.7.0/24");
	suggest_ranges_free(&s);
}
END_TEST

/* Of names that nobody knows nothing follows; nor of mail that was not evaluated. */
static void unknown(int day)
{
	char from[64];

	for (unsigned i = 0; i < 20; i++) {
		snprintf(from, sizeof from, "x@made-up-%d-%u.example", day, i);
		mail(day, v4(60, 1, 7, i), 0, "", from, FORGED);
		mail(day, v4(60, 2, 7, i), 0, "", from, BLOCKED);
		mail(day, v4(60, 3, 7, i), 0, "", organization(i), NOT_EVALUATED);
		mail(day, v4(60, 5, 7, i), 0, "", organization(i), BLOCKED);
		/* … and what a range refuses needs no second one. */
		mail(day, v4(60, 4, 7, i), 0, "", organization(i), i < 1 ? FORGED : RANGE);
		mail(day, v4(60, 4, 7, i), 0, "", organization(i), RANGE);
	}
}

START_TEST(unknown_domains)
{
	with_honest_mail(unknown);
	ck_assert_str_eq(found(), "60.5.7.0/24");
}
END_TEST

/* Refusals are seen always, good mail only where it is evaluated: of one accepted mail in ten. */
static void refused_alone(int day)
{
	for (unsigned i = 0; i < 10; i++)
		mail(day, v4(60, 1, 7, i), 0, "", organization(i), BLOCKED);
	for (unsigned i = 0; i < 9 * ORGANIZATIONS; i++)
		mail(day, v4(60, 2, 7, i % 200), 0, "", "x@else.example", NOT_EVALUATED);
}

START_TEST(weak_votes)
{
	struct suggest_ranges *s;

	with_honest_mail(refused_alone);
	ck_assert(suggest_share(votes) > 0.099 && suggest_share(votes) < 0.101);
	s = find();
	ck_assert_uint_eq(s->count, 1);
	ck_assert_uint_eq(s->range[0].votes, 450);
	ck_assert_uint_eq(s->range[0].weak, 450);
	ck_assert_uint_eq(s->range[0].weighted, 45);
	ck_assert(!s->range[0].claimed);
	ck_assert_uint_eq(s->held_bad, 15);
	suggest_ranges_free(&s);
}
END_TEST

/* Nothing is evaluated: nobody knows whether good mail comes from there. */
START_TEST(never_evaluated)
{
	for (int day = 0; day < DAYS; day++)
		for (unsigned i = 0; i < 20; i++) {
			mail(day, v4(20, i, 1, 25), 0, "", organization(i), NOT_EVALUATED);
			mail(day, v4(60, 1, 7, i), 0, "", organization(i), BLOCKED);
		}
	ck_assert_str_eq(found(), "");
}
END_TEST

/* From the day that is held out on, there is good mail. */
static void changed(int day)
{
	spam(day, day + 1, 1, 7, 1, 10);
	if (day >= 40)
		mail(day, v4(60, 1, 7, 25), 0, "", organization(50), PROVEN);
}

START_TEST(contradicted)
{
	struct suggest_ranges *s;

	with_honest_mail(changed);
	s = find();
	ck_assert_uint_eq(s->count, 0);
	ck_assert_uint_eq(s->contradicted, 1);
	ck_assert_uint_eq(s->held_bad, 150);
	ck_assert_uint_eq(s->held_good, 5);
	suggest_ranges_free(&s);
}
END_TEST

static void system_wide(int day)
{
	for (unsigned n = 0; n < 20; n++)
		for (unsigned i = 0; i < 6; i++) {
			mail(day, v4(60 + n, n * 7, 7, i), 4711, "ZZ", organization(i), FORGED);
			mail(day, v4(60 + n, n * 7, 9, 25), 4712, "ZY", organization(i),
			    n == 0 ? PROVEN : FORGED);
		}
}

START_TEST(systems)
{
	with_honest_mail(system_wide);
	ck_assert_str_eq(found(), "AS4711, AS4712 !60.0.9.25");
}
END_TEST

static void six(int day)
{
	char text[64];

	for (unsigned n = 0; n < 16; n++)
		for (unsigned i = 0; i < 6; i++) {
			snprintf(text, sizeof text, "2001:db8:a%02x::%x", n * 16, i + 1);
			mail(day, address(text), 0, "", organization(i), FORGED);
		}
}

START_TEST(of_ipv6)
{
	with_honest_mail(six);
	ck_assert_str_eq(found(), "2001:db8:a00::/40");
}
END_TEST

static const struct {
	const char *name, *organization;
} organizations[] = {
    {"example.org", "example.org"},
    {"a.b.example.org", "example.org"},
    {"mail.example.co.uk", "example.co.uk"},
    {"example.com.br", "example.com.br"},
    {"a.b.example.de", "example.de"},
    {"co.uk", "co.uk"},
    {"org", "org"},
    {"x.y.github.io", "github.io"},
};

START_TEST(organizational)
{
	struct slice got = suggest_organization(slice_str(organizations[_i].name));

	ck_assert_msg(slice_equal(got, slice_str(organizations[_i].organization)), "%s: %.*s",
	    organizations[_i].name, SLICE_ARG(got));
}
END_TEST

START_TEST(bounds)
{
	ck_assert(suggest_bound(0, 0) == 0);
	ck_assert(suggest_bound(299, 300) < 0.99);
	ck_assert(suggest_bound(300, 300) > 0.99);
	ck_assert(!suggest_may_claim(299));
	ck_assert(suggest_may_claim(300));
}
END_TEST

/* ---- labelled traffic ---------------------------------------------------------------- */

enum { B = 256, SPAM_NETWORKS = 1200, MIXED_NETWORKS = 300 };

/* What the generator knows of 10.B.C.0/24 to 10.255: how much of its mail is bad. */
static unsigned char bad_per_cent[B * B];
static uint64_t sent_bad[B * B], sent_good[B * B];

static uint64_t state;

static unsigned pick(unsigned below)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)((state >> 33) % below);
}

/* Bad ranges of /19 to /24 and good ones between them, networks of both kinds side by side, and
 * networks with a few bad messages, as forwarders have them. */
static void label_networks(void)
{
	memset(bad_per_cent, 0, sizeof bad_per_cent);
	memset(sent_bad, 0, sizeof sent_bad);
	memset(sent_good, 0, sizeof sent_good);
	for (unsigned made = 0; made < SPAM_NETWORKS;) {
		unsigned size = 1U << pick(6), at = pick(B * B / size) * size;

		for (unsigned i = 0; i < size; i++)
			bad_per_cent[at + i] = 100;
		made += size;
	}
	for (unsigned i = 0; i < MIXED_NETWORKS; i++)
		bad_per_cent[pick(B * B)] = (unsigned char)(1 + pick(60));
}

/* Every network of the bad ones and one in 40 of the good ones sends; a third is evaluated. */
static void labelled_day(int day)
{
	honest_mail(day);
	for (unsigned n = 0; n < B * B; n++) {
		unsigned per_cent = bad_per_cent[n];
		unsigned mails = per_cent ? pick(24) : n % 40 == 0 ? pick(8) : 0;

		for (unsigned i = 0; i < mails; i++) {
			bool bad = pick(100) < per_cent, evaluated = pick(3) == 0;
			struct ip client = v4(10, n / B, n % B, bad ? pick(256) : 25 + n % 3);

			++*(bad ? &sent_bad[n] : &sent_good[n]);
			mail(day, client, n / 512 + 1, "", organization(bad ? pick(1000) : n % 97),
			    !evaluated ? NOT_EVALUATED
			    : !bad     ? PROVEN
			    : pick(4)  ? FORGED
				       : BLOCKED);
		}
	}
}

static bool covers(const struct suggest_range *r, unsigned n)
{
	struct ip host = v4(10, n / B, n % B, 25 + n % 3);

	for (unsigned i = 0; i < r->excepts; i++)
		if (ip_equal(&r->except[i], &host))
			return false;
	return r->kind == SUGGEST_NETWORK ? prefix_contains(&r->network, &host)
					  : r->asn == n / 512 + 1;
}

START_TEST(labelled)
{
	uint64_t caught = 0, harmed = 0, bad = 0;
	struct suggest_ranges *s;

	state = (uint64_t)_i + 1;
	label_networks();
	for (int day = 0; day < DAYS; day++)
		labelled_day(day);
	s = find();
	for (unsigned n = 0; n < B * B; n++) {
		bool covered = false;

		for (size_t i = 0; i < s->count && sent_bad[n] + sent_good[n] > 0; i++)
			covered |= covers(&s->range[i], n);
		bad += sent_bad[n];
		caught += covered ? sent_bad[n] : 0;
		harmed += covered ? sent_good[n] : 0;
	}
	printf(
	    "labelled %d: %zu ranges, precision %.4f, recall %.3f; held out: %llu bad, %llu good\n",
	    _i, s->count, (double)caught / (double)(caught + harmed), (double)caught / (double)bad,
	    (unsigned long long)s->held_bad, (unsigned long long)s->held_good);
	ck_assert_msg(caught * 100 >= (caught + harmed) * 99, "precision: %llu of %llu",
	    (unsigned long long)caught, (unsigned long long)(caught + harmed));
	ck_assert_msg(caught * 10 >= bad * 8, "recall: %llu of %llu", (unsigned long long)caught,
	    (unsigned long long)bad);
	/* None covers a network that sent proven mail, but for its excepted addresses. */
	for (uint32_t i = 0; i < votes->networks; i++) {
		const struct suggest_network *network = &votes->network[i];

		for (size_t k = 0; k < s->count && network->good.family != IP_NONE; k++) {
			bool is_out = false;

			for (unsigned j = 0; j < s->range[k].excepts; j++)
				is_out |= ip_equal(&s->range[k].except[j], &network->good);
			ck_assert_msg(is_out || s->range[k].kind != SUGGEST_NETWORK ||
					  !prefix_contains(&s->range[k].network, &network->good),
			    "%s", text_of(&s->range[k]));
		}
	}
	ck_assert_uint_eq(votes->lost, 0);
	suggest_ranges_free(&s);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("suggest_ranges");
	TCase *t = tcase_create("cases"), *l = tcase_create("labelled");

	tcase_add_checked_fixture(t, begin, end);
	tcase_add_checked_fixture(l, begin, end);
	tcase_set_timeout(t, 60);
	tcase_set_timeout(l, 300);
	tcase_add_test(t, one_network);
	tcase_add_test(t, figures);
	tcase_add_test(t, enough_evidence);
	tcase_add_test(t, claim);
	tcase_add_test(t, widest);
	tcase_add_test(t, excepted);
	tcase_add_test(t, own_domains);
	tcase_add_test(t, unknown_domains);
	tcase_add_test(t, weak_votes);
	tcase_add_test(t, never_evaluated);
	tcase_add_test(t, contradicted);
	tcase_add_test(t, systems);
	tcase_add_test(t, of_ipv6);
	tcase_add_loop_test(t, organizational, 0, ROWS(organizations));
	tcase_add_test(t, bounds);
	tcase_add_loop_test(l, labelled, 0, 3);
	suite_add_tcase(s, t);
	suite_add_tcase(s, l);
	return s;
}
