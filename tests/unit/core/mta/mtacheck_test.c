#include "core/mta/mtacheck.h"

#include "core/net/prefix.h"
#include "unit/unit.h"

#include <stdio.h>

struct said {
	char text[8192];
	size_t len;
};

/* Only what is not good: "wrong WHAT → CHANGE". */
static void say(void *context, enum finding f, const char *what, const char *change)
{
	struct said *s = context;

	if (f == FINDING_GOOD)
		return;
	s->len += (size_t)snprintf(s->text + s->len, sizeof s->text - s->len, "%s %.24s → %s\n",
	    f == FINDING_NOTE ? "note" : "wrong", what, change ? change : "-");
	ck_assert_uint_lt(s->len, sizeof s->text);
}

#define SOCKET "unix:/var/spool/postfix/susmilter/milter.sock"
#define REST                                                                                       \
	"queue_directory = /var/spool/postfix\ncompatibility_level = 3.6\n"                        \
	"milter_protocol = 6\nmilter_command_timeout = 30s\nmilter_content_timeout = 300s\n"
#define SAFE   "smtpd_forbid_bare_newline = normalize\nmilter_default_action = tempfail\n"
#define CHROOT "smtp       inet  n       -       y       -       -       smtpd\n"

static const struct {
	const char *label, *main, *services, *overrides, *milter, *wanted;
} postfix[] = {
    {"all is well", "smtpd_milters = unix:susmilter/milter.sock\n" SAFE REST, CHROOT, "", SOCKET,
	""},
    {"patient by the hour, and by the day",
	"milter_command_timeout = 1h\nmilter_content_timeout = 2d\n"
	"smtpd_milters = unix:susmilter/milter.sock\n" SAFE REST,
	CHROOT, "", SOCKET, ""},
    {"absolute, without a chroot",
	"smtpd_milters = unix:/var/spool/postfix/susmilter/milter.sock\n" SAFE REST, "", "", SOCKET,
	""},
    {"absolute, in a chroot",
	"smtpd_milters = unix:/var/spool/postfix/susmilter/milter.sock\n" SAFE REST, CHROOT, "",
	SOCKET, "wrong smtpd runs in the chroot → smtpd_milters = unix:susmilter/milter.sock\n"},
    {"outside of the chroot", "smtpd_milters = unix:/run/s.sock\n" SAFE REST, CHROOT, "",
	"unix:/run/s.sock",
	"wrong smtpd runs in the chroot → milter = { socket = "
	"\"unix:/var/spool/postfix/susmilter/milter.sock\"; } in susmilter.conf\n"},
    {"not asked", "smtpd_milters = inet:localhost:12301\n" SAFE REST, "", "", "inet:8891@127.0.0.1",
	"wrong smtpd_milters = inet:loc → smtpd_milters = inet:127.0.0.1:8891, "
	"inet:localhost:12301\n"},
    {"none at all", "smtpd_milters =\n" SAFE REST, "", "", "inet:8891@127.0.0.1",
	"wrong smtpd_milters = : susmil → smtpd_milters = inet:127.0.0.1:8891\n"},
    {"behind opendkim",
	"smtpd_milters = { inet:localhost:12301, default_action=accept } inet:localhost:8891\n" SAFE
	    REST,
	"", "", "inet:8891@127.0.0.1",
	"wrong smtpd_milters lists inet → smtpd_milters = inet:127.0.0.1:8891, { "
	"inet:localhost:12301, default_action=accept }\n"},
    {"in brackets", "smtpd_milters = inet:[127.0.0.1]:8891\n" SAFE REST, "", "",
	"inet:8891@127.0.0.1", ""},
    {"as it stands in the chroot", "smtpd_milters = unix:/susmilter/milter.sock\n" SAFE REST,
	CHROOT, "", SOCKET, ""},
    {"behind postscreen, in a chroot",
	"smtpd_milters = unix:/var/spool/postfix/susmilter/milter.sock\n" SAFE REST,
	"smtp inet n - n - 1 postscreen\nsmtpd pass - - y - - smtpd\n", "", SOCKET,
	"wrong smtpd runs in the chroot → smtpd_milters = unix:susmilter/milter.sock\n"},
    {"only in master.cf", "smtpd_milters =\n" SAFE REST, CHROOT,
	"smtp/inet/smtpd_milters = inet:127.0.0.1:8891\n", "inet:8891@127.0.0.1",
	"note master.cf has settings f → -\n"},
    {"only in master.cf for one of two services", "smtpd_milters =\n" SAFE REST,
	CHROOT "192.0.2.1:25 inet n - n - - smtpd\n",
	"smtp/inet/smtpd_milters = inet:127.0.0.1:8891\n", "inet:8891@127.0.0.1",
	"note master.cf has settings f → -\n"
	"wrong smtpd_milters = : susmil → smtpd_milters = inet:127.0.0.1:8891\n"},
    {"taken away in master.cf", "smtpd_milters = inet:127.0.0.1:8891\n" SAFE REST, CHROOT,
	"smtp/inet/smtpd_milters =\nsmtp/inet/milter_protocol = 2\n", "inet:8891@127.0.0.1",
	"note master.cf has settings f → -\n"
	"wrong smtpd_milters = : susmil → postconf -c /etc/postfix-in -P "
	"\"smtp/inet/smtpd_milters=inet:127.0.0.1:8891\"\n"
	"wrong milter_protocol = 2: Pos → postconf -c /etc/postfix-in -P "
	"\"smtp/inet/milter_protocol=6\"\n"},
    {"taken away from submission", "smtpd_milters = inet:127.0.0.1:8891\n" SAFE REST,
	CHROOT "submission inet n - y - - smtpd\n", "submission/inet/smtpd_milters =\n",
	"inet:8891@127.0.0.1", "note master.cf: submission/in → -\n"},
    {"another instance", "config_directory = /etc/postfix-in\nsmtpd_milters =\n" SAFE REST, CHROOT,
	"smtp/inet/smtpd_milters =\n", "inet:8891@127.0.0.1",
	"note master.cf has settings f → -\n"
	"wrong smtpd_milters = : susmil → postconf -c /etc/postfix-in -P "
	"\"smtp/inet/smtpd_milters=inet:127.0.0.1:8891\"\n"},
    {"behind one that is dead", "smtpd_milters = inet:dead:1, inet:127.0.0.1:8891\n" SAFE REST, "",
	"", "inet:8891@127.0.0.1",
	"wrong smtpd_milters lists inet → smtpd_milters = inet:127.0.0.1:8891, inet:dead:1\n"
	"wrong smtpd_milters: nothing l → smtpd_milters = inet:127.0.0.1:8891\n"},
    {"no milters at all",
	"smtpd_milters = inet:127.0.0.1:8891\n"
	"receive_override_options = no_address_mappings, no_milters\n" SAFE REST,
	CHROOT, "", "inet:8891@127.0.0.1",
	"wrong receive_override_options → receive_override_options = no_address_mappings\n"},
    {"no milters in master.cf", "smtpd_milters = inet:127.0.0.1:8891\n" SAFE REST, CHROOT,
	"smtp/inet/receive_override_options = no_milters\n", "inet:8891@127.0.0.1",
	"note master.cf has settings f → -\n"
	"wrong receive_override_options → postconf -c /etc/postfix-in -P "
	"\"smtp/inet/receive_override_options=\"\n"},
    {"milters by client",
	"smtpd_milters = inet:127.0.0.1:8891\nsmtpd_milter_maps = cidr:/etc/postfix/x\n" SAFE REST,
	CHROOT, "", "inet:8891@127.0.0.1", "note smtpd_milter_maps is set → -\n"},
    {"own networks that are trusted",
	"mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104, [::1]/128 192.0.2.64/26 !192.0.2.200\n"
	"smtpd_milters = inet:127.0.0.1:8891\n" SAFE REST,
	"", "", "inet:8891@127.0.0.1", ""},
    {"own networks that are not",
	"mynetworks = 127.0.0.0/8, 192.0.2.0/24 198.51.100.7 [2001:db8::]/32 [fe80::%eth0]/64\n"
	"smtpd_milters = inet:127.0.0.1:8891\n" SAFE REST,
	"", "", "inet:8891@127.0.0.1",
	"wrong mynetworks contains \"192 → trusted_networks = [ …, \"192.0.2.0/24\", "
	"\"198.51.100.7/32\", \"2001:db8::/32\", \"fe80::/64\" ]; in susmilter.conf\n"},
    {"own networks in a table",
	"mynetworks = cidr:/etc/postfix/own, /etc/postfix/more, relay.example\n"
	"smtpd_milters = inet:127.0.0.1:8891\n" SAFE REST,
	"", "", "inet:8891@127.0.0.1", "note mynetworks contains \"cid → -\n"},
    {"own networks of one service",
	"mynetworks = 127.0.0.0/8\nsmtpd_milters = inet:127.0.0.1:8891\n" SAFE REST, CHROOT,
	"smtp/inet/mynetworks = 198.51.100.0/24\n", "inet:8891@127.0.0.1",
	"note master.cf has settings f → -\n"
	"wrong mynetworks contains \"198 → trusted_networks = [ …, \"198.51.100.0/24\" ]; in "
	"susmilter.conf\n"},
    {"closed by default",
	"smtpd_milters = inet:127.0.0.1:8891\nmilter_default_action = shutdown\n"
	"smtpd_forbid_bare_newline = yes\n" REST,
	"", "", "inet:8891@127.0.0.1", ""},
    {"refused by default",
	"smtpd_milters = inet:127.0.0.1:8891\nmilter_default_action = reject\n"
	"smtpd_forbid_bare_newline = yes\n" REST,
	"", "", "inet:8891@127.0.0.1",
	"wrong milter_default_action =  → milter_default_action = tempfail\n"},
    {"on hold by default",
	"smtpd_milters = inet:127.0.0.1:8891\nmilter_default_action = quarantine\n"
	"smtpd_forbid_bare_newline = yes\n" REST,
	"", "", "inet:8891@127.0.0.1", "note milter_default_action =  → -\n"},
    {"another that is dead",
	"smtpd_milters = inet:127.0.0.1:8891, inet:127.0.0.1:12301, {inet:dead:1, protocol=2}, "
	"unix:x\n" SAFE REST,
	"", "", "inet:8891@127.0.0.1",
	"wrong smtpd_milters: nothing l → smtpd_milters = inet:127.0.0.1:8891, "
	"inet:127.0.0.1:12301, unix:x\n"},
    {"the wrong port", "smtpd_milters = inet:dead:8892\n" SAFE REST, "", "", "inet:8891@127.0.0.1",
	"wrong smtpd_milters = inet:dea → smtpd_milters = inet:127.0.0.1:8891\n"},
    {"IPv6", "smtpd_milters = inet:[::1]:8891\n" SAFE REST, "", "", "inet6:8891@::1", ""},
    {"lists of one's own in braces",
	"smtpd_milters = { inet:127.0.0.1:8891, default_action=reject, command_timeout=5s }\n" SAFE
	    REST,
	"", "", "inet:8891@127.0.0.1",
	"wrong milter_default_action =  → smtpd_milters = { inet:127.0.0.1:8891, "
	"command_timeout=5s }\n"
	"wrong milter_command_timeout = → smtpd_milters = { inet:127.0.0.1:8891, "
	"default_action=reject }\n"},
    {"nothing in braces", "smtpd_milters = {}, inet:localhost:8891, { }\n" SAFE REST, "", "",
	"inet:8891@127.0.0.1", ""},
    {"nothing but that", "smtpd_milters = {}\n" SAFE REST, "", "", "inet:8891@127.0.0.1",
	"wrong smtpd_milters = {}: susm → smtpd_milters = inet:127.0.0.1:8891\n"},
    {"an old Postfix that is smuggled through",
	"smtpd_milters = inet:127.0.0.1:8891\nmilter_default_action = accept\n"
	"queue_directory = /q\nmilter_protocol = 4\nmilter_command_timeout = 9\n"
	"milter_content_timeout = 20s\nsmtpd_forbid_bare_newline = no\n",
	"", "submission/inet/smtpd_milters = \n", "inet:8891@127.0.0.1",
	"note milter_default_action =  → -\nwrong milter_protocol = 4: Pos → milter_protocol = 6\n"
	"wrong milter_command_timeout = → milter_command_timeout = 30s\n"
	"wrong milter_content_timeout = → milter_content_timeout = 300s\n"
	"wrong smtpd_forbid_bare_newlin → smtpd_forbid_bare_newline = normalize\n"
	"note master.cf: submission/in → -\n"},
};

