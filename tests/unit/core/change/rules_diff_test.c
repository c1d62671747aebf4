/*
 * rules_diff_test: what of a change is told, by cases and for the change that 0.1 took for none.
 */
#include "core/change/rules_diff.h"
#include "fake/configured.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NOTHING "same settings, rules and entries\n"

#define R(entries)  "susranges = ( { name = \"r\"; " entries " } );\n"
#define B(entries)  "blocks = ( { name = \"b\"; " entries " } );\n"
#define W(entries)  "whitelist = ( { name = \"w\"; " entries " } );\n"
#define DOM(values) "domains = ( { name = " values " } );\n"
#define NET         "networks = \"192.0.2.0/24\"; "

static const struct {
	const char *label, *before, *after, *want;
} cases[] = {
    {"nothing", "", "", NOTHING},
    {"the same rules", R(NET) B("helo = [ \".a.example\", \"/x+/\" ];"),
	R(NET) B("helo = [ \"/x+/\", \".a.example\" ];"), NOTHING},
    /* enforcement */
    {"mode off", "", "mode = \"monitor\";", "enforcement off: mode enforce → monitor\n"},
    {"mode on", "mode = \"monitor\";", "", "enforcement on: mode monitor → enforce\n"},
    {"SPF off", "", "spf = { fail = \"off\"; };", "enforcement off: spf.fail reject → off\n"},
    {"SPF to monitor", "", "spf = { fail = \"monitor\"; };",
	"enforcement off: spf.fail reject → monitor\n"},
    {"SPF milder, but on", "", "spf = { fail = \"unless-dkim\"; };",
	"setting spf.fail reject → unless-dkim\n"},
    {"DMARC on", "", "dmarc = { default = \"quarantine\"; };",
	"enforcement on: dmarc.default off → quarantine\n"},
    {"DMARC stays off", "", "dmarc = { default = \"monitor\"; };",
	"setting dmarc.default off → monitor\n"},
    {"a rule to monitor, before all else", R(NET "reply = \"550 a\";"),
	"help_url = \"https://x.example/\";\n" R(NET "mode = \"monitor\"; reply = \"550 b\";"),
	"enforcement off: susranges r: mode enforce → monitor\n"
	"setting help_url none → https://x.example/\n"
	"susranges r: reply 550 a → 550 b\n"},
    {"susranges off for all", "", DOM("\"*\"; susranges = \"off\";"),
	"enforcement off: domains.*.susranges on → off\n"},
    /* settings */
    {"sub-keys", "",
	"mixed = \"strict\"; spf = { temperror = \"tempfail\"; permerror = \"reject\"; };\n"
	"dmarc = { quarantine = \"hold\"; temperror = \"tempfail\"; unproven = \"accept\"; "
	"bad_from = \"accept\"; };",
	"setting spf.temperror accept → tempfail\n"
	"setting spf.permerror accept → reject\n"
	"setting dmarc.quarantine mark → hold\n"
	"setting dmarc.temperror accept → tempfail\n"
	"setting dmarc.unproven tempfail → accept\n"
	"setting dmarc.bad_from reject → accept\n"
	"setting mixed split → strict\n"},
    {"words of a fact", B("spf = [ \"fail\" ]; helo = [ \"a.example\" ];"),
	B("spf = [ \"fail\", \"!none\" ]; helo = [ \"a.example\" ]; undecided = \"tempfail\";"),
	"blocks b: spf fail → !none, fail\n"
	"blocks b: undecided pass → tempfail\n"},
    {"a list in the DNS", "",
	"dnsbls = ( { name = \"x\"; zone = \"bl.test\"; answers = [ \"127.0.0.2\", "
	"\"127.0.0.4-127.0.0.9\" ]; } );",
	"setting dnsbl x none → bl.test of client: 127.0.0.2, 127.0.0.4-127.0.0.9\n"},
    {"trusted networks", "", "trusted_networks = [ \"127.0.0.0/8\", \"::1\", \"192.0.2.0/24\" ];",
	"trusted_networks: networks 1 in: 192.0.2.0/24\n"},
    {"exempt recipients", "", "exempt_recipients = [ \"postmaster@\", \"noc@a.example\" ];",
	"exempt_recipients: recipient 1 in: noc@a.example; 1 out: abuse@\n"},
    /* rules */
    {"a new rule", "", R(NET),
	"new rules: r\n"
	"susranges r: networks 1 in: 192.0.2.0/24\n"},
    {"a new rule in monitor mode", "", R(NET "mode = \"monitor\";"),
	"new rules: r (monitor)\n"
	"susranges r: networks 1 in: 192.0.2.0/24\n"},
    {"a rule gone", R(NET), "",
	"removed rules: r\n"
	"susranges r: networks 1 out: 192.0.2.0/24\n"},
    {"a name in another family", R(NET), "blocks = ( { name = \"r\"; " NET " } );",
	"new rules: r\n"
	"removed rules: r\n"
	"blocks r: networks 1 in: 192.0.2.0/24\n"
	"susranges r: networks 1 out: 192.0.2.0/24\n"},
    {"the order of rules says nothing of them",
	"blocks = ( { name = \"a\"; helo = \"x.example\"; }, { name = \"b\"; helo = \"y.example\"; "
	"} );",
	"blocks = ( { name = \"b\"; helo = \"y.example\"; }, { name = \"a\"; helo = \"x.example\"; "
	"} );",
	NOTHING},
    {"attributes",
	W("domains = \"a.example\"; owner = \"jo\"; proof = [ \"spf\", \"client_name\" ];"),
	W("domains = \"a.example\"; covers = [ \"susranges\" ]; proof = [ \"spf\" ]; "
	  "expires = \"2033-05-18T03:33:20Z\"; comment = \"c\"; ticket = \"T1\";"),
	"whitelist w: covers blocks, susranges → susranges\n"
	"whitelist w: proof spf, client_name → spf\n"
	"whitelist w: expires never → 2033-05-18T03:33:20Z\n"
	"whitelist w: comment none → c\n"
	"whitelist w: owner jo → none\n"
	"whitelist w: ticket none → T1\n"},
    {"in, unless", B("domains = \"a.example\"; in = [ \"helo\" ];"),
	B("domains = \"a.example\"; in = [ \"helo\", \"sender\" ]; unless = { sender = "
	  "\"x@y.example\"; };"),
	"blocks b: unless none → sender\n"
	"blocks b: in helo → helo, sender\n"
	"blocks b: unless.sender 1 in: x@y.example\n"},
    {"a criterion less", R(NET "helo = \"x.example\";"), R(NET),
	"susranges r: criteria networks, helo → networks\n"
	"susranges r: helo 1 out: x.example\n"},
    /* entries */
    {"a network becomes two halves", R("networks = \"192.0.2.0/24\";"),
	R("networks = [ \"192.0.2.0/25\", \"192.0.2.128/25\" ];"),
	"susranges r: networks 2 in: 192.0.2.0/25, 192.0.2.128/25; 1 out: 192.0.2.0/24\n"},
    {"a hole hides no network", R("networks = [ \"192.0.2.0/24\", \"2001:db8::/32\" ];"),
	R("networks = [ \"192.0.2.0/24\", \"!192.0.2.8/29\", \"192.0.2.0/28\", "
	  "\"2001:db8::/32\" ];"),
	"susranges r: networks 2 in: 192.0.2.0/28, !192.0.2.8/29\n"},
    {"five of seven", R("networks = \"10.0.0.0/24\";"),
	R("networks = [ \"10.0.0.0/24\", \"10.0.7.0/24\", \"10.0.6.0/24\", \"10.0.5.0/24\", "
	  "\"10.0.4.0/24\", \"10.0.3.0/24\", \"10.0.2.0/24\", \"10.0.1.0/24\" ];"),
	"susranges r: networks 7 in: 10.0.1.0/24, 10.0.2.0/24, 10.0.3.0/24, 10.0.4.0/24, "
	"10.0.5.0/24, …\n"},
    {"forms of a name", B("domains = [ \"a.example\", \".b.example\", \"*.c.example\" ];"),
	B("domains = [ \".a.example\", \"*.b.example\", \"c.example\" ];"),
	"blocks b: domains 3 in: .a.example, *.b.example, c.example; "
	"3 out: a.example, .b.example, *.c.example\n"},
    {"names one below the other", B("domains = [ \".a.example\" ];"),
	B("domains = [ \".a.example\", \"!x.a.example\" ];"),
	"blocks b: domains 1 in: !x.a.example\n"},
    {"addresses", B("sender = [ \"u@a.example\", \"v@\", \"<>\" ];"),
	B("sender = [ \"u+*@a.example\", \"v@\", \"a.example\" ];"),
	"blocks b: sender 2 in: a.example, u+*@a.example; 2 out: <>, u@a.example\n"},
    {"patterns", B("helo = [ \"/a+/\", \"/b+/\" ];"), B("helo = [ \"/b+/\", \"!/c+/\" ];"),
	"blocks b: helo 1 in: !/c+/; 1 out: /a+/\n"},
    {"a number moves to another rule of the same",
	"blocks = ( { name = \"a\"; helo = \"x.example\"; }, { name = \"b\"; helo = \"y.example\"; "
	"} );",
	B("helo = \"y.example\";"),
	"removed rules: a\n"
	"blocks a: helo 1 out: x.example\n"},
    {"sessions and logins",
	B("recipient = \"u@x.example\"; login = [ \"a.b\", \"b\" ]; applies = \"authenticated\";"),
	B("recipient = \"u@x.example\"; login = [ \"c.b\", \"b\" ]; applies = \"both\";"),
	"blocks b: applies authenticated → both\n"
	"blocks b: login 1 in: c.b; 1 out: a.b\n"},
    {"header fields", B("header = [ \"A\", \"Subject: /x/\" ]; unless = { all_headers = \"B\"; };"),
	B("header = [ \"!A\", \"Subject: /x/\" ]; unless = { all_headers = [ \"B\", \"C\" ]; };"),
	"blocks b: header A, Subject: /x/ → !A, Subject: /x/\n"
	"blocks b: unless.all_headers B → B, C\n"},
    {"versions of TLS", B("tls = \"none\";"), B("tls = [ \"none\", \"<1.2\" ];"),
	"blocks b: tls none → none, <1.2\n"},
    /* recipient domains */
    {"domains come, go, change",
	"domains = ( { name = \"gone.example\"; dmarc = \"reject\"; }, "
	"{ name = \".same.example\"; spf = \"monitor\"; }, { name = \"c.example\"; spf = \"off\"; "
	"} );",
	"domains = ( { name = \"*.new.example\"; susranges = \"off\"; blocks = \"off\"; }, "
	"{ name = \".same.example\"; spf = \"monitor\"; }, { name = \"c.example\"; "
	"dmarc = \"strict\"; } );",
	"recipient domains: 1 added: *.new.example (susranges off, blocks off); "
	"1 removed: gone.example (dmarc reject); "
	"1 changed: c.example (spf off → reject, dmarc off → strict)\n"},
    {"domains that follow the default", DOM("\"a.example\"; dmarc = \"reject\";"),
	"spf = { fail = \"off\"; };" DOM("\"a.example\"; dmarc = \"reject\";"),
	"enforcement off: spf.fail reject → off\n"},
};

