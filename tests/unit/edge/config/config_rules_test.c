#include "unit/unit.h"

#include "fake/configured.h"
#include "fake/scratch.h"

/* ---- text → exactly these lines ------------------------------------------------------ */

#define USE "login, sender, sender_domain, from, helo, recipient or header\n"
#define NOBODY                                                                                     \
	"belongs to rules of blocks with applies = \"authenticated\" or \"both\": nobody is "      \
	"logged "                                                                                  \
	"in where mail is inbound\n"
#define ABOVE " of a more general name"
#define BLAME                                                                                      \
	", since those that it forwards to would blame us for what that lets in; take one of the " \
	"two out\n"

static const struct {
	const char *label, *text, *want;
} lines[] = {
    {"no list", "blocks = { name = \"a\"; };\n",
	"t.conf:1: blocks must be a list of rules: blocks = ( { name = \"...\"; }, { } );\n"},
    {"no group", "blocks = ( \"a\",\n 5 );\n",
	"t.conf:1: a rule is a group: { name = \"...\"; }\n"
	"t.conf:2: a rule is a group: { name = \"...\"; }\n"},
    {"names",
	"blocks = (\n { helo = \"a.example\"; },\n { name = \"A\"; helo = \"a.example\"; },\n"
	" { name = \"managed\"; helo = \"b.example\"; },\n { name = 5; helo = \"b.example\"; } "
	");\n",
	"t.conf:2: a rule needs a name\n"
	"t.conf:3: the name \"A\" must be 1 to 64 of a-z, 0-9 and -\n"
	"t.conf:4: the name \"managed\" is that of the whitelist which susmilterctl edits\n"
	"t.conf:5: name must be a string in quotes\nt.conf:5: a rule needs a name\n"},
    {"one name in two families",
	"susranges = ( { name = \"x\"; networks = \"192.0.2.0/24\"; } );\n"
	"blocks = (\n { name = \"x\"; helo = \"a.example\"; },\n"
	" { name = \"y\"; helo = \"a.example\"; },\n { name = \"x\"; helo = \"c.example\"; } );\n",
	"t.conf:5: a rule named \"x\" is already at t.conf:3\n"
	"t.conf:1: a rule named \"x\" is already at t.conf:3\n"},
    {"no criterion", "blocks = ( { name = \"a\"; comment = \"all\"; } );\n",
	"t.conf:1: the rule \"a\" has no criterion and would match everything\n"},
    {"words of a fact",
	"blocks = ( { name = \"a\"; helo_is = [ \"adress\" ];\n spf = [ \"pass\", \"!pass\" ];\n"
	" reverse = \"feed:x\"; undecided = \"reject\"; } );\n",
	"t.conf:3: undecided is \"reject\" but must be pass or tempfail\n"
	"t.conf:2: \"pass\" is both in and out of \"a\"; keep one of the two\n"
	"t.conf:3: only lists of networks, names and addresses take a feed\n"
	"t.conf:1: helo_is: \"adress\" must be one of address, ours, single-label, unresolvable\n"},
    {"undecided in a whitelist",
	"whitelist = ( { name = \"a\"; networks = \"192.0.2.1\"; undecided = \"tempfail\"; } );\n",
	"t.conf:1: undecided belongs to rules that refuse: a whitelist rule that is undecided "
	"turns "
	"a refusal into 451 anyway\n"},
    {"a whitelist by a result", "whitelist = ( { name = \"a\"; spf = \"pass\"; } );\n",
	"t.conf:1: \"a\" exempts by what proves nothing: use domains with proof, add networks, "
	"asn, "
	"country, client_name or listed (of the client), or spf, dkim or dmarc that is pass\n"},
    {"a whitelist by other results than pass",
	"whitelist = ( { name = \"a\"; sender = \"a.example\"; spf = [ \"none\", \"pass\" ]; },\n"
	" { name = \"b\"; sender = \"a.example\"; spf = \"!fail\"; },\n"
	" { name = \"c\"; sender = \"a.example\"; spf = \"pass\"; } );\n",
	"t.conf:1: \"a\" exempts by what proves nothing: use domains with proof, add networks, "
	"asn, "
	"country, client_name or listed (of the client), or spf, dkim or dmarc that is pass\n"
	"t.conf:2: \"b\" exempts by what proves nothing: use domains with proof, add networks, "
	"asn, "
	"country, client_name or listed (of the client), or spf, dkim or dmarc that is pass\n"},
    {"a whitelist by a list of clients, and by one of senders",
	"dnsbls = ( { name = \"dnswl\"; zone = \"wl.example\"; answers = \"127.0.0.2\"; },\n"
	" { name = \"s\"; zone = \"s.example\"; of = \"sender\"; answers = \"127.0.0.2\"; } );\n"
	"whitelist = ( { name = \"a\"; listed = \"dnswl\"; },\n"
	" { name = \"b\"; listed = [ \"dnswl\", \"s\" ]; } );\n",
	"t.conf:4: \"b\" exempts by what proves nothing: use domains with proof, add networks, "
	"asn, "
	"country, client_name or listed (of the client), or spf, dkim or dmarc that is pass\n"},
    {"a dnsbl",
	"dnsbls = (\n { name = \"a\"; zone = \"bl.test\"; },\n"
	" { name = \"b\"; zone = \"bl.test\"; answers = [ \"127.0.0.9-127.0.0.2\" ]; colour = 1; "
	"},\n"
	" { zone = \"bl.test\"; file = \"x\"; answers = [ \"127.0.0.2\" ]; of = \"me\"; } );\n"
	"blocks = ( { name = \"x\"; listed = [ \"c\" ]; } );\n",
	"t.conf:2: the dnsbl \"a\" needs answers: only those count that it declares, such as "
	"answers = "
	"[ \"127.0.0.2\" ]\n"
	"t.conf:3: unknown key \"colour\"\n"
	"t.conf:3: \"127.0.0.9-127.0.0.2\" is not an answer; write \"127.0.0.2\" or "
	"\"127.0.0.4-127.0.0.11\"\n"
	"t.conf:3: the dnsbl \"b\" needs answers: only those count that it declares, such as "
	"answers = "
	"[ \"127.0.0.2\" ]\n"
	"t.conf:4: of is \"me\" but must be client, client_name, helo, sender, from or recipient\n"
	"t.conf:4: a dnsbl needs a name that no other has\n"
	"t.conf:4: a dnsbl has either zone or file\n"
	"t.conf:5: listed: there is no \"c\" in dnsbls\n"},
    {"empty unless", "blocks = ( { name = \"a\"; helo = \"b.example\";\n unless = { }; } );\n",
	"t.conf:2: unless is empty: name what exempts from this rule\n"},
    {"keys of rules",
	"blocks = ( { name = \"a\"; hello = \"b\";\n proof = \"spf\"; helo = \"x.example\";\n"
	" unless = { name = \"c\"; helo = \"b.x.example\"; }; } );\n",
	"t.conf:1: unknown key \"hello\"; did you mean \"helo\"?\n"
	"t.conf:2: proof belongs to rules of the whitelist\nt.conf:3: unknown key \"name\"\n"},
    {"a file that is taken out",
	"susranges = ( { name = \"a\";\n networks = [ \"192.0.2.0/24\", \"! file:x\" ]; } );\n",
	"t.conf:2: a file is not taken out as a whole: write \"!\" in front of its entries\n"},
    {"types of attributes",
	"blocks = ( { name = \"a\"; helo = \"b.example\"; mode = 1;\n comment = [ \"x\" ];\n"
	" wide = \"yes\"; unless = \"x\"; } );\n",
	"t.conf:1: mode must be a string in quotes\nt.conf:2: comment must be a string in quotes\n"
	"t.conf:3: wide must be true or false\n"
	"t.conf:3: unless must be a group: unless = { key = value; };\n"},
    {"values of attributes",
	"blocks = ( { name = \"a\"; helo = \"b.example\"; mode = \"off\";\n expires = "
	"\"2027-02-30\";\n"
	" reply = \"250 ok\"; } );\n",
	"t.conf:1: mode is \"off\" but must be enforce or monitor\n"
	"t.conf:3: reply: a reply starts with a code from 400 to 599 and a blank, such as \"550 "
	"5.7.1 text\"\n"
	"t.conf:2: expires is \"2027-02-30\" but must be a date such as \"2027-06-30\" (its end, "
	"UTC) or a time such as \"2027-06-30T12:00:00Z\"\n"},
    {"in",
	"blocks = ( { name = \"a\"; domains = \".example\"; in = [ \"helo\", \"to\" ]; },\n"
	" { name = \"b\"; helo = \".example\"; in = \"helo\"; },\n"
	" { name = \"c\"; helo = \".example\"; unless = { helo = \"a.example\"; in = [ ]; }; } "
	");\n",
	"t.conf:1: in is \"to\" but must be client_name, helo, sender, from or recipient\n"
	"t.conf:2: in belongs to domains\n"
	"t.conf:3: in is empty\nt.conf:3: in belongs to domains\n"},
    {"patterns in domains", "blocks = ( { name = \"a\"; domains = [ \"! /x/\", \"/y/\" ]; } );\n",
	"t.conf:1: domains takes names only; a pattern belongs to client_name, helo, sender, from "
	"or "
	"recipient\n"
	"t.conf:1: domains takes names only; a pattern belongs to client_name, helo, sender, from "
	"or "
	"recipient\n"},

    /* entries */
    {"entries",
	"blocks = ( { name = \"a\"; helo = [ \"a b\",\n \"u@x.example\" ];\n"
	" networks = [ \"10.0.0.0/33\" ]; sender = [ \"/(/\", 5 ]; } );\n",
	"t.conf:3: all elements between [ and ] must be of one type: quote the numbers, at or "
	"before "
	"\"networks = [ \"10.0.0.0/33\" ]; sender = [ \"/(/\", 5 ]; } );\"; what follows was not "
	"read\n"},
    {"more entries",
	"blocks = ( { name = \"a\"; helo = [ \"a b\",\n \"u@x.example\" ];\n"
	" networks = [ \"10.0.0.0/33\" ]; sender = ( \"/(/\", true ); } );\n",
	"t.conf:3: \"33\" is not a prefix length: an IPv4 network needs a number from 0 to 32\n"
	"t.conf:1: \"a b\": not a name: a blank inside\n"
	"t.conf:2: \"u@x.example\": only names and patterns are allowed here, not mail addresses\n"
	"t.conf:3: /(/: missing closing parenthesis at character 1\n"
	"t.conf:3: an entry must be a string in quotes\n"},
    {"in and out",
	"blocks = ( { name = \"a\"; helo = [ \"x.example\",\n \"!X.example.\", \"!.x.example\" ];\n"
	" networks = [ \"!192.0.2.0/24\",\n \"192.0.2.0-192.0.2.255\" ]; } );\n",
	"t.conf:4: 192.0.2.0/24 is both in and out of \"a\" (the other entry: t.conf:3); keep one "
	"of "
	"the two\n"
	"t.conf:2: x.example is both in and out of \"a\" (the other entry: t.conf:1); keep one of "
	"the "
	"two\n"},
    {"patterns in and out",
	"blocks = ( { name = \"a\"; helo = [ \"/x/\",\n \"/y/\", \"!/x/\", \"/y/\" ];\n"
	" sender = \"/x/\"; unless = { helo = \"/y/\"; }; },\n"
	" { name = \"b\"; helo = \"!/y/\"; sender = \"x.example\"; } );\n",
	"warning: t.conf:4: helo of \"b\" only takes out (!): the rule never matches\n"
	"t.conf:2: /x/ is both in and out of \"a\" (the other entry: t.conf:1); keep one of the "
	"two\n"
	"warning: t.conf:2: 1 of 6 entries of \"a\" are duplicates (first one here)\n"},
    {"width",
	"susranges = ( { name = \"a\"; networks = [ \"64.0.0.0/3\",\n \"64.0.0.0/4\" ]; } );\n"
	"whitelist = ( { name = \"b\"; networks = [ \"10.0.0.0/7\", \"10.0.0.0/8\",\n"
	" \"2001::/15\", \"2001::/16\" ]; },\n"
	" { name = \"c\"; wide = true; networks = \"0.0.0.0/0\"; } );\n",
	"t.conf:3: 10.0.0.0/7 is wider than /8 in \"b\" (whitelist); if you mean it, set wide = "
	"true on the rule\n"
	"t.conf:4: host bits are set below /15; did you mean 2000::/15?\n"
	"t.conf:1: 64.0.0.0/3 is wider than /4 in \"a\" (susranges); if you mean it, set wide = "
	"true on the rule\n"
	"warning: t.conf:3: 1 of 3 entries of \"b\" are covered by wider ones and do nothing "
	"(first one here)\n"
	"warning: t.conf:2: 1 of 2 entries of \"a\" are covered by wider ones and do nothing "
	"(first one here)\n"},
    {"empty lists",
	"blocks = ( { name = \"a\"; helo = [ ]; },\n { name = \"b\"; helo = \"file:empty\"; },\n"
	" { name = \"c\"; helo = \"file:empty\"; may_be_empty = true; } );\n",
	"t.conf:1: helo is empty; if it may be, set may_be_empty = true\n"
	"t.conf:2: empty has no entries; only a rule with may_be_empty = true takes an empty "
	"file\n"},
    {"no lists", "trusted_networks = [ ];\nexempt_recipients = [ ];\n", ""},
    {"empty lists outside of rules",
	"trusted_networks = \"file:empty\";\nexempt_recipients = [ \"file:empty\" ];\n"
	"domains_file = \"empty\";\n",
	"t.conf:1: empty has no entries; only a rule with may_be_empty = true takes an empty file\n"
	"t.conf:2: empty has no entries; only a rule with may_be_empty = true takes an empty file\n"
	"t.conf:3: empty has no domains; if there are none, leave domains_file out\n"},
    {"too wide to be trusted",
	"trusted_networks = [ \"10.0.0.0/7\",\n \"0.0.0.0/0\", \"fc00::/6\", \"fc00::/7\" ];\n",
	"t.conf:1: 10.0.0.0/7 is wider than /8: nothing that comes from there would be checked\n"
	"t.conf:2: 0.0.0.0/0 is wider than /8: nothing that comes from there would be checked\n"
	"t.conf:2: fc00::/6 is wider than /7: nothing that comes from there would be checked\n"
	"warning: t.conf:1: 2 of 4 entries of \"trusted_networks\" are covered by wider ones and "
	"do "
	"nothing (first one here)\n"},
    {"files",
	"blocks = ( { name = \"a\"; helo = [ \"file:none\", \"file:.\",\n \"file:nul\" ]; } "
	");\n",
	"t.conf:1: none cannot be opened: No such file or directory\n"
	"t.conf:1: . is a directory, not a regular file\nnul: holds a NUL byte: not a list\n"},
    {"lines of files", "susranges = ( { name = \"a\"; networks = \"file:lists/mixed\"; } );\n",
	"lists/mixed:3: host bits are set below /24; did you mean 192.0.2.0/24?\n"
	"lists/mixed:6: \"x\" is not an address: neither IPv4 nor IPv6\n"
	"warning: lists/mixed:5: 2 of 3 entries of \"a\" are duplicates (first one here)\n"},
    {"AS numbers and countries",
	"susranges = ( { name = \"a\"; asn = [ \"ASX\", \"0\",\n \"4294967296\", \"\" ]; },\n"
	" { name = \"b\"; country = [ \"China\", \"C1\" ]; },\n { name = \"c\"; asn = 5;\n"
	" country = \"!cn\"; } );\n",
	"t.conf:1: \"ASX\" is not an AS number; write 4134, \"4134\" or \"AS4134\", and as strings "
	"those "
	"above 2147483647\n"
	"t.conf:1: \"0\" is not an AS number; write 4134, \"4134\" or \"AS4134\", and as strings "
	"those "
	"above 2147483647\n"
	"t.conf:2: \"4294967296\" is not an AS number; write 4134, \"4134\" or \"AS4134\", and as "
	"strings "
	"those above 2147483647\n"
	"t.conf:2: \"\" is not an AS number; write 4134, \"4134\" or \"AS4134\", and as strings "
	"those "
	"above 2147483647\n"
	"t.conf:3: \"China\" is not a country; write two letters of ISO 3166 such as \"CN\"\n"
	"t.conf:3: \"C1\" is not a country; write two letters of ISO 3166 such as \"CN\"\n"
	"t.conf:5: countries need a database: set geo.country\n"
	"t.conf:4: AS numbers need a database: set geo.asn\n"},

    /* the whitelist */
    {"proof",
	"whitelist = ( { name = \"a\"; domains = \".qq.com\"; },\n"
	" { name = \"b\"; networks = \"192.0.2.1\"; proof = \"spf\"; },\n"
	" { name = \"c\"; domains = \".qq.com\"; proof = [ ]; },\n"
	" { name = \"d\"; domains = \".qq.com\"; proof = \"dkim\"; },\n"
	" { name = \"e\"; domains = \".qq.com\"; proof = \"spf\"; in = \"helo\"; } );\n",
	"t.conf:1: \"a\" exempts by domains, which prove nothing: add proof = [ \"spf\", "
	"\"client_name\" ] or one of the two\n"
	"t.conf:2: proof belongs to domains\nt.conf:3: proof is empty\n"
	"t.conf:3: \"c\" exempts by domains, which prove nothing: add proof = [ \"spf\", "
	"\"client_name\" ] or one of the two\n"
	"t.conf:4: proof is \"dkim\" but must be spf or client_name\n"
	"t.conf:4: \"d\" exempts by domains, which prove nothing: add proof = [ \"spf\", "
	"\"client_name\" ] or one of the two\n"
	"t.conf:5: in a whitelist, proof says which identity counts; in has no place here\n"},
    {"what proves nothing",
	"whitelist = ( { name = \"a\"; sender = \"a@b.example\"; },\n"
	" { name = \"b\"; helo = \"b.example\"; from = \"b.example\"; },\n"
	" { name = \"c\"; client_name = \".b.example\"; },\n"
	" { name = \"d\"; recipient = \"list@\"; sender = \"b.example\"; },\n"
	" { name = \"e\"; networks = \"192.0.2.1\"; helo = \"b.example\"; } );\n",
	"t.conf:1: \"a\" exempts by what proves nothing: use domains with proof, add networks, "
	"asn, "
	"country, client_name or listed (of the client), or spf, dkim or dmarc that is pass\n"
	"t.conf:2: \"b\" exempts by what proves nothing: use domains with proof, add networks, "
	"asn, "
	"country, client_name or listed (of the client), or spf, dkim or dmarc that is pass\n"},
    {"covers",
	"whitelist = ( { name = \"a\"; networks = \"192.0.2.1\"; covers = [ \"all\" ]; } "
	");\n",
	"t.conf:1: covers is \"all\" but must be susranges, blocks, spf or dmarc\n"},

    /* sessions */
    {"applies",
	"whitelist = ( { name = \"a\"; networks = \"192.0.2.1\"; applies = \"both\"; } );\n"
	"susranges = ( { name = \"b\"; networks = \"192.0.2.1\"; applies = \"both\"; } );\n"
	"blocks = ( { name = \"c\"; recipient = \"a@\"; applies = \"all\"; },\n"
	" { name = \"d\"; recipient = \"a@\"; applies = 5; },\n"
	" { name = \"e\"; recipient = \"a@\"; unless = { applies = \"both\"; }; } );\n",
	"t.conf:1: applies belongs to rules of blocks\n"
	"t.conf:3: applies is \"all\" but must be inbound, authenticated or both\n"
	"t.conf:4: applies must be a string in quotes\n"
	"t.conf:5: unknown key \"applies\"\nt.conf:5: unless is empty: name what exempts from this "
	"rule\nt.conf:2: applies belongs to rules of blocks\n"},
    {"criteria for authenticated sessions",
	"blocks = ( { name = \"a\"; login = \"x\"; sender = \"<>\"; from = \"a.example\";\n"
	" helo = \"h\"; recipient = \"b@\"; unless = { login = \"/y/\"; }; applies = "
	"\"authenticated\"; },\n"
	" { name = \"b\"; networks = \"192.0.2.1\"; applies = \"both\"; },\n"
	" { name = \"c\"; recipient = \"b@\"; applies = \"authenticated\";\n"
	" unless = { client_name = \"a.example\"; domains = \"b.example\"; }; } );\n",
	"t.conf:3: networks cannot be used in \"b\", which is for authenticated sessions: use " USE
	"t.conf:5: client_name cannot be used in unless of \"c\", which is for authenticated "
	"sessions: use " USE
	"t.conf:5: domains cannot be used in unless of \"c\", which is for authenticated sessions: "
	"use " USE},
    {"login where nobody is logged in",
	"susranges = ( { name = \"a\"; networks = \"192.0.2.1\"; unless = { login = \"x\"; }; } "
	");\n"
	"blocks = ( { name = \"b\"; login = \"x\"; },\n"
	" { name = \"c\"; login = \"a b\"; applies = \"both\"; } );\n",
	"t.conf:2: login " NOBODY "t.conf:3: \"a b\": a login name has no blanks and no control "
	"characters\nt.conf:1: login " NOBODY},
    {"header fields and TLS",
	"blocks = ( { name = \"a\"; header = [ \"\", \"a b\", \"!Date: /x/\", \"Subject: x\",\n"
	" \"Subject: /(/\", \"Subject: /a/b/\" ]; all_headers = \"Subject:\"; tls = \"1.2\"; } "
	");\n",
	"t.conf:2: tls: \"1.2\" must be one of none, <1.2, <1.3\n"
	"t.conf:1: header: \"\": not the name of a header field\n"
	"t.conf:1: header: \"a b\": not the name of a header field\n"
	"t.conf:1: header: \"!Date: /x/\": ! says that there is no such field, whatever its value: "
	"leave the pattern out\n"
	"t.conf:1: header: \"Subject: x\": behind the colon stands a pattern: \"Subject: "
	"/.*word.*/\"\n"
	"t.conf:2: /(/: missing closing parenthesis at character 1\n"
	"t.conf:2: header: \"Subject: /a/b/\": a slash inside of a pattern is written \\/\n"
	"t.conf:2: all_headers: \"Subject:\": behind the colon stands a pattern: \"Subject: "
	"/.*word.*/\"\n"},
    {"a whitelist by header alone", "whitelist = ( { name = \"a\"; header = \"X-Secret\"; } );\n",
	"t.conf:1: \"a\" exempts by what proves nothing: use domains with proof, add networks, "
	"asn, "
	"country, client_name or listed (of the client), or spf, dkim or dmarc that is pass\n"},

    /* recipient domains */
    {"domains",
	"domains = ( { dmarc = \"off\"; },\n { name = \"a b\"; },\n { name = \"!x.example\"; },\n"
	" { name = \"x.example\"; dmark = \"off\"; spf = \"yes\"; susranges = true; forwards = "
	"\"yes\"; },\n"
	" { name = \"y.example\"; susranges = \"off\"; forwards = true; }, 5,\n"
	" { name = \"X.EXAMPLE\"; } );\n",
	"t.conf:1: a recipient domain needs a name\n"
	"t.conf:2: \"a b\": not a name: a blank inside\n"
	"t.conf:3: a recipient domain is a name such as example.org, .example.org, "
	"*.example.org or *\n"
	"t.conf:4: unknown key \"dmark\"; did you mean \"dmarc\"?\n"
	"t.conf:4: susranges must be a string in quotes\n"
	"t.conf:4: spf is \"yes\" but must be off, monitor, unless-dkim or reject\n"
	"t.conf:4: forwards must be true or false\n"
	"t.conf:5: a recipient domain is a group: { name = \"...\"; }\n"
	"t.conf:6: the domain x.example is listed twice (first at t.conf:4)\n"
	"warning: t.conf:5: y.example: forwards = true cancels susranges = off" BLAME},
    {"everywhere",
	"spf = { fail = \"reject\"; };\ndmarc = { default = \"off\"; };\ndomains = ( { name = "
	"\"*\"; spf = \"off\"; },\n"
	" { name = \"*\"; dmarc = \"reject\"; susranges = \"off\"; } );\n",
	"warning: t.conf:3: spf is given for \"*\" and as spf.fail (t.conf:1): that of \"*\" "
	"counts; "
	"take one of the two out\n"
	"warning: t.conf:4: dmarc is given for \"*\" and as dmarc.default (t.conf:2): that of "
	"\"*\" "
	"counts; take one of the two out\n"
	"t.conf:4: the domain * is listed twice (first at t.conf:3)\n"},
    {"everywhere alone",
	"domains = ( { name = \"*\"; spf = \"off\"; susranges = \"off\"; },\n"
	" { name = \"x.example\"; forwards = true; } );\n",
	""},
    {"forwards",
	"domains = ( { name = \".x.example\"; susranges = \"off\"; blocks = \"off\"; },\n"
	" { name = \"a.x.example\"; forwards = true; },\n { name = \"*.a.x.example\"; spf = "
	"\"off\"; },\n"
	" { name = \"b.x.example\"; forwards = true; blocks = \"on\"; susranges = \"on\"; },\n"
	" { name = \".y.example\"; forwards = true; },\n { name = \"*.y.example\"; blocks = "
	"\"off\"; } );\n",
	"warning: t.conf:2: a.x.example: forwards = true cancels susranges = off" ABOVE BLAME
	"warning: t.conf:2: a.x.example: forwards = true cancels blocks = off" ABOVE BLAME
	"warning: t.conf:6: *.y.example: forwards = true" ABOVE " cancels blocks = off" BLAME},
    {"a map of domains",
	"domains = ( { name = \"x.example\"; } );\ndomains_file = \"lists/map\";\n",
	"lists/map:2: dmarc is \"maybe\" but must be off, monitor, quarantine, reject or strict\n"
	"lists/map:3: \"colour=red\" is none of susranges=, blocks=, spf=, dmarc= and forwards=\n"
	"lists/map:3: \"spf\" is none of susranges=, blocks=, spf=, dmarc= and forwards=\n"
	"warning: lists/map:4: b.example: forwards = true cancels susranges = off" BLAME
	"lists/map:5: the domain x.example is listed twice (first at t.conf:1)\n"},
    {"a key twice", "domains_file = \"lists/twice\";\n",
	"lists/twice:1: dmarc= is given twice\nlists/twice:2: spf= is given twice\n"},
    {"no map", "domains_file = \"lists/none\";\n",
	"t.conf:1: lists/none cannot be opened: No such file or directory\n"},

    /* the managed list */
    {"managed", "managed_whitelist = \"lists/managed\";\n",
	"lists/managed:2: nothing is taken out here: remove the entry instead\n"
	"lists/managed:3: only addresses and names are allowed here, not patterns\n"
	"lists/managed:4: host bits are set below /24; did you mean 192.0.2.0/24?\n"
	"lists/managed:5: expires= is not followed by a time such as 2026-11-28T12:00:00Z\n"
	"lists/managed:7: covers= is not followed by susranges, blocks, spf or dmarc, with "
	"commas\n"
	"lists/managed:8: covers= is not followed by susranges, blocks, spf or dmarc, with "
	"commas\n"
	"lists/managed:9: proof= is not followed by spf, client_name or spf,client_name\n"
	"lists/managed:10: proof=client_name proves names only, not addresses\n"
	"lists/managed:11: proof=spf of an address needs sender=, the name that passes\n"
	"lists/managed:12: proof=spf needs a name as sender=: SPF proves domains, not addresses\n"
	"lists/managed:13: sender= and recipient= are a name or an address\n"
	"lists/managed:14: sender= and recipient= are a name or an address\n"
	"lists/managed:15: added= is not followed by a time such as 2026-11-28T12:00:00Z\n"
	"lists/managed:6: 10.0.0.0/7 is wider than /8; if you mean it, use a whitelist rule with "
	"wide = true\n"},
    {"a top-level domain in the managed list", "managed_whitelist = \"lists/tld\";\n",
	"warning: lists/tld:1: \"managed\" exempts all names below example\n"},
    {"no managed list", "managed_whitelist = \"lists/none\";\n", ""},
    {"a managed directory", "managed_whitelist = \"lists\";\n",
	"lists: is a directory, not a regular file\n"},
};

