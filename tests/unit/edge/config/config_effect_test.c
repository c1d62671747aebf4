#include "unit/unit.h"

#include "edge/idn/idn.h"
#include "fake/configured.h"
#include "fake/mmdb.h"
#include "fake/scratch.h"

#include "core/change/table_diff.h"
#include "core/policy/policy.h"
#include "core/rules/survey_text.h"

#include <stdio.h>

/* ---- what the loaded table decides --------------------------------------------------- */

enum { NOW = 1790000000 }; /* 2026-09-21T13:33:20Z */

/* A client and an envelope; NULL: absent. */
struct envelope {
	const char *client, *name, *helo, *sender, *recipient;
};

static struct identity mailbox(const char *text, struct arena *arena)
{
	struct address a;

	if (!text)
		return (struct identity){.state = FACT_ABSENT};
	ck_assert_ptr_null(address_parse(slice_str(text), &idn_uts46, arena, &a));
	return identity_of_address(&a);
}

/* "action family rule" at RCPT, with what SPF says. */
static const char *decide_with(const struct ruleset *rules, const struct envelope *e,
    enum fact_state spf, enum spf_result result, char out[128])
{
	struct arena *arena = arena_create(1 << 20);
	struct facts f = {.now = NOW, .auth_state = FACT_ABSENT, .spf_state = spf};
	struct verdict v;

	f.spf.result = result;
	ck_assert(ip_parse(slice_str(e->client), &f.client));
	f.id[IDENTITY_CLIENT_NAME] = identity_of_name(slice_str(e->name), &idn_uts46, arena);
	f.id[IDENTITY_HELO] = identity_of_name(slice_str(e->helo), &idn_uts46, arena);
	f.id[IDENTITY_SENDER] = mailbox(e->sender, arena);
	f.id[IDENTITY_RECIPIENT] = mailbox(e->recipient, arena);
	v = policy_decide(rules, &f, PHASE_RCPT);
	snprintf(out, 128, "%s%s %.*s",
	    v.kind == VERDICT_CONTINUE ? "continue"
	    : v.kind == VERDICT_NEED   ? "need"
				       : action_name(v.action),
	    v.monitored ? " would" : "", SLICE_ARG(v.rule ? v.rule->name : SLICE("-")));
	arena_free(&arena);
	return out;
}

static const char *decide(const struct ruleset *rules, const struct envelope *e, char out[128])
{
	return decide_with(rules, e, FACT_ABSENT, SPFR_NONE, out);
}

static const char table[] =
    "trusted_networks = [ \"10.0.0.0/8\", \"!10.1.0.0/16\" ];\n"
    "geo = { asn = \"asn.mmdb\"; country = \"country.mmdb\"; };\n"
    "spf = { fail = \"off\"; };\n"
    "susranges = (\n"
    " { name = \"nets\"; networks = [ \"file:lists/nets\", \"!198.51.100.25\", "
    "\"203.0.113.5-203.0.113.9\" ]; },\n"
    " { name = \"as\"; asn = [ \"AS64500\", \"!64501\" ]; country = \"DE\"; },\n"
    " { name = \"land\"; country = ( \"fr\", \"!BE\" ); networks = \"2001:db8:f::/48\"; } );\n"
    "whitelist = (\n"
    " { name = \"good\"; networks = \"198.51.100.26\"; },\n"
    " { name = \"named\"; domains = \".good.example\"; proof = \"client_name\"; },\n"
    " { name = \"late\"; networks = \"198.51.100.27\"; expires = \"2026-09-20\"; } );\n"
    "managed_whitelist = \"lists/managed\";\n"
    "blocks = (\n"
    " { name = \"monster\"; domains = \".monster\"; unless = { sender = [ \"good.monster\", "
    "\"u+*@x.monster\" ]; }; },\n"
    " { name = \"mail-to\"; domains = \"to.example\"; in = \"recipient\"; },\n"
    " { name = \"helos\"; helo = [ \"file:lists/helos\", \"/\\\\[.*/\" ]; mode = \"monitor\"; },\n"
    " { name = \"pin\"; sender = \"pinned.example\"; unless = { networks = \"192.0.2.0/28\"; "
    "asn = 64501; }; },\n"
    " { name = \"both\"; sender = \"boss@\"; client_name = \"*.dyn.example\"; },\n"
    " { name = \"later\"; recipient = \"slow@to.example\"; reply = \"450 4.2.1 later\"; },\n"
    " { name = \"u-label\"; sender = \"b\xc3\xbc"
    "cher.example\"; } );\n"
    "domains = ( { name = \"open.example\"; susranges = \"off\"; },\n"
    "            { name = \".unblocked.example\"; blocks = \"off\"; } );\n"
    "domains_file = \"lists/domains\";\n";

