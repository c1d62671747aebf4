/* `lookup`: every entry and switch that knows an address, a network or a name (SPEC 7). */
#include "edge/control/commands.h"

#include "core/explain/lookup.h"
#include "edge/config/config.h"
#include "edge/geo/geo.h"
#include "edge/idn/idn.h"

#include <stdio.h>
#include <time.h>

/* A name of recipient domains that the value is, or is below. */
struct domain_hit {
	struct domain_hit *next;
	struct config_domain domain;
	unsigned depth; /* the most specific is deepest */
};

struct search {
	struct request *asked;
	struct lookup value;
	struct geo_place first, last; /* of the addresses of a network */
	json_t *entries;              /* NULL: as text */
	size_t found;
	struct domain_hit *domains, **last_domain;
};

/* ---- entries ------------------------------------------------------------------------- */

static bool is_known_by(const struct search *s, const struct config_entry *e)
{
	const unsigned managed = 1u << IDENTITY_SENDER | 1u << IDENTITY_CLIENT_NAME;
	unsigned in = e->slot >= SLOT_UNLESS && e->rule ? e->rule->unless_in
		      : e->rule                         ? e->rule->in
							: managed;

	if (e->entry)
		return lookup_fits(&s->value, e->slot, in, e->entry);
	return s->value.kind == LOOKUP_NETWORK && config_entry_is_of(e, &s->first) &&
	       config_entry_is_of(e, &s->last);
}

static bool decides_in(const struct search *s, unsigned rule, const struct config_entry *e)
{
	struct match_trace trace;
	struct outcome o;

	match_rule(s->asked->generation->rules, &s->value.facts, rule, &o, &trace);
	if (!e->entry)
		return lookup_decides_geo(&trace.slots[e->slot], e->rank, e->out);
	return lookup_decides(&s->value, &trace.slots[e->slot], e->entry);
}

static bool is_expired(const struct config_entry *e)
{
	return e->expires != 0 && e->expires <= time(NULL);
}

/* Whether mail is decided by this entry of its key; entries of the managed whitelist are spread
 * over several rules. */
static bool decides(const struct search *s, const struct config_entry *e)
{
	const struct ruleset *rules = s->asked->generation->rules;

	if (is_expired(e))
		return false;
	if (e->rule)
		return decides_in(s, (unsigned)(e->rule - rules->rules), e);
	for (unsigned i = 0; i < rules->rule_count; i++)
		if (rules->rules[i].family == e->family && rules->rules[i].expires == e->expires &&
		    slice_equal(rules->rules[i].name, e->name) && decides_in(s, i, e))
			return true;
	return false;
}

static bool is_monitored(const struct search *s, const struct config_entry *e)
{
	return s->asked->generation->rules->settings.monitor ||
	       (e->rule && rule_monitors(e->rule, time(NULL)));
}

static void print_entry(const struct search *s, const struct config_entry *e)
{
	char plain[PLAIN_MAX], text[PLAIN_MAX], line[16] = "";

	snprintf(text, sizeof text, "%.*s", SLICE_ARG(e->text));
	if (e->where.line > 0)
		snprintf(line, sizeof line, ":%u", e->where.line);
	channel_print(s->asked->channel, "%s %.*s %s%s %s (%s%s)%s%s%s%s%s%s\n",
	    family_name(e->family), SLICE_ARG(e->name), e->slot >= SLOT_UNLESS ? "unless." : "",
	    e->key, plain_text(text, plain), e->where.file, line, line[0] ? "" : ", by default",
	    e->feed ? ", from a feed" : "", e->out ? ", an exception" : "",
	    decides(s, e) ? ", decides" : "", is_monitored(s, e) ? ", monitor mode" : "",
	    is_expired(e) ? ", expired" : "");
}

static json_t *entry_json(const struct search *s, const struct config_entry *e)
{
	return json_pack("{s:s, s:o, s:s, s:b, s:o, s:b, s:b, s:b, s:s, s:b, s:s, s:i}", "family",
	    family_name(e->family), "rule", json_from_slice(e->name), "key", e->key, "unless",
	    e->slot >= SLOT_UNLESS, "entry", json_from_slice(e->text), "out", e->out, "feed",
	    e->feed, "decides", decides(s, e), "mode", is_monitored(s, e) ? "monitor" : "enforce",
	    "expired", is_expired(e), "file", e->where.file, "line", (int)e->where.line);
}

static void take_entry(void *context, const struct config_entry *e)
{
	struct search *s = context;

	if (!is_known_by(s, e))
		return;
	s->found++;
	if (s->entries)
		json_array_append_new(s->entries, entry_json(s, e));
	else
		print_entry(s, e);
}

/* ---- switches ------------------------------------------------------------------------ */

