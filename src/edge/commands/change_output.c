/*
 * The difference of a rule table to the running one, for check and reload: as text and as JSON, in
 * the same order: rules and settings, sizes, address space, recorded mail.
 */
#include "core/change/rules_diff.h"
#include "core/change/table_diff.h"
#include "edge/control/commands.h"
#include "edge/recorded/change_backtest.h"

#include <time.h>

/* ---- text ---------------------------------------------------------------------------- */

static void print_count(struct request *req, const char *what, size_t before, size_t after)
{
	if (before != after)
		channel_print(req->channel, "%s: %zu → %zu (%+lld)\n", what, before, after,
		    (long long)after - (long long)before);
}

static void print_line(void *context, const char *line)
{
	struct request *req = context;

	channel_print(req->channel, "%s\n", line);
}

void change_print(struct request *req, const struct ruleset *before, const struct ruleset *after)
{
	struct rules_diff *rules = rules_diff_create(before, after, time(NULL));
	struct table_diff *d = arena_calloc(req->arena, 1, sizeof *d);

	if (rules)
		rules_diff_text(rules, print_line, req);
	else
		channel_error(req->channel, "out of memory while comparing the rules\n");
	rules_diff_free(&rules);
	print_count(req, "networks", before->network_entries, after->network_entries);
	print_count(req, "names", before->name_entries, after->name_entries);
	print_count(req, "recipient domains", before->domain_entries, after->domain_entries);
	if (d && table_diff_addresses(before, after, time(NULL), d))
		table_diff_text(d, print_line, req);
	else
		channel_error(req->channel, "out of memory while comparing the address space\n");
	change_backtest_print(req, before, after);
}

/* ---- JSON ---------------------------------------------------------------------------- */

static json_t *examples_json(const struct rules_diff_side *side)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < side->example_count; i++)
		json_array_append_new(list, json_from_slice(side->examples[i]));
	return list;
}

static json_t *side_json(const struct rules_diff_side *side)
{
	return json_pack(
	    "{s:I, s:o}", "count", (json_int_t)side->count, "examples", examples_json(side));
}

/* Those that turn enforcement on or off stand in `enforcement` alone. */
static json_t *changes_json(const struct rules_diff_change *list)
{
	json_t *changes = json_array();

	for (const struct rules_diff_change *c = list; c; c = c->next)
		if (c->enforcement == ENFORCEMENT_SAME)
			json_array_append_new(changes,
			    json_pack("{s:s, s:o, s:o}", "what", c->what, "before",
				json_from_slice(c->before), "after", json_from_slice(c->after)));
	return changes;
}

/* rule: NULL for settings. */
static void add_enforcement(
    json_t *list, const struct rules_diff_change *changes, const struct rules_diff_rule *rule)
{
	for (const struct rules_diff_change *c = changes; c; c = c->next) {
		json_t *o;

		if (c->enforcement == ENFORCEMENT_SAME)
			continue;
		o = json_pack("{s:b, s:s, s:o, s:o}", "on", c->enforcement == ENFORCEMENT_ON,
		    "what", c->what, "before", json_from_slice(c->before), "after",
		    json_from_slice(c->after));
		if (rule) {
			json_object_set_new(o, "family", json_string(family_name(rule->family)));
			json_object_set_new(o, "rule", json_from_slice(rule->name));
		}
		json_array_append_new(list, o);
	}
}

static json_t *keys_json(const struct rules_diff_key *keys)
{
	json_t *list = json_array();

	for (const struct rules_diff_key *k = keys; k; k = k->next)
		json_array_append_new(
		    list, json_pack("{s:s, s:b, s:o, s:o}", "key", k->name, "unless", k->unless,
			      "in", side_json(&k->in), "out", side_json(&k->out)));
	return list;
}

static json_t *rule_json(const struct rules_diff_rule *r)
{
	static const char *const kinds[] = {
	    [RULE_KEPT] = "changed", [RULE_ADDED] = "new", [RULE_REMOVED] = "removed"};

	return json_pack("{s:s, s:o, s:s, s:o, s:o}", "family", family_name(r->family), "rule",
	    json_from_slice(r->name), "change", kinds[r->kind], "attributes",
	    changes_json(r->changes), "entries", keys_json(r->keys));
}

static json_t *rules_json(const struct rules_diff *d)
{
	json_t *enforcement = json_array(), *rules = json_array();

	add_enforcement(enforcement, d->settings, NULL);
	for (size_t i = 0; i < d->rule_count; i++) {
		const struct rules_diff_rule *r = &d->rules[i];

		add_enforcement(enforcement, r->changes, r);
		if (r->kind != RULE_KEPT || r->changes || r->keys)
			json_array_append_new(rules, rule_json(r));
	}
	return json_pack("{s:o, s:o, s:o, s:{s:o, s:o, s:o}}", "enforcement", enforcement,
	    "settings", changes_json(d->settings), "rules", rules, "recipient_domains", "added",
	    side_json(&d->domains_added), "removed", side_json(&d->domains_removed), "changed",
	    side_json(&d->domains_changed));
}

static void add_networks(json_t *list, const struct prefix *networks, unsigned count)
{
	char text[PREFIX_TEXT_MAX];

	for (unsigned i = 0; i < count; i++) {
		prefix_format(&networks[i], text);
		json_array_append_new(list, json_string(text));
	}
}

static json_t *addresses_json(const struct table_diff_change *c)
{
	json_t *largest = json_array();

	add_networks(largest, c->largest_v4, c->largest_v4_count);
	add_networks(largest, c->largest_v6, c->largest_v6_count);
	return json_pack("{s:I, s:f, s:o}", "ipv4", (json_int_t)c->ipv4, "ipv6_share", c->ipv6,
	    "largest", largest);
}

json_t *change_json(struct request *req, const struct ruleset *before, const struct ruleset *after)
{
	struct rules_diff *rules = rules_diff_create(before, after, time(NULL));
	struct table_diff *d = arena_calloc(req->arena, 1, sizeof *d);
	json_t *o = NULL;

	if (rules && d && table_diff_addresses(before, after, time(NULL), d)) {
		o = rules_json(rules);
		json_object_set_new(o, "newly_refused", addresses_json(&d->refused));
		json_object_set_new(o, "no_longer_refused", addresses_json(&d->released));
		json_object_set_new(o, "backtest", change_backtest_json(req, before, after));
	} else {
		channel_error(req->channel, "out of memory while comparing the rules\n");
	}
	rules_diff_free(&rules);
	return o ? o : json_null();
}