static const struct {
	struct envelope mail;
	const char *want;
} decisions[] = {
    {{"10.2.0.1", NULL, "x.monster", NULL, "a@b.example"}, "accept trusted_networks"},
    {{"10.1.0.1", NULL, "x.monster", NULL, "a@b.example"}, "reject monster"},
    {{"192.0.2.99", NULL, "x.monster", NULL, "postmaster@b.example"}, "accept exempt_recipients"},
    {{"192.0.2.99", NULL, "x", "a@c.monster", "a@b.example"}, "reject monster"},
    {{"192.0.2.99", "a.b.monster", "x", NULL, "a@b.example"}, "reject monster"},
    {{"192.0.2.99", NULL, "c.monster", "a@good.monster", "a@b.example"}, "continue -"},
    {{"192.0.2.99", NULL, "x", "U+tag@x.monster", "a@b.example"}, "continue -"},
    {{"192.0.2.99", NULL, "x", "v+tag@x.monster", "a@b.example"}, "reject monster"},
    {{"192.0.2.99", NULL, "x", NULL, "a@monster"}, "continue -"},
    {{"192.0.2.99", NULL, "x", NULL, "a@to.example"}, "reject mail-to"},
    {{"192.0.2.99", NULL, "ylmf-pc", NULL, "a@b.example"}, "reject would helos"},
    {{"192.0.2.99", NULL, "[192.0.2.99]", NULL, "a@b.example"}, "reject would helos"},
    {{"192.0.2.99", NULL, "x", "a@pinned.example", "a@b.example"}, "reject pin"},
    {{"192.0.2.15", NULL, "x", "a@pinned.example", "a@b.example"}, "continue -"},
    {{"100.64.1.1", NULL, "x", "a@pinned.example", "a@b.example"}, "continue -"},
    {{"192.0.2.99", "a.dyn.example", "x", "Boss@any.example", "a@b.example"}, "reject both"},
    {{"192.0.2.99", "dyn.example", "x", "boss@any.example", "a@b.example"}, "continue -"},
    {{"192.0.2.99", "a.dyn.example", "x", "bos@any.example", "a@b.example"}, "continue -"},
    {{"192.0.2.99", NULL, "x", "a@xn--bcher-kva.example", "a@b.example"}, "reject u-label"},

    {{"198.51.100.1", NULL, "x", NULL, "a@b.example"}, "reject nets"},
    {{"198.51.100.25", NULL, "x", NULL, "a@b.example"}, "continue -"},
    {{"198.51.100.26", NULL, "x", NULL, "a@b.example"}, "continue good"},
    {{"198.51.100.26", NULL, "c.monster", NULL, "a@b.example"}, "continue good"},
    {{"198.51.100.27", NULL, "x", NULL, "a@b.example"}, "reject nets"},
    {{"198.51.100.1", "mx.good.example", "x", NULL, "a@b.example"}, "continue named"},
    {{"198.51.100.1", NULL, "mx.good.example", "a@good.example", "a@b.example"}, "reject nets"},
    {{"203.0.113.4", NULL, "x", NULL, "a@b.example"}, "continue -"},
    {{"203.0.113.5", NULL, "x", NULL, "a@b.example"}, "reject nets"},
    {{"203.0.113.9", NULL, "x", NULL, "a@b.example"}, "reject nets"},
    {{"203.0.113.10", NULL, "x", NULL, "a@b.example"}, "continue -"},

    /* the AS or country of the address; an AS that is out goes before a country that is in */
    {{"100.64.0.1", NULL, "x", NULL, "a@b.example"}, "reject as"},
    {{"100.64.1.1", NULL, "x", NULL, "a@b.example"}, "continue -"},
    {{"100.64.2.1", NULL, "x", NULL, "a@b.example"}, "reject as"},
    {{"2001:db8:1::1", NULL, "x", NULL, "a@b.example"}, "reject land"},
    {{"2001:db8:2::1", NULL, "x", NULL, "a@b.example"}, "continue -"},
    {{"2001:db8:f::1", NULL, "x", NULL, "a@b.example"}, "reject land"},

    /* managed: until 2026-10-01, until 2026-09-01, for ever; by name with proof */
    {{"198.51.100.31", NULL, "x", NULL, "a@b.example"}, "continue managed"},
    {{"198.51.100.32", NULL, "x", NULL, "a@b.example"}, "reject nets"},
    {{"198.51.100.33", NULL, "x", NULL, "a@b.example"}, "continue managed"},
    {{"198.51.100.1", "m.friend.example", "x", NULL, "a@b.example"}, "continue managed"},
    {{"198.51.100.1", NULL, "m.friend.example", NULL, "a@b.example"}, "reject nets"},

    {{"198.51.100.33", NULL, "c.monster", NULL, "a@b.example"}, "continue managed"},
    /* what they cover, and what narrows them */
    {{"198.51.100.34", NULL, "x", NULL, "a@b.example"}, "continue managed"},
    {{"198.51.100.34", NULL, "c.monster", NULL, "a@b.example"}, "reject monster"},
    {{"198.51.100.35", NULL, "x", NULL, "a@b.example"}, "reject nets"},
    {{"198.51.100.36", NULL, "x", NULL, "a@b.example"}, "continue managed"},
    {{"198.51.100.36", NULL, "x", NULL, "a@d.example"}, "reject nets"},
    {{"198.51.100.37", NULL, "x", "c@s.example", "a@b.example"}, "continue managed"},
    {{"198.51.100.37", NULL, "x", "c@t.s.example", "a@b.example"}, "continue managed"},
    {{"198.51.100.37", NULL, "x", "c@s.example", "c@b.example"}, "reject nets"},
    {{"198.51.100.37", NULL, "x", "c@other.example", "a@b.example"}, "reject nets"},
    {{"198.51.100.37", NULL, "x", NULL, "a@b.example"}, "reject nets"},
    {{"198.51.100.38", NULL, "x", "c@s.example", "a@b.example"}, "tempfail nets"},
    {{"198.51.100.38", NULL, "x", "c@t.example", "a@b.example"}, "reject nets"},
    {{"198.51.100.38", NULL, "x", NULL, "a@b.example"}, "reject nets"},
    {{"198.51.100.1", "n.example", "x", NULL, "a@b.example"}, "continue managed"},
    {{"198.51.100.1", NULL, "x", "a@n.example", "a@b.example"}, "reject nets"},
    {{"198.51.100.39", NULL, "c.monster", NULL, "a@b.example"}, "continue managed"},
    {{"198.51.100.40", NULL, "x", NULL, "a@b.example"}, "continue managed"},
    {{"198.51.100.40", NULL, "c.monster", NULL, "a@d.example"}, "reject monster"},

    /* switches of recipient domains */
    {{"198.51.100.1", NULL, "x", NULL, "a@open.example"}, "continue -"},
    {{"198.51.100.1", NULL, "x", NULL, "a@sub.open.example"}, "reject nets"},
    {{"198.51.100.1", NULL, "c.monster", NULL, "a@open.example"}, "reject monster"},
    {{"192.0.2.99", NULL, "c.monster", NULL, "a@b.unblocked.example"}, "continue -"},
    {{"198.51.100.1", NULL, "x", NULL, "a@mapped.example"}, "continue -"},
    {{"192.0.2.99", NULL, "c.monster", NULL, "a@mapped.example"}, "continue -"},
};