static bool listens(void *context, struct slice milter, struct slice queue)
{
	(void)context;
	ck_assert(slice_equal(queue, SLICE("/var/spool/postfix")));
	return !slice_starts(milter, SLICE("inet:dead:"));
}

/* 127.0.0.0/8, ::1 and 192.0.2.0/25 */
static bool trusts(void *context, const struct ip *address)
{
	static const char *const networks[] = {"127.0.0.0/8", "::1", "192.0.2.0/25"};
	char why[PREFIX_WHY_MAX];
	struct prefix p;

	(void)context;
	for (size_t i = 0; i < ROWS(networks); i++)
		if (!prefix_parse(slice_str(networks[i]), &p, why) && prefix_contains(&p, address))
			return true;
	return false;
}

START_TEST(test_postfix)
{
	struct arena *arena = arena_create(1 << 20);
	struct said said = {.len = 0};
	struct findings findings = {say, &said};
	struct postfix_settings s = {.main = slice_str(postfix[_i].main),
	    .services = slice_str(postfix[_i].services),
	    .overrides = slice_str(postfix[_i].overrides),
	    .directory = SLICE("/etc/postfix-in"),
	    .listens = listens,
	    .trusts = trusts};

	mtacheck_postfix(&s, postfix[_i].milter, arena, &findings);
	if (strcmp(said.text, postfix[_i].wanted) != 0)
		ck_abort_msg(
		    "%s:\n%s\nwanted:\n%s", postfix[_i].label, said.text, postfix[_i].wanted);
	arena_free(&arena);
}
END_TEST

