#include "mtacheck_private.h"

static void add_good(const struct postfix_check *c, const char *what)
{
	c->findings->add(c->findings->context, FINDING_GOOD, what, NULL);
}

static void add_problem(const struct postfix_check *c, const char *what, const char *change)
{
	c->findings->add(c->findings->context, FINDING_WRONG, what, change);
}

static void add_note(const struct postfix_check *c, const char *what)
{
	c->findings->add(c->findings->context, FINDING_NOTE, what, NULL);
}

/* A socket path that a chrooted smtpd cannot reach. */
static void check_path(const struct postfix_check *c, struct slice ours, struct slice list)
{
	struct slice item, path;

	item = mtacheck_socket_of(ours);
	path = mtacheck_unix_path(item);
	if (!c->chrooted || path.len == 0 || path.ptr[0] != '/' ||
	    mtacheck_is_inside(
		c, path, mtacheck_below_queue(c, mtacheck_unix_path(slice_str(c->milter)))))
		return;
	if (mtacheck_below_queue(c, path).len > 0)
		add_problem(c,
		    mtacheck_print(c->arena,
			"smtpd runs in the chroot %.*s and looks for %.*s inside it",
			SLICE_ARG(c->queue), SLICE_ARG(path)),
		    mtacheck_right_order(c, list, ours, NULL, true));
	else
		add_problem(c,
		    mtacheck_print(c->arena,
			"smtpd runs in the chroot %.*s and cannot reach %.*s: the socket must be "
			"inside the chroot",
			SLICE_ARG(c->queue), SLICE_ARG(path)),
		    mtacheck_print(c->arena,
			"milter = { socket = \"unix:%.*s/susmilter/milter.sock\"; } in "
			"susmilter.conf",
			SLICE_ARG(c->queue)));
}

/* A setting of one milter in braces, or of all. */
struct setting {
	struct slice list, ours; /* smtpd_milters, and the item that is ours */
	const char *name;        /* in braces */
	const char *general;     /* for all milters */
	struct slice value;
	bool in_braces;
};

static struct setting milter_setting(const struct postfix_check *c, struct slice list,
    struct slice ours, const char *name, const char *general)
{
	struct setting own = {list, ours, name, general, mtacheck_effective(c, general), false};
	struct slice part;

	while (mtacheck_next_item(&ours, &part)) {
		struct slice value = part, key = slice_cut(&value, '=');
		if (slice_equal(key, slice_str(name))) {
			own.value = value;
			own.in_braces = true;
		}
	}
	return own;
}

/* The general setting or, if braces override it, the list without the override. */
static const char *change_setting(
    const struct postfix_check *c, const struct setting *own, const char *value)
{
	return own->in_braces ? mtacheck_right_order(c, own->list, own->ours, own->name, true)
			      : mtacheck_change(c, own->general, value);
}

static void check_default_action(const struct postfix_check *c, const struct setting *own)
{
	if (slice_equal(own->value, SLICE("tempfail")))
		add_good(c,
		    "milter_default_action = tempfail: mail is deferred while susmilter is down");
	else if (slice_equal(own->value, SLICE("shutdown")))
		add_good(c,
		    "milter_default_action = shutdown: connections are closed with 421, and "
		    "mail is deferred, while susmilter is down");
	else if (slice_equal(own->value, SLICE("accept")))
		add_note(c, "milter_default_action = accept: mail is accepted unchecked while "
			    "susmilter is down");
	else if (slice_equal(own->value, SLICE("quarantine")))
		add_note(c,
		    "milter_default_action = quarantine: mail is put on hold while susmilter "
		    "is down");
	else
		add_problem(c,
		    mtacheck_print(c->arena,
			"milter_default_action = %.*s: mail is refused while susmilter is "
			"down",
			SLICE_ARG(own->value)),
		    change_setting(c, own, "tempfail"));
}

/* A time-out of Postfix against the time that susmilter can take. */
static void check_timeout(const struct postfix_check *c, const struct setting *own,
    const char *enough, int least, int taken)
{
	if (mtacheck_seconds(own->value) >= least)
		add_good(
		    c, mtacheck_print(c->arena, "%s = %.*s", own->general, SLICE_ARG(own->value)));
	else
		add_problem(c,
		    mtacheck_print(c->arena,
			"%s = %.*s is too short: an answer can take %d seconds", own->general,
			SLICE_ARG(own->value), taken),
		    change_setting(c, own, enough));
}

