/*
 * audit_test: which domains are listed after which days: absence that all confirm, answers that do
 * not come, a resolver that denies everything, and one answer that takes a domain off.
 */
#include "core/suggest/audit.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

enum { FIRST_DAY = 20700, MESSAGES = 10 };

static struct arena *arena;
static struct slice state;

static void begin(void)
{
	arena = arena_create(1 << 20);
	ck_assert_ptr_nonnull(arena);
	state = slice_of(NULL, 0);
}

static void end(void)
{
	arena_free(&arena);
}

static void mail(struct audit *a, const char *sender, const char *recipient, int count, bool proven)
{
	struct decision_row row = {.stage = STAGE_RCPT, .count = (uint64_t)count};

	row.text[ROW_SENDER] = row.text[ROW_FROM] = slice_str(sender);
	row.text[ROW_RECIPIENT] = slice_str(recipient);
	audit_row(a, &row);
	row.stage = STAGE_END;
	row.dmarc_state = FACT_KNOWN;
	row.dmarc = proven ? DMARC_V_PASS : DMARC_V_FAIL;
	audit_row(a, &row);
}

/* What two resolvers say of "gone.example" on a day, of "flaky.example", and of domains that are
 * there: E exists, A absent, - no answer.  "" = nobody is asked that day. */
struct day {
	const char *gone, *flaky, *there;
};

static enum audit_answer word(char c)
{
	return c == 'E' ? AUDIT_EXISTS : c == 'A' ? AUDIT_ABSENT : AUDIT_UNKNOWN;
}

static void note_all(struct audit *a, const struct day *day)
{
	for (size_t i = 0; i < a->asks; i++) {
		struct slice name = suggest_domains_name(a->domains, a->asked[i]);
		const char *says = slice_starts(name, SLICE("gone"))    ? day->gone
				   : slice_starts(name, SLICE("flaky")) ? day->flaky
									: day->there;

		for (unsigned r = 0; r < 2; r++)
			audit_note(a, r, a->asked[i], word(says[r]));
	}
}

/* One day's run; the listed ones in a line. */
static const char *run(int n, const struct day *day, bool evaluated)
{
	static char listed[256];
	struct audit *a = audit_create(7, NULL, FIRST_DAY + n);

	ck_assert_ptr_nonnull(a);
	audit_read(a, state);
	for (int i = 0; i < 4; i++) {
		char sender[40];

		snprintf(sender, sizeof sender, "a@there%d.example", i);
		mail(a, sender, "b@example.net", MESSAGES, evaluated);
	}
	mail(a, "a@gone.example", "b@flaky.example", MESSAGES / 2, false);
	ck_assert(audit_choose(a, 1000));
	note_all(a, day);
	audit_decide(a);
	listed[0] = '\0';
	for (uint32_t i = 0; i < a->count; i++)
		if (audit_is_listed(&a->domain[i]))
			snprintf(listed + strlen(listed), sizeof listed - strlen(listed), "%.*s ",
			    SLICE_ARG(suggest_domains_name(a->domains, i)));
	state = audit_write(a, arena);
	ck_assert(!arena_failed(arena));
	audit_free(&a);
	return listed;
}

#define GONE "gone.example "

static const struct {
	const char *label;
	bool evaluated;
	struct day days[8];
	const char *listed;
} cases[] = {
    {"three days", true, {{"AA", "EE", "EE"}, {"AA", "EE", "EE"}, {"AA", "EE", "EE"}}, GONE},
    {"two days", true, {{"AA", "EE", "EE"}, {"AA", "EE", "EE"}}, ""},
    {"three days with others between", true,
	{{"AA", "EE", "EE"}, {"--", "EE", "EE"}, {"AA", "EE", "EE"}, {"A-", "EE", "EE"},
	    {"AA", "EE", "EE"}},
	GONE},
    {"failures never", true,
	{{"--", "--", "EE"}, {"--", "--", "EE"}, {"--", "--", "EE"}, {"--", "--", "EE"}}, ""},
    {"one of them does not answer", true,
	{{"A-", "EE", "EE"}, {"A-", "EE", "EE"}, {"A-", "EE", "EE"}}, ""},
    {"one of them finds it", true, {{"AE", "EE", "EE"}, {"AE", "EE", "EE"}, {"AE", "EE", "EE"}},
	""},
    {"an outage of a day is no day", true,
	{{"AA", "EE", "EE"}, {"--", "--", "--"}, {"AA", "EE", "EE"}}, ""},
    {"a day on which one denies everything is none", true,
	{{"AA", "EE", "EE"}, {"AA", "EE", "EE"}, {"AA", "AA", "AE"}}, ""},
    {"… on which all do", true, {{"AA", "EE", "EE"}, {"AA", "EE", "EE"}, {"AA", "AA", "AA"}}, ""},
    {"… without proven mail, too", false,
	{{"AA", "EE", "EE"}, {"AA", "EE", "EE"}, {"AA", "AA", "AA"}}, ""},
    {"without proven mail", false, {{"AA", "EE", "EE"}, {"AA", "EE", "EE"}, {"AA", "EE", "EE"}},
	GONE},
    {"a good answer takes it off", true,
	{{"AA", "EE", "EE"}, {"AA", "EE", "EE"}, {"AA", "EE", "EE"}, {"EA", "EE", "EE"}}, ""},
    {"… and it begins from the start", true,
	{{"AA", "EE", "EE"}, {"AA", "EE", "EE"}, {"-E", "EE", "EE"}, {"AA", "EE", "EE"},
	    {"AA", "EE", "EE"}},
	""},
    {"no answer leaves it on", true,
	{{"AA", "EE", "EE"}, {"AA", "EE", "EE"}, {"AA", "EE", "EE"}, {"--", "--", "--"}}, GONE},
};

