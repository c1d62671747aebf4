#include "core/rules/verdict.h"

#include "core/rules/rule.h"

#include "unit/unit.h"

/* Configurations, records and scripts depend on these words. */
static const char *const actions[ACTION_COUNT] = {
    [ACTION_ACCEPT] = "accept",
    [ACTION_REJECT] = "reject",
    [ACTION_TEMPFAIL] = "tempfail",
    [ACTION_QUARANTINE] = "quarantine",
};

static const char *const families[FAMILY_COUNT] = {
    [FAMILY_NONE] = "none",
    [FAMILY_TRUSTED] = "trusted_networks",
    [FAMILY_EXEMPT] = "exempt_recipients",
    [FAMILY_WHITELIST] = "whitelist",
    [FAMILY_BLOCKS] = "blocks",
    [FAMILY_SUSRANGES] = "susranges",
    [FAMILY_SPF] = "spf",
    [FAMILY_DMARC] = "dmarc",
    [FAMILY_LIMITS] = "limits",
};

START_TEST(names_actions)
{
	ck_assert_str_eq(action_name((enum action)_i), actions[_i]);
}
END_TEST

START_TEST(names_families)
{
	ck_assert_str_eq(family_name((enum family)_i), families[_i]);
}
END_TEST

/* Each reason has words, and no two the same: a record must tell which one it was. */
START_TEST(names_reasons)
{
	const char *name = reason_name((enum reason)_i);

	ck_assert_ptr_nonnull(name);
	ck_assert_uint_gt(strlen(name), 0);
	for (int other = 0; other < _i; other++)
		ck_assert_str_ne(name, reason_name((enum reason)other));
}
END_TEST

/* A decision passes the families in the order of the enum (SPEC 4). */
START_TEST(orders_families)
{
	ck_assert_int_lt(FAMILY_TRUSTED, FAMILY_EXEMPT);
	ck_assert_int_lt(FAMILY_EXEMPT, FAMILY_WHITELIST);
	ck_assert_int_lt(FAMILY_WHITELIST, FAMILY_BLOCKS);
	ck_assert_int_lt(FAMILY_BLOCKS, FAMILY_SUSRANGES);
	ck_assert_int_lt(FAMILY_SUSRANGES, FAMILY_SPF);
	ck_assert_int_lt(FAMILY_SPF, FAMILY_DMARC);
}
END_TEST

static const struct rule dialup = {.name = SLICE_INIT("dialup"), .family = FAMILY_BLOCKS};

static const struct {
	const char *label;
	struct verdict verdict;
	enum action action;
	const char *word, *rule, *cause;
	bool refuses;
} decisions[] = {
    {"nothing against it", {.kind = VERDICT_CONTINUE, .action = ACTION_REJECT}, ACTION_ACCEPT,
	"accept", "", "none", false},
    {"a whitelist entry", {.kind = VERDICT_CONTINUE, .family = FAMILY_WHITELIST, .rule = &dialup},
	ACTION_ACCEPT, "accept", "dialup", "dialup", false},
    {"refused by a rule",
	{.kind = VERDICT_FINAL, .action = ACTION_REJECT, .family = FAMILY_BLOCKS, .rule = &dialup},
	ACTION_REJECT, "reject", "dialup", "dialup", true},
    {"deferred without one",
	{.kind = VERDICT_FINAL, .action = ACTION_TEMPFAIL, .family = FAMILY_LIMITS},
	ACTION_TEMPFAIL, "tempfail", "", "limits", true},
    {"quarantined", {.kind = VERDICT_FINAL, .action = ACTION_QUARANTINE, .family = FAMILY_DMARC},
	ACTION_QUARANTINE, "quarantine", "", "dmarc", false},
    {"would be refused",
	{.kind = VERDICT_FINAL, .action = ACTION_REJECT, .monitored = true, .family = FAMILY_SPF},
	ACTION_REJECT, "would_reject", "", "spf", false},
    {"would be deferred",
	{.kind = VERDICT_FINAL, .action = ACTION_TEMPFAIL, .monitored = true, .family = FAMILY_SPF},
	ACTION_TEMPFAIL, "would_tempfail", "", "spf", false},
    {"would be quarantined",
	{.kind = VERDICT_FINAL, .action = ACTION_QUARANTINE, .monitored = true}, ACTION_QUARANTINE,
	"would_quarantine", "", "none", false},
    {"accepted in monitor mode",
	{.kind = VERDICT_FINAL, .action = ACTION_ACCEPT, .monitored = true}, ACTION_ACCEPT,
	"accept", "", "none", false},
};

START_TEST(derives_decisions)
{
	struct decision d = decision_of(&decisions[_i].verdict);
	const char *label = decisions[_i].label;

	ck_assert_ptr_eq(d.verdict, &decisions[_i].verdict);
	ck_assert_msg(d.action == decisions[_i].action, "%s", label);
	ck_assert_msg(strcmp(d.word, decisions[_i].word) == 0, "%s: %s", label, d.word);
	ck_assert_msg(slice_equal(d.rule, slice_str(decisions[_i].rule)), "%s", label);
	ck_assert_msg(slice_equal(d.cause, slice_str(decisions[_i].cause)), "%s", label);
	ck_assert_msg(d.refuses == decisions[_i].refuses, "%s", label);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("verdict");
	TCase *tc = tcase_create("words");

	tcase_add_loop_test(tc, names_actions, 0, ACTION_COUNT);
	tcase_add_loop_test(tc, names_families, 0, FAMILY_COUNT);
	tcase_add_loop_test(tc, names_reasons, 0, REASON_COUNT);
	tcase_add_test(tc, orders_families);
	tcase_add_loop_test(tc, derives_decisions, 0, ROWS(decisions));
	suite_add_tcase(s, tc);
	return s;
}
