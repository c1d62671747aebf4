#include "core/import/import_set.h"
#include "unit/unit.h"

#include <stdio.h>

/*
 * What a text becomes, a line for each item: "KEY ACTION ENTRY #COMMENT" or "- REASON", with "
 * ~NOTE" behind where there is one.
 */
enum { SAID_MAX = 4096 };

struct said {
	char text[SAID_MAX];
	size_t len;
};

static void say(void *context, const struct import_item *item)
{
	static const char *const actions[] = {"listed", "permit", "refuse", "except"};
	struct said *s = context;
	char *at = s->text + s->len;
	size_t room = sizeof s->text - s->len;
	int n;

	if (item->left)
		n = snprintf(at, room, "%u - %s\n", item->line, item->left);
	else
		n = snprintf(at, room, "%u %s %s %.*s%s%.*s%s%s\n", item->line,
		    import_key_name(item->key), actions[item->action], SLICE_ARG(item->text),
		    item->comment.len ? " #" : "", SLICE_ARG(item->comment), item->note ? " ~" : "",
		    item->note ? item->note : "");
	ck_assert_int_lt(n, (int)room);
	s->len += (size_t)n;
}

static const struct {
	const char *label;
	enum import_format format;
	const char *text, *wanted;
} cases[] = {
    {"a DROP file", IMPORT_DROP,
	"; Spamhaus DROP List 2026/11/20\n1.10.16.0/20 ; SBL256894\r\n2001:678:738::/48 ; "
	"SBL635837\n",
	"2 networks refuse 1.10.16.0/20 #SBL256894\n"
	"3 networks refuse 2001:678:738::/48 #SBL635837\n"},
    {"DROP as JSON", IMPORT_DROP,
	"{\"cidr\":\"1.10.16.0/20\",\"sblid\":\"SBL256894\",\"rir\":\"apnic\"}\n"
	"{\"asn\":245,\"rir\":\"arin\",\"asname\":\"X\"}\n"
	"{\"type\":\"metadata\",\"timestamp\":1,\"size\":2}\n{\"x\":1}\n",
	"1 networks refuse 1.10.16.0/20 #SBL256894\n"
	"2 - AS 245 cannot be an entry of a list: add it to asn = [ ]\n"
	"4 - object without \"cidr\"\n"},
    {"DROP as JSON in one array", IMPORT_DROP,
	"[{\"cidr\":\"1.10.16.0/20\",\"sblid\":\"S\"}, {\"cidr\":\"2001:db8::/32\"}]\n[\n]\n",
	"1 networks refuse 1.10.16.0/20 #S\n1 networks refuse 2001:db8::/32\n"},
    {"what is put off, perhaps or always", IMPORT_ACCESS,
	"a.example DEFER_IF_REJECT x\nb.example DEFER_IF_PERMIT\nc.example 450 x\n"
	"d.example 4500000000\n",
	"1 - the action DEFER_IF_REJECT has no equivalent\n"
	"2 names refuse .b.example ~deferred there, rejected here: give the rule a reply that "
	"begins with 450 to defer\n"
	"3 names refuse .c.example #450 x ~deferred there, rejected here: give the rule a reply "
	"that begins with 450 to defer\n4 names permit .d.example\n"},
    {"Sendmail's recipients excuse nobody", IMPORT_SENDMAIL,
	"To:a.example RELAY\nTo:x@b.example OK\nTo:b.example ERROR:\"450 later\"\n",
	"1 - RELAY for a recipient: not about access; skipped\n"
	"2 recipient except x@b.example\n"
	"3 recipient refuse .b.example #ERROR:\"450 later\" ~deferred there, rejected here: give "
	"the rule a reply that begins with 450 to defer\n"},
    {"host bits and nonsense in DROP", IMPORT_DROP, "192.0.2.7/24 ; SBL1\nhello\n",
	"1 networks refuse 192.0.2.0/24 #SBL1 ~imported as 192.0.2.0/24 (host bits cleared)\n"
	"2 - \"hello\" is not an address: neither IPv4 nor IPv6\n"},
    {"cidr: with blocks", IMPORT_CIDR,
	"# comment\n10.1.2.3 OK\n10.0.0.0/8  REJECT no\n  thanks\n192.0.2.0/24 DUNNO\n"
	"if 10.0.0.0/8\n10.2.0.0/16 OK\nendif\n!10.0.0.0/8 OK\n2001:db8::/32 550 5.7.1 go\n",
	"2 networks permit 10.1.2.3\n3 networks refuse 10.0.0.0/8 #no\n"
	"5 networks except 192.0.2.0/24\n"
	"7 networks permit 10.2.0.0/16\n"
	"9 - a negated pattern matches all other addresses, which no list can express\n"
	"10 networks refuse 2001:db8::/32 #550 5.7.1 go\n"},
    {"access map", IMPORT_ACCESS,
	"example.com REJECT\n.example.net OK\nuser@example.org 550 gone\nroot@ OK\n192.0.2 OK\n"
	"2001:db8 REJECT\n<> REJECT\n* OK\nb@example.org HOLD\nmonster DISCARD\nc@example.org\n"
	"d@example.org 1234567\n",
	"1 names refuse .example.com\n2 names permit *.example.net\n"
	"3 addresses refuse user@example.org #550 gone\n4 addresses permit root@\n"
	"5 networks permit 192.0.2.0/24\n6 networks refuse 2001:db8::/32\n"
	"7 - <> is the null sender: add it to sender = [ ] of a rule if you mean that\n"
	"8 - * matches everything and cannot be an entry\n9 - the action HOLD has no equivalent\n"
	"10 - DISCARD has no equivalent: susmilter never discards mail\n"
	"11 - it has no action\n12 addresses permit d@example.org\n"},
    {"Sendmail", IMPORT_SENDMAIL,
	"Connect:192.168 RELAY\nConnect:spam.example REJECT\nFrom:a@example.com ERROR:5.7.1:550 "
	"no\n"
	"To:old@example.org REJECT\nIPv6:2001:db8:1::2 REJECT\nTLS_Srv:x VERIFY\n"
	"GreetPause:10 0\nexample.com SKIP\nSpam:a@b FRIEND\n",
	"1 networks permit 192.168.0.0/16\n2 client_name refuse .spam.example\n"
	"3 sender refuse a@example.com #ERROR:5.7.1:550 no\n4 recipient refuse old@example.org\n"
	"5 networks refuse 2001:db8:1::2\n6 - TLS_Srv: not about access; skipped\n"
	"7 - GreetPause: not about access; skipped\n8 names except .example.com\n"
	"9 - the action FRIEND has no equivalent\n"},
    {"lsearch compares literally, but for *@DOMAIN of lsearch*@", IMPORT_LSEARCH,
	"*@dom.example: deny\n*@*.sub.example: deny\n*.part.example: deny\n*@*sub.example\n",
	"1 addresses refuse @dom.example #deny\n"
	"2 - Exim compares this key literally: it matches no address there\n"
	"3 names refuse *.part.example #deny\n"
	"4 - Exim compares this key literally: it matches no address there\n"},
    {"Exim, the domain of an address is compared as in a list of domains", IMPORT_EXIM,
	"*@*.junk.example : *@dom.example\n",
	"1 addresses listed @*.junk.example\n1 addresses listed @dom.example\n"},
    {"Exim, in a configuration", IMPORT_EXIM,
	"hostlist bad = 192.0.2.0/24 : !192.0.2.7 : *.example.com : +relay : \\\n"
	"  2001::db8::::/32 : lsearch;/etc/x : @[] : ^mx\\\\d/x\n",
	"1 networks listed 192.0.2.0/24\n1 networks except 192.0.2.7\n1 names listed "
	"*.example.com\n"
	"1 - named lists are not resolved: import the list itself\n"
	"2 networks listed 2001:db8::/32\n2 - lookups are not resolved: import the file that it "
	"names\n"
	"2 - this host itself: add it to trusted_networks\n2 names listed /^mx\\d\\/x.*/\n"},
    {"Exim's expressions look anywhere behind their '^'", IMPORT_EXIM,
	"hostlist x = ^a\\\\.b\\$ : \\N^dsl-\\d+\\N : ^(a|b)\n",
	"1 names listed /^a\\.b$/\n1 names listed /^dsl-\\d+.*/\n1 names listed "
	"/.*(?:^(a|b)).*/\n"},
    {"Exim, a separator for all lines of a list, and a second list", IMPORT_EXIM,
	"hostlist x = <; 192.0.2.1 ; \\\n  2001:db8::1 ; *.a.example\nhostlist y = 192.0.2.2 : "
	"\\\n 192.0.2.3\n",
	"1 networks listed 192.0.2.1\n2 networks listed 2001:db8::1\n2 names listed "
	"*.a.example\n3 - second list in the file: import it separately\n4 - second list in the "
	"file: import it separately\n"},
    {"Exim, what stands behind a last '!'", IMPORT_EXIM, "hostlist x = 192.0.2.1 : !192.0.2.2\n",
	"1 networks listed 192.0.2.1\n1 - after a last item with '!' Exim lists all others, which "
	"no list here can express\n"},
    {"Exim, everybody at a domain", IMPORT_EXIM, "addresslist x = *@a.example\n",
	"1 addresses listed @a.example\n"},
    {"Exim, a file", IMPORT_EXIM,
	"# our friends\n192.0.2.1\n2001:db8::1\n2001:db8:1::/48 # net\n*foo.example\n*\n"
	"<; 192.0.2.2 ; 2001:db8::2\n",
	"2 networks listed 192.0.2.1\n3 networks listed 2001:db8::1\n"
	"4 networks listed 2001:db8:1::/48\n"
	"5 - the end of a name is not an entry: write .NAME or a /pattern/\n"
	"6 - * matches everything and cannot be an entry\n7 networks listed 192.0.2.2\n"
	"7 networks listed 2001:db8::2\n"},
    {"lsearch", IMPORT_LSEARCH,
	"# c\n192.0.2.1: deny\n\"2001:db8::1\": accept\nexample.com\n*.example.net: what it is\n"
	"  more of it\na@example.org   reject\n*: x\n",
	"2 networks refuse 192.0.2.1 #deny\n3 networks permit 2001:db8::1 #accept\n"
	"4 names listed example.com\n5 names listed *.example.net #what it is\n"
	"7 addresses refuse a@example.org #reject\n8 - * matches everything and cannot be an "
	"entry\n"},
    {"rspamd", IMPORT_RSPAMD,
	"192.0.2.0/24 # office\nexample.com "
	"10.0\n!192.0.2.9\n/^mx[0-9]+$/i\n/x/\n/x/m\nmx*.example\n"
	"*.example.net\n/a\\$/i\n/a\\/b|^c$/i\n/\n//\n",
	"1 networks listed 192.0.2.0/24 #office\n2 names listed example.com #10.0\n"
	"3 networks except 192.0.2.9\n4 names listed /^mx[0-9]+$/\n"
	"5 names listed /.*x.*/ ~patterns ignore case here\n6 - the pattern flag m has no "
	"equivalent\n"
	"7 - a glob with * after its start: write a /pattern/\n"
	"8 names listed *.example.net\n9 names listed /.*a\\$.*/\n"
	"10 names listed /.*(?:a\\/b|^c$).*/\n11 - the pattern has no closing slash\n"
	"12 - the pattern is empty\n"},
    {"rspamd, lines that are comments", IMPORT_RSPAMD,
	"# networks\n192.0.2.1\n  #/x/\n#192.0.2.2\n\t# b.example\n",
	"2 networks listed 192.0.2.1\n"},
    {"a byte-order mark is no part of the first key", IMPORT_ACCESS,
	"\xef\xbb\xbf"
	"a.example REJECT\n",
	"1 names refuse .a.example\n"},
    {"rspamd, what stands behind a pattern", IMPORT_RSPAMD,
	"/x/i # either/or\n/y/ 10.0 \n/^z$/i#why\n/a#b/i\n/a/b/i c/i\n/a\\\n/a\\/i\n",
	"1 names listed /.*x.*/ #either/or\n"
	"2 names listed /.*y.*/ #10.0 ~patterns ignore case here\n"
	"3 names listed /^z$/ #why\n4 names listed /.*a#b.*/\n"
	"5 names listed /.*a\\/b.*/ #c/i\n6 - the pattern has no closing slash\n"
	"7 - the pattern has no closing slash\n"},
    {"cidr: what an if leaves", IMPORT_CIDR,
	"if 10.0.0.0/8\n10.1.2.3 OK\n0.0.0.0/0 REJECT all\n192.0.2.0/24 OK\nif !10.4.0.0/14\n"
	"10.4.1.0/24 REJECT\n10.0.0.0/12 REJECT\nENDIF\nendif\nif !10.0.0.0/8\n10.9.0.0/16 OK\n"
	"192.0.2.0/24 OK\nendif\n198.51.100.0/24 OK\nif nonsense\n10.0.0.1 OK\nendif\nendif\n"
	"10.0.0.1 OK\n",
	"2 networks permit 10.1.2.3\n"
	"3 networks refuse 10.0.0.0/8 #all ~imported as what the if around it leaves of it\n"
	"4 - never reached: the if around it lets none of it through\n"
	"6 - never reached: the if around it lets none of it through\n"
	"7 networks refuse 10.8.0.0/13 ~imported as what the if around it leaves of it\n"
	"7 networks refuse 10.0.0.0/14 ~imported as what the if around it leaves of it\n"
	"11 - never reached: the if around it lets none of it through\n"
	"12 networks permit 192.0.2.0/24\n14 networks permit 198.51.100.0/24\n"
	"15 - the if is not understood: lines up to its endif are skipped\n"
	"16 - between an if that is not understood and its endif: skipped\n"
	"19 networks permit 10.0.0.1\n"},
    {"cidr: an if in IPv6, at both sides of 64 bits", IMPORT_CIDR,
	"if !2001:db8::/64\n2001:db8::/62 OK\nendif\nif !2001:db8:0:1::/66\n2001:db8:0:1::/64 "
	"OK\n2001:db9::/32 OK\nendif\n",
	"2 networks permit 2001:db8:0:2::/63 ~imported as what the if around it leaves of it\n"
	"2 networks permit 2001:db8:0:1::/64 ~imported as what the if around it leaves of it\n"
	"5 networks permit 2001:db8:0:1:8000::/65 ~imported as what the if around it leaves of "
	"it\n5 networks permit 2001:db8:0:1:4000::/66 ~imported as what the if around it leaves of "
	"it\n6 networks permit 2001:db9::/32\n"},
    {"pcre:", IMPORT_PCRE,
	"# generic\n/^[0-9.-]+\\.dsl\\.example$/ REJECT generic name\n  (continued)\n/dyn/i OK\n"
	"/a b/x REJECT\n!/x/ REJECT\nx REJECT\n/y REJECT\n/z/ HOLD\n%a/b% DUNNO\n",
	"2 names refuse /^[0-9.-]+\\.dsl\\.example$/ #generic name\n"
	"4 names permit /.*dyn.*/ ~patterns ignore case here\n"
	"5 - a flag of the pattern has no equivalent\n"
	"6 - a negated pattern matches all other names, which no list can express\n"
	"7 - not a pattern\n8 - the pattern has no closing slash\n"
	"9 - the action HOLD has no equivalent\n10 names except /.*a\\/b.*/\n"},
    {"pcre: with if", IMPORT_PCRE,
	"if /\\.example$/\nif !/^mx/\n/^[0-9]+-/ REJECT a\n/dsl|dyn/ REJECT b\nendif\nendif\n/c/ "
	"OK\n",
	"3 names refuse "
	"/^(?=.*(?:\\.example$))(?!.*(?:^mx)).*(?:^[0-9]+-).*/ #a\n"
	"4 names refuse /.*(?:^(?=.*(?:\\.example$))(?!.*(?:^mx)).*(?:dsl|dyn)).*/ #b\n"
	"7 names permit /.*c.*/\n"},
    {"rbldnsd, addresses", IMPORT_RBLDNSD,
	"$SOA 3600 ns.example admin.example 0 600 300 86400 300\n$NS 3600 ns.example\n"
	":127.0.0.2:listed $\n# comment\n127.0.0.2\n192.0.2.0/24 :127.0.0.3:spam source\n"
	"!192.0.2.25\n198.51.100\n10/8\n203.0.113.7-9\n203.0.113.20-203.0.113.30\n11-12\n"
	"2001:db8::/32 :2:six\n$DATASET dnset x\n",
	"5 networks listed 127.0.0.2\n6 networks listed 192.0.2.0/24 #spam source\n"
	"7 networks except 192.0.2.25\n8 networks listed 198.51.100.0/24\n"
	"9 networks listed 10.0.0.0/8\n10 networks listed 203.0.113.7-203.0.113.9\n"
	"11 networks listed 203.0.113.20-203.0.113.30\n"
	"12 networks listed 11.0.0.0-12.255.255.255\n13 networks listed 2001:db8::/32 #six\n"
	"14 - data sets of several types in one file: import each as a file of its own\n"},
    {"rbldnsd, names", IMPORT_RBLDNSD,
	":127.0.0.2:listed\na.example\n.b.example :3:why\n*.c.example\n!x.b.example\n",
	"2 names listed a.example\n3 names listed .b.example #why\n4 names listed *.c.example\n"
	"5 names except x.b.example\n"},
    {"nft", IMPORT_NFT,
	"table inet filter {\n\tset bad {\n\t\ttype ipv4_addr\n\t\tflags interval,timeout\n"
	"\t\telements = { 192.0.2.1, 198.51.100.0/24 timeout 1d expires 3h,\n"
	"\t\t\t     203.0.113.7-203.0.113.9 comment \"seen at night\" }\n\t}\n"
	"\tchain input {\n\t\tip saddr { 10.0.0.1, 10.0.0.2 } drop\n\t}\n}\n"
	"add element inet filter bad6 { 2001:db8::1 }\nelements = { 80, 443 }\n",
	"5 networks listed 192.0.2.1\n"
	"5 networks listed 198.51.100.0/24 ~it has a time-out there: here it stays\n"
	"6 networks listed 203.0.113.7-203.0.113.9 #seen at night\n"
	"12 networks listed 2001:db8::1\n13 - not an element of a set of addresses\n"
	"13 - not an element of a set of addresses\n"},
    {"ipset", IMPORT_IPSET,
	"create bad hash:net family inet hashsize 1024 maxelem 65536 timeout 0\n"
	"add bad 192.0.2.0/24\nadd bad 192.0.2.7 nomatch\nadd bad 198.51.100.1 timeout 300 comment "
	"\"a b\"\nadd port 192.0.2.1,tcp:25\nadd names x\nflush bad\n",
	"2 networks listed 192.0.2.0/24\n3 networks except 192.0.2.7\n"
	"4 networks listed 198.51.100.1 #a b ~it has a time-out there: here it stays\n"
	"5 - a set of more than addresses\n6 - not an address\n7 - not a line of ipset save\n"},
    {"CrowdSec, JSON", IMPORT_CROWDSEC,
	"[\n  {\n    \"capacity\": 5,\n    \"decisions\": [\n      {\n        \"duration\": "
	"\"3h\",\n"
	"        \"id\": 7,\n        \"scenario\": \"crowdsecurity/ssh-bf\",\n"
	"        \"scope\": \"Ip\",\n        \"simulated\": false,\n        \"type\": \"ban\",\n"
	"        \"value\": \"192.0.2.7\"\n      }\n    ],\n"
	"    \"events\": [ { \"meta\": [ { \"key\": \"x{\", \"value\": \"10.0.0.1\" } ] } ],\n"
	"    \"source\": { \"scope\": \"Ip\", \"value\": \"192.0.2.7\" }\n  }\n]\n",
	"13 networks refuse 192.0.2.7 #crowdsecurity/ssh-bf\n"},
    {"CrowdSec, one line", IMPORT_CROWDSEC,
	"[{\"scope\":\"Range\",\"type\":\"ban\",\"value\":\"198.51.100.0/24\"},"
	"{\"scope\":\"Ip\",\"type\":\"captcha\",\"value\":\"192.0.2.8\"},"
	"{\"scope\":\"AS\",\"type\":\"ban\",\"value\":\"64500\"},"
	"{\"scope\":\"Ip\",\"simulated\": true,\"type\":\"ban\",\"value\":\"192.0.2.9\"},"
	"{\"scope\":\"Country\",\"type\":\"ban\",\"value\":\"CN\"}]\n",
	"1 networks refuse 198.51.100.0/24\n1 - its action is captcha, not ban\n"
	"1 - AS 64500 cannot be an entry of a list: add it to asn = [ ]\n1 - it is simulated\n"
	"1 - CN cannot be an entry of a list: add it to country = [ ]\n"},
    {"CrowdSec, raw", IMPORT_CROWDSEC,
	"id,source,ip,reason,action,country,as,events_count,expiration,simulated,alert_id\n"
	"12,crowdsec,Ip:192.0.2.7,crowdsecurity/ssh-bf,ban,DE,64500 X,6,3h,false,9\n"
	"13,cscli,Range:2001:db8::/32,manual,ban,,,1,3h,false,10\nhello\n",
	"2 networks refuse 192.0.2.7 #crowdsecurity/ssh-bf\n"
	"3 networks refuse 2001:db8::/32 #manual\n"
	"4 - not a decision of cscli decisions list\n"},
    {"fail2ban", IMPORT_FAIL2BAN,
	"[{'sshd': ['192.0.2.7', '2001:db8::7']}, {'postfix': []}, {'x': ['y']}]\n"
	"Status for the jail: sshd\n|- Filter\n|  |- Currently failed:\t1\n`- Actions\n"
	"   `- Banned IP list:\t192.0.2.8 192.0.2.9\n"
	"192.0.2.10 \t2026-11-30 12:00:00 + 600 = 2026-11-30 12:10:00\n",
	"1 networks refuse 192.0.2.7 #sshd\n1 networks refuse 2001:db8::7 #sshd\n"
	"1 - not an address\n6 networks refuse 192.0.2.8\n6 networks refuse 192.0.2.9\n"
	"7 networks refuse 192.0.2.10\n"},
    {"CSV", IMPORT_CSV,
	"\xef\xbb\xbfip\n192.0.2.1\n\"192.0.2.2\"\n192.0.2.3,\n192.0.2.4,x\n192.0.2.5-192.0.2.9\n",
	"2 networks listed 192.0.2.1\n3 networks listed 192.0.2.2\n"
	"4 networks listed 192.0.2.3\n5 - more than one column: cut the file to the one you need\n"
	"6 networks listed 192.0.2.5-192.0.2.9\n"},
};

