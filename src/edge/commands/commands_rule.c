/* `rule`: the mode of a rule, without an edit of the configuration; and what is told of such modes
 * elsewhere. */
#include "edge/control/commands.h"

#include "core/base/closest.h"
#include "core/base/rfc3339.h"
#include "edge/config/config.h"
#include "edge/config/modes.h"
#include "edge/log/log.h"
#include "managed_edit.h"

#include <time.h>

static const char *mode_word(bool monitor)
{
	return monitor ? "monitor" : "enforce";
}

/* ---- what is told of them ------------------------------------------------------------ */

static json_t *override_json(const struct rule *rule, int64_t now)
{
	const struct rule_override *o = &rule->override;

	return json_pack("{s:o, s:s, s:s, s:o, s:o, s:o}", "rule", json_from_slice(rule->name),
	    "mode", mode_word(rule_monitors(rule, now)), "configured", mode_word(rule->monitor),
	    "until", json_from_time(o->until), "by",
	    o->by.len > 0 ? json_from_slice(o->by) : json_null(), "set", json_from_time(o->set));
}

json_t *overrides_json(const struct ruleset *rules, int64_t now)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < rules->rule_count; i++)
		if (rule_overridden(&rules->rules[i], now))
			json_array_append_new(list, override_json(&rules->rules[i], now));
	return list;
}

void overrides_print(struct request *req, const struct ruleset *rules, int64_t now)
{
	char until[RFC3339_TEXT_MAX], set[RFC3339_TEXT_MAX];

	for (unsigned i = 0; i < rules->rule_count; i++) {
		const struct rule *rule = &rules->rules[i];
		const struct rule_override *o = &rule->override;

		if (!rule_overridden(rule, now))
			continue;
		if (o->until)
			rfc3339_format(o->until, until);
		rfc3339_format(o->set, set);
		channel_print(req->channel, "rule mode    %.*s: %s%s%s, configured: %s",
		    SLICE_ARG(rule->name), mode_word(o->monitor), o->until ? " until " : "",
		    o->until ? until : "", mode_word(rule->monitor));
		if (o->by.len > 0)
			channel_print(req->channel, "; by %.*s", SLICE_ARG(o->by));
		if (o->set)
			channel_print(req->channel, " at %s", set);
		channel_print(req->channel, "\n");
	}
}

/* ---- the command --------------------------------------------------------------------- */

/* What is asked for. */
struct mode_order {
	const struct rule *rule; /* of the table that runs */
	bool monitor;
	int64_t until; /* 0: until it is taken back */
};

/* Rules that the configuration names; the others have no mode of their own. */
static bool has_mode(const struct rule *rule)
{
	return (rule->family == FAMILY_WHITELIST || rule->family == FAMILY_BLOCKS ||
		   rule->family == FAMILY_SUSRANGES) &&
	       !slice_equal(rule->name, SLICE("managed"));
}

static const struct rule *find_rule(struct request *req, const char *name)
{
	const struct ruleset *rules = req->generation->rules;
	const struct rule *rule = ruleset_find_rule(rules, slice_str(name));
	struct closest like = closest_start(slice_str(name));
	char excerpt[EXCERPT_MAX];

	if (rule && has_mode(rule))
		return rule;
	for (unsigned i = 0; i < rules->rule_count; i++)
		if (has_mode(&rules->rules[i]))
			closest_try(&like, rules->rules[i].name);
	slice_excerpt(slice_str(name), excerpt);
	if (rule)
		channel_error(req->channel, "\"%s\" has no mode of its own\n", excerpt);
	else if (like.like.len > 0)
		channel_error(req->channel, "there is no rule \"%s\"; did you mean \"%.*s\"?\n",
		    excerpt, SLICE_ARG(like.like));
	else
		channel_error(req->channel,
		    "there is no rule \"%s\" (`susmilterctl rules` lists them)\n", excerpt);
	return NULL;
}

static int read_order(struct request *req, struct mode_order *order)
{
	const char *name = request_argument(req, 0), *mode = request_argument(req, 1);
	const char *span = request_text(req, "for");

	*order = (struct mode_order){.monitor = mode && strcmp(mode, "monitor") == 0};
	if (!name || !mode || (!order->monitor && strcmp(mode, "enforce") != 0)) {
		channel_error(req->channel, "rule needs a name and a mode: monitor or enforce\n");
		return STATUS_USAGE;
	}
	if (span && !(order->until = span_of(span))) {
		channel_error(req->channel,
		    "--for needs a duration such as 30m, 12h, 7d or 4w, at most ten years\n");
		return STATUS_USAGE;
	}
	order->until += span ? time(NULL) : 0;
	order->rule = find_rule(req, name);
	return order->rule ? STATUS_OK : STATUS_FAILED;
}

