/* smtpd_milters: the position of susmilter in it, and the corrected list. */
#include "mtacheck_private.h"

struct slice mtacheck_unix_path(struct slice spec)
{
	if (slice_starts(spec, SLICE("unix:")))
		return slice_skip(spec, 5);
	if (slice_starts(spec, SLICE("local:")))
		return slice_skip(spec, 6);
	return slice_starts(spec, SLICE("/")) ? spec : slice_of("", 0);
}

struct slice mtacheck_below_queue(const struct postfix_check *c, struct slice path)
{
	if (!slice_starts(path, c->queue) || path.len <= c->queue.len + 1 ||
	    path.ptr[c->queue.len] != '/')
		return slice_of("", 0);
	return slice_skip(path, c->queue.len + 1);
}

/* susmilter's socket in Postfix's spelling. */
static const char *format_our_socket(const struct postfix_check *c)
{
	struct slice path = mtacheck_unix_path(slice_str(c->milter)),
		     below = mtacheck_below_queue(c, path);
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

static bool is_same_postfix_inet(struct slice a, struct slice b)
{
	size_t ca = slice_find_last(a, ':'), cb = slice_find_last(b, ':');
	struct slice ha, hb;

	if (ca == a.len || cb == b.len || !slice_equal(slice_skip(a, ca), slice_skip(b, cb)))
		return false;
	ha = slice_of(a.ptr, ca);
	hb = slice_of(b.ptr, cb);
	return slice_equal_nocase(ha, hb) ||
	       (mtacheck_is_this_host(ha) && mtacheck_is_this_host(hb)) ||
	       slice_equal(hb, SLICE("0.0.0.0")) || slice_equal(hb, SLICE("[::]"));
}

bool mtacheck_is_inside(const struct postfix_check *c, struct slice theirs, struct slice below)
{
	return c->chrooted && below.len > 0 && theirs.ptr[0] == '/' &&
	       slice_equal(slice_skip(theirs, 1), below);
}

bool mtacheck_is_ours(const struct postfix_check *c, struct slice item)
{
	struct slice ours = slice_str(format_our_socket(c)),
		     path = mtacheck_unix_path(slice_str(c->milter));
	struct slice theirs = mtacheck_unix_path(item);

	if (slice_equal(item, ours))
		return true;
	if (path.len > 0)
		return theirs.len > 0 &&
		       (slice_equal(theirs, path) ||
			   mtacheck_is_inside(c, theirs, mtacheck_below_queue(c, path)));
	return slice_starts(item, SLICE("inet:")) &&
	       is_same_postfix_inet(slice_skip(item, 5), slice_skip(ours, 5));
}

bool mtacheck_find_ours(
    const struct postfix_check *c, struct slice list, struct slice *ours, struct slice *first)
{
	struct slice item;

	*first = slice_of("", 0);
	while (mtacheck_next_item(&list, ours)) {
		item = mtacheck_socket_of(*ours);
		if (item.len == 0) /* {} */
			continue;
		if (mtacheck_is_ours(c, item))
			return true;
		if (first->len == 0)
			*first = item;
	}
	*ours = slice_of("", 0);
	return false;
}

struct slice mtacheck_socket_of(struct slice item)
{
	struct slice name = slice_of("", 0);

	mtacheck_next_item(&item, &name);
	return name;
}

/* susmilter's item of the list, `ours`, with its socket in Postfix's spelling and without one of
 * its settings. */
static const char *format_our_item(
    const struct postfix_check *c, struct slice ours, const char *without)
{
	const char *item = format_our_socket(c);
	struct slice part;
	bool braces = false;

	mtacheck_next_item(&ours, &part);
	while (mtacheck_next_item(&ours, &part)) {
		struct slice value = part, key = slice_cut(&value, '=');
		if (without && slice_equal(key, slice_str(without)))
			continue;
		item = mtacheck_print(c->arena, "%s, %.*s", item, SLICE_ARG(part));
		braces = true;
	}
	return braces ? mtacheck_print(c->arena, "{ %s }", item) : item;
}

bool mtacheck_is_dead(const struct postfix_check *c, struct slice milter)
{
	const struct postfix_settings *s = c->settings;

	return s->listens && !s->listens(s->context, milter, c->queue);
}

const char *mtacheck_right_order(const struct postfix_check *c, struct slice list,
    struct slice ours, const char *without, bool with_dead)
{
	const char *line = format_our_item(c, ours, without);
	struct slice item, name;

	while (mtacheck_next_item(&list, &item)) {
		name = mtacheck_socket_of(item);
		if (name.len == 0 || mtacheck_is_ours(c, name) ||
		    (!with_dead && mtacheck_is_dead(c, name)))
			continue;
		line = name.len == item.len
			   ? mtacheck_print(c->arena, "%s, %.*s", line, SLICE_ARG(item))
			   : mtacheck_print(c->arena, "%s, {%.*s}", line, SLICE_ARG(item));
	}
	return mtacheck_change(c, "smtpd_milters", line);
}
