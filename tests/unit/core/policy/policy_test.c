#include "unit/unit.h"

#include "fake/configured.h"
#include "fake/session.h"

#include "core/policy/policy.h"

#include <stdio.h>

/* ---- rules: who wins, phase by phase ------------------------------------------------- */

static const char table[] =
    "spf = { fail = \"off\"; };\n"
    "susranges = (\n"
    " { name = \"s-monitor\"; networks = \"198.51.100.0/24\"; mode = \"monitor\"; },\n"
    " { name = \"s-wide\"; networks = \"198.51.100.128/25\"; },\n"
    " { name = \"s-late\"; networks = \"198.51.100.192/26\"; reply = \"450 4.7.1 later\"; },\n"
    " { name = \"s-later\"; networks = \"203.0.113.0/24\"; reply = \"450 4.7.1 later\"; } );\n"
    "whitelist = (\n"
    " { name = \"w-all\"; networks = \"198.51.100.200\"; },\n"
    " { name = \"w-sus\"; networks = \"198.51.100.201\"; covers = [ \"susranges\" ]; },\n"
    " { name = \"w-proof\"; domains = \".good.example\"; proof = [ \"spf\", \"client_name\" ]; },\n"
    " { name = \"w-dns\"; domains = \".dns.example\"; proof = \"client_name\"; },\n"
    " { name = \"w-half\"; domains = \".half.example\"; proof = \"spf\";\n"
    "   covers = \"susranges\"; },\n"
    " { name = \"w-monitor\"; networks = \"198.51.100.202\"; mode = \"monitor\"; } );\n"
    "blocks = (\n"
    " { name = \"b-monster\"; domains = \".monster\"; },\n"
    " { name = \"b-from\"; from = \".junk.example\"; } );\n"
    "domains = ( { name = \"no-sus.example\"; susranges = \"off\"; },\n"
    "            { name = \"no-blocks.example\"; blocks = \"off\"; } );\n";

#define TO     "u@b.example"
#define SENDER .sender = "u@a.example"

/* Instead of an enum spf_result: SPF was not asked yet. */
enum { NOTHING = -1 };

