#include "fake/slowdns.h"

static bool ends_in(struct slice name, struct slice end)
{
	return name.len >= end.len && slice_equal(slice_skip(name, name.len - end.len), end);
}

static void lookup(
    void *self, struct slice name, enum dns_type type, struct arena *arena, struct dns_answer *out)
{
	struct slowdns_purse *purse = self;
	struct slowdns *s = purse->of;
	unsigned takes = ends_in(name, slice_str(s->slow)) ? s->takes_ms : 0;
	unsigned waits = takes < purse->left_ms ? takes : purse->left_ms;

	purse->left_ms -= waits;
	s->waited_ms += waits;
	if (waits < takes)
		*out = (struct dns_answer){.status = DNS_TEMP};
	else
		dns_lookup(&s->below, name, type, arena, out);
}

static void *open_purse(void *self, unsigned ms, struct arena *arena)
{
	struct slowdns_purse *own = arena_alloc(arena, sizeof *own);

	if (own)
		*own = (struct slowdns_purse){((struct slowdns_purse *)self)->of, ms};
	return own;
}

struct dns slowdns_dns(struct slowdns *s, unsigned ms)
{
	s->first = (struct slowdns_purse){s, ms};
	return (struct dns){.self = &s->first, .lookup = lookup, .open = open_purse};
}
