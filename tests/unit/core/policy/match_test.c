#include "unit/unit.h"

#include "fake/configured.h"
#include "fake/session.h"

#include "core/policy/match.h"

#include <stdio.h>

/* One rule "r" with these criteria, one session, and what comes of it. */
enum { NO = TRUTH_NO, YES = TRUTH_YES, UNKNOWN = TRUTH_UNKNOWN };

static const struct {
	const char *label, *criteria;
	struct session session;
	int want;
	const char *entry; /* network or part of an identity that is named; NULL: not looked at */
} cases[] = {
    /* networks: the longest prefix decides, in or out */
    {"a network", "networks = \"192.0.2.0/24\";", {.client = "192.0.2.255"}, YES, "192.0.2.0/24"},
    {"beside it", "networks = \"192.0.2.0/24\";", {.client = "192.0.3.0"}, NO, NULL},
    {"taken out", "networks = [ \"192.0.2.0/24\", \"!192.0.2.8/29\" ];", {.client = "192.0.2.9"},
	NO, NULL},
    {"and in again", "networks = [ \"192.0.2.0/24\", \"!192.0.2.8/29\", \"192.0.2.9\" ];",
	{.client = "192.0.2.9"}, YES, "192.0.2.9/32"},
    {"the last octet of IPv6", "networks = \"2001:db8::2\";", {.client = "2001:db8::3"}, NO, NULL},
    {"the last octet of IPv6, out", "networks = [ \"2001:db8::/120\", \"!2001:db8::2\" ];",
	{.client = "2001:db8::3"}, YES, "2001:db8::/120"},
    {"mapped", "networks = \"192.0.2.0/24\";", {.client = "::ffff:192.0.2.1"}, YES, "192.0.2.0/24"},
    {"listed as mapped", "networks = \"::ffff:192.0.2.0/120\";", {.client = "192.0.2.1"}, YES,
	"192.0.2.0/24"},
    {"no address", "networks = [ \"0.0.0.0/0\", \"::/0\" ]; wide = true;", {.helo = "x.example"},
	NO, NULL},
    {"all IPv4", "networks = \"0.0.0.0/0\"; wide = true;", {.client = "255.255.255.255"}, YES,
	"0.0.0.0/0"},
    {"the last IPv6 address", "networks = \"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\";",
	{.client = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}, YES,
	"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"},

    /* names, from the longest; x before *.x before .x */
    {"a name", "helo = \"x.example\";", {.helo = "X.Example."}, YES, "x.example"},
    {"not below it", "helo = \"x.example\";", {.helo = "a.x.example"}, NO, NULL},
    {"compared by label", "helo = \".x.example\";", {.helo = "ax.example"}, NO, NULL},
    {"a tree", "helo = \".x.example\";", {.helo = "a.b.x.example"}, YES, "x.example"},
    {"its top", "helo = \".x.example\";", {.helo = "x.example"}, YES, "x.example"},
    {"only below", "helo = \"*.x.example\";", {.helo = "a.x.example"}, YES, "x.example"},
    {"not its top", "helo = \"*.x.example\";", {.helo = "x.example"}, NO, NULL},
    {"name before tree", "helo = [ \".x.example\", \"!x.example\" ];", {.helo = "x.example"}, NO,
	NULL},
    {"name before tree, below", "helo = [ \".x.example\", \"!x.example\" ];",
	{.helo = "a.x.example"}, YES, NULL},
    {"below before tree", "helo = [ \".x.example\", \"!*.x.example\" ];", {.helo = "a.x.example"},
	NO, NULL},
    {"below before tree, top", "helo = [ \".x.example\", \"!*.x.example\" ];",
	{.helo = "x.example"}, YES, NULL},
    {"longer before below", "helo = [ \"!*.x.example\", \".a.x.example\" ];",
	{.helo = "b.a.x.example"}, YES, "a.x.example"},
    {"one label", "helo = \".example\";", {.helo = "a.example"}, YES, "example"},
    {"a U-label",
	"helo = \".b\xc3\xbc"
	"cher.example\";",
	{.helo = "a.xn--bcher-kva.example"}, YES, NULL},
    {"a HELO that is no name", "helo = \".example\";", {.helo = "[192.0.2.1]"}, NO, NULL},

    /* addresses: exact, user+*@, names, user@, patterns */
    {"an address", "sender = \"u@x.example\";", {.sender = "<U@X.example>"}, YES, "U@X.example"},
    {"another user", "sender = \"u@x.example\";", {.sender = "v@x.example"}, NO, NULL},
    {"a sub-address", "sender = \"u+*@x.example\";", {.sender = "u+a+b@x.example"}, YES,
	"u+a+b@x.example"},
    {"no sub-address", "sender = \"u+*@x.example\";", {.sender = "u@x.example"}, NO, NULL},
    {"a user anywhere", "recipient = \"abuse@\";", {.recipient = "Abuse@any.example"}, YES, NULL},
    {"a user without domain", "recipient = \"postmaster@\";", {.recipient = "<postmaster>"}, YES,
	NULL},
    {"@ and a domain", "sender = \"@x.example\";", {.sender = "u@x.example"}, YES, "x.example"},
    {"the null sender", "sender = \"<>\";", {.sender = "<>"}, YES, "<>"},
    {"no null sender", "sender = \"<>\";", {.sender = "u@x.example"}, NO, NULL},
    {"exact before sub", "sender = [ \"u+*@x.example\", \"!u+a@x.example\" ];",
	{.sender = "u+a@x.example"}, NO, NULL},
    {"sub before name", "sender = [ \"x.example\", \"!u+*@x.example\" ];",
	{.sender = "u+a@x.example"}, NO, NULL},
    {"name before user", "sender = [ \"!.example\", \"u@\" ];", {.sender = "u@x.example"}, NO,
	NULL},
    {"user before pattern", "sender = [ \"!u@\", \"/.*/\" ];", {.sender = "u@x.example"}, NO, NULL},
    {"an address literal", "sender = \"u@\";", {.sender = "u@[192.0.2.1]"}, YES, NULL},
    {"domains of addresses", "domains = \".x.example\";", {.sender = "u@a.x.example"}, YES,
	"x.example"},

    /* patterns */
    {"a pattern", "helo = \"/h[0-9]+/\";", {.helo = "H12"}, YES, "h12"},
    {"the whole identity", "helo = \"/h[0-9]+/\";", {.helo = "h12x"}, NO, NULL},
    {"out wins among patterns", "helo = [ \"/h.*/\", \"!/.*x/\" ];", {.helo = "hx"}, NO, NULL},
    {"names before patterns", "helo = [ \"!h.example\", \"/h.*/\" ];", {.helo = "h.example"}, NO,
	NULL},
    {"a pattern with a slash", "sender = \"/a\\\\/b@.*/\";", {.sender = "a/b@x.example"}, YES,
	NULL},

    /* domains: any of the identities */
    {"by HELO", "domains = \"x.example\";", {.helo = "x.example", .sender = "u@y.example"}, YES,
	"x.example"},
    {"not by recipient", "domains = \"x.example\";", {.recipient = "u@x.example"}, NO, NULL},
    {"by recipient alone", "domains = \"x.example\"; in = \"recipient\";",
	{.recipient = "u@x.example", .helo = "y.example"}, YES, "x.example"},
    {"out for one, in for another", "domains = [ \".x.example\", \"!a.x.example\" ];",
	{.helo = "a.x.example", .sender = "u@x.example"}, YES, "x.example"},
    {"out for all", "domains = [ \".x.example\", \"!a.x.example\" ];",
	{.helo = "a.x.example", .sender = "u@a.x.example"}, NO, NULL},

    /* all keys, and unless */
    {"both keys", "helo = \"x.example\"; sender = \"y.example\";",
	{.helo = "x.example", .sender = "u@y.example"}, YES, NULL},
    {"one of two keys", "helo = \"x.example\"; sender = \"y.example\";",
	{.helo = "x.example", .sender = "u@z.example"}, NO, NULL},
    {"excused",
	"helo = \"x.example\"; unless = { networks = \"192.0.2.1\"; sender = \"y.example\"; };",
	{.client = "192.0.2.9", .helo = "x.example", .sender = "u@y.example"}, NO, NULL},
    {"not excused",
	"helo = \"x.example\"; unless = { sender = [ \".y.example\", \"!y.example\" ]; };",
	{.helo = "x.example", .sender = "u@y.example"}, YES, NULL},
    {"excused by domains in",
	"helo = \"x.example\"; unless = { domains = \"y.example\"; in = \"recipient\"; };",
	{.helo = "x.example", .sender = "u@y.example"}, YES, NULL},

    /* what is not known yet */
    {"unknown key", "from = \"x.example\";", {.from = SESSION_UNKNOWN}, UNKNOWN, NULL},
    {"absent key", "from = \"x.example\";", {.from = NULL}, NO, NULL},
    {"unknown and no", "from = \"x.example\"; helo = \"y.example\";",
	{.from = SESSION_UNKNOWN, .helo = "z.example"}, NO, NULL},
    {"unknown and yes", "from = \"x.example\"; helo = \"y.example\";",
	{.from = SESSION_UNKNOWN, .helo = "y.example"}, UNKNOWN, NULL},
    {"two unknown at once", "from = \"x.example\"; client_name = \"z.example\";",
	{.from = SESSION_UNKNOWN, .name = SESSION_UNKNOWN}, UNKNOWN, NULL},
    {"two unknown, and a no",
	"from = \"x.example\"; client_name = \"z.example\"; helo = \"y.example\";",
	{.from = SESSION_UNKNOWN, .name = SESSION_UNKNOWN, .helo = "n.example"}, NO, NULL},
    {"two unknown, one of them an excuse",
	"client_name = \"z.example\"; unless = { from = \"x.example\"; };",
	{.from = SESSION_UNKNOWN, .name = SESSION_UNKNOWN}, UNKNOWN, NULL},
    {"unknown excuse", "helo = \"y.example\"; unless = { from = \"x.example\"; };",
	{.from = SESSION_UNKNOWN, .helo = "y.example"}, UNKNOWN, NULL},
    {"another excuse",
	"helo = \"y.example\"; unless = { from = \"x.example\"; sender = \"z.example\"; };",
	{.from = SESSION_UNKNOWN, .helo = "y.example", .sender = "u@z.example"}, NO, NULL},
    {"domains, one of them unknown", "domains = \"x.example\";",
	{.from = SESSION_UNKNOWN, .helo = "y.example"}, UNKNOWN, NULL},
    {"domains, another suffices", "domains = \"x.example\";",
	{.from = SESSION_UNKNOWN, .helo = "x.example"}, YES, NULL},
    {"a pattern on what is unknown", "from = \"/.*/\";", {.from = SESSION_UNKNOWN}, UNKNOWN, NULL},

    {"expired", "helo = \"x.example\"; expires = \"1999-12-31\";", {.helo = "x.example"}, NO, NULL},
};