static const struct {
	const char *label;
	enum phase phase;
	struct session session;
	int spf; /* NOTHING: not asked yet */
	const char *want;
} rules[] = {
    {"nothing against it", PHASE_RCPT, {.client = "192.0.2.1", SENDER, .recipient = TO}, NOTHING,
	"continue none -"},
    {"trusted, at MAIL", PHASE_MAIL, {.client = "127.0.0.1", SENDER}, NOTHING,
	"accept trusted_networks trusted_networks"},
    {"nothing is refused at MAIL", PHASE_MAIL, {.client = "198.51.100.130", SENDER}, NOTHING,
	"continue none -"},
    {"monitor does not hide what is enforced", PHASE_RCPT,
	{.client = "198.51.100.130", SENDER, .recipient = TO}, NOTHING, "reject susranges s-wide"},
    {"monitor alone", PHASE_RCPT, {.client = "198.51.100.1", SENDER, .recipient = TO}, NOTHING,
	"would reject susranges s-monitor"},
    {"the first rule is named", PHASE_RCPT, {.client = "198.51.100.193", SENDER, .recipient = TO},
	NOTHING, "reject susranges s-wide"},
    {"a 4xx reply", PHASE_RCPT, {.client = "203.0.113.1", SENDER, .recipient = TO}, NOTHING,
	"tempfail susranges s-later"},
    {"blocks before susranges", PHASE_RCPT,
	{.client = "198.51.100.130", .helo = "x.monster", SENDER, .recipient = TO}, NOTHING,
	"reject blocks b-monster"},
    {"exempt before all", PHASE_RCPT,
	{.client = "198.51.100.130", .helo = "x.monster", SENDER, .recipient = "abuse@b.example"},
	NOTHING, "accept exempt_recipients exempt_recipients"},
    {"whitelisted from both", PHASE_RCPT,
	{.client = "198.51.100.200", .helo = "x.monster", SENDER, .recipient = TO}, NOTHING,
	"continue whitelist w-all"},
    {"whitelisted from susranges only", PHASE_RCPT,
	{.client = "198.51.100.201", SENDER, .recipient = TO}, NOTHING, "continue whitelist w-sus"},
    {"but not from blocks", PHASE_RCPT,
	{.client = "198.51.100.201", .helo = "x.monster", SENDER, .recipient = TO}, NOTHING,
	"reject blocks b-monster"},
    {"a whitelist in monitor mode excuses nobody", PHASE_RCPT,
	{.client = "198.51.100.202", SENDER, .recipient = TO}, NOTHING, "reject susranges s-wide"},
    {"proof by name", PHASE_RCPT,
	{.client = "198.51.100.130", .name = "m.good.example", SENDER, .recipient = TO}, NOTHING,
	"continue whitelist w-proof"},
    {"proof is asked for", PHASE_RCPT,
	{.client = "198.51.100.130", .sender = "u@good.example", .recipient = TO}, NOTHING,
	"need spf"},
    {"and given", PHASE_RCPT,
	{.client = "198.51.100.130", .sender = "u@good.example", .recipient = TO}, SPFR_PASS,
	"continue whitelist w-proof"},
    {"or not", PHASE_RCPT,
	{.client = "198.51.100.130", .sender = "u@good.example", .recipient = TO}, SPFR_NEUTRAL,
	"reject susranges s-wide"},
    {"or the DNS is silent", PHASE_RCPT,
	{.client = "198.51.100.130", .sender = "u@good.example", .recipient = TO}, SPFR_TEMPERROR,
	"tempfail susranges s-wide"},
    {"a silent DNS helps nobody whom no entry names", PHASE_RCPT,
	{.client = "198.51.100.130", SENDER, .recipient = TO}, SPFR_TEMPERROR,
	"reject susranges s-wide"},
    {"nor where only the name counts", PHASE_RCPT,
	{.client = "198.51.100.130", .sender = "u@dns.example", .recipient = TO}, SPFR_TEMPERROR,
	"reject susranges s-wide"},
    {"nor in a family that the entry does not cover", PHASE_RCPT,
	{.client = "192.0.2.1", .sender = "u@half.example", .helo = "x.monster", .recipient = TO},
	SPFR_TEMPERROR, "reject blocks b-monster"},
    {"what monitor mode finds is put off in the record", PHASE_RCPT,
	{.client = "198.51.100.1", .sender = "u@good.example", .recipient = TO}, SPFR_TEMPERROR,
	"would tempfail susranges s-monitor"},
    {"proof is asked for only when somebody refuses", PHASE_RCPT,
	{.client = "192.0.2.1", .sender = "u@good.example", .recipient = TO}, NOTHING,
	"continue none -"},
    {"a sender proves nothing where only the name counts", PHASE_RCPT,
	{.client = "198.51.100.130", .sender = "u@dns.example", .recipient = TO}, SPFR_PASS,
	"reject susranges s-wide"},
    {"susranges off for the domain", PHASE_RCPT,
	{.client = "198.51.100.130", SENDER, .recipient = "u@no-sus.example"}, NOTHING,
	"continue none -"},
    {"its blocks are on", PHASE_RCPT,
	{.client = "198.51.100.130", .helo = "x.monster", SENDER, .recipient = "u@no-sus.example"},
	NOTHING, "reject blocks b-monster"},
    {"blocks off for the domain", PHASE_RCPT,
	{.client = "192.0.2.1", .helo = "x.monster", SENDER, .recipient = "u@no-blocks.example"},
	NOTHING, "continue none -"},
    {"From is not known at RCPT", PHASE_RCPT,
	{.client = "192.0.2.1", SENDER, .from = SESSION_UNKNOWN, .recipient = TO}, NOTHING,
	"continue none -"},
    {"but at the end", PHASE_END,
	{.client = "192.0.2.1", SENDER, .from = "u@a.junk.example", .recipient = TO}, NOTHING,
	"reject blocks b-from"},
    {"domains by From at the end", PHASE_END,
	{.client = "192.0.2.1", SENDER, .from = "u@a.monster", .recipient = TO}, NOTHING,
	"reject blocks b-monster"},
    {"susranges are settled by then", PHASE_END,
	{.client = "198.51.100.130", SENDER, .from = "u@a.example", .recipient = TO}, NOTHING,
	"continue none -"},
};

