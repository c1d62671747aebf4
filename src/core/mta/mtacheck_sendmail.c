#include "mtacheck_private.h"

struct check {
	struct slice cf;
	const char *milter;
	struct arena *arena;
	const struct findings *findings;
};

static void say(const struct check *c, enum finding f, const char *what, const char *change)
{
	c->findings->say(c->findings->context, f, what, change);
}

/* The next line that begins with this; it is cut off. */
static bool next_line(struct slice *rest, struct slice begin, struct slice *line)
{
	while (rest->len > 0) {
		*line = slice_cut(rest, '\n');
		if (slice_starts(*line, begin)) {
			*line = slice_skip(*line, begin.len);
			return true;
		}
	}
	return false;
}

/* "S=unix:/x, F=T, T=R:10s" → the value of one letter; empty when it is not there. */
static struct slice part(struct slice equates, char letter)
{
	while (equates.len > 0) {
		struct slice value = slice_trim(slice_cut(&equates, ','));
		if (value.len > 1 && value.ptr[0] == letter && value.ptr[1] == '=')
			return slice_skip(value, 2);
	}
	return slice_of("", 0);
}

/* unix: and local: are one; so are the names of this host behind inet:PORT@ and inet6:PORT@. */
static bool same_socket(struct slice theirs, struct slice ours)
{
	struct slice kind = slice_cut(&theirs, ':'), our_kind = slice_cut(&ours, ':'), port;

	if (slice_equal(kind, SLICE("local")))
		kind = SLICE("unix");
	if (!slice_equal(kind, our_kind))
		return false;
	if (slice_equal(kind, SLICE("unix")))
		return slice_equal(theirs, ours);
	port = slice_cut(&theirs, '@');
	if (!slice_equal(port, slice_cut(&ours, '@')))
		return false;
	return slice_equal_nocase(theirs, ours) || slice_equal(ours, SLICE("0.0.0.0")) ||
	       slice_equal(ours, SLICE("::")) || ours.len == 0 ||
	       (mtacheck_is_this_host(theirs) && mtacheck_is_this_host(ours));
}

/* Xname, S=SOCKET, …: the one with our socket. */
static bool find_ours(const struct check *c, struct slice *name, struct slice *equates)
{
	struct slice rest = c->cf, line;

	while (next_line(&rest, SLICE("X"), &line)) {
		*name = slice_trim(slice_cut(&line, ','));
		*equates = line;
		if (same_socket(part(line, 'S'), slice_str(c->milter)))
			return true;
	}
	return false;
}

static const char *mc_line(const struct check *c)
{
	return mtacheck_print(c->arena,
	    "INPUT_MAIL_FILTER(`susmilter', `S=%s, F=T, T=C:30s;S:30s;R:30s;E:5m') in sendmail.mc, "
	    "in front of all others",
	    c->milter);
}

static void check_order(const struct check *c, struct slice name)
{
	struct slice rest = c->cf, filters = slice_of("", 0), first;

	next_line(&rest, SLICE("O InputMailFilters="), &filters);
	first = slice_trim(slice_cut(&filters, ','));
	if (slice_equal(first, name))
		say(c, FINDING_GOOD, "InputMailFilters: susmilter is asked, and first", NULL);
	else
		say(c, FINDING_WRONG,
		    mtacheck_print(c->arena,
			"InputMailFilters asks \"%.*s\" first, or not susmilter at all",
			SLICE_ARG(first)),
		    mc_line(c));
}

/* T=C:5m;S:10s;R:10s;E:5m, with Sendmail's own defaults: each answer, and that to the end. */
static void check_patience(const struct check *c, struct slice equates)
{
	struct slice times = part(equates, 'T');
	long answer = 10, end = 300, least;

	while (times.len > 0) {
		struct slice value = slice_trim(slice_cut(&times, ';'));
		if (slice_starts(value, SLICE("R:")))
			answer = mtacheck_seconds(slice_skip(value, 2));
		if (slice_starts(value, SLICE("E:")))
			end = mtacheck_seconds(slice_skip(value, 2));
	}
	least = answer < end ? answer : end;
	if (least >= PATIENCE_SECONDS)
		say(c, FINDING_GOOD, "Sendmail waits long enough for an answer", NULL);
	else
		say(c, FINDING_WRONG,
		    mtacheck_print(c->arena,
			"Sendmail waits %ld seconds for an answer: a verdict may wait 20 seconds "
			"for DNS",
			least),
		    mc_line(c));
}

void mtacheck_sendmail(
    struct slice cf, const char *milter, struct arena *arena, const struct findings *findings)
{
	struct check c = {cf, milter, arena, findings};
	struct slice name, equates, flags;

	if (!find_ours(&c, &name, &equates)) {
		say(&c, FINDING_WRONG,
		    mtacheck_print(arena, "no filter of sendmail.cf is susmilter (%s)", milter),
		    mc_line(&c));
		return;
	}
	check_order(&c, name);
	flags = part(equates, 'F');
	if (slice_equal(flags, SLICE("T")))
		say(&c, FINDING_GOOD, "F=T: while susmilter is away, mail waits", NULL);
	else if (flags.len == 0)
		say(&c, FINDING_NOTE,
		    "without F=T: while susmilter is away, mail comes in unchecked", NULL);
	else
		say(&c, FINDING_WRONG,
		    mtacheck_print(arena, "F=%.*s: mail is lost to you while susmilter is away",
			SLICE_ARG(flags)),
		    mc_line(&c));
	check_patience(&c, equates);
}