START_TEST(test_formats)
{
	struct arena *arena = arena_create(1 << 20);
	struct said said = {.len = 0};

	import_text(cases[_i].format, slice_str(cases[_i].text), NULL, arena, say, &said);
	said.text[said.len] = '\0';
	if (strcmp(said.text, cases[_i].wanted) != 0)
		ck_abort_msg("%s:\n%s\nwanted:\n%s", cases[_i].label, said.text, cases[_i].wanted);
	arena_free(&arena);
}
END_TEST

/* Whatever bytes come: an answer for each, and no entry that a list would not take. */
START_TEST(test_any_bytes)
{
	static const char alphabet[] = "10.:/-!*<>@;,\"\\^ \tab{}\n\xff";
	uint64_t state = 1;

	for (int round = 0; round < 20000; round++) {
		struct arena *arena = arena_create(1 << 20);
		struct said said = {.len = 0};
		char text[40];

		for (size_t i = 0; i < sizeof text; i++) {
			state = state * 6364136223846793005u + 1442695040888963407u;
			text[i] = alphabet[(state >> 33) % (sizeof alphabet)];
		}
		import_text((enum import_format)(round % IMPORT_FORMATS),
		    slice_of(text, sizeof text), NULL, arena, say, &said);
		arena_free(&arena);
	}
}
END_TEST