/* The databases first: what makes them is found from the checkout, which is left then. */
static void write_files(void)
{
	ck_assert(mmdb_write(scratch_path("asn.mmdb"), "asn epoch=1700000000",
	    "100.64.0.0/24 64500 -\n100.64.1.0/24 64501 -\n100.64.2.0/24 64502 -\n"));
	ck_assert(mmdb_write(scratch_path("country.mmdb"), "country epoch=1700000000",
	    "100.64.0.0/16 - DE\n2001:db8:1::/48 - FR\n2001:db8:2::/48 - BE\n"));
	configured_file("lists/nets", "198.51.100.0/24\n");
	configured_file("lists/helos", "YLMF-pc\n");
	configured_file("lists/domains", "MAPPED.example. susranges=off blocks=off\n");
	configured_file("lists/managed",
	    "198.51.100.31 # expires=2026-10-01T00:00:00Z owner=anna comment=for expires=now\n"
	    "198.51.100.32 # owner=anna expires=2026-09-01\n198.51.100.33\n"
	    ".friend.example # expires=2026-10-01T02:00:00+02:00\r\n"
	    "198.51.100.34 # covers=susranges by=root added=2026-08-01T00:00:00Z\n"
	    "198.51.100.35 # covers=spf,dmarc\n"
	    "198.51.100.36 # covers=susranges recipient=B.example\n"
	    "198.51.100.37 # covers=susranges sender=.s.example recipient=a@b.example\n"
	    "198.51.100.38 # proof=spf sender=s.example\n"
	    "n.example # proof=client_name\n"
	    "198.51.100.39 # comment=covers=spf proof=nothing\n"
	    "198.51.100.40 # covers=susranges recipient=b.example\n"
	    "198.51.100.40 # covers=blocks recipient=b.example\n");
}