static const struct {
	const char *label, *cf, *wanted;
} sendmail[] = {
    {"all is well",
	"O InputMailFilters=susmilter, other\nXother, S=inet:1@localhost\n"
	"Xsusmilter, S=inet:8891@127.0.0.1, F=T, T=C:30s;S:30s;R:30s;E:5m\n",
	""},
    {"not there", "O InputMailFilters=other\nXother, S=inet:1@localhost\n",
	"wrong sendmail.cf has no filte "},
    {"by another name of this host",
	"O InputMailFilters=s\nXs, S=inet:8891@localhost, F=T, T=C:10s;S:10s;R:60s;E:120s\n", ""},
    {"in brackets", "O InputMailFilters=s\nXs, S=inet:8891@[127.0.0.1], T=R:60s\n", ""},
    {"another port", "O InputMailFilters=s\nXs, S=inet:8892@localhost, T=R:60s\n",
	"wrong sendmail.cf has no filte "},
    {"another host", "O InputMailFilters=s\nXs, S=inet:8891@192.0.2.1, T=R:60s\n",
	"wrong sendmail.cf has no filte "},
    {"patient by the hour, by the day",
	"O InputMailFilters=s\nXs, S=inet:8891@127.0.0.1, F=T, T=R:1h;E:1d\n", ""},
    {"impatient at the end",
	"O InputMailFilters=s\nXs, S=inet:8891@127.0.0.1, F=T, T=R:60s;E:10s\n",
	"wrong E:10s is too short: a ve "},
    {"behind another, impatient, refusing",
	"O InputMailFilters=other,s\nXother, S=inet:1@localhost\n"
	"Xs, S=INET:8891@127.0.0.1, F=R, T=R:9s\n",
	"wrong InputMailFilters=other,s wrong F=R: mail is refused whi "
	"wrong R:9s is too short: an an "},
};

