#include "core/rules/rule.h"

#include "unit/unit.h"

#define KEY(key) (1u << KEY_##key)
#define IN(id)   (1u << IDENTITY_##id)

static const struct {
	const char *label;
	struct rule rule;
	bool want;
} authors[] = {
    {"networks", {.keys = KEY(NETWORKS), .in = IN(FROM), .unless_in = IN(FROM)}, false},
    {"from", {.keys = KEY(FROM)}, true},
    {"from beside others", {.keys = KEY(NETWORKS) | KEY(FROM) | KEY(HELO)}, true},
    {"unless from", {.keys = KEY(HELO), .unless = KEY(FROM)}, true},
    {"unless others", {.keys = KEY(HELO), .unless = KEY(SENDER) | KEY(RECIPIENT)}, false},
    {"domains in from", {.keys = KEY(DOMAINS), .in = IN(FROM)}, true},
    {"domains in all", {.keys = KEY(DOMAINS), .in = IN(FROM) | IN(SENDER) | IN(HELO)}, true},
    {"domains elsewhere", {.keys = KEY(DOMAINS), .in = IN(SENDER), .unless_in = IN(FROM)}, false},
    {"unless domains in from", {.keys = KEY(HELO), .unless = KEY(DOMAINS), .unless_in = IN(FROM)},
	true},
    {"unless domains elsewhere",
	{.keys = KEY(HELO), .unless = KEY(DOMAINS), .in = IN(FROM), .unless_in = IN(HELO)}, false},
};

START_TEST(knows_who_asks_for_the_author)
{
	ck_assert_msg(
	    rule_mentions_from(&authors[_i].rule) == authors[_i].want, "%s", authors[_i].label);
}
END_TEST

static const struct {
	const char *label;
	int64_t expires, now;
	bool want;
} ends[] = {
    {"never", 0, INT64_MAX, false},
    {"a second before", 1000, 999, false},
    {"at that second", 1000, 1000, true},
    {"after", 1000, 1001, true},
    {"long ago", 1, 1000, true},
};

START_TEST(knows_when_it_is_over)
{
	struct rule rule = {.expires = ends[_i].expires};

	ck_assert_msg(rule_expired(&rule, ends[_i].now) == ends[_i].want, "%s", ends[_i].label);
}
END_TEST

static const struct {
	const char *label;
	struct rule rule;
	int64_t now;
	bool overridden, monitors;
} modes[] = {
    {"as configured", {.monitor = true}, 1000, false, true},
    {"monitor, set", {.override = {.given = true, .monitor = true}}, INT64_MAX, true, true},
    {"enforce, set", {.monitor = true, .override = {.given = true}}, 1000, true, false},
    {"a second before its end", {.override = {.given = true, .monitor = true, .until = 1000}}, 999,
	true, true},
    {"at its end", {.override = {.given = true, .monitor = true, .until = 1000}}, 1000, false,
	false},
    {"behind its end", {.monitor = true, .override = {.given = true, .until = 1000}}, 1001, false,
	true},
};

START_TEST(knows_its_mode)
{
	ck_assert_msg(rule_overridden(&modes[_i].rule, modes[_i].now) == modes[_i].overridden, "%s",
	    modes[_i].label);
	ck_assert_msg(rule_monitors(&modes[_i].rule, modes[_i].now) == modes[_i].monitors, "%s",
	    modes[_i].label);
}
END_TEST

/* The words of the configuration, in the order of enum rule_key. */
static const char *const words[KEY_COUNT] = {"networks", "client_name", "helo", "sender", "from",
    "recipient", "domains", "login", "spf", "dkim", "dmarc", "sender_domain", "from_domain",
    "reverse", "helo_is", "tls", "header", "all_headers", "listed"};

START_TEST(names_keys)
{
	ck_assert_str_eq(rule_key_name((enum rule_key)_i), words[_i]);
	if (_i > KEY_NETWORKS && _i < KEY_DOMAINS)
		ck_assert_str_eq(
		    identity_name((enum identity_kind)(_i - KEY_CLIENT_NAME)), words[_i]);
}
END_TEST

