#include "edge/commands.h"

#include "core/flatten.h"

#include <time.h>

/* The text around the networks of one format, and of one network. */
struct writer {
	const char *name;
	void (*network)(struct asked *, const char *text);
	/* of one address family; NULL: the families are not apart */
	void (*begin)(struct asked *, enum ip_family);
	void (*end)(struct asked *);
};

static void write_cidr(struct asked *a, const char *network)
{
	channel_print(a->channel,
	    "%s REJECT Unauthenticated mail not allowed from this range (%s)\n", network, network);
}

static void write_nft(struct asked *a, const char *network)
{
	channel_print(a->channel, "\t\t%s,\n", network);
}

/* For `include` inside a table, or `nft -f` with the table around it. */
static void begin_nft(struct asked *a, enum ip_family family)
{
	channel_print(a->channel,
	    "set susmilter_%s {\n\ttype ipv%d_addr\n\tflags interval\n\telements = {\n",
	    family == IP_V4 ? "v4" : "v6", (int)family);
}

static void end_nft(struct asked *a)
{
	channel_print(a->channel, "\t}\n}\n");
}

static void write_rbldnsd(struct asked *a, const char *network)
{
	channel_print(a->channel, "%s\n", network);
}

static const struct writer writers[] = {
    {"cidr", write_cidr, NULL, NULL},
    {"nftables", write_nft, begin_nft, end_nft},
    {"rbldnsd", write_rbldnsd, NULL, NULL},
};

struct exporting {
	struct asked *asked;
	const struct writer *writer;
	enum ip_family open;
	bool only_v4; /* a zone of ip4set knows nothing else */
	uint64_t networks, left;
};

static bool write_network(void *context, const struct prefix *p)
{
	struct exporting *e = context;
	char text[PREFIX_TEXT_MAX];

	if (e->only_v4 && p->base.family != IP_V4) {
		e->left++;
		return true;
	}
	if (e->writer->begin && e->open != p->base.family) {
		if (e->open != IP_NONE)
			e->writer->end(e->asked);
		e->writer->begin(e->asked, p->base.family);
	}
	e->open = p->base.family;
	prefix_format(p, text);
	e->writer->network(e->asked, text);
	e->networks++;
	return true;
}

/* Rules of the family that need more than an address cannot be told to a packet filter. */
static void tell_left_out(struct asked *a, enum family family, int64_t now)
{
	const struct ruleset *rules = a->generation->rules;

	for (unsigned i = 0; i < rules->rule_count; i++) {
		const struct rule *r = &rules->rules[i];

		if (r->family != family || !(r->keys & 1u << KEY_NETWORKS) ||
		    flatten_takes(r, family, now))
			continue;
		channel_complain(a->channel, "rule \"%.*s\" is left out: it %s\n",
		    SLICE_ARG(r->name),
		    rule_expired(r, now) ? "has expired"
		    : r->monitor         ? "is in monitor mode"
					 : "looks at more than the address");
	}
	if (rules->settings.monitor)
		channel_complain(
		    a->channel, "mode = \"monitor\": susmilter itself refuses none of these\n");
}

static const struct writer *find_writer(const char *name)
{
	for (size_t i = 0; name && i < sizeof writers / sizeof writers[0]; i++)
		if (strcmp(writers[i].name, name) == 0)
			return &writers[i];
	return NULL;
}

static void begin_file(struct exporting *e, const char *family)
{
	struct asked *a = e->asked;

	channel_print(
	    a->channel, "# %s of susmilter, without what is whitelisted or trusted\n", family);
	if (e->only_v4)
		channel_print(a->channel, ":127.0.0.2:Unauthenticated mail not allowed from $\n");
}

int command_export(struct asked *a)
{
	const char *word = asked_text(a, "family");
	enum family family = FAMILY_SUSRANGES;
	struct exporting e = {.asked = a, .writer = find_writer(asked_argument(a, 0))};
	int64_t now = time(NULL);

	if (word && strcmp(word, family_name(FAMILY_BLOCKS)) == 0)
		family = FAMILY_BLOCKS;
	else if (word && strcmp(word, family_name(FAMILY_SUSRANGES)) != 0)
		e.writer = NULL;
	if (!e.writer) {
		channel_complain(a->channel, "usage: susmilterctl export [--family susranges|"
					     "blocks] cidr|nftables|rbldnsd\n");
		return STATUS_USAGE;
	}
	e.only_v4 = e.writer->network == write_rbldnsd;
	begin_file(&e, family_name(family));
	if (!flatten_each(a->generation->rules, family, now, write_network, &e)) {
		channel_complain(a->channel, "out of memory\n");
		return STATUS_FAILED;
	}
	if (e.open != IP_NONE && e.writer->end)
		e.writer->end(a);
	tell_left_out(a, family, now);
	channel_complain(a->channel, "%llu networks\n", (unsigned long long)e.networks);
	if (e.left > 0)
		channel_complain(a->channel, "%llu networks of IPv6 are left out: ip4set\n",
		    (unsigned long long)e.left);
	return STATUS_OK;
}
