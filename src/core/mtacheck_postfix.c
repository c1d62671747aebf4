#include "mtacheck_private.h"

struct check {
	const struct postfix_settings *settings;
	const char *milter; /* ours */
	struct slice queue; /* queue_directory */
	bool chrooted;
	struct arena *arena;
	const struct findings *findings;
};

/* ---- reading ------------------------------------------------------------------------- */

/* The next word between blanks and commas; what stands in braces is one. */
static bool next_item(struct slice *rest, struct slice *item)
{
	size_t n = 0;
	bool braces;

	while (rest->len > 0 && strchr(" \t,", rest->ptr[0]))
		*rest = slice_skip(*rest, 1);
	if (rest->len == 0)
		return false;
	braces = rest->ptr[0] == '{';
	while (n < rest->len && (braces ? rest->ptr[n] != '}' : !strchr(" \t,", rest->ptr[n])))
		n++;
	*item = slice_of(rest->ptr + braces, n - braces);
	*rest = slice_skip(*rest, n + braces);
	return true;
}

/* The n-th word of a line of master.cf. */
static struct slice word(struct slice line, unsigned n)
{
	struct slice item = slice_of("", 0);

	for (unsigned i = 0; i <= n; i++)
		if (!next_item(&line, &item))
			return slice_of("", 0);
	return item;
}

bool mtacheck_is_chrooted(const struct postfix_settings *s)
{
	struct slice lines = s->services;
	struct slice level = mtacheck_setting(s->main, "compatibility_level");
	bool by_default = level.len == 0 || level.ptr[0] == '0';

	while (lines.len > 0) {
		struct slice line = slice_cut(&lines, '\n'), chroot = word(line, 4);
		if (!slice_equal(word(line, 1), SLICE("inet")) ||
		    !slice_equal(word(line, 7), SLICE("smtpd")))
			continue;
		if (slice_equal(chroot, SLICE("y")) ||
		    (by_default && slice_equal(chroot, SLICE("-"))))
			return true;
	}
	return false;
}

/* ---- which milter is ours ------------------------------------------------------------ */

/* The path of unix:PATH, local:PATH or a bare path; empty for a network socket. */
static struct slice unix_path(struct slice spec)
{
	if (slice_starts(spec, SLICE("unix:")))
		return slice_skip(spec, 5);
	if (slice_starts(spec, SLICE("local:")))
		return slice_skip(spec, 6);
	return slice_starts(spec, SLICE("/")) ? spec : slice_of("", 0);
}

/* Below the queue directory, as a path relative to it; empty when it is elsewhere. */
static struct slice below_queue(const struct check *c, struct slice path)
{
	if (!slice_starts(path, c->queue) || path.len <= c->queue.len + 1 ||
	    path.ptr[c->queue.len] != '/')
		return slice_of("", 0);
	return slice_skip(path, c->queue.len + 1);
}

/* Our socket as Postfix should spell it. */
static const char *spelling(const struct check *c)
{
	struct slice path = unix_path(slice_str(c->milter)), below = below_queue(c, path);
	struct slice rest = slice_str(c->milter), kind = slice_cut(&rest, ':');
	struct slice port = slice_cut(&rest, '@');

	if (path.len > 0)
		return mtacheck_print(
		    c->arena, "unix:%.*s", SLICE_ARG(below.len > 0 ? below : path));
	if (slice_equal(kind, SLICE("inet6")))
		return mtacheck_print(c->arena, "inet:[%.*s]:%.*s",
		    SLICE_ARG(rest.len > 0 ? rest : SLICE("::1")), SLICE_ARG(port));
	return mtacheck_print(c->arena, "inet:%.*s:%.*s",
	    SLICE_ARG(rest.len > 0 ? rest : SLICE("127.0.0.1")), SLICE_ARG(port));
}

static bool is_this_host(struct slice host)
{
	return slice_equal_nocase(host, SLICE("localhost")) ||
	       slice_equal(host, SLICE("127.0.0.1")) || slice_equal(host, SLICE("[::1]"));
}