static void write_files(void)
{
	configured_file("empty", "# nothing\n\n");
	scratch_write("nul", SLICE("a.example\n\0\n"));
	configured_file("lists/mixed", "; a list\n198.51.100.0/24 # good\n192.0.2.1/24\n\n"
				       "198.51.100.0/24;\nx\n198.51.100.0/24\r\n");
	configured_file("lists/map", "# domains\na.example dmarc=maybe\n.a.example colour=red spf\n"
				     "b.example susranges=off\tforwards=true\nx.example spf=off\n");
	configured_file("lists/twice", "a.example dmarc=off dmarc=reject spf=off\n"
				       "b.example spf=off blocks=off spf=off\n");
	configured_file("lists/tld", ".example\nx.test\n");
	configured_file("lists/managed", "192.0.2.1\n!192.0.2.2\n/x/\n192.0.2.9/24\n192.0.2.3 # "
					 "owner=me expires=soon\n10.0.0.0/7\n"
					 "192.0.2.4 # covers=all\n192.0.2.4 # covers=spf,\n"
					 "a.example # proof=dkim\n"
					 "192.0.2.4 # proof=client_name sender=a.example\n"
					 "192.0.2.4 # proof=spf\n"
					 "192.0.2.4 # proof=spf sender=u@a.example\n"
					 "192.0.2.4 # recipient=/x/\n"
					 "192.0.2.4 # sender=!a.example\n"
					 "192.0.2.4 # added=today\n");
}

START_TEST(says_exactly)
{
	struct configured c;

	write_files();
	configured_load(&c, lines[_i].text);
	ck_assert_msg(
	    strcmp(c.lines, lines[_i].want) == 0, "%s: got\n%s", lines[_i].label, c.lines);
	configured_free(&c);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("config_rules");
	TCase *told = tcase_create("lines");

	tcase_add_loop_test(told, says_exactly, 0, (int)ROWS(lines));
	suite_add_tcase(s, told);
	return s;
}
