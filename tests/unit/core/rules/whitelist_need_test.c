/* Which whitelist entries a table needs, and what `check` says of those that it does not. */
#include "core/rules/whitelist_need.h"

#include "core/rules/survey.h"
#include "unit/unit.h"

#include <stdio.h>

enum { NOW = 1000 };

static void add(struct ruleset_builder *b, const struct rule *rule, unsigned slot, const char *text)
{
	static const struct origin where = {"list", 7};
	struct entry e = {.kind = ENTRY_NETWORK};
	char why[PREFIX_WHY_MAX];
	unsigned number = ruleset_add_rule(b, rule);

	if (slot == KEY_NETWORKS) {
		ck_assert_ptr_null(prefix_parse(slice_str(text), &e.prefix, why));
	} else {
		e.kind = ENTRY_NAME;
		e.name = slice_str(text);
	}
	ruleset_add_entry(b, number, slot, &e, where);
}

#define RULE(of, key, ...)                                                                         \
	&(const struct rule)                                                                       \
	{                                                                                          \
		.name = SLICE("r"), .family = FAMILY_##of, .keys = 1u << KEY_##key, __VA_ARGS__    \
	}

/* Blocks hold 10.0.0.0/8 (for a HELO only) and a name; susranges 192.0.2.0/25 and more. */
static struct ruleset *make_table(struct diag *diag, struct survey *survey)
{
	struct ruleset_builder *b = ruleset_builder_create(diag);

	if (survey)
		ruleset_survey(b, survey);
	add(b, RULE(WHITELIST, NETWORKS, .covers = 1u << FAMILY_SUSRANGES), KEY_NETWORKS,
	    "203.0.113.0/24");
	add(b, RULE(WHITELIST, NETWORKS, .covers = 1u << FAMILY_SUSRANGES), KEY_NETWORKS,
	    "192.0.2.127");
	add(b, RULE(BLOCKS, NETWORKS, .unless = 1u << KEY_HELO), KEY_NETWORKS, "10.0.0.0/8");
	add(b, RULE(BLOCKS, HELO, .wide = true), KEY_HELO, "mx.example");
	add(b, RULE(SUSRANGES, NETWORKS, .monitor = true), KEY_NETWORKS, "192.0.2.0/25");
	add(b, RULE(SUSRANGES, NETWORKS, .wide = true), KEY_NETWORKS, "2001:db8::/32");
	add(b, RULE(SUSRANGES, NETWORKS, .expires = NOW), KEY_NETWORKS, "198.51.100.0/24");
	return ruleset_finish(&b);
}

#define SUSRANGES (1u << FAMILY_SUSRANGES)
#define BLOCKS    (1u << FAMILY_BLOCKS)

static const struct {
	const char *label, *first, *last;
	unsigned covers;
	bool needed;
} cases[] = {
    {"inside, monitored", "192.0.2.5", "192.0.2.9", SUSRANGES, true},
    {"its last address", "192.0.2.127", "192.0.2.200", SUSRANGES, true},
    {"behind it", "192.0.2.128", "192.0.2.255", SUSRANGES, false},
    {"around it", "192.0.0.0", "192.0.255.255", SUSRANGES, true},
    {"in front of it", "192.0.1.0", "192.0.1.255", SUSRANGES, false},
    {"of another family only", "192.0.2.5", "192.0.2.5", BLOCKS, false},
    {"of blocks, with an unless", "10.1.1.1", "10.1.1.1", BLOCKS, true},
    {"blocks not covered", "10.1.1.1", "10.1.1.1", SUSRANGES, false},
    {"either", "10.1.1.1", "10.1.1.1", BLOCKS | SUSRANGES, true},
    {"expired", "198.51.100.1", "198.51.100.1", SUSRANGES, false},
    {"IPv6", "2001:db8:1::", "2001:db8:1::ffff", SUSRANGES, true},
    {"behind the last", "2001:db9::", "2001:db9::1", SUSRANGES, false},
    {"before the first", "1.1.1.1", "1.1.1.1", SUSRANGES, false},
    {"SPF refuses from anywhere", "1.1.1.1", "1.1.1.1", 1u << FAMILY_SPF, true},
    {"nothing", "192.0.2.5", "192.0.2.5", 0, false},
};

START_TEST(knows_who_is_needed)
{
	struct diag *diag = diag_create();
	struct ruleset *rules = make_table(diag, NULL);
	struct whitelist_need *n = whitelist_need_create(rules, NOW);
	struct ip first, last;

	ck_assert(rules && n);
	ck_assert(ip_parse(slice_str(cases[_i].first), &first));
	ck_assert(ip_parse(slice_str(cases[_i].last), &last));
	ruleset_free(&rules);
	ck_assert_msg(whitelist_need_covers(n, cases[_i].covers, &first, &last) == cases[_i].needed,
	    "%s", cases[_i].label);
	ck_assert_uint_eq(whitelist_need_by_name(n, SUSRANGES | BLOCKS), BLOCKS);
	ck_assert_uint_eq(whitelist_need_by_name(n, SUSRANGES), 0);
	whitelist_need_free(&n);
	diag_free(&diag);
}
END_TEST

static void take_line(void *context, enum diag_level level, const char *line)
{
	(void)level;
	if (strstr(line, "no rule refuses"))
		snprintf(context, 200, "%s", line);
}

START_TEST(check_says_it)
{
	struct diag *diag = diag_create();
	struct survey *survey = survey_create(NOW);
	struct ruleset *rules = make_table(diag, survey);
	char line[200] = "";

	ck_assert(rules && survey->rules);
	ck_assert_uint_eq(survey->rules[0].needless, 1);
	ck_assert_uint_eq(survey->rules[1].needless, 0);
	diag_each(diag, take_line, line);
	ck_assert_str_eq(line, "list:7: 1 of 1 entries of \"r\" let in addresses that no rule "
			       "refuses (first one here)");
	ruleset_free(&rules);
	survey_free(&survey);
	diag_free(&diag);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("whitelist_need");
	TCase *t = tcase_create("addresses");

	tcase_add_loop_test(t, knows_who_is_needed, 0, (int)ROWS(cases));
	tcase_add_test(t, check_says_it);
	suite_add_tcase(s, t);
	return s;
}
