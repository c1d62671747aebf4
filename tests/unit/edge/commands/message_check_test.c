#include "edge/commands/message_check.h"
#include "edge/dns/zone.h"
#include "fake/configured.h"
#include "unit/unit.h"

#include <stdio.h>

static const char dns_text[] = "fail.example TXT \"v=spf1 exp=say.example -all\"\n"
			       "say.example TXT \"%{i} may not send for %{d}\"\n"
			       "_dmarc.fail.example TXT \"v=DMARC1; p=reject\"\n"
			       "pass.example TXT \"v=spf1 ip4:192.0.2.0/24 -all\"\n"
			       "slow.example ANY TIMEOUT\n";

/* Everything that is told, a line each, and the verdict. */
static const struct {
	const char *label, *sender, *message, *told;
	enum action action;
} rows[] = {
    {"a fail says why", "a@fail.example", "From: a@fail.example\n\nhello\n",
	"from   one\n"
	"       author domain fail.example\n"
	"  dns  TXT fail.example\n"
	"       v=spf1 exp=say.example -all\n"
	"  dns  TXT say.example\n"
	"       %{i} may not send for %{d}\n"
	"spf    fail for fail.example\n"
	"       decided by -all\n"
	"       the domain says: 192.0.2.99 may not send for fail.example\n"
	"       0 terms, 0 void lookups, 2 questions\n",
	ACTION_REJECT},
    {"a message without end", "a@slow.example", "Subject: x\nFrom: B <b@fail.example>\n  (c)",
	"from   one\n"
	"       author domain fail.example\n"
	"  dns  TXT slow.example  no answer\n"
	"spf    temperror for slow.example\n"
	"       no DNS answer for TXT of slow.example\n"
	"       0 terms, 0 void lookups, 1 question\n"
	"dkim   none: not signed\n"
	"  dns  TXT _dmarc.fail.example\n"
	"       v=DMARC1; p=reject\n"
	"       _dmarc.fail.example: v=DMARC1; p=reject\n"
	"  dns  TXT _dmarc.example  no such name\n"
	"       _dmarc.example: no such name\n"
	"       fail.example: organizational domain fail.example\n"
	"       SPF temperror for slow.example: not aligned\n"
	"       fail: neither SPF nor DKIM passed aligned with fail.example\n"
	"dmarc  fail: neither SPF nor DKIM passed aligned with fail.example\n"
	"       fail.example publishes p=reject; after t= it is reject\n",
	ACTION_REJECT},
    {"a crooked From that is forgiven", "a@pass.example", "From: Doe, J <b@pass.example>\n\n",
	"from   one, forgiven: the From field has a list member without an address (a comma in a "
	"name needs quotes)\n"
	"       author domain pass.example\n"
	"  dns  TXT pass.example\n"
	"       v=spf1 ip4:192.0.2.0/24 -all\n"
	"spf    pass for pass.example\n"
	"       decided by ip4:192.0.2.0/24\n"
	"       0 terms, 0 void lookups, 1 question\n"
	"dkim   none: not signed\n"
	"  dns  TXT _dmarc.pass.example  no such name\n"
	"       _dmarc.pass.example: no such name\n"
	"  dns  TXT _dmarc.example  no such name\n"
	"       _dmarc.example: no such name\n"
	"       pass.example: organizational domain pass.example\n"
	"       none: neither pass.example nor a name above it has a DMARC record\n"
	"dmarc  none: neither pass.example nor a name above it has a DMARC record\n",
	ACTION_ACCEPT},
    {"a crooked From", "a@pass.example", "From: b@pass .example\n\n",
	"from   bad: the From field has more behind an address than a comma or a comment\n"
	"       domain behind an @ pass.example\n"
	"  dns  TXT pass.example\n"
	"       v=spf1 ip4:192.0.2.0/24 -all\n"
	"spf    pass for pass.example\n"
	"       decided by ip4:192.0.2.0/24\n"
	"       0 terms, 0 void lookups, 1 question\n"
	"dkim   none: not signed\n"
	"  dns  TXT _dmarc.pass.example  no such name\n"
	"       _dmarc.pass.example: no such name\n"
	"  dns  TXT _dmarc.example  no such name\n"
	"       _dmarc.example: no such name\n"
	"       pass.example: organizational domain pass.example\n"
	"       none: neither pass.example nor a name above it has a DMARC record\n"
	"dmarc  none: neither pass.example nor a name above it has a DMARC record\n",
	ACTION_REJECT},
    {"two authors", "a@pass.example", "From: a@pass.example, b@fail.example\n\n",
	"from   many: the From field names more than one author domain\n"
	"       author domain pass.example\n"
	"       author domain fail.example\n"
	"  dns  TXT pass.example\n"
	"       v=spf1 ip4:192.0.2.0/24 -all\n"
	"spf    pass for pass.example\n"
	"       decided by ip4:192.0.2.0/24\n"
	"       0 terms, 0 void lookups, 1 question\n"
	"dkim   none: not signed\n"
	"  dns  TXT _dmarc.pass.example  no such name\n"
	"       _dmarc.pass.example: no such name\n"
	"  dns  TXT _dmarc.example  no such name\n"
	"       _dmarc.example: no such name\n"
	"       pass.example: organizational domain pass.example\n"
	"       none: neither pass.example nor a name above it has a DMARC record\n"
	"dmarc  none: neither pass.example nor a name above it has a DMARC record\n"
	"  dns  TXT _dmarc.fail.example\n"
	"       v=DMARC1; p=reject\n"
	"       _dmarc.fail.example: v=DMARC1; p=reject\n"
	"  dns  TXT _dmarc.example  no such name\n"
	"       _dmarc.example: no such name\n"
	"       fail.example: organizational domain fail.example\n"
	"       SPF pass for pass.example: not aligned\n"
	"       fail: neither SPF nor DKIM passed aligned with fail.example\n"
	"dmarc  fail: neither SPF nor DKIM passed aligned with fail.example\n"
	"       fail.example publishes p=reject; after t= it is reject\n",
	ACTION_REJECT},
};

