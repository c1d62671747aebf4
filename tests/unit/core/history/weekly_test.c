/* Which refusals look legitimate, and that nobody makes himself look so. */
#include "unit/unit.h"

#include "core/history/weekly.h"

#include <stdio.h>

static const struct history_seed seed = {{1, 0x9e3779b97f4a7c15}};

enum { NOW = 1000000 };

static struct ruleset *no_rules(void)
{
	struct diag *diag = diag_create();
	struct ruleset_builder *b = ruleset_builder_create(diag);
	struct ruleset *rules = ruleset_finish(&b);

	diag_free(&diag);
	ck_assert_ptr_nonnull(rules);
	return rules;
}

static struct decision_row row_of(enum stage stage, const char *sender, const char *recipient)
{
	struct decision_row row = {.count = 1, .time_ms = NOW, .stage = stage};

	ip_parse(SLICE("192.0.2.1"), &row.client);
	row.text[ROW_SENDER] = row.text[ROW_FROM] = slice_str(sender);
	row.text[ROW_RECIPIENT] = slice_str(recipient);
	return row;
}

static struct decision_row proven(const char *sender, enum dmarc_verdict dmarc)
{
	struct decision_row row = row_of(STAGE_END, sender, "");

	row.dmarc_state = FACT_KNOWN;
	row.dmarc = dmarc;
	return row;
}

static struct decision_row refused(struct decision_row row, const char *rule)
{
	row.final = true;
	row.action = ACTION_REJECT;
	row.family = FAMILY_BLOCKS;
	row.text[ROW_RULE] = slice_str(rule);
	return row;
}

START_TEST(knows_who_is_good)
{
	struct ruleset *rules = no_rules();
	struct weekly *w = weekly_create(rules, &seed, NOW - 10);
	struct decision_row rows[] = {
	    proven("a@good.example", DMARC_V_PASS),
	    proven("a@failed.example", DMARC_V_FAIL),
	    refused(proven("a@never.example", DMARC_V_PASS), "b"),
	    row_of(STAGE_RCPT, "a@friend.example", "Me@x.example"),
	    refused(row_of(STAGE_RCPT, "a@refused.example", "me@x.example"), "b"),
	};
	struct decision_row week[] = {
	    refused(row_of(STAGE_RCPT, "z@GOOD.example", "me@x.example"), "b"),
	    refused(row_of(STAGE_RCPT, "z@friend.example", "me@x.example"), "b"),
	    refused(row_of(STAGE_RCPT, "z@friend.example", "other@x.example"), "b"),
	    refused(row_of(STAGE_RCPT, "z@failed.example", "me@x.example"), "b"),
	    refused(row_of(STAGE_RCPT, "a@refused.example", "me@x.example"), "b"),
	    refused(row_of(STAGE_RCPT, "a@sub.good.example", "me@x.example"), "b"),
	    refused(proven("a@self.example", DMARC_V_PASS), "c"),
	    refused(row_of(STAGE_RCPT, "z@good.example", "me@x.example"), "b"),
	    row_of(STAGE_RCPT, "z@good.example", "me@x.example"),
	    refused(row_of(STAGE_RCPT, "z@good.example", "me@x.example"), "b"),
	    refused(row_of(STAGE_RCPT, "z@friend.example", "me@x.example"), "form"),
	};

	ck_assert_ptr_nonnull(w);
	week[10].auth_state =
	    FACT_KNOWN;             /* a rule for who is logged in, whom no whitelist lets in */
	week[7].monitored = true;   /* nobody was refused */
	week[9].time_ms = NOW - 11; /* before the week */
	week[0].count = 5;
	for (size_t i = 0; i < ROWS(rows); i++)
		ck_assert(weekly_learn(w, &rows[i]));
	for (size_t i = 0; i < ROWS(week); i++)
		ck_assert(weekly_count(w, &week[i]));
	weekly_finish(w);
	ck_assert_uint_eq(w->refused, 12);
	ck_assert_uint_eq(w->monitored, 1);
	ck_assert_uint_eq(w->accepted, 1);
	ck_assert_uint_eq(w->case_count, 3);
	ck_assert(slice_equal(w->cases[0].domain, SLICE("self.example")));
	ck_assert_uint_eq(w->cases[0].why, WEEKLY_PROVEN_SELF);
	ck_assert(slice_equal(w->cases[1].domain, SLICE("friend.example")));
	ck_assert_uint_eq(w->cases[1].why, WEEKLY_KNOWN);
	ck_assert_uint_eq(w->cases[1].count, 1);
	ck_assert(slice_equal(w->cases[2].domain, SLICE("good.example")));
	ck_assert_uint_eq(w->cases[2].why, WEEKLY_PROVEN_DOMAIN);
	ck_assert_uint_eq(w->cases[2].count, 5);
	ck_assert_uint_eq(w->rule_count, 3);
	ck_assert(slice_equal(w->rules[0].name, SLICE("b")));
	ck_assert_uint_eq(w->rules[0].refused, 10);
	ck_assert_uint_eq(w->rules[0].monitored, 1);
	weekly_free(&w);
	ruleset_free(&rules);
}
END_TEST

/* Cases are bounded; what has none is counted. */
START_TEST(keeps_its_limit)
{
	struct ruleset *rules = no_rules();
	struct weekly *w = weekly_create(rules, &seed, 0);
	char sender[64];

	for (int i = 0; i < WEEKLY_CASES + 10; i++) {
		struct decision_row row;

		snprintf(sender, sizeof sender, "a@d%d.example", i);
		row = proven(sender, DMARC_V_PASS);
		ck_assert(weekly_learn(w, &row));
		row = refused(row_of(STAGE_RCPT, sender, "me@x.example"), "b");
		ck_assert(weekly_count(w, &row));
	}
	ck_assert_uint_eq(w->case_count, WEEKLY_CASES);
	ck_assert_uint_eq(w->more_cases, 10);
	weekly_free(&w);
	ruleset_free(&rules);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("weekly");
	TCase *t = tcase_create("week");

	tcase_add_test(t, knows_who_is_good);
	tcase_add_test(t, keeps_its_limit);
	suite_add_tcase(s, t);
	return s;
}
