#include "unit/unit.h"

#include "fake/configured.h"
#include "fake/scratch.h"

#include <stdio.h>
#include <sys/stat.h>

/* ---- text → exactly these lines ------------------------------------------------------ */

static const struct {
	const char *label, *text, *want;
} lines[] = {
    {"nothing", "", ""},
    {"a comment", "# nothing here\n// nor here\n/* nor\nhere */\n", ""},
    {"unknown key, like another", "mod = \"monitor\";\n",
	"t.conf:1: unknown key \"mod\"; did you mean \"mode\"?\n"},
    {"unknown key, like none", "\n\nfrobnicate = 1;\n", "t.conf:3: unknown key \"frobnicate\"\n"},
    {"unknown keys in groups", "milter = {\n  sockt = \"x\";\n};\nlog = {\n  colour = 1;\n};\n",
	"t.conf:2: unknown key \"sockt\"; did you mean \"socket\"?\n"
	"t.conf:5: unknown key \"colour\"\n"},
    {"a group is no string", "control = \"/run/x\";\n",
	"t.conf:1: control must be a group: control = { key = value; };\n"},
    {"types", "milter = {\n user = 5;\n max_sessions = \"5\";\n socket_mode = 660;\n};\n",
	"t.conf:4: milter.socket_mode must be a string in quotes\n"
	"t.conf:2: milter.user must be a string in quotes\n"
	"t.conf:3: milter.max_sessions must be a whole number from 1 to 100000\n"},
    {"more types", "log = {\n syslog = 1;\n per_recipient_minute = 2.5;\n};\nmode = true;\n",
	"t.conf:5: mode must be a string in quotes\n"
	"t.conf:2: syslog must be true or false\n"
	"t.conf:3: log.per_recipient_minute must be a whole number from 1 to 1000000\n"},
    {"ranges", "milter = { max_sessions = 0; };\nresolver = { timeout = 20.5; };\n",
	"t.conf:1: milter.max_sessions must be a whole number from 1 to 100000\n"
	"t.conf:2: resolver.timeout must be a number of seconds from 0.1 to 20\n"},
    {"words",
	"mode = \"on\";\nspf = { fail = \"no\"; temperror = \"reject\"; };\n"
	"dmarc = { default = \"REJECT\"; mixed = \"\"; };\n",
	"t.conf:1: mode is \"on\" but must be enforce or monitor\n"
	"t.conf:2: spf.fail is \"no\" but must be off, monitor, unless-dkim or reject\n"
	"t.conf:2: spf.temperror is \"reject\" but must be accept or tempfail\n"
	"t.conf:3: dmarc.default is \"REJECT\" but must be off, monitor, quarantine, reject or "
	"strict\n"
	"t.conf:3: mixed is \"\" but must be split, lenient or strict\n"},
    {"an old name and the new one",
	"dmarc = { mixed = \"no\"; };\nmixed = \"strict\";\n"
	"mode = \"on\";\n",
	"t.conf:3: mode is \"on\" but must be enforce or monitor\n"
	"warning: t.conf:1: dmarc.mixed is the old name of mixed, which is given, too, and counts: "
	"take the old one out\n"},
    {"sockets",
	"milter = { socket = \"inet:0@x\"; };\ncontrol = { socket = "
	"\"/123456789/123456789/123456789/123456789/123456789/123456789/123456789/123456789/"
	"123456789/123456789/1234567\"; };\nmetrics = { listen = \"localhost:9118\"; };\n",
	"t.conf:1: milter.socket \"inet:0@x\" is none of inet:PORT@HOST, inet6:PORT@HOST and "
	"unix:PATH\n"
	"t.conf:2: control.socket \"/123456789/123456789/123456789/123456789/123456789/123456789/"
	"123456789/123456789/123456789/123456789/1234567\" is longer than the 107 bytes that a "
	"unix "
	"socket's name may have\n"
	"t.conf:3: metrics.listen \"localhost:9118\" is neither ADDRESS:PORT nor "
	"[IPV6-ADDRESS]:PORT\n"},
    {"no sockets", "milter = { socket = \"\"; };\ncontrol = { socket = \"\"; };\n",
	"t.conf:2: control.socket \"\" is not a path\n"},
    {"hosts that are none",
	"milter = { socket = \"inet:8891@a b\"; };\nmetrics = { listen = \"::1:9118\"; };\n",
	"t.conf:1: milter.socket \"inet:8891@a b\" is none of inet:PORT@HOST, inet6:PORT@HOST and "
	"unix:PATH\n"
	"t.conf:2: metrics.listen \"::1:9118\" is neither ADDRESS:PORT nor [IPV6-ADDRESS]:PORT\n"},
    {"two hosts", "milter = { socket = \"inet:8891@a@b\"; };\n",
	"t.conf:1: milter.socket \"inet:8891@a@b\" is none of inet:PORT@HOST, inet6:PORT@HOST and "
	"unix:PATH\n"},
    {"words for the outside",
	"milter = { authserv_id = \"a b\"; socket_mode = \"0888\"; };\nhelp_url = "
	"\"ftp://x/\";\n",
	"t.conf:1: milter.socket_mode must be octal digits of file permissions as a string, such "
	"as "
	"\"0660\"\n"
	"t.conf:1: milter.authserv_id \"a b\" must be one word such as a host name\n"
	"t.conf:2: help_url \"ftp://x/\" does not begin with https:// or http://\n"},
    {"fields of ours", "headers = { results = \"Received\"; verdict = \"From\"; };\n",
	"t.conf:1: headers.results \"Received\" must be a field name that begins with X-\n"
	"t.conf:1: headers.verdict \"From\" must be a field name that begins with X-\n"},
    {"names of no field", "headers = { results = \"X-\"; verdict = \"X-a: b\"; };\n",
	"t.conf:1: headers.results \"X-\" must be a field name that begins with X-\n"
	"t.conf:1: headers.verdict \"X-a: b\" must be a field name: printable ASCII without blanks "
	"and colons\n"},
    {"servers",
	"resolver = {\n servers = [ \"system\",\n  \"192.0.2.53\",\n  \"dns.example\",\n"
	"  \"192.0.2.53@0\"\n ];\n};\n",
	"t.conf:3: \"system\" and \"recursive\" must be the only value of resolver.servers\n"
	"t.conf:4: resolver.servers \"dns.example\" is neither \"system\" nor \"recursive\" nor an "
	"address such as 192.0.2.53 or 192.0.2.53@5353\n"
	"t.conf:5: resolver.servers \"192.0.2.53@0\" is neither \"system\" nor \"recursive\" nor "
	"an "
	"address such as 192.0.2.53 or 192.0.2.53@5353\n"},
    {"no servers", "resolver = { servers = [ ]; };\n",
	"t.conf:1: resolver.servers must be \"system\", \"recursive\" or a list of addresses\n"},
    {"a line break", "milter = { user = \"a\nb\"; };\n",
	"t.conf:1: milter.user \"a?b\" has a line break inside\n"},

    /* what libconfig itself finds */
    {"syntax", "mode = \"monitor\";\nlog = { syslog = yes please; };\nmod = 1;\n",
	"t.conf:2: syntax error, at or before \"log = { syslog = yes please; };\"; what follows "
	"was "
	"not read\n"},
    {"a missing brace", "log = { syslog = true;\n\n",
	"t.conf: syntax error at the end: is a closing } or ) missing?\n"},
    {"twice", "mode = \"monitor\";\n\nmode = \"enforce\";\n",
	"t.conf:3: this key was set before, at or before \"mode = \"enforce\";\"; what follows was "
	"not read\n"},
    {"mixed array", "susranges = ( { name = \"a\";\n asn = [ 1, \"2\" ]; } );\n",
	"t.conf:2: all elements between [ and ] must be of one type: quote the numbers, at or "
	"before "
	"\"asn = [ 1, \"2\" ]; } );\"; what follows was not read\n"},
    {"open string", "mode =\n \"monitor;\n\n",
	"t.conf:2: this string has no end: a quote is "
	"missing\n"},
    {"open comment", "mode = \"monitor\";\n/* now\n\n",
	"t.conf:2: this comment has no end: */ is missing\n"},

    /* lines of values that stand behind each other */
    {"the line of each entry",
	"trusted_networks = [\n  \"192.0.2.1/24\", # why\n  \"192.0.2.2/24\"\n  /* last\n */\n];\n",
	"t.conf:2: host bits are set below /24; did you mean 192.0.2.0/24?\n"
	"t.conf:3: host bits are set below /24; did you mean 192.0.2.0/24?\n"},
    {"strings in pieces", "trusted_networks = [ \"192.0.\"\n \"2.0/24\",\n \"x\" ];\n",
	"warning: t.conf:2: \"192.0.\" and \"2.0/24\" are read as one string: write a comma "
	"between "
	"them; from version 1.0 on this is an error\n"
	"t.conf:3: \"x\" is not an address: neither IPv4 nor IPv6\n"},
    {"quotes and comment characters in strings",
	"blocks = ( { name = \"a\"; sender = [ \"/\\\"#;/\", \"//x//\" ]; } );\n",
	"t.conf:1: something follows the pattern's closing slash; a slash inside is written \\/\n"},
    {"CRLF and a byte-order mark", "\xef\xbb\xbfmode = \"monitor\";\r\nmod = 1;\r\n",
	"t.conf:2: unknown key \"mod\"; did you mean \"mode\"?\n"},

    /* includes */
    {"include", "mod = 1;\n@include \"sub/rules.conf\"\nmodf = 1;\n",
	"t.conf:1: unknown key \"mod\"; did you mean \"mode\"?\n"
	"sub/rules.conf:2: unknown key \"blocs\"; did you mean \"blocks\"?\n"
	"t.conf:3: unknown key \"modf\"; did you mean \"mode\"?\n"
	"sub/lists/bad.cidr:2: \"nonsense\" is not an address: neither IPv4 nor IPv6\n"},
    {"include of what is not there", "\n@include \"sub/none.conf\"\n@include \"sub\"\n",
	"t.conf:2: sub/none.conf cannot be opened: No such file or directory\n"
	"t.conf:3: sub is a directory, not a regular file\n"},
    {"include of itself", "@include \"t.conf\"\n",
	"t.conf:1: more than 10 files include each other: does one include itself?\n"},
    {"include that is none", "@include sub\n",
	"t.conf:1: an include is a line of its own: @include \"FILE\"\n"},
    {"include in a comment and in a string",
	"/*\n@include \"sub/none.conf\"\n*/ milter = { user = \"\n@include \\\"x\\\"\"; };\n",
	"t.conf:3: milter.user \"?@include \"x\"\" has a line break inside\n"},
};