/* Replaces the line of the rule; without an override it has none. */
static void edit_line(
    struct request *req, struct managed_edit *e, const struct mode_order *order, bool override)
{
	struct slice name = order->rule->name;
	const struct managed_line line = {.entry = modes_entry(req->arena, name, order->monitor),
	    .expires = order->until,
	    .by = managed_edit_asker(req),
	    .added = time(NULL)};
	bool replaced;

	managed_remove(e, modes_entry(req->arena, name, true), line.added);
	managed_remove(e, modes_entry(req->arena, name, false), line.added);
	if (override)
		managed_add(e, &line, line.added, &replaced);
}

/* The rule in the table that runs now; NULL, and false, when it has none of this name. */
static bool has_taken(const struct generation *g, const struct mode_order *order)
{
	const struct rule *rule = ruleset_find_rule(g->rules, order->rule->name);

	return rule && rule_monitors(rule, time(NULL)) == order->monitor;
}

/*
 * Puts the mode into force.  The mode that is configured needs no line, and the file of the
 * configuration may say another by now than the table that runs: then it has one all the same.
 * The generation that runs then, pinned; NULL after a complaint.
 */
static const struct generation *put_into_force(
    struct request *req, struct managed_edit *e, const struct mode_order *order)
{
	bool override = order->monitor != order->rule->monitor;
	const struct generation *g;

	for (int tries = 0; tries < 2; tries++, override = true) {
		edit_line(req, e, order, override);
		if (slice_equal(e->text, e->fresh) && has_taken(req->generation, order))
			return table_pin(req->worker->table);
		if (managed_edit_make_live(req, e, "mode") == 0)
			return NULL;
		g = table_pin(req->worker->table);
		if (has_taken(g, order))
			return g;
		table_unpin(&g);
	}
	channel_error(req->channel,
	    "the configuration has no rule \"%.*s\" any more: it was reloaded without\n",
	    SLICE_ARG(order->rule->name));
	return NULL;
}

static int tell_mode(
    struct request *req, const struct generation *g, const struct mode_order *order)
{
	const struct rule *rule = ruleset_find_rule(g->rules, order->rule->name);
	bool lasts = rule_overridden(rule, time(NULL));
	char until[RFC3339_TEXT_MAX] = "";
	json_t *o;

	if (request_switch(req, "json")) {
		o = override_json(rule, time(NULL));
		json_object_set_new(o, "generation", json_integer((json_int_t)g->number));
		return request_print_json(req, o);
	}
	if (lasts && rule->override.until)
		rfc3339_format(rule->override.until, until);
	channel_print(req->channel, "%.*s: %s %s%s: generation %llu is live\n",
	    SLICE_ARG(rule->name), mode_word(order->monitor),
	    !lasts     ? "as configured"
	    : until[0] ? "until "
		       : "until it is taken back",
	    until, (unsigned long long)g->number);
	if (!lasts && order->until)
		channel_print(req->channel, "note: --for ends nothing: this is the mode that is "
					    "configured\n");
	if (g->rules->settings.monitor)
		channel_print(req->channel,
		    "note: mode = \"monitor\" is configured for all: nothing is refused\n");
	return STATUS_OK;
}

int command_rule(struct request *req)
{
	const char *path = modes_path(req->arena, req->generation->config->copies_directory);
	const struct generation *g;
	struct mode_order order;
	struct managed_edit e;
	char why[MANAGED_WHY_MAX];
	int status = read_order(req, &order);

	if (status != STATUS_OK)
		return status;
	if (path[0] == '\0') {
		channel_error(req->channel,
		    "modes cannot be kept: state is empty; set state = \"/var/lib/susmilter\" in "
		    "%s\n",
		    req->config_path);
		return STATUS_FAILED;
	}
	if (!managed_begin(&e, path, req->arena, managed_edit_is_gone, req->channel, why)) {
		channel_error(req->channel, "%s\n", why);
		return STATUS_FAILED;
	}
	e.modes = true;
	g = put_into_force(req, &e, &order);
	managed_end(&e);
	if (!g)
		return STATUS_FAILED;
	status = tell_mode(req, g, &order);
	log_info("rule %.*s: mode %s set by %.*s", SLICE_ARG(order.rule->name),
	    mode_word(order.monitor), SLICE_ARG(managed_edit_asker(req)));
	table_unpin(&g);
	return status;
}