START_TEST(decides)
{
	static const struct envelope proven = {
	    "198.51.100.38", NULL, "x", "c@s.example", "a@b.example"};
	struct configured c;
	char got[128];

	write_files();
	configured_load(&c, table);
	ck_assert_msg(c.rules != NULL, "%s", c.lines);
	for (size_t i = 0; i < ROWS(decisions); i++) {
		const struct envelope *e = &decisions[i].mail;
		ck_assert_msg(strcmp(decide(c.rules, e, got), decisions[i].want) == 0,
		    "%s %s %s %s: %s, not %s", e->client, e->helo, e->sender ? e->sender : "<>",
		    e->recipient, got, decisions[i].want);
	}
	/* proof=spf of an address: its sender= must have passed */
	ck_assert_str_eq(decide_with(c.rules, &proven, FACT_UNKNOWN, SPFR_NONE, got), "need -");
	ck_assert_str_eq(
	    decide_with(c.rules, &proven, FACT_KNOWN, SPFR_PASS, got), "continue managed");
	ck_assert_str_eq(
	    decide_with(c.rules, &proven, FACT_KNOWN, SPFR_SOFTFAIL, got), "reject nets");
	configured_free(&c);
}
END_TEST

/* ---- rules as the core sees them ----------------------------------------------------- */

START_TEST(fills_rules)
{
	struct configured c;
	const struct rule *r;

	configured_load(&c,
	    "blocks = ( { name = \"a\"; domains = \"x.example\"; in = [ \"helo\" ];\n"
	    "  unless = { domains = \"y.x.example\"; networks = \"192.0.2.1\"; };\n"
	    "  comment = \"c\"; owner = \"o\"; ticket = \"t\"; expires = \"2030-01-31\";\n"
	    "  wide = true; mode = \"monitor\"; reply = \"450 4.7.1 x\"; } );\n"
	    "whitelist = ( { name = \"w\"; domains = \"q.example\"; proof = \"spf\"; covers = [ "
	    "\"spf\", \"dmarc\" ]; },\n"
	    "  { name = \"v\"; client_name = \"q.example\"; } );\n");
	ck_assert_str_eq(c.lines, "");
	ck_assert_uint_eq(c.rules->rule_count, 5);
	r = ruleset_find_rule(c.rules, SLICE("a"));
	ck_assert_ptr_eq(r, &c.rules->rules[4]);
	ck_assert_uint_eq(r->keys, 1u << KEY_DOMAINS);
	ck_assert_uint_eq(r->unless, 1u << KEY_DOMAINS | 1u << KEY_NETWORKS);
	ck_assert_uint_eq(r->in, 1u << IDENTITY_HELO);
	ck_assert_uint_eq(
	    r->unless_in, 1u << IDENTITY_SENDER | 1u << IDENTITY_HELO | 1u << IDENTITY_CLIENT_NAME);
	ck_assert(r->wide && r->monitor);
	ck_assert_int_eq(r->expires, 1896134400); /* 2030-02-01T00:00:00Z */
	ck_assert(slice_equal(r->reply, SLICE("450 4.7.1 x")));
	ck_assert(slice_equal(r->comment, SLICE("c")) && slice_equal(r->owner, SLICE("o")));
	ck_assert(slice_equal(r->ticket, SLICE("t")));
	ck_assert_str_eq(r->where.file, "t.conf");
	ck_assert_uint_eq(r->where.line, 1);
	r = ruleset_find_rule(c.rules, SLICE("w"));
	ck_assert_uint_eq(r->proof, PROOF_SPF);
	ck_assert_uint_eq(r->in, 1u << IDENTITY_SENDER);
	ck_assert_uint_eq(r->covers, 1u << FAMILY_SPF | 1u << FAMILY_DMARC);
	r = ruleset_find_rule(c.rules, SLICE("v"));
	ck_assert_uint_eq(r->proof, 0);
	ck_assert_uint_eq(r->covers, 1u << FAMILY_SUSRANGES | 1u << FAMILY_BLOCKS);
	configured_free(&c);
}
END_TEST