static void say_short(void *context, enum finding f, const char *what, const char *change)
{
	struct said *s = context;

	ck_assert(f != FINDING_WRONG || strstr(change, "INPUT_MAIL_FILTER"));
	if (f == FINDING_WRONG)
		s->len += (size_t)snprintf(
		    s->text + s->len, sizeof s->text - s->len, "wrong %.24s ", what);
}

START_TEST(test_sendmail)
{
	struct arena *arena = arena_create(1 << 20);
	struct said said = {.len = 0};
	struct findings findings = {say_short, &said};

	mtacheck_sendmail(slice_str(sendmail[_i].cf), "inet:8891@127.0.0.1", arena, &findings);
	if (strcmp(said.text, sendmail[_i].wanted) != 0)
		ck_abort_msg("%s: %s", sendmail[_i].label, said.text);
	arena_free(&arena);
}
END_TEST

static const struct {
	const char *label, *main, *services;
	bool takes;
} takers[] = {
    {"the port of SMTP", "", CHROOT, true},
    {"another port", "", "qmgr unix n - n 300 1 qmgr\n127.0.0.1:10025 inet n - n - - smtpd\n",
	true},
    {"behind postscreen", "", "smtp inet n - n - 1 postscreen\nsmtpd pass - - y - - smtpd\n", true},
    {"it only sends", "", "smtp unix - - n - - smtp\nqmgr unix n - n 300 1 qmgr\n", false},
    {"as postmulti makes one", "master_service_disable = inet\n", CHROOT, false},
    {"one service is off", "master_service_disable = submission/inet\n", CHROOT, true},
};

