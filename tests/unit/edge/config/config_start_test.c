#include "unit/unit.h"

#include "fake/configured.h"
#include "fake/scratch.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the host has against a start, in a directory with log/ and with shut/, which is only ours.
 */
static const struct {
	const char *label, *text, *lines;
} cases[] = {
    {"nothing", "milter = { user = \"\"; };\n", ""},
    {"a user", "mode = \"monitor\";\nmilter = {\n  user = \"no-such-user\"; };\n",
	"t.conf:3: milter.user \"no-such-user\": there is no such user\n"},
    {"a user of an included file", "@include \"sub/user.conf\"\n",
	"sub/user.conf:2: milter.user \"no-such-user\": there is no such user\n"},
    {"a user that is there", "milter = { user = \"nobody\"; };\n", ""},
    {"a group",
	"milter = { user = \"\"; socket = \"unix:m.sock\";\n socket_group = \"no-such-group\"; "
	"};\n",
	"t.conf:2: milter.socket_group \"no-such-group\": there is no such group\n"},
    {"a group that is there",
	"milter = { user = \"\"; socket = \"unix:m.sock\"; socket_group = \"root\"; };\n", ""},
    {"a group that no socket wants",
	"milter = { user = \"\"; socket = \"inet:8891@::1\";\n socket_group = "
	"\"no-such-group\"; };\n",
	"warning: t.conf:1: milter.socket \"inet:8891@::1\" is TCP: any local account can speak "
	"milter to it, and end a worker with one odd packet; use a unix socket\n"},
    {"TCP over IPv6", "milter = { user = \"\";\n socket = \"inet6:8891@::1\"; };\n",
	"warning: t.conf:2: milter.socket \"inet6:8891@::1\" is TCP: any local account can speak "
	"milter to it, and end a worker with one odd packet; use a unix socket\n"},
    {"a socket for everybody", "milter = { user = \"\";\n socket_mode = \"0666\"; };\n",
	"warning: t.conf:2: milter.socket_mode \"0666\" lets any local account speak milter, and "
	"end a worker with one odd packet; use \"0660\"\n"},
    {"a socket that others may only read", "milter = { user = \"\"; socket_mode = \"0664\"; };\n",
	""},

    {"a log", "milter = { user = \"\"; };\nlog = { decisions = \"log/d.jsonl\"; };\n", ""},
    {"a log beside the configuration",
	"milter = { user = \"\"; };\nlog = { decisions = \"d.jsonl\"; };\n", ""},
    {"a log without a directory",
	"milter = { user = \"\"; };\nlog = {\n  decisions = \"none/d.jsonl\"; };\n",
	"warning: t.conf:3: log.decisions none/d.jsonl cannot be opened by us, and without it "
	"nothing starts: its directory does not exist\n"},
    {"a log of somebody else without a directory",
	"milter = { user = \"nobody\"; };\nlog = { decisions = \"none/d.jsonl\"; };\n",
	"warning: t.conf:2: log.decisions none/d.jsonl cannot be opened by nobody, and without it "
	"nothing starts: its directory does not exist\n"},
    {"a log that is a directory", "milter = { user = \"\"; };\nlog = { decisions = \"log\"; };\n",
	"warning: t.conf:2: log.decisions log cannot be opened by us, and without it nothing "
	"starts: Is a directory\n"},
    {"a log below a file", "milter = { user = \"\"; };\nlog = { decisions = \"t.conf/d\"; };\n",
	"warning: t.conf:2: log.decisions t.conf/d cannot be opened by us, and without it nothing "
	"starts: Not a directory\n"},
    {"a history", "milter = { user = \"\"; };\nhistory = { directory = \"log\"; };\n", ""},
    {"a history that is made", "milter = { user = \"\"; };\nhistory = { directory = \"new\"; };\n",
	""},
    {"a history without a parent",
	"milter = { user = \"\"; };\nhistory = { directory = \"none/h\"; };\n",
	"warning: t.conf:2: history.directory none/h cannot be opened by us, and without it "
	"decisions are not kept: its directory does not exist\n"},
    {"a history that is a file",
	"milter = { user = \"\"; };\nhistory = { directory = \"t.conf\"; };\n",
	"warning: t.conf:2: history.directory t.conf cannot be opened by us, and without it "
	"decisions are not kept: Not a directory\n"},
    {"reports", "milter = { user = \"\"; };\nreports = { database = \"log/r.sqlite\"; };\n", ""},
    {"reports without a directory",
	"milter = { user = \"\"; };\nreports = {\n  database = \"none/r.sqlite\"; };\n",
	"warning: t.conf:3: reports.database none/r.sqlite cannot be opened by us, and without it "
	"there are no reports: its directory does not exist\n"},
    {"reports in a directory's place",
	"milter = { user = \"\"; };\nreports = { database = \"log\"; };\n",
	"warning: t.conf:2: reports.database log cannot be opened by us, and without it there are "
	"no reports: Is a directory\n"},
};