static struct slice named_entry(const struct outcome *o, char out[PREFIX_TEXT_MAX])
{
	return o->has_network ? slice_of(out, prefix_format(&o->network, out)) : o->entry;
}

/* The rule's outcome as match_rule() gives it, and the same by match_next() among others. */
START_TEST(matches)
{
	struct arena *arena = arena_create(1 << 20);
	struct configured c;
	struct facts facts;
	struct outcome o, other = {.truth = TRUTH_NO};
	struct match_trace trace;
	struct match m;
	char text[4096], shown[PREFIX_TEXT_MAX];
	unsigned rule;

	snprintf(text, sizeof text,
	    "trusted_networks = [ ];\n"
	    "blocks = ( { name = \"a\"; domains = \".example\"; networks = \"192.0.2.0/25\"; },\n"
	    " { name = \"r\"; %s },\n { name = \"z\"; sender = [ \".example\", \"/u.*/\" ]; } );\n",
	    cases[_i].criteria);
	configured_load(&c, text);
	ck_assert_msg(c.rules != NULL, "%s: %s", cases[_i].label, c.lines);
	facts = session_facts(&cases[_i].session, arena);
	facts.now = 1000000000;
	rule = (unsigned)(ruleset_find_rule(c.rules, SLICE("r")) - c.rules->rules);
	match_rule(c.rules, &facts, rule, &o, &trace);
	ck_assert_msg((int)o.truth == cases[_i].want, "%s: %d, not %d", cases[_i].label, o.truth,
	    cases[_i].want);
	if (cases[_i].entry)
		ck_assert_msg(slice_equal(named_entry(&o, shown), slice_str(cases[_i].entry)),
		    "%s: %.*s, not %s", cases[_i].label, SLICE_ARG(named_entry(&o, shown)),
		    cases[_i].entry);
	match_start(&m, c.rules, &facts);
	for (unsigned last = 0; match_next(&m, &o); last = (unsigned)(o.rule - c.rules->rules)) {
		ck_assert_uint_ge((unsigned)(o.rule - c.rules->rules), last);
		if (o.rule == &c.rules->rules[rule])
			other = o;
	}
	/* a rule of which no entry speaks yet need not come */
	if (cases[_i].want != UNKNOWN || other.truth != TRUTH_NO)
		ck_assert_msg((int)other.truth == cases[_i].want, "%s: match_next says %d",
		    cases[_i].label, other.truth);
	configured_free(&c);
	arena_free(&arena);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("match");
	TCase *all = tcase_create("cases");

	tcase_add_loop_test(all, matches, 0, (int)ROWS(cases));
	suite_add_tcase(s, all);
	return s;
}
