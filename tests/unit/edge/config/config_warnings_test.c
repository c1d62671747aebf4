#include "unit/unit.h"

#include "fake/configured.h"
#include "fake/mmdb.h"
#include "fake/scratch.h"

#include "core/rules/survey.h"

#include <stdio.h>

#define LATE    "asks for the author (from), known at the end of the message only: it "
#define REFUSES LATE "refuses nothing at RCPT\n"
#define EXCUSES LATE "exempts nothing that is refused at RCPT\n"
#define PROVEN  " domains = \"x.example\"; proof = \"spf\";"

static const struct {
	const char *label, *text, *want;
} rules[] = {
    /* never */
    {"only out", "blocks = ( { name = \"a\"; helo = \"!x.example\"; } );",
	"warning: t.conf:1: helo of \"a\" only takes out (!): the rule never matches\n"},
    {"only out, of two keys",
	"blocks = ( { name = \"a\"; helo = [ \"!x\", \"!y\" ]; sender = \"!z.example\"; } );",
	"warning: t.conf:1: helo of \"a\" only takes out (!): the rule never matches\n"
	"warning: t.conf:1: sender of \"a\" only takes out (!): the rule never matches\n"},
    {"out of something", "blocks = ( { name = \"a\"; helo = [ \".x\", \"!y.x\" ]; } );", ""},
    {"nothing at all", "blocks = ( { name = \"a\"; helo = [ ]; may_be_empty = true; } );", ""},
    {"unless only out",
	"blocks = ( { name = \"a\"; helo = \"x\"; unless = { sender = \"!y.example\"; }; } );",
	"warning: t.conf:1: sender of \"a\" only takes out (!): it exempts nobody\n"},
    {"networks, asn and country are one set",
	"geo = { asn = \"asn.mmdb\"; };\n"
	"susranges = ( { name = \"a\"; networks = \"!192.0.2.0/24\"; asn = 64500; } );",
	""},
    {"a whitelist on trial",
	"whitelist = ( { name = \"a\"; networks = \"192.0.2.1\"; mode = \"monitor\"; } );",
	"warning: t.conf:1: \"a\" is in monitor mode: a whitelist on trial exempts nobody\n"},
    {"a block on trial", "blocks = ( { name = \"a\"; helo = \"x\"; mode = \"monitor\"; } );", ""},
    {"SPF that passes is not refused by SPF",
	"whitelist = ( { name = \"a\";" PROVEN " covers = \"spf\"; } );",
	"warning: t.conf:1: \"a\" never acts: what SPF proves is nothing that SPF refuses\n"},
    {"SPF that passes may be refused by others",
	"whitelist = ( { name = \"a\";" PROVEN " covers = [ \"spf\", \"blocks\" ]; } );", ""},
    {"a client's name may be refused by SPF",
	"whitelist = ( { name = \"a\"; domains = \"x.example\"; proof = [ \"spf\", "
	"\"client_name\" ]; covers = \"spf\"; } );",
	""},

    /* fields of ours */
    {"no fields at all", "headers = { results = \"\"; verdict = \"\"; };\n", ""},
    {"one name for two fields", "headers = { results = \"X-A\";\n verdict = \"x-a\"; };\n",
	"warning: t.conf:2: headers.verdict and headers.results are both x-a: give each a name of "
	"its own\n"},
    {"the name of another field of ours", "headers = { verdict = \"x-susmilter\"; };\n",
	"warning: t.conf:1: headers.verdict is X-Susmilter, which marks what monitor mode would "
	"have refused: give it a name of its own\n"},
    /* undecided */
    {"an unless on DNS of the sender",
	"blocks = ( { name = \"a\"; sender = \"x.example\"; unless = { spf = \"pass\"; }; } );",
	"warning: t.conf:1: \"a\" exempts by DNS of the sender, who can have it fail: the rule is "
	"then "
	"passed over; with undecided = \"tempfail\" such mail is put off instead\n"},
    {"... that is put off",
	"blocks = ( { name = \"a\"; sender = \"x.example\"; unless = { spf = \"pass\"; };\n"
	" undecided = \"tempfail\"; } );",
	""},
    {"a whitelist by a result",
	"whitelist = ( { name = \"a\"; networks = \"192.0.2.1\"; dmarc = \"pass\"; } );",
	"warning: t.conf:1: \"a\" asks for dkim, dmarc or from_domain, known at the end of the "
	"message only: it exempts nothing that is refused at RCPT\n"},
    {"a result in an unless",
	"blocks = ( { name = \"a\"; sender = \"x.example\"; unless = { dkim = \"pass\"; };\n"
	" undecided = \"tempfail\"; } );",
	"warning: t.conf:1: \"a\" asks for dkim, dmarc or from_domain in its unless, known at the "
	"end of "
	"the message only: it refuses nothing at RCPT\n"},
    {"an unless on DNS of others",
	"dnsbls = ( { name = \"l\"; zone = \"l.example\"; answers = \"127.0.0.2\"; } );\n"
	"blocks = ( { name = \"a\"; sender = \"x.example\"; unless = { listed = \"l\"; }; } );",
	""},
    {"a list without test points",
	"dnsbls = ( { name = \"l\"; zone = \"l.example\"; answers = \"127.0.0.2\"; test = "
	"\"none\"; } "
	");",
	"warning: t.conf:1: the dnsbl \"l\" has no test points: when it lies, nobody notices\n"},

    /* late */
    {"a rule on the header, and its unless on a result",
	"blocks = ( { name = \"a\"; header = \"X\"; unless = { dmarc = \"pass\"; };\n"
	" undecided = \"tempfail\"; } );",
	""},
    {"a rule on HELO, and its unless on a result",
	"blocks = ( { name = \"a\"; helo = \"x\"; unless = { dmarc = \"pass\"; };\n"
	" undecided = \"tempfail\"; } );",
	"warning: t.conf:1: \"a\" asks for dkim, dmarc or from_domain in its unless, known at the "
	"end of the message only: it refuses nothing at RCPT\n"},
    {"a login of inbound mail",
	"blocks = ( { name = \"a\"; login = \"x\"; applies = \"both\"; },\n"
	" { name = \"b\"; helo = \"x\"; unless = { login = \"x\"; }; applies = \"both\"; } );",
	"warning: t.conf:1: \"a\" asks for a login, which inbound mail never has: applies = "
	"\"authenticated\" says the same\n"},
    {"users that are put off",
	"blocks = ( { name = \"a\"; login = \"x\"; applies = \"authenticated\";\n"
	" undecided = \"tempfail\"; } );",
	"warning: t.conf:1: \"a\" puts nothing off: undecided = \"tempfail\" is for inbound mail, "
	"users' programs do not try again\n"},
    {"a range by header",
	"susranges = ( { name = \"a\"; networks = \"192.0.2.0/24\"; header = \"X\"; } );",
	"warning: t.conf:1: \"a\" asks for the header, known at the end of the message only: it "
	"refuses nothing at RCPT\n"},
    {"a block by header", "blocks = ( { name = \"a\"; header = \"!X\"; } );", ""},
    {"a whitelist by header",
	"whitelist = ( { name = \"a\"; networks = \"192.0.2.1\"; all_headers = \"X\"; } );",
	"warning: t.conf:1: \"a\" asks for the header, known at the end of the message only: it "
	"exempts nothing that is refused at RCPT\n"},
    {"a whitelist by author",
	"whitelist = ( { name = \"a\"; networks = \"192.0.2.1\"; from = \"x.example\"; } );",
	"warning: t.conf:1: \"a\" " EXCUSES},
    {"a whitelist by author, from what is decided late",
	"whitelist = ( { name = \"a\"; networks = \"192.0.2.1\"; from = \"x.example\";\n"
	" covers = [ \"dmarc\", \"blocks\" ]; } );",
	""},
    {"a whitelist by author, from SPF",
	"whitelist = ( { name = \"a\"; networks = \"192.0.2.1\"; from = \"x.example\";\n"
	" covers = [ \"dmarc\", \"spf\" ]; } );",
	"warning: t.conf:1: \"a\" " EXCUSES},
    {"a whitelist unless author",
	"whitelist = ( { name = \"a\"; networks = \"192.0.2.1\";\n"
	" unless = { from = \"x.example\"; }; } );",
	"warning: t.conf:1: \"a\" " EXCUSES},
    {"a whitelist by domains", "whitelist = ( { name = \"a\";" PROVEN " } );", ""},
    {"blocks on the author", "blocks = ( { name = \"a\"; from = \"x.example\"; } );", ""},
    {"blocks on the author unless another",
	"blocks = ( { name = \"a\"; from = \".x.example\"; unless = { from = \"u@x.example\"; }; } "
	");",
	""},
    {"blocks unless author",
	"blocks = ( { name = \"a\"; helo = \"x\"; unless = { from = \"x.example\"; }; } );",
	"warning: t.conf:1: \"a\" " REFUSES},
    {"blocks on any identity", "blocks = ( { name = \"a\"; domains = \"x.example\"; } );", ""},
    {"blocks unless any identity",
	"blocks = ( { name = \"a\"; helo = \"x\"; unless = { domains = \"x.example\"; }; } );", ""},
    {"... the author, too",
	"blocks = ( { name = \"a\"; helo = \"x\";\n"
	" unless = { domains = \"x.example\"; in = [ \"sender\", \"from\" ]; }; } );",
	"warning: t.conf:1: \"a\" " REFUSES},
    {"blocks unless an identity of the envelope",
	"blocks = ( { name = \"a\"; helo = \"x\";\n"
	" unless = { domains = \"x.example\"; in = \"sender\"; }; } );",
	""},
    {"ranges by author",
	"susranges = ( { name = \"a\"; networks = \"192.0.2.1\"; from = \"x.example\"; } );",
	"warning: t.conf:1: \"a\" " REFUSES},
    {"ranges by domains of the author alone",
	"susranges = ( { name = \"a\"; networks = \"192.0.2.1\"; domains = \"x.example\";\n"
	" in = \"from\"; } );",
	"warning: t.conf:1: \"a\" " REFUSES},
    {"ranges by domains of anybody",
	"susranges = ( { name = \"a\"; networks = \"192.0.2.1\"; domains = \"x.example\"; } );",
	""},

    /* too much */
    {"a whitelist of a top-level domain",
	"whitelist = ( { name = \"a\"; domains = [ \".example\",\n \"*.test\", \"com.net\", "
	"\".x.example\", \"!.invalid\" ]; proof = \"spf\"; } );",
	"warning: t.conf:1: \"a\" exempts all names below example; if you mean it, set wide = "
	"true\n"
	"warning: t.conf:2: \"a\" exempts all names below test; if you mean it, set wide = true\n"
	"warning: t.conf:2: 1 of 5 entries of \"a\" are covered by wider ones and do nothing "
	"(first one here)\n"},
    {"a whitelist of a top-level domain that is meant",
	"whitelist = ( { name = \"a\"; domains = \".example\"; proof = \"spf\"; wide = true; } );",
	""},
    {"a block of a top-level domain", "blocks = ( { name = \"a\"; domains = \".example\"; } );",
	""},

    /* what is wrong anyway */
    {"an error is enough", "blocks = ( { name = \"A\"; helo = \"!x\"; } );",
	"t.conf:1: the name \"A\" must be 1 to 64 of a-z, 0-9 and -\n"},
};

