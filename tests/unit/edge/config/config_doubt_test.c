/* Entries that cannot match, strings that became one, and rules that match nearly everything. */
#include "unit/unit.h"

#include "fake/configured.h"

#define W       "warning: t.conf:1: "
#define FROM    "; from version 1.0 on this is an error\n"
#define LABEL   " is one label and matches no name below it: write "
#define B(keys) "blocks = ( { name = \"a\"; " keys " } );"

static const struct {
	const char *label, *text, *want;
} doubts[] = {
    /* single labels */
    {"a TLD without its dot", B("domains = [ \"monster\" ];"),
	W "domains: \"monster\"" LABEL "\".monster\" for the top-level domain" FROM},
    {"taken out", B("client_name = [ \".a.example\", \"!a\" ];"),
	W "client_name: \"!a\"" LABEL "\"!.a\" for the top-level domain" FROM},
    {"three of them", B("domains = [ \"a\", \"b.example\", \"c\", \"d\" ];"),
	W "domains: \"a\"" LABEL
	  "\".a\" for the top-level domain (the first of 3 such entries)" FROM},
    {"of a sender", B("sender = \"bob\";"),
	W "sender: \"bob\"" LABEL "\".bob\" for the top-level domain, \"bob@\" for that user at "
	  "any domain" FROM},
    {"of an excuse", B("helo = \"x\"; unless = { client_name = \"mx\"; };"),
	W "client_name: \"mx\"" LABEL "\".mx\" for the top-level domain" FROM},
    {"a HELO", B("helo = [ \"ylmf-pc\" ];"), ""},
    {"domains that look at HELO alone", B("domains = \"ylmf-pc\"; in = \"helo\";"), ""},
    {"localhost", B("domains = \"localhost\";"), ""},
    {"at a host of one label", B("sender = \"root@localdomain\";"), ""},
    {"written as a domain on purpose", B("sender = \"@monster\";"), ""},
    {"a user", B("sender = \"bob@\";"), ""},
    /* mailto: */
    {"a link", B("sender = [ \"mailto:x@y.example\" ];"),
	W "sender: \"mailto:x@y.example\" has the scheme of a link, which no address has: write "
	  "\"x@y.example\"" FROM},
    {"a link in capitals, taken out", B("recipient = [ \"y.example\", \"!MailTo:x@y.example\" ];"),
	W "recipient: \"!MailTo:x@y.example\" has the scheme of a link, which no address has: "
	  "write \"!x@y.example\"" FROM},
    {"a user of that name", B("sender = \"mailto@y.example\";"), ""},
    /* exempt recipients */
    {"a user without @", "exempt_recipients = [ \"postmaster\", \"abuse@\" ];",
	W "exempt_recipients: \"postmaster\" exempts a domain: write \"postmaster@\" for that user "
	  "at any domain, or \"@postmaster\" for all of that domain" FROM},
    {"a domain without @", "exempt_recipients = \".open.example\";",
	W "exempt_recipients: \".open.example\" exempts a domain: write \".open.example@\" for "
	  "that user at any domain, or \"@.open.example\" for all of that domain" FROM},
    {"a domain", "exempt_recipients = [ \"@open.example\", \"@.open.example\" ];", ""},
    {"a pattern", "exempt_recipients = \"/help-[0-9]+@.*/\";", ""},
    /* joined strings */
    {"no comma", B("domains = [ \".icu\" \".top\" ];"),
	W "\".icu\" and \".top\" are read as one string: write a comma between them" FROM},
    {"no comma, a comment between", B("domains = ( \".icu\" /* and */ \".top\" );"),
	W "\".icu\" and \".top\" are read as one string: write a comma between them" FROM},
    {"no comma at the end of a line",
	"blocks = ( { name = \"a\"; domains = [ \"a.icu\"\n \".top\" "
	"]; } );",
	"warning: t.conf:2: \"a.icu\" and \".top\" are read as one string: write a comma between "
	"them" FROM},
    {"no list at all", B("sender = \"a.example\" \"b.example\";"),
	W
	"\"a.example\" and \"b.example\" are read as one string: write a comma between them" FROM},
    {"the joined one is no entry", B("domains = [ \".icu\" \"*.top\" ];"),
	W
	"\".icu\" and \"*.top\" are read as one string: write a comma between them" FROM
	"t.conf:1: \".icu*.top\": not a name: '*' is allowed only in front, as in *.example.com\n"},
    {"a reply in two lines", B("helo = \"x\"; reply = \"550 5.7.1 one\"\n \" two\";"), ""},
    {"a comma", B("domains = [ \".icu\" , \".top\" ];"), ""},
    {"settings side by side", B("helo = \"x\"; comment = \"y\";"), ""},
    /* nearly everything */
    {"a large domain", B("domains = [ \".com\" ];"),
	W "\".com\" makes the rule \"a\" match nearly everything (it matches every name below "
	  "com): if you mean it, set wide = true" FROM},
    {"below a large domain", B("sender = [ \"x.example\", \"*.Net\" ];"),
	W "\"*.Net\" makes the rule \"a\" match nearly everything (it matches every name below "
	  "net): if you mean it, set wide = true" FROM},
    {"our own TLD", B("domains = \".test\";") " domains = ( { name = \".our.test\"; } );",
	W "\".test\" makes the rule \"a\" match nearly everything (it matches every name below "
	  "test): if you mean it, set wide = true" FROM},
    {"another TLD", B("domains = \".monster\";") " domains = ( { name = \"our.test\"; } );", ""},
    {"a range by name", "susranges = ( { name = \"a\"; client_name = \".org\"; } );",
	W "\".org\" makes the rule \"a\" match nearly everything (it matches every name below "
	  "org): if you mean it, set wide = true" FROM},
    {"every name", B("helo = [ \"/.*/\" ];"),
	W "\"/.*/\" makes the rule \"a\" match nearly everything (it matches 10 of 10 ordinary "
	  "names): if you mean it, set wide = true" FROM},
    {"every address", B("sender = \"/[^@]+@.+/\";"),
	W "\"/[^@]+@.+/\" makes the rule \"a\" match nearly everything (it matches 10 of 10 "
	  "ordinary addresses): if you mean it, set wide = true" FROM},
    {"eight of ten", B("helo = \"/.*\\\\.(com|net|test)/\";"),
	W "\"/.*\\.(com|net|test)/\" makes the rule \"a\" match nearly "
	  "everything (it matches 8 of 10 ordinary names): if you mean it, set wide = true" FROM},
    {"seven of ten", B("helo = \"/.*\\\\.(com|test)/\";"), ""},
    {"a pattern of addresses sees no name", B("helo = \"/.*@.*/\";"), ""},
    {"two criteria that are wide", B("helo = \"/.+/\"; sender = \".com\";"),
	W "\"/.+/\" makes the rule \"a\" match nearly everything (it matches 10 of 10 ordinary "
	  "names): if you mean it, set wide = true" FROM},
    {"one of two criteria", B("helo = \"/.+/\"; sender = \"x.example\";"), ""},
    {"with networks", B("helo = \"/.+/\"; networks = \"192.0.2.0/24\";"), ""},
    {"taken out again", B("helo = [ \"x.example\", \"!/.*/\" ];"), ""},
    {"in an excuse", B("helo = \"x\"; unless = { sender = \".com\"; };"), ""},
    {"meant", B("domains = \".com\"; helo = \"/.*/\"; wide = true;"), ""},
};