static const char *describe(const struct verdict *v, char out[128])
{
	const char *what = v->kind == VERDICT_CONTINUE ? "continue" : action_name(v->action);

	if (v->kind == VERDICT_NEED)
		snprintf(out, 128, "need%s%s%s", v->need & NEED_SPF ? " spf" : "",
		    v->need & NEED_DKIM ? " dkim" : "", v->need & NEED_DMARC ? " dmarc" : "");
	else
		snprintf(out, 128, "%s%s %s %.*s", v->monitored ? "would " : "", what,
		    family_name(v->family), SLICE_ARG(v->rule ? v->rule->name : SLICE("-")));
	return out;
}

static void set_spf(struct facts *f, int spf)
{
	if (spf == NOTHING)
		return;
	f->spf_state = spf == SPFR_TEMPERROR ? FACT_FAILED : FACT_KNOWN;
	f->spf.result = (enum spf_result)spf;
}

START_TEST(judges_by_rules)
{
	struct arena *arena = arena_create(1 << 20);
	struct configured c;
	char got[128];

	configured_load(&c, table);
	ck_assert_msg(c.rules != NULL, "%s", c.lines);
	for (size_t i = 0; i < ROWS(rules); i++) {
		struct facts f = session_facts(&rules[i].session, arena);
		struct verdict v;

		f.now = 1000000000;
		set_spf(&f, rules[i].spf);
		v = policy_decide(c.rules, &f, rules[i].phase);
		describe(&v, got);
		/* a whitelist entry that excuses says so; without one the family is none */
		if (v.kind == VERDICT_CONTINUE && !v.rule)
			snprintf(got, sizeof got, "continue none -");
		ck_assert_msg(strcmp(got, rules[i].want) == 0, "%s: %s, not %s", rules[i].label,
		    got, rules[i].want);
	}
	configured_free(&c);
	arena_free(&arena);
}
END_TEST

/* ---- not inbound --------------------------------------------------------------------- */

START_TEST(leaves_alone_what_is_not_inbound)
{
	static const enum phase phases[] = {PHASE_MAIL, PHASE_RCPT, PHASE_END};
	struct arena *arena = arena_create(1 << 20);
	struct session session = {
	    .client = "198.51.100.130", .helo = "x.monster", SENDER, .recipient = TO};
	struct facts auth = session_facts(&session, arena), local = auth;
	struct configured c;

	auth.auth_state = FACT_KNOWN;
	local.not_smtp = true;
	configured_load(&c, table);
	for (size_t i = 0; i < ROWS(phases); i++) {
		struct verdict v = policy_decide(c.rules, &auth, phases[i]);

		ck_assert(v.kind == VERDICT_FINAL && v.action == ACTION_ACCEPT);
		ck_assert_int_eq(v.reason, REASON_AUTHENTICATED);
		v = policy_decide(c.rules, &local, phases[i]);
		ck_assert(v.kind == VERDICT_FINAL && v.action == ACTION_ACCEPT);
		ck_assert_int_eq(v.reason, REASON_NOT_SMTP);
	}
	configured_free(&c);
	arena_free(&arena);
}
END_TEST

/* ---- SPF ----------------------------------------------------------------------------- */