static void append(void *context, const char *line)
{
	char *text = context;

	strcat(strcat(text, line), "\n");
}

static void diff_text(const char *before, const char *after, char text[16384])
{
	struct configured old, fresh;
	struct rules_diff *d;

	configured_load(&old, before);
	ck_assert_msg(old.rules != NULL, "%s", old.lines);
	configured_load(&fresh, after);
	ck_assert_msg(fresh.rules != NULL, "%s", fresh.lines);
	d = rules_diff_create(old.rules, fresh.rules, 0);
	ck_assert(d != NULL);
	configured_free(&old);
	configured_free(&fresh);
	rules_diff_text(d, append, text);
	rules_diff_free(&d);
}

START_TEST(tells)
{
	char text[16384] = "";

	diff_text(cases[_i].before, cases[_i].after, text);
	ck_assert_msg(strcmp(text, cases[_i].want) == 0, "%s:\n%s", cases[_i].label, text);
}
END_TEST

/* ---- the change that 0.1 called none ------------------------------------------------- */

/* More rules than anybody reads: twenty names, and what becomes of a hundred. */
START_TEST(tells_of_many)
{
	static char after[16384], text[16384];
	size_t len = 0, lines = 0;

	len += (size_t)snprintf(after, sizeof after, "susranges = (");
	for (unsigned i = 0; i < 130; i++)
		len += (size_t)snprintf(after + len, sizeof after - len,
		    "%s { name = \"r%03u\"; networks = \"10.0.%u.0/24\"; }", i ? "," : "", i, i);
	snprintf(after + len, sizeof after - len, " );");
	diff_text("", after, text);
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		lines++;
	ck_assert_uint_eq(lines, 1 + 100 + 1);
	ck_assert_msg(strncmp(text, "new rules: r000 r001 ", 21) == 0 &&
			  strstr(text, " r018 r019 and 110 more\n"),
	    "%s", text);
	ck_assert_msg(strstr(text, "\n30 more rules changed (--json has them)\n"), "%s", text);
}
END_TEST