START_TEST(warns_of_expired_rules)
{
	struct configured c;

	configured_load(&c, "blocks = ( { name = \"a\"; helo = \"x.example\";\n expires = "
			    "\"2020-02-28T23:00:00-01:00\"; } );\n");
	ck_assert_str_eq(c.lines, "warning: t.conf:2: the rule expired at 2020-02-29T00:00:00Z and "
				  "never matches\n");
	ck_assert_uint_eq(c.rules->rule_count, 3);
	configured_free(&c);
}
END_TEST

/* ---- the survey of a check ----------------------------------------------------------- */

static void append(void *context, const char *line)
{
	char *text = context;
	size_t len = strlen(text);

	snprintf(text + len, 4096 - len, "%s\n", line);
}

static void append_report(void *context, enum diag_level level, const char *line)
{
	(void)level;
	append(context, line);
}

static const char surveyed[] =
    "susranges = ( { name = \"a\"; networks = [ \"198.51.100.0/24\", \"203.0.113.0/24\", "
    "\"203.0.113.0/25\",\n \"203.0.113.0/24\" ]; },\n"
    " { name = \"b\"; networks = [ \"203.0.113.64/26\",\n \"!192.0.2.1\" ]; } );\n"
    "whitelist = ( { name = \"w\"; networks = \"198.51.0.0/16\"; } );\n";

static const char survey_lines[] =
    "t.conf:2: 1 of 4 entries of \"a\" are duplicates (first one here)\n"
    "t.conf:1: 1 of 4 entries of \"a\" are covered by wider ones and do nothing (first one here)\n"
    "t.conf:1: 1 of 4 entries of \"a\" never take effect (first one here): whitelist \"w\" lets "
    "these addresses in first\n"
    "t.conf:4: 1 of 2 entries of \"b\" never take effect (first one here): there is nothing that "
    "it could take out\n"
    "t.conf:3: 1 of 2 entries of \"b\" are already refused by earlier rules (first one here)\n"
    "trusted_networks: 16777216 IPv4 addresses (0.39062 %), below 0.001 % of IPv6\n"
    "  trusted_networks: 2 entries (0 duplicate, 0 covered, 0 dead, 0 shadowed); 16777216 IPv4 "
    "addresses (0.39062 %), below 0.001 % of IPv6\n"
    "whitelist: 65536 IPv4 addresses (0.0015259 %), 0 % of IPv6\n"
    "  w: 1 entry (0 duplicate, 0 covered, 0 dead, 0 shadowed); 65536 IPv4 addresses (0.0015259 "
    "%), 0 % of IPv6\n"
    "susranges: 512 IPv4 addresses (below 0.001 %), 0 % of IPv6\n"
    "  a: 4 entries (1 duplicate, 1 covered, 1 dead, 0 shadowed); 512 IPv4 addresses (below 0.001 "
    "%), 0 % of IPv6\n"
    "  b: 2 entries (0 duplicate, 0 covered, 1 dead, 1 shadowed); 64 IPv4 addresses (below 0.001 "
    "%), 0 % of IPv6\n"
    "susranges would newly refuse 256 IPv4 addresses (below 0.001 %), 0 % of IPv6: "
    "203.0.113.0/24\n"
    "susranges would no longer refuse 1 IPv4 address (below 0.001 %), 0 % of IPv6: 192.0.2.9/32\n";