START_TEST(tells)
{
	struct configured c;

	configured_load(&c, doubts[_i].text);
	ck_assert_msg(
	    strcmp(c.lines, doubts[_i].want) == 0, "%s: got\n%s", doubts[_i].label, c.lines);
	configured_free(&c);
}
END_TEST

/* libconfig cuts integers to 32 bits, so that 2^32 + 1 would be one session. */
static const struct {
	const char *text;
	bool good;
} numbers[] = {
    {"milter = { max_sessions = 4294967297; };", false},
    {"milter = { max_sessions = 4294967297L; };", false},
    {"milter = { max_sessions = 0x100000001; };", false},
    {"milter = { max_sessions = -4294967295; };", false},
    {"milter = { max_sessions = 99999999999999999999; };", false},
    {"milter = { max_sessions = 18446744073709551617; };", false},
    {"resolver = { timeout = 4294967297; };", false},
    {"susranges = ( { name = \"a\"; asn = 4294967297; } );", false},
    {"milter = { max_sessions = 0x7d0; };", true},
    {"milter = { max_sessions = 0000000000002000; };", true},
    {"milter = { max_sessions = 2000L; };", true},
    {"resolver = { timeout = 5.25e-0; };", true},
};

START_TEST(keeps_large_numbers)
{
	struct configured c;

	configured_load(&c, numbers[_i].text);
	ck_assert_msg(
	    (c.config != NULL) == numbers[_i].good, "%s: got\n%s", numbers[_i].text, c.lines);
	configured_free(&c);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("config_doubt");
	TCase *t = tcase_create("what was hardly meant");

	tcase_add_loop_test(t, tells, 0, (int)ROWS(doubts));
	tcase_add_loop_test(t, keeps_large_numbers, 0, (int)ROWS(numbers));
	suite_add_tcase(s, t);
	return s;
}