START_TEST(says_exactly)
{
	struct configured c;

	configured_file("sub/rules.conf", "@include \"more.conf\"\nblocs = ();\n");
	configured_file("sub/more.conf",
	    "susranges = ( { name = \"x\"; networks = \"file:lists/bad.cidr\"; } );");
	configured_file("sub/lists/bad.cidr", "192.0.2.0/24\nnonsense\n");
	configured_load(&c, lines[_i].text);
	ck_assert_msg(
	    strcmp(c.lines, lines[_i].want) == 0, "%s: got\n%s", lines[_i].label, c.lines);
	ck_assert((c.config == NULL) == (lines[_i].want[0] != '\0'));
	ck_assert((c.rules == NULL) == (c.config == NULL));
	configured_free(&c);
}
END_TEST

/* ---- files that are none ------------------------------------------------------------- */

static const struct {
	const char *path, *want;
} no_files[] = {
    {"none.conf", "none.conf: cannot be opened: No such file or directory"},
    {".", ".: is a directory, not a regular file"},
    {"/dev/zero", "/dev/zero: is a device, pipe or socket, not a regular file"},
    {"fifo", "fifo: is a device, pipe or socket, not a regular file"},
    {"nul.conf", "nul.conf: holds a NUL byte: not a text file"},
};