START_TEST(tells_five_parts)
{
	char text[16384] = "";

	diff_text("dmarc = { default = \"reject\"; };\n"
		  "whitelist = ( { name = \"partners\"; networks = \"198.51.100.7\"; } );\n"
		  "blocks = ( { name = \"tlds\"; domains = \".monster\"; } );\n",
	    "mode = \"monitor\"; spf = { fail = \"off\"; };\n"
	    "whitelist = ( { name = \"partners\"; networks = \"198.51.0.0/16\"; } );\n"
	    "blocks = ( { name = \"tlds\"; domains = \".com\"; } );\n",
	    text);
	ck_assert_str_eq(text, "enforcement off: mode enforce → monitor\n"
			       "enforcement off: spf.fail reject → off\n"
			       "enforcement off: dmarc.default reject → off\n"
			       "whitelist partners: networks 1 in: 198.51.0.0/16; "
			       "1 out: 198.51.100.7/32\n"
			       "blocks tlds: domains 1 in: .com; 1 out: .monster\n");
}
END_TEST

/* ---- the managed whitelist ----------------------------------------------------------- */

START_TEST(managed_is_one_rule)
{
	const char *conf = "managed_whitelist = \"managed.list\";\n";
	char text[16384] = "", list[65536] = "";
	struct configured old, fresh;
	struct rules_diff *d;

	configured_file("managed.list", "");
	configured_load(&old, conf);
	for (int i = 0; i < 800; i++)
		snprintf(list + strlen(list), sizeof list - strlen(list),
		    "10.1.%d.%d # expires=2033-05-18T03:%02d:%02dZ\n", i / 200, i % 200,
		    i / 60 % 60, i % 60);
	configured_file("managed.list", list);
	configured_load(&fresh, conf);
	ck_assert_msg(fresh.rules != NULL, "%s", fresh.lines);
	d = rules_diff_create(old.rules, fresh.rules, 0);
	rules_diff_text(d, append, text);
	ck_assert_str_eq(text, "new rules: managed\n"
			       "whitelist managed: networks 800 in: 10.1.0.0/32, 10.1.0.1/32, "
			       "10.1.0.2/32, 10.1.0.3/32, 10.1.0.4/32, …\n");
	rules_diff_free(&d);
	configured_free(&old);
	configured_free(&fresh);
}
END_TEST