static bool same_inet(struct slice a, struct slice b)
{
	size_t ca = slice_find_last(a, ':'), cb = slice_find_last(b, ':');
	struct slice ha, hb;

	if (ca == a.len || cb == b.len || !slice_equal(slice_skip(a, ca), slice_skip(b, cb)))
		return false;
	ha = slice_of(a.ptr, ca);
	hb = slice_of(b.ptr, cb);
	return slice_equal_nocase(ha, hb) || (is_this_host(ha) && is_this_host(hb)) ||
	       slice_equal(hb, SLICE("0.0.0.0")) || slice_equal(hb, SLICE("[::]"));
}

static bool is_ours(const struct check *c, struct slice item)
{
	struct slice ours = slice_str(spelling(c)), path = unix_path(slice_str(c->milter));
	struct slice theirs = unix_path(item);

	if (slice_equal(item, ours))
		return true;
	if (path.len > 0)
		return theirs.len > 0 && slice_equal(theirs, path);
	return slice_starts(item, SLICE("inet:")) &&
	       same_inet(slice_skip(item, 5), slice_skip(ours, 5));
}

/* ---- findings ------------------------------------------------------------------------ */

static void good(const struct check *c, const char *what)
{
	c->findings->say(c->findings->context, FINDING_GOOD, what, NULL);
}

static void wrong(const struct check *c, const char *what, const char *change)
{
	c->findings->say(c->findings->context, FINDING_WRONG, what, change);
}

static void note(const struct check *c, const char *what)
{
	c->findings->say(c->findings->context, FINDING_NOTE, what, NULL);
}

/* Where ours stands in a list; `first` is the milter that stands in front, or empty. */
static bool find_ours(
    const struct check *c, struct slice list, struct slice *ours, struct slice *first)
{
	struct slice item;

	*first = slice_of("", 0);
	while (next_item(&list, ours)) {
		struct slice inside = *ours;
		if (!next_item(&inside, &item)) /* {} */
			continue;
		if (is_ours(c, item))
			return true;
		if (first->len == 0)
			*first = item;
	}
	*ours = slice_of("", 0);
	return false;
}

/* The list with ours in front and all others behind. */
static const char *right_order(const struct check *c, struct slice list)
{
	const char *line = mtacheck_print(c->arena, "smtpd_milters = %s", spelling(c));
	struct slice item, inside, name;

	while (next_item(&list, &item)) {
		inside = item;
		if (!next_item(&inside, &name) || is_ours(c, name))
			continue;
		line = name.len == item.len
			   ? mtacheck_print(c->arena, "%s, %.*s", line, SLICE_ARG(item))
			   : mtacheck_print(c->arena, "%s, {%.*s}", line, SLICE_ARG(item));
	}
	return line;
}

/* The spelling of a path that a chrooted smtpd cannot follow. */
static void check_path(const struct check *c, struct slice ours, struct slice list)
{
	struct slice item, path;

	next_item(&ours, &item);
	path = unix_path(item);
	if (!c->chrooted || path.len == 0 || path.ptr[0] != '/')
		return;
	if (below_queue(c, path).len > 0)
		wrong(c,
		    mtacheck_print(c->arena,
			"smtpd runs in the chroot %.*s and looks for %.*s inside of it",
			SLICE_ARG(c->queue), SLICE_ARG(path)),
		    right_order(c, list));
	else
		wrong(c,
		    mtacheck_print(c->arena,
			"smtpd runs in the chroot %.*s and cannot see %.*s: the socket must be "
			"below it",
			SLICE_ARG(c->queue), SLICE_ARG(path)),
		    mtacheck_print(c->arena,
			"milter = { socket = \"unix:%.*s/susmilter/milter.sock\"; } in "
			"susmilter.conf",
			SLICE_ARG(c->queue)));
}

/* A setting of one milter in braces, or of all. */
static struct slice milter_setting(
    const struct check *c, struct slice ours, const char *own, const char *general)
{
	struct slice part;

	while (next_item(&ours, &part)) {
		struct slice value = part, key = slice_cut(&value, '=');
		if (slice_equal(key, slice_str(own)))
			return value;
	}
	return mtacheck_setting(c->settings->main, general);
}

static void check_default_action(const struct check *c, struct slice ours)
{
	struct slice value = milter_setting(c, ours, "default_action", "milter_default_action");

	if (slice_equal(value, SLICE("tempfail")))
		good(c, "milter_default_action = tempfail: while susmilter is away, mail waits");
	else if (slice_equal(value, SLICE("accept")))
		note(c, "milter_default_action = accept: while susmilter is away, mail comes in "
			"unchecked");
	else
		wrong(c,
		    mtacheck_print(c->arena,
			"milter_default_action = %.*s: mail is lost to you while susmilter is "
			"away",
			SLICE_ARG(value)),
		    "milter_default_action = tempfail");
}