START_TEST(test_takes_mail)
{
	struct postfix_settings s = {
	    .main = slice_str(takers[_i].main), .services = slice_str(takers[_i].services)};

	ck_assert_msg(mtacheck_takes_mail(&s) == takers[_i].takes, "%s", takers[_i].label);
}
END_TEST

/* ---- the policy protocol --------------------------------------------------------------- */

#define POLICY "unix:/var/spool/postfix/susmilter/policy.sock"
#define QUEUE  "queue_directory = /var/spool/postfix\nsmtpd_policy_service_timeout = 100s\n"

static const struct {
	const char *label, *main, *services, *overrides, *socket, *wanted;
	bool asked;
} policies[] = {
    {"asked",
	"smtpd_recipient_restrictions = check_policy_service unix:susmilter/policy.sock\n" QUEUE,
	"", "", POLICY, "", true},
    {"among others",
	"smtpd_recipient_restrictions = reject_unauth_destination, check_policy_service "
	"inet:127.0.0.1:10023, check_policy_service inet:localhost:8892, permit\n" QUEUE,
	"", "", "inet:8892@127.0.0.1", "", true},
    {"in braces",
	"smtpd_sender_restrictions = check_policy_service { inet:127.0.0.1:8892, "
	"default_action=DUNNO }\n" QUEUE,
	"", "", "inet:8892@127.0.0.1", "", true},
    {"in master.cf", QUEUE, "smtp inet n - y - - smtpd\n",
	"smtp/inet/smtpd_relay_restrictions = check_policy_service "
	"unix:/susmilter/policy.sock\n",
	POLICY, "", true},
    {"another's",
	"smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:10023\n" QUEUE, "", "",
	POLICY, "note no smtpd_*_restrictions  → -\n", false},
    {"not as a policy service", "smtpd_recipient_restrictions = unix:susmilter/policy.sock\n" QUEUE,
	"", "", POLICY, "note no smtpd_*_restrictions  → -\n", false},
    {"too late",
	"smtpd_data_restrictions = check_policy_service unix:susmilter/policy.sock\n" QUEUE, "", "",
	POLICY,
	"wrong smtpd_data_restrictions  → check_policy_service in smtpd_recipient_restrictions\n",
	true},
    {"too short a time-out",
	"smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:8892\n"
	"smtpd_policy_service_timeout = 10s\n",
	"", "", "inet:8892@127.0.0.1",
	"wrong smtpd_policy_service_tim → smtpd_policy_service_timeout = 100s\n", true},
};