START_TEST(listed)
{
	const char *got = "";

	for (int i = 0; cases[_i].days[i].gone; i++)
		got = run(i, &cases[_i].days[i], cases[_i].evaluated);
	ck_assert_msg(strcmp(got, cases[_i].listed) == 0, "%s: \"%s\"", cases[_i].label, got);
}
END_TEST

/* The same day, however often it is asked. */
START_TEST(same_day)
{
	static const struct day absent = {"AA", "EE", "EE"};

	for (int i = 0; i < 5; i++)
		ck_assert_str_eq(run(0, &absent, true), "");
}
END_TEST

START_TEST(forgotten)
{
	static const struct day absent = {"AA", "EE", "EE"};

	run(0, &absent, true);
	run(1, &absent, true);
	ck_assert_str_eq(run(AUDIT_FORGOTTEN, &absent, true), "");
	ck_assert_str_eq(run(AUDIT_FORGOTTEN + 1, &absent, true), "");
	ck_assert_str_eq(run(AUDIT_FORGOTTEN + 2, &absent, true), GONE);
}
END_TEST

static const struct {
	enum dns_status mx, a, aaaa;
	enum audit_answer answer;
} judged[] = {
    {DNS_NXDOMAIN, DNS_NXDOMAIN, DNS_NXDOMAIN, AUDIT_ABSENT},
    {DNS_NODATA, DNS_NODATA, DNS_NODATA, AUDIT_ABSENT},
    {DNS_OK, DNS_NODATA, DNS_NODATA, AUDIT_EXISTS},
    {DNS_NODATA, DNS_OK, DNS_TEMP, AUDIT_EXISTS},
    {DNS_TEMP, DNS_TEMP, DNS_OK, AUDIT_EXISTS},
    {DNS_TEMP, DNS_NODATA, DNS_NODATA, AUDIT_UNKNOWN},
    {DNS_NXDOMAIN, DNS_NXDOMAIN, DNS_TEMP, AUDIT_UNKNOWN},
    {DNS_BADNAME, DNS_BADNAME, DNS_BADNAME, AUDIT_UNKNOWN},
};

START_TEST(judging)
{
	ck_assert_int_eq(
	    audit_judge(judged[_i].mx, judged[_i].a, judged[_i].aaaa), judged[_i].answer);
}
END_TEST

/* Lines that are none are counted; the others stand. */
START_TEST(broken_state)
{
	static const char text[] = "# head\n"
				   "gone.example 2026-09-01 2026-09-02 2026-09-02\n"
				   "a..b 2026-09-01\n"
				   "\n"
				   "late.example 2027-01-01\n"
				   "gone.test yesterday\n"
				   "cut.example 2026-09-0";
	struct audit *a = audit_create(7, NULL, FIRST_DAY); /* 2026-09-04 */
	uint32_t n;

	audit_read(a, slice_str(text));
	ck_assert_uint_eq(a->bad_lines, 3);
	n = suggest_domains_find(a->domains, SLICE("gone.example"));
	ck_assert_uint_eq(a->domain[n].days, 2);
	ck_assert(slice_equal(audit_write(a, arena),
	    SLICE("# Domains that did not exist, and when: susmilterctl audit domains\n"
		  "gone.example 2026-09-01 2026-09-02\n")));
	audit_free(&a);
}
END_TEST

START_TEST(by_volume)
{
	struct audit *a = audit_create(7, NULL, FIRST_DAY);

	audit_read(a, SLICE("rare.example 2026-09-01\n"));
	mail(a, "<>", "b@little.example", 1, false);
	mail(a, "x@[192.0.2.1]", "b@little.example", 1, false);
	mail(a, "a@much.example", "b@most.example", 50, false);
	mail(a, "a@most.example", "b@most.example", 50, false);
	mail(a, "a@proven.example", "b@most.example", 1, true);
	ck_assert(audit_choose(a, 2));
	ck_assert_uint_eq(a->asks, 4);
	ck_assert_uint_eq(a->witnesses, 1);
	for (size_t i = 0; i < a->asks; i++) {
		static const char *const wanted[] = {
		    "proven.example", "rare.example", "most.example", "much.example"};

		ck_assert(slice_equal(
		    suggest_domains_name(a->domains, a->asked[i]), slice_str(wanted[i])));
	}
	audit_free(&a);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("audit");
	TCase *t = tcase_create("domains");

	tcase_add_checked_fixture(t, begin, end);
	tcase_add_loop_test(t, listed, 0, ROWS(cases));
	tcase_add_test(t, same_day);
	tcase_add_test(t, forgotten);
	tcase_add_loop_test(t, judging, 0, ROWS(judged));
	tcase_add_test(t, broken_state);
	tcase_add_test(t, by_volume);
	suite_add_tcase(s, t);
	return s;
}