static const struct {
	const char *spf, *more;
	int result;
	enum phase phase;
	const char *want;
} spf[] = {
    {"off", "", SPFR_FAIL, PHASE_RCPT, "continue none -"},
    {"reject", "", NOTHING, PHASE_RCPT, "need spf"},
    {"reject", "", SPFR_FAIL, PHASE_RCPT, "reject spf -"},
    {"reject", "", SPFR_SOFTFAIL, PHASE_RCPT, "continue none -"},
    {"reject", "", SPFR_NONE, PHASE_RCPT, "continue none -"},
    {"reject", "", SPFR_TEMPERROR, PHASE_RCPT, "continue none -"},
    {"reject", "", SPFR_PERMERROR, PHASE_RCPT, "continue none -"},
    {"reject", "temperror = \"tempfail\";", SPFR_TEMPERROR, PHASE_RCPT, "tempfail spf -"},
    {"reject", "permerror = \"reject\";", SPFR_PERMERROR, PHASE_RCPT, "reject spf -"},
    {"monitor", "", SPFR_FAIL, PHASE_RCPT, "would reject spf -"},
    {"monitor", "temperror = \"tempfail\";", SPFR_TEMPERROR, PHASE_RCPT, "would tempfail spf -"},
    {"monitor", "", SPFR_TEMPERROR, PHASE_RCPT, "continue none -"},
    {"monitor", "permerror = \"reject\";", SPFR_PERMERROR, PHASE_RCPT, "would reject spf -"},
    {"monitor", "", SPFR_PERMERROR, PHASE_RCPT, "continue none -"},
    {"off", "temperror = \"tempfail\"; permerror = \"reject\";", SPFR_TEMPERROR, PHASE_RCPT,
	"continue none -"},
    {"unless-dkim", "", SPFR_FAIL, PHASE_RCPT, "continue none -"},
    {"unless-dkim", "", SPFR_FAIL, PHASE_END, "need dkim"},
};

START_TEST(judges_by_spf)
{
	struct arena *arena = arena_create(1 << 20);
	struct session session = {
	    .client = "192.0.2.1", SENDER, .from = "u@a.example", .recipient = TO};
	struct facts f = session_facts(&session, arena);
	struct configured c;
	struct verdict v;
	char text[128], got[128];

	snprintf(text, sizeof text, "spf = { fail = \"%s\"; %s };\n", spf[_i].spf, spf[_i].more);
	configured_load(&c, text);
	ck_assert_msg(c.rules != NULL, "%s", c.lines);
	set_spf(&f, spf[_i].result);
	v = policy_decide(c.rules, &f, spf[_i].phase);
	ck_assert_msg(strcmp(describe(&v, got), spf[_i].want) == 0, "%s %s %d: %s, not %s",
	    spf[_i].spf, spf[_i].more, spf[_i].result, got, spf[_i].want);
	configured_free(&c);
	arena_free(&arena);
}
END_TEST

/* ---- monitor mode -------------------------------------------------------------------- */

START_TEST(monitors)
{
	struct arena *arena = arena_create(1 << 20);
	struct session session = {.client = "198.51.100.1", SENDER, .recipient = TO};
	struct session exempt = {.client = "198.51.100.1", SENDER, .recipient = "abuse@b.example"};
	struct facts f = session_facts(&session, arena), e = session_facts(&exempt, arena);
	struct configured c;
	struct verdict v;
	char got[128];

	configured_load(&c, "mode = \"monitor\";\nspf = { fail = \"off\"; };\n"
			    "susranges = ( { name = \"s\"; networks = \"198.51.100.0/24\"; } );\n");
	v = policy_decide(c.rules, &f, PHASE_RCPT);
	ck_assert_str_eq(describe(&v, got), "would reject susranges s");
	ck_assert_int_eq(policy_effect(&v), ACTION_ACCEPT);
	v.monitored = false;
	ck_assert_int_eq(policy_effect(&v), ACTION_REJECT);
	v = policy_decide(c.rules, &e, PHASE_RCPT);
	ck_assert_str_eq(describe(&v, got), "accept exempt_recipients exempt_recipients");
	configured_free(&c);
	arena_free(&arena);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("policy");
	TCase *all = tcase_create("policy");

	tcase_add_test(all, judges_by_rules);
	tcase_add_test(all, leaves_alone_what_is_not_inbound);
	tcase_add_loop_test(all, judges_by_spf, 0, (int)ROWS(spf));
	tcase_add_test(all, monitors);
	suite_add_tcase(s, all);
	return s;
}