START_TEST(surveys)
{
	struct survey *survey = survey_create(NOW);
	struct diag *diag = diag_create();
	struct table_diff d;
	struct configured before;
	struct ruleset *rules;
	struct config *config;
	char text[4096] = "";

	configured_load(&before, "susranges = ( { name = \"a\"; networks = \"192.0.2.9\"; } );\n");
	configured_file("t.conf", surveyed);
	config = config_survey("t.conf", before.config, diag, &rules, survey);
	diag_each(diag, append_report, text);
	ck_assert_msg(config != NULL, "%s", text);
	survey_text(survey, rules, append, text);
	ck_assert(table_diff_addresses(before.rules, rules, NOW, &d));
	table_diff_text(&d, append, text);
	ck_assert_str_eq(text, survey_lines);
	configured_free(&before);
	config_free(&config);
	ruleset_free(&rules);
	diag_free(&diag);
	survey_free(&survey);
}
END_TEST

/* ---- databases ----------------------------------------------------------------------- */

static const struct {
	const char *label, *text, *want;
} databases[] = {
    {"none", "geo = { asn = \"none.mmdb\"; country = \"none.mmdb\"; };\n",
	"none.mmdb: cannot be opened: No such file or directory\n"
	"none.mmdb: cannot be opened: No such file or directory\n"},
    {"of another kind, without rules", "geo = { asn = \"country.mmdb\"; };\n",
	"country.mmdb: contains no AS numbers: its type is \"Test-country\"\n"},
    {"of another kind, with rules",
	"geo = { country = \"asn.mmdb\"; };\n"
	"susranges = ( { name = \"a\"; country = \"DE\"; } );\n",
	"asn.mmdb: contains no countries: its type is \"Test-asn\"\n"},
    {"no database at all", "geo = { asn = \"lists/nets\"; };\n",
	"lists/nets: is not a complete MMDB (The MaxMind DB file contains invalid metadata)\n"},
    {"numbers twice",
	"geo = { asn = \"asn.mmdb\"; country = \"country.mmdb\"; };\n"
	"susranges = ( { name = \"a\"; country = [ \"DE\",\n \"de\" ]; asn = [ \"64500\",\n"
	" \"AS64500\" ]; },\n { name = \"b\"; country = \"DE\"; asn = 64500;\n"
	" unless = { country = \"!DE\"; networks = \"192.0.2.1\"; }; } );\n",
	"warning: DE is listed twice (first at t.conf:2)\n"
	"warning: t.conf:4: AS64500 is listed twice (first at t.conf:3)\n"},
    {"numbers in and out",
	"geo = { asn = \"asn.mmdb\"; country = \"country.mmdb\"; };\n"
	"susranges = ( { name = \"a\"; country = [ \"!DE\",\n \"de\" ]; asn = [ \"64500\",\n"
	" \"!AS64500\" ]; } );\n",
	"DE is both in and out of one key (the other entry: t.conf:2); keep one of the "
	"two\n"
	"t.conf:4: AS64500 is both in and out of one key (the other entry: t.conf:3); keep one of "
	"the two\n"},
    {"unknown numbers",
	"geo = { asn = \"asn.mmdb\"; country = \"country.mmdb\"; };\n"
	"susranges = ( { name = \"a\"; country = [ \"DE\",\n \"US\" ]; asn = \"AS5\"; } );\n",
	"warning: country.mmdb contains no network for US\nwarning: asn.mmdb contains no network "
	"for AS5\n"},
};

START_TEST(knows_databases)
{
	struct configured c;

	write_files();
	configured_load(&c, databases[_i].text);
	/* warnings name the line of the entry; it is left out here */
	for (char *at = c.lines; (at = strstr(at, "t.conf:3: ")) != NULL;)
		memmove(at, at + 10, strlen(at + 10) + 1);
	ck_assert_msg(
	    strcmp(c.lines, databases[_i].want) == 0, "%s: got\n%s", databases[_i].label, c.lines);
	configured_free(&c);
}
END_TEST