/* ---- sorted into lists --------------------------------------------------------------- */

struct sorting {
	struct import_set *set;
	unsigned results[IMPORT_SET_FAILED + 1];
};

static void put(void *context, const struct import_item *item)
{
	struct sorting *s = context;

	ck_assert_ptr_null(item->left);
	s->results[import_set_add(s->set, item)]++;
}

static void write_entry(void *context, const struct import_item *item, bool out)
{
	struct said *s = context;

	s->len += (size_t)snprintf(s->text + s->len, sizeof s->text - s->len, "%s%.*s ",
	    out ? "!" : "", SLICE_ARG(item->text));
}

static const struct {
	const char *label;
	enum import_format format;
	const char *text, *whitelist, *block, *listed;
	unsigned duplicates, contradictions, never;
	enum import_key key;
} sets[] = {
    {"a refused network in a permitted one", IMPORT_ACCESS,
	"10 OK\n10.9 REJECT\n10.9.3 DUNNO\n10.9.4 OK\n", "10.0.0.0/8 !10.9.0.0/16 10.9.4.0/24 ",
	"10.9.0.0/16 !10.9.3.0/24 ", "", 0, 0, 0, IMPORT_NETWORKS},
    {"the first line of a cidr: table decides", IMPORT_CIDR,
	"10.1.0.0/16 OK\n10.0.0.0/8 REJECT\n10.1.2.0/24 REJECT\n10.3.0.0/16 OK\n", "10.1.0.0/16 ",
	"10.0.0.0/8 ", "", 0, 0, 2, IMPORT_NETWORKS},
    {"twice", IMPORT_ACCESS, "10.1 OK\n10.1.0.0/16 OK\n10.1 REJECT\n", "10.1.0.0/16 ", "", "", 1, 1,
	0, IMPORT_NETWORKS},
    {"without actions", IMPORT_RSPAMD, "10.0.0.0/8\n!10.1.0.0/16\n10.0.0.0/8\n", "", "",
	"10.0.0.0/8 !10.1.0.0/16 ", 1, 0, 0, IMPORT_NETWORKS},
    {"Exim's first item decides", IMPORT_EXIM,
	"192.0.2.7 : !192.0.2.0/28 : 192.0.2.0/24 : !192.0.2.99\n", "", "",
	"192.0.2.7 !192.0.2.0/28 192.0.2.0/24 ", 0, 0, 1, IMPORT_NETWORKS},
    {"Exim's first item decides among names", IMPORT_EXIM,
	"!ok.a.example : *.a.example : !no.a.example : b.example\n", "", "",
	"!ok.a.example *.a.example b.example ", 0, 0, 1, IMPORT_NAMES},
    {"a refused name in a permitted one, and one in that", IMPORT_ACCESS,
	"a.example OK\nb.a.example REJECT\nc.b.a.example OK\nd.c.b.a.example DUNNO\n",
	".a.example !.b.a.example .c.b.a.example !.d.c.b.a.example ",
	".b.a.example !.c.b.a.example !.d.c.b.a.example ", "", 0, 0, 0, IMPORT_NAMES},
    {"addresses in names", IMPORT_ACCESS,
	"a.example REJECT\nx@a.example OK\nb.example OK\ny@sub.b.example REJECT\nz@ REJECT\n"
	"z@c.example OK\nu@c.example OK\n",
	"x@a.example !y@sub.b.example z@c.example u@c.example ",
	"!x@a.example y@sub.b.example z@ !z@c.example ", "", 0, 0, 0, IMPORT_ADDRESSES},
    {"names only below", IMPORT_ACCESS, ".a.example OK\nb.a.example REJECT\na.example REJECT\n",
	"*.a.example !.b.a.example ", "!*.a.example .b.a.example .a.example ", "", 0, 0, 0,
	IMPORT_NAMES},
    {"the same name in other letters", IMPORT_ACCESS,
	"A.example OK\na.Example REJECT\na.example. OK\n", ".A.example ", "", "", 1, 1, 0,
	IMPORT_NAMES},
};

