/* master.cf: which smtpd services accept inbound mail, and their overrides. */
#include "mtacheck_private.h"

bool mtacheck_next_item(struct slice *rest, struct slice *item)
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
static struct slice nth_word(struct slice line, unsigned n)
{
	struct slice item = slice_of("", 0);

	for (unsigned i = 0; i <= n; i++)
		if (!mtacheck_next_item(&line, &item))
			return slice_of("", 0);
	return item;
}

/* A line of master.cf for an smtpd: behind a port, or behind postscreen ("pass"). */
static bool is_smtpd(struct slice line)
{
	struct slice type = nth_word(line, 1);

	return (slice_equal(type, SLICE("inet")) || slice_equal(type, SLICE("pass"))) &&
	       slice_equal(nth_word(line, 7), SLICE("smtpd"));
}

bool mtacheck_takes_mail(const struct postfix_settings *s)
{
	struct slice lines = s->services, item;
	struct slice disabled = mtacheck_setting(s->main, "master_service_disable");

	while (mtacheck_next_item(&disabled, &item))
		if (slice_equal(item, SLICE("inet")))
			return false;
	while (lines.len > 0)
		if (is_smtpd(slice_cut(&lines, '\n')))
			return true;
	return false;
}

bool mtacheck_is_chrooted(const struct postfix_settings *s)
{
	struct slice lines = s->services;
	struct slice level = mtacheck_setting(s->main, "compatibility_level");
	bool by_default = level.len == 0 || level.ptr[0] == '0';

	while (lines.len > 0) {
		struct slice line = slice_cut(&lines, '\n'), chroot = nth_word(line, 4);
		if (is_smtpd(line) && (slice_equal(chroot, SLICE("y")) ||
					  (by_default && slice_equal(chroot, SLICE("-")))))
			return true;
	}
	return false;
}

/* A service for inbound mail: the port of SMTP, or what postscreen passes on. */
static bool is_inbound_service(struct slice line)
{
	struct slice port = slice_after_last(nth_word(line, 0), ':');

	return is_smtpd(line) &&
	       (slice_equal(nth_word(line, 1), SLICE("pass")) || slice_equal(port, SLICE("smtp")) ||
		   slice_equal(port, SLICE("25")));
}

bool mtacheck_overridden(const struct postfix_check *c, const char *name, struct slice *value)
{
	const char *key = mtacheck_print(c->arena, "%.*s/%s", SLICE_ARG(c->service), name);
	struct slice lines = c->settings->overrides;

	while (c->service.len > 0 && lines.len > 0) {
		*value = slice_cut(&lines, '\n');
		if (slice_equal(slice_trim(slice_cut(value, '=')), slice_str(key))) {
			*value = slice_trim(*value);
			return true;
		}
	}
	return false;
}

struct slice mtacheck_effective(const struct postfix_check *c, const char *name)
{
	struct slice value;

	return mtacheck_overridden(c, name, &value) ? value
						    : mtacheck_setting(c->settings->main, name);
}

const char *mtacheck_change(const struct postfix_check *c, const char *name, const char *value)
{
	struct slice old;

	if (!mtacheck_overridden(c, name, &old))
		return mtacheck_print(c->arena, "%s = %s", name, value);
	return mtacheck_print(c->arena, "postconf -c %.*s -P \"%.*s/%s=%s\"",
	    SLICE_ARG(c->settings->directory), SLICE_ARG(c->service), name, value);
}

bool mtacheck_next_service(struct slice *lines, struct arena *arena, struct slice *service)
{
	while (lines->len > 0) {
		struct slice line = slice_cut(lines, '\n');
		if (!is_inbound_service(line))
			continue;
		*service = slice_str(mtacheck_print(arena, "%.*s/%.*s",
		    SLICE_ARG(nth_word(line, 0)), SLICE_ARG(nth_word(line, 1))));
		return true;
	}
	return false;
}
