/*
 * mynetworks against trusted_networks.  Postfix lets mynetworks send anywhere; a client there that
 * is not trusted is still checked as inbound.  A network counts as trusted when its first and its
 * last address are.
 */
#include "mtacheck_private.h"

#include "core/net/prefix.h"

/* "[::1]/128" and "[fe80::%eth0]/64" as Postfix writes them; false for tables, files and names. */
static bool read_network(struct slice item, struct prefix *out)
{
	char text[PREFIX_TEXT_MAX * 2], why[PREFIX_WHY_MAX];
	size_t n = 0;
	bool zone = false;

	for (size_t i = 0; i < item.len && n < sizeof text; i++) {
		char c = item.ptr[i];

		zone = (zone || c == '%') && c != ']' && c != '/';
		if (c != '[' && c != ']' && !zone)
			text[n++] = c;
	}
	return n < sizeof text && prefix_parse(slice_of(text, n), out, why) == NULL;
}

static bool is_trusted(const struct postfix_check *c, const struct prefix *network)
{
	const struct postfix_settings *s = c->settings;
	struct ip last = prefix_last(network);

	return s->trusts(s->context, &network->base) && s->trusts(s->context, &last);
}

static const char *append_item(const struct postfix_check *c, const char *list, const char *item)
{
	return mtacheck_print(c->arena, "%s%s\"%s\"", list, list[0] ? ", " : "", item);
}

static void add_finding(
    const struct postfix_check *c, enum finding f, const char *what, const char *change)
{
	c->findings->add(c->findings->context, f, what, change);
}

void mtacheck_networks(const struct postfix_check *c)
{
	struct slice rest = mtacheck_effective(c, "mynetworks"), item;
	const char *missing = "", *unread = "";
	char text[PREFIX_TEXT_MAX];
	struct prefix network;

	while (c->settings->trusts && mtacheck_next_item(&rest, &item)) {
		if (item.ptr[0] == '!')
			continue;
		if (!read_network(item, &network)) {
			unread = append_item(
			    c, unread, mtacheck_print(c->arena, "%.*s", SLICE_ARG(item)));
		} else if (!is_trusted(c, &network)) {
			prefix_format(&network, text);
			missing = append_item(c, missing, text);
		}
	}
	if (missing[0])
		add_finding(c, FINDING_WRONG,
		    mtacheck_print(c->arena,
			"mynetworks contains %s, but trusted_networks does not: mail that these "
			"hosts send is judged as inbound",
			missing),
		    mtacheck_print(
			c->arena, "trusted_networks = [ …, %s ]; in susmilter.conf", missing));
	else
		add_finding(c, FINDING_GOOD, "mynetworks: all of it is in trusted_networks", NULL);
	if (unread[0])
		add_finding(c, FINDING_NOTE,
		    mtacheck_print(c->arena,
			"mynetworks contains %s, which doctor does not read: make sure that "
			"trusted_networks contains the same networks",
			unread),
		    NULL);
}