static void check_patience(
    const struct check *c, struct slice ours, const char *own, const char *general)
{
	struct slice value = milter_setting(c, ours, own, general);
	long seconds = mtacheck_seconds(value);

	if (seconds >= PATIENCE_SECONDS)
		good(c, mtacheck_print(c->arena, "%s = %.*s", general, SLICE_ARG(value)));
	else
		wrong(c,
		    mtacheck_print(c->arena, "%s = %.*s: a verdict may wait 20 seconds for DNS",
			general, SLICE_ARG(value)),
		    mtacheck_print(c->arena, "%s = %s", general,
			strcmp(own, "content_timeout") == 0 ? "300s" : "30s"));
}

static void check_protocol(const struct check *c, struct slice ours)
{
	struct slice value = milter_setting(c, ours, "protocol", "milter_protocol");

	if (slice_equal(value, SLICE("6")))
		good(c, "milter_protocol = 6: susmilter names the macros that it needs");
	else
		wrong(c,
		    mtacheck_print(c->arena,
			"milter_protocol = %.*s: Postfix sends {auth_authen} only if main.cf says "
			"so, and authenticated mail would be refused",
			SLICE_ARG(value)),
		    "milter_protocol = 6");
}

static void check_bare_newline(const struct check *c)
{
	struct slice value = mtacheck_setting(c->settings->main, "smtpd_forbid_bare_newline");

	if (value.len == 0)
		note(c, "this Postfix has no smtpd_forbid_bare_newline: update it, SMTP smuggling "
			"gets around every check");
	else if (slice_equal(value, SLICE("no")))
		wrong(c,
		    "smtpd_forbid_bare_newline = no: a smuggled message (CVE-2023-51764) gets "
		    "around every check",
		    "smtpd_forbid_bare_newline = normalize");
	else
		good(c,
		    mtacheck_print(c->arena, "smtpd_forbid_bare_newline = %.*s", SLICE_ARG(value)));
}

/* Services that have milters of their own. */
static void check_overrides(const struct check *c)
{
	struct slice lines = c->settings->overrides, ours, first;

	while (lines.len > 0) {
		struct slice value = slice_cut(&lines, '\n'), key = slice_cut(&value, '=');
		struct slice name = slice_after_last(slice_trim(key), '/');

		if (slice_equal(name, SLICE("smtpd_milters")) &&
		    !find_ours(c, slice_trim(value), &ours, &first))
			note(c, mtacheck_print(c->arena,
				    "master.cf: %.*s is set without susmilter: right for "
				    "submission, not for mail from outside",
				    SLICE_ARG(slice_trim(key))));
	}
}

void mtacheck_postfix(const struct postfix_settings *settings, const char *milter,
    struct arena *arena, const struct findings *findings)
{
	struct check c = {
	    .settings = settings,
	    .milter = milter,
	    .queue = mtacheck_setting(settings->main, "queue_directory"),
	    .chrooted = mtacheck_is_chrooted(settings),
	    .arena = arena,
	    .findings = findings,
	};
	struct slice list = mtacheck_setting(settings->main, "smtpd_milters"), ours, first;

	if (!find_ours(&c, list, &ours, &first)) {
		wrong(&c,
		    mtacheck_print(arena, "smtpd_milters = %.*s: susmilter (%s) is not asked",
			SLICE_ARG(list), milter),
		    right_order(&c, list));
	} else {
		if (first.len > 0)
			wrong(&c,
			    mtacheck_print(arena,
				"smtpd_milters asks %.*s first: what susmilter refuses was "
				"worked on for nothing, and results of others are taken out as "
				"forged",
				SLICE_ARG(first)),
			    right_order(&c, list));
		else
			good(&c, "smtpd_milters: susmilter is asked, and first");
		check_path(&c, ours, list);
	}
	check_default_action(&c, ours);
	check_protocol(&c, ours);
	check_patience(&c, ours, "command_timeout", "milter_command_timeout");
	check_patience(&c, ours, "content_timeout", "milter_content_timeout");
	check_bare_newline(&c);
	check_overrides(&c);
}
