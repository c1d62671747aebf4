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

/* Xname, S=SOCKET, …: the one with our socket. */
static bool find_ours(const struct check *c, struct slice *name, struct slice *equates)
{
	struct slice rest = c->cf, line;

	while (next_line(&rest, SLICE("X"), &line)) {
		*name = slice_trim(slice_cut(&line, ','));
		*equates = line;
		if (slice_equal(part(line, 'S'), slice_str(c->milter)) ||
		    (slice_starts(slice_str(c->milter), SLICE("unix:")) &&
			slice_equal(part(line, 'S'),
			    slice_str(mtacheck_print(c->arena, "local:%s", c->milter + 5)))))
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

/* T=C:5m;S:10s;R:10s;E:5m, with Sendmail's own defaults. */
static void check_patience(const struct check *c, struct slice equates)
{
	struct slice times = part(equates, 'T');
	long answer = 10;

	while (times.len > 0) {
		struct slice value = slice_trim(slice_cut(&times, ';'));
		if (slice_starts(value, SLICE("R:")))
			answer = mtacheck_seconds(slice_skip(value, 2));
	}
	if (answer >= PATIENCE_SECONDS)
		say(c, FINDING_GOOD, "Sendmail waits long enough for an answer", NULL);
	else
		say(c, FINDING_WRONG,
		    mtacheck_print(c->arena,
			"Sendmail waits %ld seconds for an answer: a verdict may wait 20 seconds "
			"for DNS",
			answer),
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