/* ---- against a slow count ------------------------------------------------------------ */

/* Networks of one /24 and the entry of each: 0 none, 1 in, 2 out. */
enum { LENGTHS = 9, BASES = 256, ROUNDS = 60 };

struct model {
	unsigned char entry[LENGTHS][BASES];
	bool decides[LENGTHS][BASES]; /* somewhere */
};

static unsigned draw(unsigned below)
{
	static uint64_t state = 1;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % below;
}

static void find_deciders(struct model *m)
{
	memset(m->decides, 0, sizeof m->decides);
	for (unsigned address = 0; address < BASES; address++)
		for (unsigned i = LENGTHS; i-- > 0;)
			if (m->entry[i][address >> (8 - i)]) {
				m->decides[i][address >> (8 - i)] = true;
				break;
			}
}

static void change_some(struct model *m, unsigned n)
{
	while (n-- > 0) {
		unsigned i = draw(LENGTHS);

		m->entry[i][draw(1u << i)] = (unsigned char)draw(3);
	}
	find_deciders(m);
}

static void model_text(const struct model *m, char *text)
{
	text += sprintf(text, "susranges = ( { name = \"r\"; networks = [ \"192.0.2.1\"");
	for (unsigned i = 0; i < LENGTHS; i++)
		for (unsigned base = 0; base < 1u << i; base++)
			if (m->entry[i][base])
				text += sprintf(text, ", \"%s10.0.0.%u/%u\"",
				    m->entry[i][base] == 2 ? "!" : "", base << (8 - i), 24 + i);
	sprintf(text, " ]; } );\n");
}

