/* Checks of sendmail.cf: which ports list susmilter, the failure action, and the time-outs. */
#include "mtacheck_private.h"

#include "sendmailcf.h"

/* Spare seconds above the maximum answer time; with less, a busy host runs into the time-out. */
enum { SPARE_SECONDS = 5 };

struct sendmail_check {
	struct slice cf;
	const char *milter;
	struct slice main; /* the last InputMailFilters */
	bool has_main;
	struct arena *arena;
	const struct findings *findings;
};

/* A list of filters, and its title in a finding. */
struct filter_list {
	const char *title;
	struct slice names;
	const struct sendmailcf_port *port; /* whose own list it is, or NULL */
};

static void add_finding(
    const struct sendmail_check *c, enum finding f, const char *what, const char *change)
{
	c->findings->add(c->findings->context, f, what, change);
}

static const char *recommended_line(const struct sendmail_check *c)
{
	struct slice path = mtacheck_unix_path(slice_str(c->milter));

	return mtacheck_print(c->arena,
	    "INPUT_MAIL_FILTER(`susmilter', `S=%s%s, F=T, T=C:10s;S:10s;R:60s;E:5m')dnl in "
	    "sendmail.mc, in front of all others",
	    path.len > 0 ? "unix:" : "", path.len > 0 ? path.ptr : c->milter);
}

/* ---- our filter ---------------------------------------------------------------------- */

static bool is_same_sendmail_inet(struct slice theirs, struct slice ours)
{
	struct slice port = slice_cut(&theirs, '@');

	if (!slice_equal(port, slice_cut(&ours, '@')))
		return false;
	return slice_equal_nocase(theirs, ours) || slice_equal(ours, SLICE("0.0.0.0")) ||
	       slice_equal(ours, SLICE("::")) || ours.len == 0 ||
	       (mtacheck_is_this_host(theirs) && mtacheck_is_this_host(ours));
}

/* KIND:ADDRESS in any case; without a kind it is a path.  A host may have several names. */
static bool is_our_socket(const struct sendmail_check *c, struct slice theirs)
{
	struct slice ours = slice_str(c->milter), path = mtacheck_unix_path(ours), kind;

	if (theirs.len == 0)
		return false;
	kind = slice_find(theirs, ':') < theirs.len ? slice_cut(&theirs, ':') : SLICE("");
	if (kind.len == 0 || slice_equal_nocase(kind, SLICE("unix")) ||
	    slice_equal_nocase(kind, SLICE("local")))
		return path.len > 0 && slice_equal(theirs, path);
	return slice_equal_nocase(kind, slice_cut(&ours, ':')) &&
	       is_same_sendmail_inet(theirs, ours);
}

/* The filter of this name; false when no line X defines it. */
static bool find_filter(
    const struct sendmail_check *c, struct slice name, struct sendmailcf_filter *filter)
{
	struct slice rest = c->cf;

	while (sendmailcf_next_filter(&rest, c->arena, filter))
		if (slice_equal_nocase(filter->name, name))
			return true;
	return false;
}

static bool has_our_filter(const struct sendmail_check *c)
{
	struct slice rest = c->cf;
	struct sendmailcf_filter filter;

	while (sendmailcf_next_filter(&rest, c->arena, &filter))
		if (is_our_socket(c, filter.socket))
			return true;
	return false;
}

/* ---- what keeps Sendmail from starting ----------------------------------------------- */

static void check_filter_names(const struct sendmail_check *c, struct slice names)
{
	struct sendmailcf_filter filter;
	struct slice name;

	while (sendmailcf_next_name(&names, &name))
		if (!find_filter(c, name, &filter)) {
			add_finding(c, FINDING_WRONG,
			    mtacheck_print(c->arena,
				"InputMailFilters lists \"%.*s\", but no X line defines it: "
				"Sendmail does not start",
				SLICE_ARG(name)),
			    recommended_line(c));
			return;
		}
}

static void check_duplicate_filters(const struct sendmail_check *c)
{
	struct slice rest = c->cf, behind;
	struct sendmailcf_filter filter, other;

	while (sendmailcf_next_filter(&rest, c->arena, &filter)) {
		behind = rest;
		while (sendmailcf_next_filter(&behind, c->arena, &other))
			if (slice_equal_nocase(filter.name, other.name))
				add_finding(c, FINDING_WRONG,
				    mtacheck_print(c->arena,
					"two X lines define \"%.*s\": Sendmail does not start",
					SLICE_ARG(other.name)),
				    "remove one of the two from sendmail.mc");
	}
}