static void take_line(void *context, enum diag_level level, const char *line)
{
	(void)level;
	snprintf(context, 256, "%s", line);
}

START_TEST(refuses_what_is_no_file)
{
	struct diag *r = diag_create();
	struct ruleset *rules;
	char line[256] = "";
	FILE *f;

	configured_enter();
	mkfifo("fifo", 0600);
	f = fopen("nul.conf", "w");
	ck_assert(f && fwrite("a\0b", 1, 3, f) == 3 && fclose(f) == 0);
	ck_assert_ptr_null(config_load(no_files[_i].path, NULL, r, &rules));
	ck_assert_ptr_null(rules);
	diag_each(r, take_line, line);
	ck_assert_str_eq(line, no_files[_i].want);
	diag_free(&r);
}
END_TEST

/* ---- values -------------------------------------------------------------------------- */

START_TEST(has_defaults)
{
	struct configured c;
	const struct config *o;
	const struct settings *s;

	configured_load(&c, "");
	o = c.config;
	s = &c.rules->settings;
	ck_assert_str_eq(o->path, "t.conf");
	ck_assert_str_eq(o->milter_socket, config_default_socket(o->arena, "/var/spool/postfix"));
	ck_assert_uint_eq(o->milter_socket_mode, 0660);
	ck_assert_str_eq(o->milter_socket_group, "");
	ck_assert_str_eq(o->milter_user, "susmilter");
	ck_assert_uint_eq(o->milter_max_sessions, 2000);
	ck_assert_str_eq(o->control_socket, "/run/susmilter/control.sock");
	ck_assert_str_eq(o->metrics_listen, "");
	ck_assert_uint_eq(o->resolver_server_count, 1);
	ck_assert_str_eq(o->resolver_servers[0], "system");
	ck_assert(o->resolver_timeout > 4.99 && o->resolver_timeout < 5.01);
	ck_assert_str_eq(o->geo_asn, "");
	ck_assert_str_eq(o->geo_country, "");
	ck_assert_ptr_null(o->geo_asn_db);
	ck_assert_str_eq(o->log_decisions, "");
	ck_assert(o->log_syslog);
	ck_assert_uint_eq(o->log_per_recipient_minute, 20);
	ck_assert_str_eq(o->managed_whitelist, "");
	ck_assert(!s->monitor && s->defaults.susranges && s->defaults.blocks);
	ck_assert(!s->defaults.forwards);
	ck_assert_int_eq(s->defaults.spf, SPF_REJECT);
	ck_assert_int_eq(s->defaults.dmarc, DMARC_OFF);
	ck_assert(!s->spf_temperror_tempfail && !s->spf_permerror_reject);
	ck_assert(!s->dmarc_hold && !s->dmarc_temperror_tempfail && !s->dmarc_bad_from_accept);
	ck_assert(!s->dmarc_unproven_accept);
	ck_assert_int_eq(s->dmarc_mixed, MIXED_SPLIT);
	ck_assert_uint_eq(s->help_url.len, 0);
	ck_assert_uint_eq(s->authserv_id.len, 0);
	ck_assert(slice_equal(s->headers_results, SLICE("Authentication-Results")));
	ck_assert_uint_eq(s->headers_verdict.len, 0);
	ck_assert_uint_eq(c.rules->rule_count, 2);
	ck_assert_int_eq(c.rules->rules[0].family, FAMILY_TRUSTED);
	ck_assert_int_eq(c.rules->rules[1].family, FAMILY_EXEMPT);
	ck_assert_uint_eq(c.rules->network_entries, 2);
	ck_assert_uint_eq(c.rules->name_entries, 2);
	configured_free(&c);
	ck_assert_ptr_null(c.config);
}
END_TEST