/* Entries that decide in `a` and not in `b`. */
static size_t count_more(const struct model *a, const struct model *b)
{
	size_t n = 0;

	for (unsigned i = 0; i < LENGTHS; i++)
		for (unsigned base = 0; base < 1u << i; base++)
			n += a->decides[i][base] &&
			     !(b->decides[i][base] && a->entry[i][base] == b->entry[i][base]);
	return n;
}

START_TEST(counts_as_the_model)
{
	static struct model before, after;
	static char text[65536];

	change_some(&before, 60);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct configured old, fresh;
		struct rules_diff *d;
		const struct rules_diff_key *k;

		after = before;
		change_some(&after, draw(12));
		model_text(&before, text);
		configured_load(&old, text);
		model_text(&after, text);
		configured_load(&fresh, text);
		ck_assert_msg(old.rules && fresh.rules, "%s%s", old.lines, fresh.lines);
		d = rules_diff_create(old.rules, fresh.rules, 0);
		k = d->rules[0].family == FAMILY_SUSRANGES ? d->rules[0].keys
							   : d->rules[d->rule_count - 1].keys;
		ck_assert_msg((k ? k->in.count : 0) == count_more(&after, &before) &&
				  (k ? k->out.count : 0) == count_more(&before, &after),
		    "round %u: %zu in, %zu out; wanted %zu and %zu\n%s", round, k ? k->in.count : 0,
		    k ? k->out.count : 0, count_more(&after, &before), count_more(&before, &after),
		    text);
		rules_diff_free(&d);
		configured_free(&old);
		configured_free(&fresh);
		before = after;
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("rules_diff");
	TCase *tc = tcase_create("all");

	configured_enter();
	tcase_add_loop_test(tc, tells, 0, ROWS(cases));
	tcase_add_test(tc, tells_of_many);
	tcase_add_test(tc, tells_five_parts);
	tcase_add_test(tc, managed_is_one_rule);
	tcase_add_test(tc, counts_as_the_model);
	suite_add_tcase(s, tc);
	return s;
}
