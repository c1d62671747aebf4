#include "unit/unit.h"

#include "fake/session.h"

#include "core/policy/reply.h"

#include <stdio.h>

/* ---- templates of the configuration -------------------------------------------------- */

static const struct {
	const char *template, *want; /* NULL: good; else how the reason begins */
} templates[] = {
    {"550 5.7.1 go away", NULL},
    {"550 go away", NULL},
    {"450 4.7.1 later", NULL},
    {"599 5.999.999 x", NULL},
    {"550 5.7.1 %{client} %{network} %{asn} %{rule} %{sender_domain} %{from_domain} %{helo}", NULL},
    {"550 100% sure", NULL},
    {"", "a reply starts with a code"},
    {"go away", "a reply starts with a code"},
    {"250 2.0.0 ok", "a reply starts with a code"},
    {"354 go ahead", "a reply starts with a code"},
    {"600 x", "a reply starts with a code"},
    {"550", "the reply has no text"},
    {"550 ", "the reply has no text"},
    {"550 5.7.1", "the reply has no text"},
    {"550 4.7.1 x", "the enhanced status code is of another class"},
    {"450 5.7.1 x", "the enhanced status code is of another class"},
    {"550 5.7 x", "the second word is not an enhanced status code"},
    {"550 5.7.1.1 x", "the second word is not an enhanced status code"},
    {"550 5.1000.1 x", "the second word is not an enhanced status code"},
    {"550 x %{sender}",
	"unknown variable %{sender}; there are client, network, asn, rule, sender_domain, "
	"from_domain, helo, name, recipient, spf_domain, policy_domain, policy, from_problem"},
    {"550 x %{abcdefghijklmnopqrstuvwxyz}",
	"unknown variable %{abcdefghijklmnopqrst}; there are client, network, asn, rule, "
	"sender_domain, from_domain, helo, name, recipient, spf_domain, policy_domain, policy, "
	"from_problem"},
    {"550 x %{client", "a variable has no closing brace"},
    {"550 two\r\n250 lines", "a reply is one line of printable ASCII"},
    {"550 stra\xc3\x9f"
     "e",
	"a reply is one line of printable ASCII"},
};

START_TEST(checks_templates)
{
	char why[REPLY_WHY_MAX];
	const char *want = templates[_i].want;
	const char *got = reply_check(slice_str(templates[_i].template), why);

	if (!want)
		ck_assert_msg(got == NULL, "\"%s\": %s", templates[_i].template, got);
	else
		ck_assert_msg(got && strncmp(got, want, strlen(want)) == 0, "\"%s\": %s",
		    templates[_i].template, got ? got : "is taken");
}
END_TEST

START_TEST(checks_length)
{
	char text[REPLY_MAX + 2] = "550 ", why[REPLY_WHY_MAX];

	memset(text + 4, 'x', REPLY_MAX - 4);
	ck_assert_ptr_null(reply_check(slice_of(text, REPLY_MAX), why));
	text[REPLY_MAX] = 'x';
	ck_assert_ptr_nonnull(reply_check(slice_of(text, REPLY_MAX + 1), why));
}
END_TEST

/* ---- replies ------------------------------------------------------------------------- */

static const struct session session = {.client = "198.51.100.7",
    .helo = "mx.a.example",
    .sender = "u@sender.example",
    .from = "v@from.example",
    .recipient = "u@b.example"};

static const struct {
	const char *label, *template; /* NULL: the default */
	enum family family;
	enum reason reason;
	enum action action;
	const char *want;
} replies[] = {
    {"SusRange", NULL, FAMILY_SUSRANGES, REASON_RULE, ACTION_REJECT,
	"550 5.7.1 Unauthenticated mail not allowed from this range (198.51.100.0/24, dialup)"},
    {"block", NULL, FAMILY_BLOCKS, REASON_RULE, ACTION_REJECT,
	"550 5.7.1 Mail from mx.a.example is not accepted here (dialup)"},
    {"SPF", NULL, FAMILY_SPF, REASON_SPF_FAIL, ACTION_REJECT,
	"550 5.7.23 SPF: 198.51.100.7 is not allowed to send for spf.example"},
    {"SPF without DNS", NULL, FAMILY_SPF, REASON_SPF_TEMPERROR, ACTION_TEMPFAIL,
	"451 4.4.3 SPF: the DNS of spf.example gives no answer, please try again"},
    {"sessions", NULL, FAMILY_LIMITS, REASON_TOO_MANY_SESSIONS, ACTION_TEMPFAIL,
	"421 4.3.2 Too many sessions, please try again later"},
    {"headers", NULL, FAMILY_LIMITS, REASON_HEADERS_TOO_LARGE, ACTION_REJECT,
	"552 5.3.4 The header of this message is too large"},
    {"internal error", NULL, FAMILY_LIMITS, REASON_INTERNAL, ACTION_TEMPFAIL,
	"451 4.3.0 Temporary internal error, please try again"},
    {"variables",
	"450 4.2.1 %{client} %{network} %{asn} %{rule} %{sender_domain} %{from_domain} %{helo}",
	FAMILY_BLOCKS, REASON_RULE, ACTION_TEMPFAIL,
	"450 4.2.1 198.51.100.7 198.51.100.0/24 AS64500 dialup sender.example from.example "
	"mx.a.example"},
    {"no enhanced code", "550 no", FAMILY_BLOCKS, REASON_RULE, ACTION_REJECT, "550 5.7.1 no"},
    {"no enhanced code, later", "450 no", FAMILY_BLOCKS, REASON_RULE, ACTION_TEMPFAIL,
	"450 4.7.1 no"},
    {"a percent sign", "550 5.7.1 100% no %{rule}%", FAMILY_BLOCKS, REASON_RULE, ACTION_REJECT,
	"550 5.7.1 100% no dialup%"},
};