struct told {
	char text[4096];
	size_t len;
};

static void tell(void *context, const char *line)
{
	struct told *t = context;

	t->len += (size_t)snprintf(t->text + t->len, sizeof t->text - t->len, "%s\n", line);
	ck_assert_uint_lt(t->len, sizeof t->text);
}

static void read_message(struct message_check *check, const char *message)
{
	struct slice rest = slice_str(message);

	while (rest.len > 0)
		message_check_line(check, slice_cut(&rest, '\n'));
}

START_TEST(tells_each_step)
{
	struct arena *arena = arena_create(1 << 20);
	struct zone *zone = zone_create();
	struct told told = {.len = 0};
	struct configured c;
	struct session_query q;
	struct session_query_source source;
	struct message_check *check;
	struct dns dns;
	char why[ZONE_WHY_MAX + SESSION_QUERY_WHY_MAX];

	ck_assert_ptr_null(zone_load(zone, slice_str(dns_text), why));
	configured_load(&c, "spf = { fail = \"reject\"; };\ndmarc = { default = \"reject\"; };\n");
	dns = zone_dns(zone);
	session_query_start(&q, 0, NULL, arena);
	session_query_set(&q, SLICE("client"), SLICE("192.0.2.99"), why);
	session_query_set(&q, SLICE("sender"), slice_str(rows[_i].sender), why);
	session_query_set(&q, SLICE("recipient"), SLICE("b@example.net"), why);
	check = message_check_create(&dns, 0, arena, tell, &told);
	read_message(check, rows[_i].message);
	message_check_author(check, &q);
	source = message_check_source(check, NULL);
	session_query_decide(&q, c.rules, &source);
	ck_assert_msg(strcmp(told.text, rows[_i].told) == 0, "%s:\n%s", rows[_i].label, told.text);
	ck_assert_msg(q.verdict.action == rows[_i].action, "%s", rows[_i].label);
	message_check_free(&check);
	configured_free(&c);
	zone_free(&zone);
	arena_free(&arena);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("message_check");
	TCase *t = tcase_create("steps");

	tcase_add_loop_test(t, tells_each_step, 0, (int)ROWS(rows));
	suite_add_tcase(s, t);
	return s;
}