static const char every_option[] =
    "mode = \"monitor\";\n"
    "milter = { socket = \"unix:run/m.sock\"; socket_mode = \"0600\"; socket_group = \"mail\";\n"
    "  user = \"\"; authserv_id = \"mx.example.org\"; max_sessions = 100000; };\n"
    "control = { socket = \"run/c.sock\"; };\nmetrics = { listen = \"[::1]:9118\"; };\n"
    "resolver = { servers = ( \"192.0.2.53\", \"2001:db8::53@5353\" ); timeout = 1; };\n"
    "log = { decisions = \"d.jsonl\"; syslog = false; per_recipient_minute = 1; };\n"
    "headers = { results = \"X-Results\"; verdict = \"X-Verdict\"; };\n"
    "spf = { fail = \"unless-dkim\"; temperror = \"tempfail\"; permerror = \"reject\"; };\n"
    "dmarc = { default = \"strict\"; quarantine = \"hold\"; temperror = \"tempfail\";\n"
    "  unproven = \"accept\"; bad_from = \"accept\"; mixed = \"lenient\"; };\n"
    "help_url = \"https://example.org/d/\";\nmanaged_whitelist = \"managed\";\n"
    "trusted_networks = [ ];\nexempt_recipients = ( );\n";

/* A path, also where an administrator spells it as that of the milter. */
static const struct {
	const char *label, *text, *lines, *path;
} control_sockets[] = {
    {"absolute", "control = { socket = \"/run/x/c.sock\"; };\n", "", "/run/x/c.sock"},
    {"as the milter's", "control = { socket = \"unix:/run/x/c.sock\"; };\n", "", "/run/x/c.sock"},
    {"relative to its file", "@include \"sub/control.conf\"\n", "", "sub/c.sock"},
    {"none", "control = { socket = \"unix:\"; };\n",
	"t.conf:1: control.socket \"\" is not a path\n", NULL},
};