START_TEST(test_sets)
{
	struct arena *arena = arena_create(1 << 20);
	struct sorting s = {.set = import_set_create(
				sets[_i].format == IMPORT_CIDR || sets[_i].format == IMPORT_EXIM)};
	const char *wanted[] = {sets[_i].listed, sets[_i].whitelist, sets[_i].block};

	import_text(sets[_i].format, slice_str(sets[_i].text), NULL, arena, put, &s);
	for (int p = 0; p < PURPOSES; p++) {
		struct said said = {.len = 0};
		import_set_each(s.set, (enum import_purpose)p, sets[_i].key, write_entry, &said);
		ck_assert_msg(strcmp(said.text, wanted[p]) == 0, "%s: %s: %s", sets[_i].label,
		    import_purpose_name((enum import_purpose)p), said.text);
	}
	ck_assert_uint_eq(s.results[IMPORT_SET_DUPLICATE], sets[_i].duplicates);
	ck_assert_uint_eq(s.results[IMPORT_SET_CONTRADICTION], sets[_i].contradictions);
	ck_assert_uint_eq(s.results[IMPORT_SET_NEVER_REACHED], sets[_i].never);
	import_set_free(&s.set);
	arena_free(&arena);
}
END_TEST

/* Names without case; in a pattern \D is not \d. */
static const struct {
	const char *label;
	enum import_format format;
	const char *text;
	unsigned duplicates, contradictions;
} spellings[] = {
    {"names", IMPORT_ACCESS, "Example.COM REJECT\nexample.com REJECT\n", 1, 0},
    {"names and actions", IMPORT_ACCESS, "Example.COM OK\nexample.com REJECT\n", 0, 1},
    {"addresses", IMPORT_ACCESS, "B@example.com OK\nb@EXAMPLE.com OK\n", 1, 0},
    {"patterns", IMPORT_RSPAMD, "/^\\D/i\n/^\\d/i\n/^\\d/i\n", 1, 0},
    {"one name as client, sender and recipient", IMPORT_SENDMAIL,
	"Connect:a.example REJECT\nFrom:a.example OK\nTo:a.example REJECT\n", 0, 0},
    {"one address as client and as name", IMPORT_SENDMAIL,
	"Connect:192.0.2.1 REJECT\nTo:192.0.2.1@a.example OK\nFrom:192.0.2.1@ OK\n", 0, 0},
    {"one key as a name and as an address", IMPORT_ACCESS,
	"a.example OK\n.a.example REJECT\na.example@ REJECT\na.example@a.example REJECT\n", 0, 0},
};