static const struct {
	const char *label;
	unsigned rule, slot;
	bool out;
	unsigned rank, depth;
} members[] = {
    {"the least", 0, 0, false, 0, 0},
    {"the greatest", RULES_MAX, SLOT_UNLESS + KEY_DOMAINS, true, 3, 255},
    {"a network", 7, KEY_NETWORKS, false, RANK_NETWORK, 128},
    {"a network taken out", 7, KEY_NETWORKS, true, RANK_NETWORK, 128},
    {"a country", 7, KEY_NETWORKS, false, RANK_COUNTRY, 24},
    {"a name", 12345, KEY_DOMAINS, false, FORM_NAME, 127},
    {"a name of unless", 12345, SLOT_UNLESS + KEY_HELO, true, FORM_BELOW, 1},
};

START_TEST(packs_members)
{
	uint32_t m = member_make(members[_i].rule, members[_i].slot, members[_i].out,
	    members[_i].rank, members[_i].depth);

	ck_assert_msg(member_rule(m) == members[_i].rule && member_slot(m) == members[_i].slot &&
			  member_out(m) == members[_i].out && member_rank(m) == members[_i].rank &&
			  member_depth(m) == members[_i].depth,
	    "%s: %08x", members[_i].label, (unsigned)m);
	ck_assert_uint_eq(m >> 31, 0);
	ck_assert_uint_eq(member_matcher(m), member_matcher(member_make(members[_i].rule,
						 members[_i].slot, !members[_i].out, 0, 0)));
	ck_assert_uint_ne(member_matcher(m), member_matcher(member_make(members[_i].rule,
						 members[_i].slot ^ 1, members[_i].out, 0, 0)));
}
END_TEST

/* Sorted words are in the order in which rules are considered, and within one by key. */
START_TEST(sorts_members)
{
	uint32_t last = member_make(1, SLOT_UNLESS + KEY_DOMAINS, true, 3, 255);

	ck_assert_uint_lt(last, member_make(2, KEY_NETWORKS, false, 0, 0));
	ck_assert_uint_lt(
	    member_make(1, KEY_HELO, true, 3, 255), member_make(1, KEY_SENDER, false, 0, 0));
	ck_assert_uint_lt(member_make(1, KEY_DOMAINS, true, 3, 255),
	    member_make(1, SLOT_UNLESS + KEY_NETWORKS, false, 0, 0));
}
END_TEST

/* SPEC 3.1 */
static const struct {
	enum family family;
	bool lets_in;
	enum ip_family ip;
	unsigned shortest;
} widths[] = {
    {FAMILY_WHITELIST, true, IP_V4, 8}, {FAMILY_WHITELIST, true, IP_V6, 16},
    {FAMILY_TRUSTED, true, IP_V4, 8}, {FAMILY_TRUSTED, true, IP_V6, 7},
    {FAMILY_SUSRANGES, true, IP_V6, 16}, /* its unless */
    {FAMILY_SUSRANGES, false, IP_V4, 4}, {FAMILY_BLOCKS, false, IP_V6, 4},
    {FAMILY_WHITELIST, false, IP_V4, 4}, /* an entry with `!` */
};

START_TEST(knows_what_is_wide)
{
	ck_assert_uint_eq(
	    rule_shortest_prefix(widths[_i].family, widths[_i].lets_in, widths[_i].ip),
	    widths[_i].shortest);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("rule");
	TCase *rules = tcase_create("rules"), *words_of = tcase_create("members");

	tcase_add_loop_test(rules, knows_who_asks_for_the_author, 0, (int)ROWS(authors));
	tcase_add_loop_test(rules, knows_when_it_is_over, 0, (int)ROWS(ends));
	tcase_add_loop_test(rules, knows_its_mode, 0, (int)ROWS(modes));
	tcase_add_loop_test(rules, names_keys, 0, KEY_COUNT);
	suite_add_tcase(s, rules);
	tcase_add_loop_test(words_of, knows_what_is_wide, 0, (int)ROWS(widths));
	tcase_add_loop_test(words_of, packs_members, 0, (int)ROWS(members));
	tcase_add_test(words_of, sorts_members);
	suite_add_tcase(s, words_of);
	return s;
}