static void check_protocol(const struct postfix_check *c, const struct setting *own)
{
	if (slice_equal(own->value, SLICE("6")))
		add_good(c, "milter_protocol = 6: susmilter requests the macros that it needs");
	else
		add_problem(c,
		    mtacheck_print(c->arena,
			"milter_protocol = %.*s: Postfix sends {auth_authen} only if main.cf lists "
			"it, and without it authenticated mail is refused",
			SLICE_ARG(own->value)),
		    change_setting(c, own, "6"));
}

/* Settings that turn milters off. */
static void check_bypass(const struct postfix_check *c)
{
	struct slice options = mtacheck_effective(c, "receive_override_options"), rest = options,
		     item;
	const char *others = "";
	bool off = false;

	while (mtacheck_next_item(&rest, &item)) {
		if (slice_equal(item, SLICE("no_milters")))
			off = true;
		else
			others = mtacheck_print(
			    c->arena, "%s%s%.*s", others, others[0] ? "," : "", SLICE_ARG(item));
	}
	if (off)
		add_problem(c,
		    mtacheck_print(c->arena,
			"receive_override_options = %.*s: Postfix uses no milter at all",
			SLICE_ARG(options)),
		    mtacheck_change(c, "receive_override_options", others));
	if (mtacheck_effective(c, "smtpd_milter_maps").len > 0)
		add_note(
		    c, "smtpd_milter_maps is set: clients listed there use other milters, or none");
}

/* Without TLS there is no {tls_version}, and that it is missing says nothing. */
static void check_tls(const struct postfix_check *c)
{
	struct slice level = mtacheck_effective(c, "smtpd_tls_security_level");

	if (!c->settings->rules_ask_tls)
		return;
	if (slice_equal(level, SLICE("may")) || slice_equal(level, SLICE("encrypt")) ||
	    slice_equal(mtacheck_effective(c, "smtpd_use_tls"), SLICE("yes")))
		add_good(c, "smtpd offers TLS, for which a rule asks");
	else
		add_problem(c,
		    "a rule asks for tls, and smtpd offers no TLS: the rule stays undecided",
		    mtacheck_change(c, "smtpd_tls_security_level", "may"));
}

static void check_bare_newline(const struct postfix_check *c)
{
	struct slice value = mtacheck_effective(c, "smtpd_forbid_bare_newline");

	if (value.len == 0)
		add_note(c, "this Postfix has no smtpd_forbid_bare_newline, and SMTP smuggling "
			    "(CVE-2023-51764) bypasses every check: update Postfix");
	else if (slice_equal(value, SLICE("no")))
		add_problem(c,
		    "smtpd_forbid_bare_newline = no: SMTP smuggling (CVE-2023-51764) bypasses "
		    "every check",
		    mtacheck_change(c, "smtpd_forbid_bare_newline", "normalize"));
	else
		add_good(c,
		    mtacheck_print(c->arena, "smtpd_forbid_bare_newline = %.*s", SLICE_ARG(value)));
}

/* Whether SERVICE/TYPE/NAME belongs to an inbound service, which is checked by itself. */
static bool is_inbound_override(const struct postfix_check *c, struct slice key)
{
	struct slice lines = c->settings->services, service;

	while (mtacheck_next_service(&lines, c->arena, &service))
		if (slice_starts(slice_trim(key), service) &&
		    slice_starts(slice_skip(slice_trim(key), service.len), SLICE("/")))
			return true;
	return false;
}

/* Other services that have milters of their own. */
static void check_overrides(const struct postfix_check *c)
{
	struct slice lines = c->settings->overrides, ours, first;

	while (lines.len > 0) {
		struct slice value = slice_cut(&lines, '\n'), key = slice_cut(&value, '=');
		struct slice name = slice_after_last(slice_trim(key), '/');

		if (slice_equal(name, SLICE("smtpd_milters")) && !is_inbound_override(c, key) &&
		    !mtacheck_find_ours(c, slice_trim(value), &ours, &first))
			add_note(c,
			    mtacheck_print(c->arena, "master.cf: %.*s does not list susmilter: %s",
				SLICE_ARG(slice_trim(key)),
				c->settings->rules_ask_users
				    ? "rules for authenticated sessions are not used there"
				    : "correct for submission, wrong for inbound mail"));
	}
}