START_TEST(test_spellings)
{
	struct arena *arena = arena_create(1 << 20);
	struct sorting s = {.set = import_set_create(false)};

	import_text(spellings[_i].format, slice_str(spellings[_i].text), NULL, arena, put, &s);
	ck_assert_msg(s.results[IMPORT_SET_DUPLICATE] == spellings[_i].duplicates &&
			  s.results[IMPORT_SET_CONTRADICTION] == spellings[_i].contradictions,
	    "%s: %u duplicates, %u contradictions", spellings[_i].label,
	    s.results[IMPORT_SET_DUPLICATE], s.results[IMPORT_SET_CONTRADICTION]);
	import_set_free(&s.set);
	arena_free(&arena);
}
END_TEST

/* Two keys that differ in one part alone, so often that some of them hash to one slot. */
static const struct {
	const char *label;
	enum import_format format;
	const char *text; /* %u: a number that is another each time */
} pairs[] = {
    {"client and sender", IMPORT_SENDMAIL, "Connect:a%u.example REJECT\nFrom:a%u.example OK\n"},
    {"a name and the tree below it", IMPORT_RSPAMD, "a%u.example\n!.a%u.example\n"},
    {"a user here and anywhere", IMPORT_ACCESS, "u%u@a.example REJECT\nu%u@ OK\n"},
    {"two users", IMPORT_ACCESS, "u%u@a.example REJECT\nv%u@a.example OK\n"},
    {"two patterns", IMPORT_RSPAMD, "/^a%u$/i\n/^b%u$/i\n"},
};

