/* Modes that `susmilterctl rule` set, as a load reads them. */
#include "unit/unit.h"

#include "core/policy/policy.h"
#include "edge/config/modes.h"
#include "fake/configured.h"

#include <time.h>

#define RULES                                                                                      \
	"state = \"state\"; spf = { fail = \"off\"; };\n"                                          \
	"susranges = ( { name = \"dialup\"; networks = [ \"198.51.100.0/24\" ]; },\n"              \
	" { name = \"trial\"; networks = [ \"203.0.113.0/24\" ]; mode = \"monitor\"; } );\n"

#define FAR "2099-01-01T00:00:00Z"

static const struct {
	const char *label, *file, *lines;
	bool dialup, trial; /* monitor */
} files[] = {
    {"none", NULL, "", false, true},
    {"empty", "", "", false, true},
    {"both turned", "dialup monitor  # by=root\ntrial enforce\n", "", true, false},
    {"with an end", "dialup monitor  # expires=" FAR " by=root added=2026-01-01T00:00:00Z\n", "",
	true, true},
    {"over while nobody looked", "dialup monitor  # expires=2026-01-01T00:00:00Z\n", "", false,
	true},
    {"a rule that is gone", "old monitor\n",
	"warning: state/rule-modes:1: mode monitor is set for \"old\", but there is no such rule: "
	"it counts for nothing\n",
	false, true},
    {"as configured", "# remark\n\ntrial monitor\n",
	"warning: state/rule-modes:3: mode monitor is set for \"trial\", which is configured so: "
	"take it back with `susmilterctl rule trial monitor`\n",
	false, true},
    {"another word", "dialup off\ntrial enforce\n",
	"warning: state/rule-modes:1: is not the name of a rule and monitor or enforce: the line "
	"is ignored\n",
	false, false},
    {"an end that is none", "dialup monitor  # expires=tomorrow\n",
	"warning: state/rule-modes:1: expires= is not followed by a time such as "
	"2026-11-28T12:00:00Z: the line is ignored\n",
	false, true},
    {"of two lines the last counts", "dialup monitor\ndialup enforce  # expires=" FAR "\n",
	"warning: state/rule-modes:2: mode enforce is set for \"dialup\", which is configured so: "
	"take it back with `susmilterctl rule dialup enforce`\n",
	false, true},
    {"no list of modes", "\001\377\n",
	"warning: state/rule-modes:1: is not the name of a rule and monitor or enforce: the line "
	"is ignored\n",
	false, true},
};

static bool refuses(const struct ruleset *rules, const char *client, int64_t now)
{
	struct facts facts = {.now = now};
	struct verdict v;

	ck_assert(ip_parse(slice_str(client), &facts.client));
	v = policy_decide(rules, &facts, PHASE_RCPT);
	ck_assert_int_eq(v.family, FAMILY_SUSRANGES);
	return policy_effect(&v) == ACTION_REJECT;
}

START_TEST(reads)
{
	struct configured c;
	int64_t now = time(NULL);

	if (files[_i].file)
		configured_file("state/rule-modes", files[_i].file);
	configured_load(&c, RULES);
	ck_assert_msg(
	    strcmp(c.lines, files[_i].lines) == 0, "%s: got\n%s", files[_i].label, c.lines);
	ck_assert_msg(refuses(c.rules, "198.51.100.7", now) == !files[_i].dialup, "%s: dialup",
	    files[_i].label);
	ck_assert_msg(
	    refuses(c.rules, "203.0.113.7", now) == !files[_i].trial, "%s: trial", files[_i].label);
	configured_free(&c);
}
END_TEST

/* The table that was loaded before the end decides behind it. */
START_TEST(ends_without_a_reload)
{
	struct configured c;
	const int64_t end = 4070908800; /* FAR */

	configured_file("state/rule-modes", "dialup monitor  # expires=" FAR "\n");
	configured_load(&c, RULES);
	ck_assert(!refuses(c.rules, "198.51.100.7", end - 1));
	ck_assert(refuses(c.rules, "198.51.100.7", end));
	configured_free(&c);
}
END_TEST

/* What decides mail must know the modes; what only checks says that it does not. */
START_TEST(says_that_it_cannot_read)
{
	struct configured c;
	struct config_request request = {.path = "t.conf", .live = true};

	configured_file("state/rule-modes/x", "");
	configured_load(&c, RULES);
	ck_assert_msg(strstr(c.lines, "warning: state/rule-modes: ") == c.lines &&
			  strstr(c.lines, "rules are taken as configured") && c.config,
	    "%s", c.lines);
	config_free(&c.config);
	ruleset_free(&c.rules);
	diag_free(&c.diag);
	c.diag = diag_create();
	c.config = config_request(&request, c.diag, &c.rules);
	ck_assert(!c.config && diag_errors(c.diag) == 1);
	configured_free(&c);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("config_modes");
	TCase *t = tcase_create("files");

	tcase_add_loop_test(t, reads, 0, (int)ROWS(files));
	tcase_add_test(t, ends_without_a_reload);
	tcase_add_test(t, says_that_it_cannot_read);
	suite_add_tcase(s, t);
	return s;
}