START_TEST(finds_the_control_socket)
{
	struct configured c;

	configured_file("sub/control.conf", "control = { socket = \"unix:c.sock\"; };\n");
	configured_load(&c, control_sockets[_i].text);
	ck_assert_msg(strcmp(c.lines, control_sockets[_i].lines) == 0, "%s: %s",
	    control_sockets[_i].label, c.lines);
	if (c.config)
		ck_assert_str_eq(c.config->control_socket, control_sockets[_i].path);
	configured_free(&c);
}
END_TEST

START_TEST(sets_every_option)
{
	struct configured c;
	const struct config *o;
	const struct settings *s;

	configured_file("sub/every.conf", every_option);
	configured_load(&c, "@include \"sub/every.conf\"\n");
	ck_assert_str_eq(c.lines, "");
	o = c.config;
	s = &c.rules->settings;
	ck_assert_str_eq(o->milter_socket, "unix:sub/run/m.sock");
	ck_assert_uint_eq(o->milter_socket_mode, 0600);
	ck_assert_str_eq(o->milter_socket_group, "mail");
	ck_assert_str_eq(o->milter_user, "");
	ck_assert_uint_eq(o->milter_max_sessions, 100000);
	ck_assert_str_eq(o->control_socket, "sub/run/c.sock");
	ck_assert_str_eq(o->metrics_listen, "[::1]:9118");
	ck_assert_uint_eq(o->resolver_server_count, 2);
	ck_assert_str_eq(o->resolver_servers[1], "2001:db8::53@5353");
	ck_assert(o->resolver_timeout > 0.99 && o->resolver_timeout < 1.01);
	ck_assert_str_eq(o->log_decisions, "sub/d.jsonl");
	ck_assert(!o->log_syslog);
	ck_assert_uint_eq(o->log_per_recipient_minute, 1);
	ck_assert_str_eq(o->managed_whitelist, "sub/managed");
	ck_assert(s->monitor && s->spf_temperror_tempfail && s->spf_permerror_reject);
	ck_assert_int_eq(s->defaults.spf, SPF_UNLESS_DKIM);
	ck_assert_int_eq(s->defaults.dmarc, DMARC_STRICT);
	ck_assert(s->dmarc_hold && s->dmarc_temperror_tempfail && s->dmarc_bad_from_accept);
	ck_assert(s->dmarc_unproven_accept);
	ck_assert_int_eq(s->dmarc_mixed, MIXED_LENIENT);
	ck_assert(slice_equal(s->help_url, SLICE("https://example.org/d/")));
	ck_assert(slice_equal(s->authserv_id, SLICE("mx.example.org")));
	ck_assert(slice_equal(s->headers_results, SLICE("X-Results")));
	ck_assert(slice_equal(s->headers_verdict, SLICE("X-Verdict")));
	ck_assert_uint_eq(c.rules->network_entries + c.rules->name_entries, 0);
	configured_free(&c);
}
END_TEST

