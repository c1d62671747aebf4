#include "core/rules/ruleset.h"
#include "unit/unit.h"

#include <stdio.h>
#include <string.h>

/* What a report says, a line each. */
struct told {
	char text[1024];
};

static void tell(void *context, enum diag_level level, const char *line)
{
	struct told *told = context;
	size_t len = strlen(told->text);

	(void)level;
	snprintf(told->text + len, sizeof told->text - len, "%s\n", line);
}

/* Adds what a rule may hold, by a number that may be none. */
static void add_everything(struct ruleset_builder *b, unsigned rule)
{
	static const unsigned char address[4] = {192, 0, 2, 0};
	struct ip base = ip_from_v4(address);
	struct prefix network = prefix_of(&base, 24);
	struct entry entry = {.kind = ENTRY_NETWORK, .prefix = network};

	ruleset_add_entry(b, rule, KEY_NETWORKS, &entry, (struct origin){"list", 1});
	ruleset_add_geo(b, rule, KEY_NETWORKS, RANK_ASN, false, &network);
}

/* One rule too many is an error, and what belongs to it is nobody's. */
START_TEST(one_rule_too_many)
{
	struct diag *diag = diag_create();
	struct ruleset_builder *b = ruleset_builder_create(diag);
	struct rule rule = {
	    .name = SLICE("r"),
	    .family = FAMILY_SUSRANGES,
	    .keys = 1u << KEY_NETWORKS,
	    .where = {"rules", 1},
	};
	struct switches switches = {.blocks = true};
	struct told told = {""};

	ruleset_add_domain(b, ENTRY_NAME, SLICE("example.org"), &switches, ~0u, rule.where);
	for (unsigned i = 0; i < RULES_MAX; i++)
		ck_assert_uint_eq(ruleset_add_rule(b, &rule), i);
	rule.where.line = 2;
	ck_assert_uint_eq(ruleset_add_rule(b, &rule), RULES_MAX);
	add_everything(b, RULES_MAX - 1);
	add_everything(b, RULES_MAX);
	ck_assert_ptr_null(ruleset_finish(&b));
	diag_each(diag, tell, &told);
	ck_assert_str_eq(
	    told.text, "rules:2: more than 65535 rules: put entries into lists instead\n");
	diag_free(&diag);
}
END_TEST

/* Words without end are told as an error, and the rule that they belong to is not there. */
START_TEST(too_many_words)
{
	static char words[1 << 20];
	struct diag *diag = diag_create();
	struct ruleset_builder *b = ruleset_builder_create(diag);
	struct rule rule = {
	    .name = SLICE("r"),
	    .family = FAMILY_SUSRANGES,
	    .keys = 1u << KEY_NETWORKS,
	    .comment = {words, sizeof words},
	    .where = {"rules", 1},
	};
	struct told told = {""};
	unsigned number = 0;

	memset(words, 'x', sizeof words);
	for (int i = 0; i < 100 && number != RULES_MAX; i++) {
		number = ruleset_add_rule(b, &rule);
		add_everything(b, number);
	}
	ck_assert_uint_eq(number, RULES_MAX);
	ck_assert_ptr_null(ruleset_finish(&b));
	diag_each(diag, tell, &told);
	ck_assert_str_eq(told.text, "rules: out of memory\n");
	diag_free(&diag);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("ruleset");
	TCase *c = tcase_create("limits");

	tcase_add_test(c, one_rule_too_many);
	tcase_add_test(c, too_many_words);
	suite_add_tcase(s, c);
	return s;
}