START_TEST(refuses_older_databases)
{
	static const char text[] = "geo = { asn = \"a.mmdb\"; };\n";
	static const char network[] = "192.0.2.0/24 64500 -\n";
	struct configured first, same, older;

	ck_assert(mmdb_write(scratch_path("a.mmdb"), "asn epoch=1700000000", network));
	ck_assert(mmdb_write(scratch_path("old.mmdb"), "asn epoch=1699999999", network));
	configured_load(&first, text);
	ck_assert_ptr_nonnull(first.config);
	ck_assert_uint_eq(first.config->geo_asn_built, 1700000000);
	ck_assert_ptr_nonnull(first.config->geo_asn_db);
	configured_reload(&same, text, first.config);
	ck_assert_str_eq(same.lines, "");
	ck_assert_int_eq(rename("old.mmdb", "a.mmdb"), 0);
	configured_reload(&older, text, first.config);
	ck_assert_str_eq(older.lines,
	    "a.mmdb: was built before the database that is loaded; is it an "
	    "old copy?\n");
	configured_free(&first);
	configured_free(&same);
	configured_free(&older);
}
END_TEST

/* ---- where an entry stands ----------------------------------------------------------- */

static const struct {
	const char *rule;
	unsigned slot;
	const char *entry, *want;
} places[] = {
    {"trusted_networks", KEY_NETWORKS, "10.1.0.0/16", "t.conf:1"},
    {"nets", KEY_NETWORKS, "198.51.100.0/24", "lists/nets:1"},
    {"nets", KEY_NETWORKS, "198.51.100.25/32", "t.conf:5"},
    {"nets", KEY_NETWORKS, "203.0.113.6/31", "t.conf:5"},
    {"nets", KEY_NETWORKS, "203.0.112.0/31", ""},
    {"monster", KEY_DOMAINS, ".monster", "t.conf:14"},
    {"monster", KEY_DOMAINS, "monster", "t.conf:14"},
    {"monster", SLOT_UNLESS + KEY_SENDER, "good.monster", "t.conf:14"},
    {"monster", SLOT_UNLESS + KEY_SENDER, "u+*@x.monster", "t.conf:14"},
    {"monster", KEY_SENDER, "good.monster", ""},
    {"helos", KEY_HELO, "ylmf-pc", "lists/helos:1"},
    {"helos", KEY_HELO, "/\\[.*/", "t.conf:16"},
    {"both", KEY_SENDER, "boss@", "t.conf:18"},
    {"both", KEY_CLIENT_NAME, "*.dyn.example", "t.conf:18"},
    {"u-label", KEY_SENDER, "xn--bcher-kva.example", "t.conf:20"},
    {"managed", KEY_NETWORKS, "198.51.100.33/32", "lists/managed:3"},
    {"managed", KEY_DOMAINS, ".friend.example", "lists/managed:4"},
    {"exempt_recipients", KEY_RECIPIENT, "postmaster@", ""},
};

START_TEST(finds_entries)
{
	struct arena *arena = arena_create(1 << 20);
	struct configured c;

	write_files();
	configured_load(&c, table);
	ck_assert_ptr_nonnull(c.rules);
	for (size_t i = 0; i < ROWS(places); i++) {
		const struct rule *rule = ruleset_find_rule(c.rules, slice_str(places[i].rule));
		struct slice got;

		ck_assert_ptr_nonnull(rule);
		got = config_find_entry(
		    c.config, rule, places[i].slot, slice_str(places[i].entry), arena);
		ck_assert_msg(slice_equal(got, slice_str(places[i].want)), "%s %s: %.*s, not %s",
		    places[i].rule, places[i].entry, SLICE_ARG(got), places[i].want);
	}
	configured_free(&c);
	arena_free(&arena);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("config_effect");
	TCase *effect = tcase_create("effect"), *geo = tcase_create("geo");

	tcase_add_test(effect, decides);
	tcase_add_test(effect, fills_rules);
	tcase_add_test(effect, warns_of_expired_rules);
	tcase_add_test(effect, finds_entries);
	tcase_add_test(effect, surveys);
	suite_add_tcase(s, effect);
	tcase_add_loop_test(geo, knows_databases, 0, (int)ROWS(databases));
	tcase_add_test(geo, refuses_older_databases);
	suite_add_tcase(s, geo);
	return s;
}