/* ---- ports and lists ----------------------------------------------------------------- */

/* The list with ours in front, as DAEMON_OPTIONS takes it. */
static const char *format_change(
    const struct sendmail_check *c, const struct filter_list *list, struct slice ours)
{
	const char *names = mtacheck_print(c->arena, "%.*s", SLICE_ARG(ours));
	struct slice rest = list->names, name;

	if (!list->port)
		return recommended_line(c);
	while (sendmailcf_next_name(&rest, &name))
		if (!slice_equal_nocase(name, ours))
			names = mtacheck_print(c->arena, "%s;%.*s", names, SLICE_ARG(name));
	return mtacheck_print(c->arena,
	    "InputMailFilters=%s in the DAEMON_OPTIONS of %.*s in sendmail.mc", names,
	    SLICE_ARG(list->port->name.len > 0 ? list->port->name : SLICE("the port")));
}

/* Finds susmilter in a list, and the first filter before it; false when it is not listed. */
static bool find_our_filter(const struct sendmail_check *c, struct slice names,
    struct sendmailcf_filter *ours, struct slice *first)
{
	struct slice name;

	*first = slice_of("", 0);
	while (sendmailcf_next_name(&names, &name)) {
		if (find_filter(c, name, ours) && is_our_socket(c, ours->socket))
			return true;
		if (first->len == 0)
			*first = name;
	}
	return false;
}

/* The name in the X line with susmilter's socket. */
static struct slice our_filter_name(const struct sendmail_check *c)
{
	struct slice rest = c->cf;
	struct sendmailcf_filter filter;

	while (sendmailcf_next_filter(&rest, c->arena, &filter))
		if (is_our_socket(c, filter.socket))
			return filter.name;
	return SLICE("susmilter");
}

static bool check_filter_list(
    const struct sendmail_check *c, const struct filter_list *list, struct sendmailcf_filter *ours)
{
	struct slice first;

	if (!find_our_filter(c, list->names, ours, &first)) {
		add_finding(c, FINDING_WRONG,
		    mtacheck_print(c->arena, "%s: susmilter is not listed", list->title),
		    format_change(c, list, our_filter_name(c)));
		return false;
	}
	if (first.len > 0)
		add_finding(c, FINDING_WRONG,
		    mtacheck_print(c->arena, "%s: %.*s is listed before susmilter", list->title,
			SLICE_ARG(first)),
		    format_change(c, list, ours->name));
	else
		add_finding(c, FINDING_GOOD,
		    mtacheck_print(c->arena, "%s: susmilter is listed, and first", list->title),
		    NULL);
	return true;
}

static struct filter_list main_list(const struct sendmail_check *c)
{
	struct filter_list list = {NULL, c->main, NULL};

	if (!c->has_main)
		list.title = "InputMailFilters is not set";
	else if (c->main.len == 0)
		list.title = "InputMailFilters is empty";
	else
		list.title = mtacheck_print(c->arena, "InputMailFilters=%.*s", SLICE_ARG(c->main));
	return list;
}

static struct filter_list port_list(
    const struct sendmail_check *c, const struct sendmailcf_port *port)
{
	struct filter_list list = {NULL, port->filters, port};

	list.title = mtacheck_print(c->arena, "DaemonPortOptions of %.*s has InputMailFilters=%.*s",
	    SLICE_ARG(port->name.len > 0 ? port->name : SLICE("a port")), SLICE_ARG(port->filters));
	return list;
}

static bool is_inbound_port(const struct sendmailcf_port *port)
{
	return port->is_smtp && !port->needs_login;
}

static bool has_inbound_port(const struct sendmail_check *c)
{
	struct slice rest = c->cf;
	struct sendmailcf_port port;

	while (sendmailcf_next_port(&rest, c->arena, &port))
		if (is_inbound_port(&port))
			return true;
	return false;
}