/* The first other milter without a listener: Postfix applies its default action for it. */
static struct slice first_dead(const struct postfix_check *c, struct slice list)
{
	struct slice item;

	while (mtacheck_next_item(&list, &item)) {
		struct slice name = mtacheck_socket_of(item);
		if (!mtacheck_is_ours(c, name) && mtacheck_is_dead(c, name))
			return name;
	}
	return slice_of("", 0);
}

static void check_milter_list(
    const struct postfix_check *c, struct slice list, struct slice ours, struct slice first)
{
	struct slice dead = first_dead(c, list);

	if (ours.len == 0) {
		add_problem(c,
		    mtacheck_print(c->arena,
			"smtpd_milters = %.*s: susmilter (%s) is not listed%s%.*s", SLICE_ARG(list),
			c->milter, dead.len > 0 ? ", and nothing listens at " : "",
			SLICE_ARG(dead)),
		    mtacheck_right_order(c, list, ours, NULL, false));
		return;
	}
	if (first.len > 0)
		add_problem(c,
		    mtacheck_print(c->arena,
			"smtpd_milters lists %.*s before susmilter: it also processes mail that "
			"susmilter then refuses, and its Authentication-Results are removed as "
			"forged",
			SLICE_ARG(first)),
		    mtacheck_right_order(c, list, ours, NULL, true));
	else
		add_good(c, "smtpd_milters: susmilter is listed, and first");
	check_path(c, ours, list);
	if (dead.len > 0)
		add_problem(c,
		    mtacheck_print(c->arena,
			"smtpd_milters: nothing listens at %.*s: start it or remove it",
			SLICE_ARG(dead)),
		    mtacheck_right_order(c, list, ours, NULL, false));
}

/* Checks the settings in effect for a service of master.cf, or for main.cf. */
static void check_settings(const struct postfix_check *c)
{
	struct slice list = mtacheck_effective(c, "smtpd_milters"), ours, first;
	struct setting own;

	mtacheck_find_ours(c, list, &ours, &first);
	check_milter_list(c, list, ours, first);
	check_bypass(c);
	own = milter_setting(c, list, ours, "default_action", "milter_default_action");
	check_default_action(c, &own);
	own = milter_setting(c, list, ours, "protocol", "milter_protocol");
	check_protocol(c, &own);
	own = milter_setting(c, list, ours, "command_timeout", "milter_command_timeout");
	check_timeout(c, &own, "30s", ANSWER_TIMEOUT_MIN, ANSWER_SECONDS);
	own = milter_setting(c, list, ours, "content_timeout", "milter_content_timeout");
	check_timeout(c, &own, "300s", END_TIMEOUT_MIN, END_SECONDS);
	check_tls(c);
	check_bare_newline(c);
	mtacheck_networks(c);
}

/* True when master.cf gives this service any of the settings that matter here. */
static bool has_own_settings(const struct postfix_check *c)
{
	static const char *const names[] = {"smtpd_milters", "receive_override_options",
	    "smtpd_milter_maps", "milter_default_action", "milter_protocol",
	    "milter_command_timeout", "milter_content_timeout", "smtpd_forbid_bare_newline",
	    "mynetworks", "smtpd_tls_security_level"};
	struct slice value;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (mtacheck_overridden(c, names[i], &value))
			return true;
	return false;
}

void mtacheck_postfix(const struct postfix_settings *settings, const char *milter,
    struct arena *arena, const struct findings *findings)
{
	struct postfix_check c = {
	    .settings = settings,
	    .milter = milter,
	    .queue = mtacheck_setting(settings->main, "queue_directory"),
	    .chrooted = mtacheck_is_chrooted(settings),
	    .arena = arena,
	    .findings = findings,
	};
	struct slice lines = settings->services;
	unsigned services = 0, as_main = 0;

	while (mtacheck_next_service(&lines, arena, &c.service)) {
		services++;
		if (!has_own_settings(&c)) {
			as_main++;
			continue;
		}
		add_note(&c, mtacheck_print(
				 arena, "master.cf has settings for %.*s:", SLICE_ARG(c.service)));
		check_settings(&c);
	}
	c.service = slice_of("", 0);
	if (services == 0 || as_main > 0)
		check_settings(&c);
	check_overrides(&c);
}