static struct facts facts_of(struct arena *arena)
{
	struct facts f = session_facts(&session, arena);

	f.asn = 64500;
	f.spf_state = FACT_KNOWN;
	f.spf.domain = SLICE("spf.example");
	return f;
}

static struct verdict verdict_of(size_t row, const struct rule *rule)
{
	struct ip ip = {(uint64_t)0xc6336400 << 32, 0, IP_V4};
	struct verdict v = {.kind = VERDICT_FINAL,
	    .action = replies[row].action,
	    .family = replies[row].family,
	    .reason = replies[row].reason,
	    .rule = replies[row].reason == REASON_RULE ? rule : NULL,
	    .has_network = true,
	    .network = prefix_of(&ip, 24)};

	if (replies[row].family == FAMILY_BLOCKS) {
		v.has_identity = true;
		v.identity = IDENTITY_HELO;
	}
	return v;
}

START_TEST(makes_replies)
{
	struct arena *arena = arena_create(1 << 16);
	struct facts f = facts_of(arena);
	struct rule rule = {.name = SLICE("dialup"), .reply = slice_str(replies[_i].template)};
	struct verdict v = verdict_of((size_t)_i, &rule);
	struct ruleset rules = {.settings.help_url = SLICE("https://x.example/")};
	struct reply r;
	char line[1024], want[1024];

	reply_make(NULL, &f, &v, SLICE("t0k3n"), &r);
	snprintf(line, sizeof line, "%u %s %s", r.code, r.xcode, r.text);
	ck_assert_msg(strcmp(line, replies[_i].want) == 0, "%s: %s", replies[_i].label, line);
	reply_make(&rules, &f, &v, SLICE("t0k3n"), &r);
	snprintf(line, sizeof line, "%u %s %s", r.code, r.xcode, r.text);
	snprintf(want, sizeof want, "%s https://x.example/t0k3n", replies[_i].want);
	ck_assert_str_eq(line, want);
	arena_free(&arena);
}
END_TEST

/* Whatever a client calls itself, the reply is one line of printable ASCII of 480 octets at most,
 * and the address of help is whole. */
START_TEST(stays_safe)
{
	static char helo[2000];
	struct arena *arena = arena_create(1 << 16);
	struct facts f = facts_of(arena);
	struct rule rule = {.name = SLICE("r"), .reply = SLICE("550 5.7.1 %{helo} %{helo} end")};
	struct verdict v = {
	    .kind = VERDICT_FINAL, .action = ACTION_REJECT, .reason = REASON_RULE, .rule = &rule};
	struct ruleset rules = {.settings.help_url = SLICE("https://x.example/")};
	struct reply r;
	size_t len;

	for (size_t i = 0; i < sizeof helo; i++)
		helo[i] = (char)(i * 7);
	for (size_t n = 0; n < sizeof helo; n += 13) {
		f.id[IDENTITY_HELO].text = slice_of(helo, n);
		reply_make(&rules, &f, &v, SLICE("t0k3n"), &r);
		len = strlen(r.text);
		ck_assert_uint_le(3 + 1 + strlen(r.xcode) + 1 + len, REPLY_MAX);
		ck_assert(slice_is_printable_ascii(slice_of(r.text, len)));
		ck_assert_str_eq(
		    r.text + len - strlen(" https://x.example/t0k3n"), " https://x.example/t0k3n");
	}
	arena_free(&arena);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("reply");
	TCase *check = tcase_create("templates"), *make = tcase_create("replies");

	tcase_add_loop_test(check, checks_templates, 0, (int)ROWS(templates));
	tcase_add_test(check, checks_length);
	suite_add_tcase(s, check);
	tcase_add_loop_test(make, makes_replies, 0, (int)ROWS(replies));
	tcase_add_test(make, stays_safe);
	suite_add_tcase(s, make);
	return s;
}