/* Each port that takes mail from outside; where none is at the port of SMTP, each that there is. */
static bool check_ports(const struct sendmail_check *c, struct sendmailcf_filter *ours)
{
	struct slice rest = c->cf;
	struct sendmailcf_port port;
	bool smtp = has_inbound_port(c), as_main = false, asked = false;
	unsigned ports = 0;
	struct filter_list list;

	while (sendmailcf_next_port(&rest, c->arena, &port)) {
		ports++;
		if (port.own_filters)
			check_filter_names(c, port.filters);
		if (smtp && !is_inbound_port(&port))
			continue;
		if (!port.own_filters) {
			as_main = true;
			continue;
		}
		list = port_list(c, &port);
		asked = check_filter_list(c, &list, ours) || asked;
	}
	list = main_list(c);
	if (as_main || ports == 0)
		asked = check_filter_list(c, &list, ours) || asked;
	return asked;
}

/* ---- failure action and time-outs ---------------------------------------------------- */

static bool has_flag(const struct sendmailcf_filter *f, char flag)
{
	return slice_find(f->flags, flag) < f->flags.len;
}

/* Where several flags are set, Sendmail looks for T, then 4, then R. */
static void check_failure_flags(const struct sendmail_check *c, const struct sendmailcf_filter *f)
{
	if (has_flag(f, 'T'))
		add_finding(c, FINDING_GOOD, "F=T: mail is deferred while susmilter is down", NULL);
	else if (has_flag(f, '4'))
		add_finding(c, FINDING_GOOD,
		    "F=4: connections are closed with 421, and mail is deferred, while susmilter "
		    "is down",
		    NULL);
	else if (has_flag(f, 'R'))
		add_finding(c, FINDING_WRONG, "F=R: mail is refused while susmilter is down",
		    recommended_line(c));
	else
		add_finding(c, FINDING_NOTE,
		    "without F=T: mail is accepted unchecked while susmilter is down", NULL);
}

/*
 * R: is the time-out of each answer, and at the end of a message of each progress reply; E: is that
 * of the whole end, which Sendmail checks at each progress reply.
 */
static void check_timeouts(const struct sendmail_check *c, const struct sendmailcf_filter *f)
{
	if (f->answer < ANSWER_TIMEOUT_MIN)
		add_finding(c, FINDING_WRONG,
		    mtacheck_print(c->arena,
			"R:%lds is too short: an answer to RCPT can take %d seconds. After a "
			"timeout, the rest of the connection is accepted unchecked or deferred",
			f->answer, ANSWER_SECONDS),
		    recommended_line(c));
	else if (f->answer < ANSWER_TIMEOUT_MIN + SPARE_SECONDS)
		add_finding(c, FINDING_NOTE,
		    mtacheck_print(c->arena,
			"R:%lds is only %ld s longer than an answer to RCPT can take: T=R:60s is "
			"safe on a busy host, too",
			f->answer, f->answer - ANSWER_SECONDS),
		    NULL);
	if (f->end != 0 && f->end < END_TIMEOUT_MIN)
		add_finding(c, FINDING_WRONG,
		    mtacheck_print(c->arena,
			"E:%lds is too short: a verdict at end of message can take %d seconds",
			f->end, END_SECONDS),
		    recommended_line(c));
	if (f->answer >= ANSWER_TIMEOUT_MIN && (f->end == 0 || f->end >= END_TIMEOUT_MIN))
		add_finding(c, FINDING_GOOD,
		    mtacheck_print(
			c->arena, "Sendmail waits long enough: R:%lds, E:%lds", f->answer, f->end),
		    NULL);
}

void mtacheck_sendmail(
    struct slice cf, const char *milter, struct arena *arena, const struct findings *findings)
{
	struct sendmail_check c = {
	    .cf = cf, .milter = milter, .arena = arena, .findings = findings};
	struct sendmailcf_filter ours;

	c.has_main = sendmailcf_last(cf, arena, SENDMAILCF_INPUT_MAIL_FILTERS, &c.main);
	check_duplicate_filters(&c);
	if (!has_our_filter(&c)) {
		add_finding(&c, FINDING_WRONG,
		    mtacheck_print(arena, "sendmail.cf has no filter for susmilter (%s)", milter),
		    recommended_line(&c));
		return;
	}
	check_filter_names(&c, c.main);
	if (!check_ports(&c, &ours))
		return;
	check_failure_flags(&c, &ours);
	check_timeouts(&c, &ours);
}

void mtacheck_sendmail_trust(
    struct slice cf, struct arena *arena, struct slice *user, struct slice *lenient)
{
	if (!sendmailcf_last(cf, arena, SENDMAILCF_RUN_AS_USER, user))
		*user = slice_of("", 0);
	*lenient = sendmailcf_all(cf, arena, SENDMAILCF_DONT_BLAME_SENDMAIL);
}