static void add_line(void *context, enum diag_level level, const char *line)
{
	char *lines = context;
	size_t len = strlen(lines);

	snprintf(lines + len, CONFIGURED_LINES_MAX - len, "%s%s\n",
	    level == DIAG_ERROR ? "" : "warning: ", line);
}

/* What is told of a configuration that has no errors of its own. */
static void told(const char *text, char lines[CONFIGURED_LINES_MAX])
{
	struct diag *diag = diag_create();
	struct configured c;

	configured_file("log/other", "");
	configured_file("shut/old", "");
	configured_file("sub/user.conf", "milter = {\n user = \"no-such-user\"; };\n");
	configured_load(&c, text);
	ck_assert_int_eq(chmod(".", 0755), 0); /* for others, too */
	ck_assert_ptr_nonnull(c.config);
	lines[0] = '\0';
	config_check_start(c.config, diag);
	diag_each(diag, add_line, lines);
	diag_free(&diag);
	configured_free(&c);
}

START_TEST(tells)
{
	char lines[CONFIGURED_LINES_MAX];

	told(cases[_i].text, lines);
	ck_assert_msg(
	    strcmp(lines, cases[_i].lines) == 0, "%s: told \"%s\"", cases[_i].label, lines);
}
END_TEST

/* Rights are those of the user that the daemon becomes, which only root can try. */
static const struct {
	const char *label, *section, *key, *path;
	mode_t directory, file;
	const char *why; /* NULL: it would do */
} rights[] = {
    {"a directory that keeps it out", "log", "decisions", "shut/new", 0700, 0600,
	"nothing starts: Permission denied"},
    {"one that it cannot write to", "log", "decisions", "shut/new", 0755, 0600,
	"nothing starts: Permission denied"},
    {"one that it can", "log", "decisions", "shut/new", 0777, 0600, NULL},
    {"a file that it cannot write to", "log", "decisions", "shut/old", 0777, 0644,
	"nothing starts: Permission denied"},
    {"one that it can", "log", "decisions", "shut/old", 0755, 0666, NULL},
    {"a database that it can", "reports", "database", "shut/old", 0777, 0666, NULL},
    {"a database that it cannot write to", "reports", "database", "shut/old", 0777, 0644,
	"there are no reports: Permission denied"},
    {"a database without room for a journal", "reports", "database", "shut/old", 0755, 0666,
	"there are no reports: Permission denied"},
};

START_TEST(tries_as_the_user)
{
	char lines[CONFIGURED_LINES_MAX], text[200], wanted[300] = "";

	if (geteuid() != 0)
		return;
	configured_file("shut/old", "");
	ck_assert_int_eq(chmod(scratch_path("shut"), rights[_i].directory), 0);
	ck_assert_int_eq(chmod(scratch_path("shut/old"), rights[_i].file), 0);
	snprintf(text, sizeof text, "milter = { user = \"nobody\"; };\n%s = { %s = \"%s\"; };\n",
	    rights[_i].section, rights[_i].key, rights[_i].path);
	if (rights[_i].why)
		snprintf(wanted, sizeof wanted,
		    "warning: t.conf:2: %s.%s %s cannot be opened by nobody, and without it %s\n",
		    rights[_i].section, rights[_i].key, rights[_i].path, rights[_i].why);
	told(text, lines);
	ck_assert_msg(strcmp(lines, wanted) == 0, "%s: told \"%s\"", rights[_i].label, lines);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("config_start");
	TCase *t = tcase_create("host");

	tcase_add_loop_test(t, tells, 0, (int)ROWS(cases));
	tcase_add_loop_test(t, tries_as_the_user, 0, (int)ROWS(rights));
	suite_add_tcase(s, t);
	return s;
}