START_TEST(test_pairs)
{
	char text[128];

	for (unsigned n = 0; n < 20000; n++) {
		struct arena *arena = arena_create(1 << 16);
		struct sorting s = {.set = import_set_create(false)};

		snprintf(text, sizeof text, pairs[_i].text, n, n);
		import_text(pairs[_i].format, slice_str(text), NULL, arena, put, &s);
		ck_assert_msg(s.results[IMPORT_SET_NEW] == 2, "%s: %s", pairs[_i].label, text);
		import_set_free(&s.set);
		arena_free(&arena);
	}
}
END_TEST

START_TEST(test_many)
{
	struct import_set *s = import_set_create(false);
	struct import_item item = {.key = IMPORT_NETWORKS, .action = IMPORT_PERMIT};

	for (uint32_t n = 0; n < 100000; n++) {
		struct ip ip = {(uint64_t)(n * 2654435761u) << 32, 0, IP_V4};
		item.entry.prefix = prefix_of(&ip, 32);
		ck_assert_int_eq(import_set_add(s, &item), IMPORT_SET_NEW);
		ck_assert_int_eq(import_set_add(s, &item), IMPORT_SET_DUPLICATE);
	}
	item.entry.prefix.length = 7;
	item.entry.prefix.base = (struct ip){0, 0, IP_V4};
	ck_assert_int_eq(import_set_add(s, &item), IMPORT_SET_NEW);
	ck_assert_uint_eq(import_set_count(s, PURPOSE_WHITELIST, IMPORT_NETWORKS), 100001);
	ck_assert_uint_eq(import_set_wide(s, PURPOSE_WHITELIST, IMPORT_NETWORKS), 1);
	import_set_free(&s);
	ck_assert_ptr_null(s);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("import");
	TCase *tc = tcase_create("all");

	tcase_add_loop_test(tc, test_formats, 0, ROWS(cases));
	tcase_add_test(tc, test_any_bytes);
	tcase_add_loop_test(tc, test_sets, 0, ROWS(sets));
	tcase_add_loop_test(tc, test_spellings, 0, (int)ROWS(spellings));
	tcase_add_loop_test(tc, test_pairs, 0, (int)ROWS(pairs));
	tcase_add_test(tc, test_many);
	suite_add_tcase(s, tc);
	return s;
}