START_TEST(finds_the_policy_service)
{
	struct said said = {.len = 0};
	const struct findings findings = {say, &said};
	const struct postfix_settings settings = {.main = slice_str(policies[_i].main),
	    .services = slice_str(policies[_i].services),
	    .overrides = slice_str(policies[_i].overrides)};
	struct arena *arena = arena_create(1 << 20);
	bool asked = mtacheck_policy(&settings, policies[_i].socket, arena, &findings);

	ck_assert_msg(strcmp(said.text, policies[_i].wanted) == 0, "%s:\n%s  wanted:\n%s",
	    policies[_i].label, said.text, policies[_i].wanted);
	ck_assert_msg(asked == policies[_i].asked, "%s", policies[_i].label);
	arena_free(&arena);
}
END_TEST

/* What matters only where rules look at it. */
static const struct {
	const char *label, *main, *overrides;
	bool tls, users;
	const char *wanted;
} asked[] = {
    {"TLS that nobody asks for", "", "", false, false, ""},
    {"no TLS, and a rule asks", "", "", true, false,
	"wrong a rule asks for tls, and → smtpd_tls_security_level = may\n"},
    {"TLS, and a rule asks", "smtpd_tls_security_level = may\n", "", true, false, ""},
    {"TLS by its old name", "smtpd_use_tls = yes\n", "", true, false, ""},
    {"a submission service of its own", "", "submission/inet/smtpd_milters = \n", false, false,
	"note master.cf: submission/in → -\n"},
};

START_TEST(checks_what_rules_ask_for)
{
	static const char all_is_well[] = "smtpd_milters = unix:susmilter/milter.sock\n" SAFE REST;
	struct arena *arena = arena_create(1 << 20);
	struct said said = {.len = 0};
	const struct findings findings = {say, &said};
	char main[4096];
	struct postfix_settings s = {.services = slice_str(CHROOT),
	    .overrides = slice_str(asked[_i].overrides),
	    .rules_ask_tls = asked[_i].tls,
	    .rules_ask_users = asked[_i].users};

	snprintf(main, sizeof main, "%s%s", all_is_well, asked[_i].main);
	s.main = slice_str(main);
	mtacheck_postfix(&s, SOCKET, arena, &findings);
	ck_assert_msg(
	    strcmp(said.text, asked[_i].wanted) == 0, "%s: %s", asked[_i].label, said.text);
	arena_free(&arena);
}
END_TEST

/* Of a whole line. */
static void find_words(void *context, enum finding f, const char *what, const char *change)
{
	(void)f;
	(void)change;
	*(bool *)context |= strstr(what, "rules for authenticated sessions are not used") != NULL;
}

START_TEST(tells_who_is_not_asked)
{
	struct arena *arena = arena_create(1 << 20);
	bool found = false;
	const struct findings findings = {find_words, &found};
	struct postfix_settings s = {
	    .main = SLICE("smtpd_milters = unix:susmilter/milter.sock\n" SAFE REST),
	    .services = SLICE(CHROOT),
	    .overrides = SLICE("submission/inet/smtpd_milters = \n")};

	mtacheck_postfix(&s, SOCKET, arena, &findings);
	ck_assert(!found);
	s.rules_ask_users = true;
	mtacheck_postfix(&s, SOCKET, arena, &findings);
	ck_assert(found);
	arena_free(&arena);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("mtacheck");
	TCase *tc = tcase_create("all");

	tcase_add_loop_test(tc, test_postfix, 0, ROWS(postfix));
	tcase_add_loop_test(tc, test_sendmail, 0, ROWS(sendmail));
	tcase_add_loop_test(tc, test_takes_mail, 0, ROWS(takers));
	tcase_add_loop_test(tc, finds_the_policy_service, 0, ROWS(policies));
	tcase_add_loop_test(tc, checks_what_rules_ask_for, 0, ROWS(asked));
	tcase_add_test(tc, tells_who_is_not_asked);
	suite_add_tcase(s, tc);
	return s;
}
