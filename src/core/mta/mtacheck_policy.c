/* Postfix's restriction lists: does one of them ask our policy socket, and where does it help? */
#include "mtacheck_private.h"

/* Postfix waits for a policy service (smtpd_policy_service_timeout) as long as this at least: SPF
 * may take 20 s. */
enum { POLICY_TIMEOUT_MIN = 25 };

static const struct {
	const char *name;
	bool at_rcpt; /* asked once for each recipient: with smtpd_delay_reject, its default */
} lists[] = {
    {"smtpd_client_restrictions", true},
    {"smtpd_helo_restrictions", true},
    {"smtpd_sender_restrictions", true},
    {"smtpd_relay_restrictions", true},
    {"smtpd_recipient_restrictions", true},
    {"smtpd_data_restrictions", false},
    {"smtpd_end_of_data_restrictions", false},
};

enum { LISTS = sizeof lists / sizeof lists[0] };

static void add(const struct postfix_check *c, enum finding f, const char *what, const char *change)
{
	c->findings->add(c->findings->context, f, what, change);
}

/* "check_policy_service unix:susmilter/policy.sock" */
static bool asks_us(const struct postfix_check *c, struct slice list)
{
	struct slice item;
	bool service = false;

	while (mtacheck_next_item(&list, &item)) {
		if (service && mtacheck_is_ours(c, mtacheck_socket_of(item)))
			return true;
		service = slice_equal(item, SLICE("check_policy_service"));
	}
	return false;
}

static bool check_lists(const struct postfix_check *c)
{
	bool asked = false;

	for (int i = 0; i < LISTS; i++) {
		if (!asks_us(c, mtacheck_effective(c, lists[i].name)))
			continue;
		asked = true;
		if (lists[i].at_rcpt)
			add(c, FINDING_GOOD,
			    mtacheck_print(c->arena, "%s: susmilter is asked for each recipient",
				lists[i].name),
			    NULL);
		else
			add(c, FINDING_WRONG,
			    mtacheck_print(c->arena,
				"%s asks susmilter, which answers DUNNO at that stage",
				lists[i].name),
			    mtacheck_print(
				c->arena, "check_policy_service in smtpd_recipient_restrictions"));
	}
	return asked;
}

static void check_timeout(const struct postfix_check *c)
{
	struct slice value = mtacheck_effective(c, "smtpd_policy_service_timeout");
	long seconds = mtacheck_seconds(value);

	if (seconds >= 0 && seconds < POLICY_TIMEOUT_MIN)
		add(c, FINDING_WRONG,
		    mtacheck_print(c->arena,
			"smtpd_policy_service_timeout = %.*s is too short: SPF can take 20 seconds",
			SLICE_ARG(value)),
		    mtacheck_change(c, "smtpd_policy_service_timeout", "100s"));
}

bool mtacheck_policy(const struct postfix_settings *settings, const char *socket,
    struct arena *arena, const struct findings *findings)
{
	struct postfix_check c = {
	    .settings = settings,
	    .milter = socket,
	    .queue = mtacheck_setting(settings->main, "queue_directory"),
	    .chrooted = mtacheck_is_chrooted(settings),
	    .arena = arena,
	    .findings = findings,
	};
	struct slice lines = settings->services;
	bool asked = false;

	while (mtacheck_next_service(&lines, arena, &c.service) && !asked)
		asked = check_lists(&c);
	c.service = slice_of("", 0);
	asked = asked || check_lists(&c);
	if (asked)
		check_timeout(&c);
	else
		add(&c, FINDING_NOTE,
		    mtacheck_print(arena,
			"no smtpd_*_restrictions asks policy.socket %s: it is there for another "
			"MTA, or idle",
			socket),
		    NULL);
	return asked;
}