static void take_domain(void *context, const struct config_domain *d)
{
	struct search *s = context;
	struct domain_hit *hit;

	if (!lookup_fits_domain(&s->value, d->kind, d->name))
		return;
	hit = arena_calloc(s->asked->arena, 1, sizeof *hit);
	if (!hit)
		return;
	hit->domain = *d;
	hit->domain.name = arena_copy(s->asked->arena, d->name);
	hit->domain.where.file = arena_strdup(s->asked->arena, slice_str(d->where.file));
	hit->depth = 2 * name_labels(d->name) + (d->kind == ENTRY_NAME);
	*s->last_domain = hit;
	s->last_domain = &hit->next;
}

/* Why the switch of a name counts, or not. */
static const char *effect_of(const struct search *s, const struct domain_hit *hit, unsigned n)
{
	const struct switches *switches =
	    ruleset_switches(s->asked->generation->rules, lookup_domain(&s->value));

	for (const struct domain_hit *h = s->domains; h; h = h->next)
		if (h->depth > hit->depth && (h->domain.given >> n & 1))
			return "overridden";
	return switch_value(switches, n) == switch_value(&hit->domain.switches, n) ? "applies"
										   : "cancelled";
}

static void take_switch(struct search *s, const struct domain_hit *hit, unsigned n, json_t *list)
{
	const struct config_domain *d = &hit->domain;
	const char *word = switch_options[n].name, *value = switch_word(&d->switches, n);
	char spelling[ENTRY_SPELLING_MAX];
	struct slice name = d->name.len == 0
				? SLICE("*")
				: entry_spell(d->kind, slice_of(NULL, 0), d->name, spelling);
	const char *effect = effect_of(s, hit, n);

	s->found += d->name.len > 0; /* "*" knows nobody by name */
	if (list)
		json_array_append_new(
		    list, json_pack("{s:o, s:s, s:s, s:s, s:s, s:i}", "domain",
			      json_from_slice(name), "switch", word, "value", value, "effect",
			      effect, "file", d->where.file, "line", (int)d->where.line));
	else
		channel_print(s->asked->channel, "recipient domain %.*s %s %s (%s:%u), %s\n",
		    SLICE_ARG(name), word, value, d->where.file, d->where.line, effect);
}

static void take_switches(struct search *s, json_t *list)
{
	for (const struct domain_hit *h = s->domains; h; h = h->next)
		for (unsigned n = 0; n < SWITCH_COUNT; n++)
			if (h->domain.given >> n & 1)
				take_switch(s, h, n, list);
}

/* ---- the command --------------------------------------------------------------------- */

static void find_places(struct search *s)
{
	const struct config *config = s->asked->generation->config;
	struct ip last;

	if (s->value.kind != LOOKUP_NETWORK)
		return;
	last = prefix_last(&s->value.network);
	geo_lookup(config->geo_asn_db, &s->value.network.base, &s->first);
	geo_lookup(config->geo_country_db, &s->value.network.base, &s->first);
	geo_lookup(config->geo_asn_db, &last, &s->last);
	geo_lookup(config->geo_country_db, &last, &s->last);
}

/* False after a complaint: what is shown then is not all. */
static bool search_files(struct search *s)
{
	const struct generation *g = s->asked->generation;
	const struct config_visitor visitor = {take_entry, take_domain, s};
	struct diag *diag = diag_create();
	bool read = diag && config_each_entry(g->config, g->rules, &visitor, diag);
	bool memory = diag && !arena_failed(s->asked->arena);

	if (!memory)
		channel_error(s->asked->channel, "lookup: out of memory\n");
	else if (!read)
		request_print_diag(s->asked, diag);
	diag_free(&diag);
	return read && memory;
}

static int print_found(struct search *s, bool whole, const char *value)
{
	static const char *const kinds[] = {"network", "name", "mail address"};
	json_t *switches = s->entries ? json_array() : NULL;
	char excerpt[EXCERPT_MAX];
	int status = STATUS_OK;

	take_switches(s, switches);
	if (s->entries)
		status = request_print_json(s->asked,
		    json_pack("{s:o, s:s, s:o, s:o}", "value", json_from_slice(slice_str(value)),
			"kind", kinds[s->value.kind], "entries", s->entries, "switches", switches));
	else if (s->found == 0 && whole)
		channel_error(s->asked->channel, "no list, rule or switch knows \"%s\"\n",
		    slice_excerpt(slice_str(value), excerpt));
	return whole && s->found > 0 ? status : STATUS_FAILED;
}

int command_lookup(struct request *req)
{
	const char *value = request_argument(req, 0);
	struct search s = {.asked = req, .last_domain = &s.domains};
	char why[LOOKUP_WHY_MAX];
	const char *wrong = lookup_parse(slice_str(value), &idn_lenient, req->arena, &s.value, why);
	bool whole;

	if (wrong) {
		channel_error(req->channel, "lookup: %s\n", wrong);
		return STATUS_USAGE;
	}
	s.value.facts.now = time(NULL);
	s.entries = request_switch(req, "json") ? json_array() : NULL;
	find_places(&s);
	whole = search_files(&s);
	return print_found(&s, whole, value);
}
