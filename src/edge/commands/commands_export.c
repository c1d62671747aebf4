#include "edge/control/commands.h"

#include "core/change/cidr_export.h"

#include <time.h>

struct exporting;

/* The text around the networks of one format, and of one network. */
struct writer {
	const char *name;
	void (*network)(struct exporting *, const char *text);
	/* of one address family; NULL: the families are not apart */
	void (*begin)(struct exporting *, enum ip_family);
	void (*end)(struct exporting *);
};

struct exporting {
	struct request *asked;
	const struct writer *writer;
	enum family family;
	enum ip_family open;
	bool filled;  /* the open set has elements */
	bool only_v4; /* a zone of ip4set knows nothing else */
	uint64_t networks, left;
};

/* What a refused client is told, as far as the address goes. */
static const char *reason(const struct exporting *e)
{
	return e->family == FAMILY_BLOCKS ? "Mail from this network is not accepted here"
					  : "Unauthenticated mail not allowed from this range";
}

static void write_cidr(struct exporting *e, const char *network)
{
	channel_print(e->asked->channel, "%s REJECT %s (%s)\n", network, reason(e), network);
}

static void write_nft(struct exporting *e, const char *network)
{
	channel_print(
	    e->asked->channel, "%s\t\t%s,\n", e->filled ? "" : "\telements = {\n", network);
	e->filled = true;
}

static void begin_nft(struct exporting *e, enum ip_family family)
{
	channel_print(e->asked->channel,
	    "set susmilter_%s {\n\ttype ipv%d_addr\n\tflags interval\n",
	    family == IP_V4 ? "v4" : "v6", (int)family);
	e->filled = false;
}

static void end_nft(struct exporting *e)
{
	channel_print(e->asked->channel, "%s}\n", e->filled ? "\t}\n" : "");
}

static void write_rbldnsd(struct exporting *e, const char *network)
{
	channel_print(e->asked->channel, "%s\n", network);
}

static const struct writer writers[] = {
    {"cidr", write_cidr, NULL, NULL},
    {"nftables", write_nft, begin_nft, end_nft},
    {"rbldnsd", write_rbldnsd, NULL, NULL},
};

/* Both sets are there, also when nothing is in them: rules name them. */
static void open_set(struct exporting *e, enum ip_family family)
{
	while (e->writer->begin && e->open != family) {
		if (e->open != IP_NONE)
			e->writer->end(e);
		e->open = e->open == IP_NONE ? IP_V4 : IP_V6;
		e->writer->begin(e, e->open);
	}
}

static bool write_network(void *context, const struct prefix *p)
{
	struct exporting *e = context;
	char text[PREFIX_TEXT_MAX];

	if (e->only_v4 && p->base.family != IP_V4) {
		e->left++;
		return true;
	}
	open_set(e, p->base.family);
	prefix_format(p, text);
	e->writer->network(e, text);
	e->networks++;
	return true;
}

/* Rules of the family that need more than an address cannot be told to a packet filter. */
static void tell_left_out(struct request *req, enum family family, int64_t now)
{
	const struct ruleset *rules = req->generation->rules;

	for (unsigned i = 0; i < rules->rule_count; i++) {
		const struct rule *r = &rules->rules[i];

		if (r->family != family || !(r->keys & 1u << KEY_NETWORKS) ||
		    cidr_export_has(r, family, now))
			continue;
		channel_error(req->channel, "rule \"%.*s\" is omitted: it %s\n", SLICE_ARG(r->name),
		    rule_expired(r, now)    ? "has expired"
		    : rule_monitors(r, now) ? "is in monitor mode"
					    : "depends on more than the address");
	}
	if (rules->settings.monitor)
		channel_error(
		    req->channel, "mode = \"monitor\": susmilter itself refuses none of these\n");
}

static const struct writer *find_writer(const char *name)
{
	for (size_t i = 0; name && i < sizeof writers / sizeof writers[0]; i++)
		if (strcmp(writers[i].name, name) == 0)
			return &writers[i];
	return NULL;
}

static void begin_file(struct exporting *e)
{
	struct request *req = e->asked;

	channel_print(req->channel, "# %s of susmilter, without what is whitelisted or trusted%s\n",
	    family_name(e->family), e->writer->begin ? "; to be included in a table" : "");
	if (e->only_v4)
		channel_print(req->channel, ":127.0.0.2:%s ($)\n", reason(e));
}

int command_export(struct request *req)
{
	const char *word = request_text(req, "family");
	struct exporting e = {
	    .asked = req,
	    .writer = find_writer(request_argument(req, 0)),
	    .family = FAMILY_SUSRANGES,
	};
	int64_t now = time(NULL);

	if (word && strcmp(word, family_name(FAMILY_BLOCKS)) == 0)
		e.family = FAMILY_BLOCKS;
	else if (word && strcmp(word, family_name(FAMILY_SUSRANGES)) != 0)
		e.writer = NULL;
	if (!e.writer) {
		channel_error(req->channel, "usage: susmilterctl export [--family susranges|"
					    "blocks] cidr|nftables|rbldnsd\n");
		return STATUS_USAGE;
	}
	e.only_v4 = e.writer->network == write_rbldnsd;
	begin_file(&e);
	if (!cidr_export_each(req->generation->rules, e.family, now, write_network, &e)) {
		channel_error(req->channel, "out of memory\n");
		return STATUS_FAILED;
	}
	open_set(&e, IP_V6);
	if (e.writer->end)
		e.writer->end(&e);
	tell_left_out(req, e.family, now);
	channel_error(req->channel, "%llu networks\n", (unsigned long long)e.networks);
	if (e.left > 0)
		channel_error(req->channel,
		    "%llu IPv6 networks are omitted: an ip4set holds IPv4 only\n",
		    (unsigned long long)e.left);
	return STATUS_OK;
}