/* Files that include each other many times are given up before anybody has to wait. */
START_TEST(counts_includes)
{
	enum { INCLUDES = 1001 };
	static const char line[] = "@include \"leaf.conf\"\n";
	static char text[INCLUDES * sizeof line];
	struct configured c;

	for (size_t i = 0; i < INCLUDES; i++)
		strcpy(text + i * (sizeof line - 1), line);
	configured_file("leaf.conf", "");
	configured_load(&c, text);
	ck_assert_str_eq(
	    c.lines, "t.conf:1000: more than 1000 files are included: does one include itself?\n");
	configured_free(&c);
	strcpy(text + 999 * (sizeof line - 1), "");
	configured_load(&c, text);
	ck_assert_str_eq(c.lines, "");
	configured_free(&c);
	strcpy(text, "");
	for (int i = 0; i < 10; i++)
		strcat(text, "@include \"t.conf\"\n");
	configured_load(&c, text);
	ck_assert_ptr_null(c.config);
	configured_free(&c);
}
END_TEST

/* "unix:QUEUE/susmilter/milter.sock", or what is used without Postfix. */
START_TEST(has_a_socket_for_each_mta)
{
	struct arena *arena = arena_create(1 << 16);
	const char *elsewhere = "unix:/run/susmilter/milter.sock", *queue = scratch_path("queue");

	ck_assert_str_eq(config_default_socket(arena, queue), elsewhere);
	scratch_write("queue/maildrop/x", SLICE(""));
	ck_assert_str_eq(config_default_socket(arena, queue), elsewhere);
	scratch_write("queue/susmilter/x", SLICE(""));
	ck_assert_str_eq(config_default_socket(arena, queue),
	    arena_printf(arena, "unix:%s/susmilter/milter.sock", queue).ptr);
	scratch_write("file/susmilter", SLICE(""));
	ck_assert_str_eq(config_default_socket(arena, scratch_path("file")), elsewhere);
	arena_free(&arena);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("config");
	TCase *told = tcase_create("lines"), *values = tcase_create("values");

	tcase_add_loop_test(told, says_exactly, 0, (int)ROWS(lines));
	tcase_add_loop_test(told, refuses_what_is_no_file, 0, (int)ROWS(no_files));
	tcase_add_test(told, counts_includes);
	suite_add_tcase(s, told);
	tcase_add_test(values, has_defaults);
	tcase_add_test(values, has_a_socket_for_each_mta);
	tcase_add_loop_test(values, finds_the_control_socket, 0, (int)ROWS(control_sockets));
	tcase_add_test(values, sets_every_option);
	suite_add_tcase(s, values);
	return s;
}