START_TEST(tells)
{
	struct configured c;

	ck_assert(
	    mmdb_write(scratch_path("asn.mmdb"), "asn epoch=1700000000", "192.0.2.0/24 64500 -\n"));
	configured_load(&c, rules[_i].text);
	ck_assert_msg(
	    strcmp(c.lines, rules[_i].want) == 0, "%s: got\n%s", rules[_i].label, c.lines);
	configured_free(&c);
}
END_TEST

/* Why an entry never takes effect. */
static const struct {
	const char *label, *text, *want;
} dead_entries[] = {
    {"longer entries",
	"susranges = ( { name = \"a\"; networks = [ \"192.0.2.0/24\",\n \"!192.0.2.0/25\", "
	"\"!192.0.2.128/25\" ]; } );\n",
	"t.conf:1: 1 of 3 entries of \"a\" never take effect (first one here): longer entries "
	"divide all of it up\n"},
    {"the whitelist that covers the family",
	"susranges = ( { name = \"a\"; networks = \"192.0.2.0/24\"; } );\n"
	"whitelist = ( { name = \"v\"; networks = \"192.0.2.0/24\"; covers = [ \"spf\" ]; },\n"
	" { name = \"w\"; networks = \"192.0.2.0/24\"; } );\n",
	"t.conf:1: 1 of 1 entries of \"a\" never take effect (first one here): whitelist \"w\" "
	"lets these addresses in first\n"},
    {"two whitelists, each for a half of it",
	"susranges = ( { name = \"a\"; networks = \"192.0.2.0/24\"; } );\n"
	"whitelist = ( { name = \"v\"; networks = \"192.0.2.0/25\"; },\n"
	" { name = \"w\"; networks = \"192.0.2.128/25\"; } );\n",
	"t.conf:1: 1 of 1 entries of \"a\" never take effect (first one here): whitelist \"v\" "
	"lets these addresses in first\n"},
};

static void append_line(void *context, enum diag_level level, const char *line)
{
	char *text = context;
	size_t len = strlen(text);

	(void)level;
	snprintf(text + len, 4096 - len, "%s\n", line);
}

START_TEST(says_why_entries_are_dead)
{
	struct survey *survey = survey_create(1790000000);
	struct diag *diag = diag_create();
	struct ruleset *table;
	struct config *config;
	char text[4096] = "";

	configured_file("t.conf", dead_entries[_i].text);
	config = config_survey("t.conf", NULL, diag, &table, survey);
	diag_each(diag, append_line, text);
	ck_assert_msg(config != NULL, "%s", text);
	ck_assert_msg(
	    strcmp(text, dead_entries[_i].want) == 0, "%s: got\n%s", dead_entries[_i].label, text);
	config_free(&config);
	ruleset_free(&table);
	diag_free(&diag);
	survey_free(&survey);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("config_warnings");
	TCase *told = tcase_create("rules that do nothing, or late");

	tcase_add_loop_test(told, tells, 0, (int)ROWS(rules));
	tcase_add_loop_test(told, says_why_entries_are_dead, 0, (int)ROWS(dead_entries));
	suite_add_tcase(s, told);
	return s;
}
