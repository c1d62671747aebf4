#include "edge/control/commands.h"
#include "edge/dns/dnsbl_watch.h"

#include "core/base/rfc3339.h"
#include "core/stats/decision_text.h"
#include "edge/config/config.h"
#include "edge/control/watch.h"
#include "edge/dns/dnsbl_watch.h"
#include "edge/doors/policy_door.h"
#include "edge/milter/milter.h"

#include <stdio.h>

/* ---- status -------------------------------------------------------------------------- */

const char *age_text(int64_t seconds, char out[AGE_MAX])
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} units[] = {{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}};
	size_t i = 0;

	if (seconds < 0)
		seconds = 0;
	while (i < 2 && seconds < units[i].seconds)
		i++;
	snprintf(out, AGE_MAX, "%lld%s %lld%s", (long long)(seconds / units[i].seconds),
	    units[i].unit, (long long)(seconds % units[i].seconds / units[i + 1].seconds),
	    units[i + 1].unit);
	return out;
}

static json_t *reload_json(const struct reload_status *r)
{
	json_t *o;

	if (r->at_us == 0)
		return json_null();
	o = json_pack("{s:o, s:b, s:I, s:I}", "at", json_from_time(r->at_us / 1000000), "ok", r->ok,
	    "errors", (json_int_t)r->errors, "warnings", (json_int_t)r->warnings);
	if (!r->ok)
		json_object_set_new(o, "first_error", json_from_slice(slice_str(r->first_error)));
	return o;
}

static json_t *records_json(const struct worker *w)
{
	struct recorder_counts c = recorder_counts(w->recorder);

	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "written", (json_int_t)c.written,
	    "suppressed", (json_int_t)c.suppressed, "dropped", (json_int_t)c.dropped, "failed",
	    (json_int_t)c.failed, "queued", (json_int_t)c.queued);
}

static void add_list(void *context, const struct dnsbl_state *s)
{
	json_array_append_new(
	    context, json_pack("{s:o, s:o, s:b, s:b, s:o, s:I}", "name", json_from_slice(s->name),
			 "zone", json_from_slice(s->zone), "in_use", s->in_use, "tested", s->tested,
			 "since", json_from_time(s->since_s), "errors", (json_int_t)s->errors));
}

static json_t *dnsbls_json(const struct request *req)
{
	json_t *lists = json_array();

	if (req->worker->dnsbls)
		dnsbl_watch_each(req->worker->dnsbls, add_list, lists);
	return lists;
}

static void print_list(void *context, const struct dnsbl_state *s)
{
	struct request *req = context;
	char at[RFC3339_TEXT_MAX];

	rfc3339_format(s->since_s, at);
	channel_print(req->channel, "dnsbl        %.*s (%.*s) %s %s, %llu error%s\n",
	    SLICE_ARG(s->name), SLICE_ARG(s->zone),
	    s->in_use   ? "in use since"
	    : s->tested ? "OUT OF USE since"
			: "not in use: its test points have not answered since",
	    at, (unsigned long long)s->errors, s->errors == 1 ? "" : "s");
}

static void print_lists(struct request *req)
{
	const struct ruleset *rules = req->generation->rules;
	int64_t now = req->worker->env.now_us(req->worker->env.self) / 1000000;
	char age[AGE_MAX];

	for (unsigned i = 0; i < rules->dnsbl_count; i++)
		if (rules->dnsbls[i].zone.len == 0)
			channel_print(req->channel,
			    "dnsbl        %.*s: %zu entries, written %s ago\n",
			    SLICE_ARG(rules->dnsbls[i].name), rules->dnsbls[i].entries,
			    age_text(now - rules->dnsbls[i].modified, age));
	if (req->worker->dnsbls)
		dnsbl_watch_each(req->worker->dnsbls, print_list, req);
}

/* Null when the files of this generation have their copies. */
static json_t *state_json(const struct reload_status *r)
{
	return r->copies_why[0] ? json_from_slice(slice_str(r->copies_why)) : json_null();
}

/* Null when refusals are not kept. */
static json_t *reports_json(const struct request *req)
{
	struct reports_counts c = reports_counts(req->worker->reports);

	if (req->generation->config->reports_database[0] == '\0')
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "counted", (json_int_t)c.counted, "written",
	    (json_int_t)c.written, "waiting", (json_int_t)reports_waiting(&c), "lost",
	    (json_int_t)c.lost, "bytes", (json_int_t)c.bytes);
}

/* Null when no history is kept. */
static json_t *history_json(const struct request *req)
{
	struct history_counts c = history_counts(req->worker->history);
	struct evaluator_counts e = evaluator_counts(req->worker->evaluator);
	json_t *o;

	if (req->generation->config->history_directory[0] == '\0')
		return json_null();
	o = json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "running",
	    c.running, "rows", (json_int_t)c.rows, "shared", (json_int_t)c.shared, "dropped",
	    (json_int_t)c.dropped, "failed", (json_int_t)c.failed, "damaged", (json_int_t)c.damaged,
	    "repaired", (json_int_t)c.repaired, "expired", (json_int_t)c.expired, "queued",
	    (json_int_t)c.queued, "segments", (json_int_t)c.segments, "bytes", (json_int_t)c.bytes);
	json_object_set_new(o, "evaluated", json_integer((json_int_t)c.evaluated));
	json_object_set_new(
	    o, "unevaluated", json_integer((json_int_t)(c.unevaluated + e.dropped)));
	if (c.oldest_ms)
		json_object_set_new(o, "oldest", json_from_time(c.oldest_ms / 1000));
	if (!c.running)
		json_object_set_new(o, "error", json_from_slice(slice_str(c.error)));
	return o;
}

/* Null when there is no policy.socket. */
static json_t *policy_json(const struct request *req)
{
	struct policy_counts c = policy_door_counts();

	if (!req->worker->both_doors)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:i}", "requests",
	    (json_int_t)c.requests, "refused", (json_int_t)c.refused, "failed",
	    (json_int_t)c.failed, "malformed", (json_int_t)c.malformed, "connections",
	    (json_int_t)c.connections, "closed", (json_int_t)c.closed, "open", (int)c.open, "busy",
	    (int)c.busy, "threads", (int)c.threads);
}

static json_t *status_json(const struct request *req)
{
	const struct generation *g = req->generation;
	struct reload_status reload = worker_reload_status(req->worker);
	int64_t now = req->worker->env.now_us(req->worker->env.self);

	return json_pack("{s:I, s:o, s:I, s:o, s:I, s:I, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:o, "
			 "s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o}",
	    "generation", (json_int_t)g->number, "loaded", json_from_time(g->loaded_us / 1000000),
	    "age_seconds", (json_int_t)((now - g->loaded_us) / 1000000), "started",
	    json_from_time(req->worker->started_us / 1000000), "uptime_seconds",
	    (json_int_t)((now - req->worker->started_us) / 1000000), "worker_restarts",
	    (json_int_t)req->worker->restarts, "sessions", (int)milter_sessions(),
	    "generations_in_memory", (int)table_retained(req->worker->table), "rules",
	    (json_int_t)g->rules->rule_count, "networks", (json_int_t)g->rules->network_entries,
	    "names", (json_int_t)g->rules->name_entries, "recipient_domains",
	    (json_int_t)g->rules->domain_entries, "bytes", (json_int_t)g->bytes, "last_reload",
	    reload_json(&reload), "records", records_json(req->worker), "reports",
	    reports_json(req), "source", source_json(g->config), "feeds",
	    feeds_json(g->config->loaded, now / 1000000), "state_error", state_json(&reload),
	    "history", history_json(req), "policy", policy_json(req), "dnsbls", dnsbls_json(req),
	    "mode", g->rules->settings.monitor ? "monitor" : "enforce", "rule_modes",
	    overrides_json(g->rules, now / 1000000));
}

static void print_reload(struct request *req, int64_t now)
{
	struct reload_status r = worker_reload_status(req->worker);
	char at[RFC3339_TEXT_MAX], age[AGE_MAX];

	rfc3339_format(r.at_us / 1000000, at);
	age_text((now - r.at_us) / 1000000, age);
	if (r.at_us == 0)
		channel_print(req->channel, "last reload  none\n");
	else if (r.ok)
		channel_print(req->channel, "last reload  %s (%s ago), %zu warning%s\n", at, age,
		    r.warnings, r.warnings == 1 ? "" : "s");
	else
		channel_print(req->channel,
		    "last reload  %s (%s ago) REFUSED, %zu error%s, the first:\n             %s\n",
		    at, age, r.errors, r.errors == 1 ? "" : "s", r.first_error);
}

static void print_copies(struct request *req)
{
	struct reload_status r = worker_reload_status(req->worker);

	if (r.copies_why[0])
		channel_print(req->channel,
		    "state        the files of this generation could not be copied: %s\n",
		    r.copies_why);
}

static void print_policy(struct request *req)
{
	struct policy_counts c = policy_door_counts();

	if (req->worker->both_doors)
		channel_print(req->channel,
		    "policy       %llu requests, %llu refused, %llu failed; %u connections, %u "
		    "being answered\n",
		    (unsigned long long)c.requests, (unsigned long long)c.refused,
		    (unsigned long long)c.failed, c.open, c.busy);
}

static void print_reports(struct request *req)
{
	struct reports_counts c = reports_counts(req->worker->reports);

	if (req->generation->config->reports_database[0] == '\0')
		channel_print(req->channel, "reports      off: reports.database is not set\n");
	else
		channel_print(req->channel,
		    "reports      %llu refusals counted, %llu written, %llu waiting, %llu lost\n",
		    (unsigned long long)c.counted, (unsigned long long)c.written,
		    (unsigned long long)reports_waiting(&c), (unsigned long long)c.lost);
}

static void print_history(struct request *req)
{
	struct history_counts c = history_counts(req->worker->history);
	struct evaluator_counts e = evaluator_counts(req->worker->evaluator);
	char at[RFC3339_TEXT_MAX] = "now";

	if (req->generation->config->history_directory[0] == '\0') {
		channel_print(req->channel, "history      off: history.directory is not set\n");
		return;
	}
	if (c.oldest_ms)
		rfc3339_format(c.oldest_ms / 1000, at);
	channel_print(req->channel,
	    "history      %llu rows, %llu more counted by them, %llu dropped, %llu failed\n",
	    (unsigned long long)c.rows, (unsigned long long)c.shared, (unsigned long long)c.dropped,
	    (unsigned long long)c.failed);
	channel_print(req->channel,
	    "             since %s, %llu segments of %llu kB; %llu expired\n", at,
	    (unsigned long long)c.segments, (unsigned long long)(c.bytes / 1024),
	    (unsigned long long)c.expired);
	if (c.evaluated + c.unevaluated + e.dropped > 0)
		channel_print(req->channel,
		    "             sample: %llu evaluated, %llu dropped, %llu waiting\n",
		    (unsigned long long)c.evaluated,
		    (unsigned long long)(c.unevaluated + e.dropped), (unsigned long long)e.waiting);
	if (c.damaged + c.repaired > 0)
		channel_print(req->channel,
		    "             damaged: %llu rows lost, %llu bits mended\n",
		    (unsigned long long)c.damaged, (unsigned long long)c.repaired);
	if (!c.running)
		channel_print(req->channel, "             NOT WRITTEN: %s\n", c.error);
}

static void print_status(struct request *req)
{
	const struct generation *g = req->generation;
	struct recorder_counts c = recorder_counts(req->worker->recorder);
	int64_t now = req->worker->env.now_us(req->worker->env.self);
	char at[RFC3339_TEXT_MAX], age[AGE_MAX];

	rfc3339_format(req->worker->started_us / 1000000, at);
	channel_print(req->channel, "running      since %s (%s), %llu restarts of the worker\n", at,
	    age_text((now - req->worker->started_us) / 1000000, age),
	    (unsigned long long)req->worker->restarts);
	rfc3339_format(g->loaded_us / 1000000, at);
	channel_print(req->channel, "generation   %llu, live since %s (%s); %u in memory\n",
	    (unsigned long long)g->number, at, age_text((now - g->loaded_us) / 1000000, age),
	    table_retained(req->worker->table));
	channel_print(req->channel,
	    "table        %u rules, %zu networks, %zu names, %zu recipient domains, %zu kB\n",
	    g->rules->rule_count, g->rules->network_entries, g->rules->name_entries,
	    g->rules->domain_entries, g->bytes / 1024);
	channel_print(req->channel, "mode         %s\n",
	    g->rules->settings.monitor ? "monitor: nothing is refused" : "enforce");
	overrides_print(req, g->rules, now / 1000000);
	source_print(req, g->config);
	print_reload(req, now);
	print_copies(req);
	feeds_print(req, g->config->loaded, now / 1000000);
	print_lists(req);
	channel_print(req->channel, "sessions     %u\n", milter_sessions());
	print_policy(req);
	channel_print(req->channel,
	    "records      %llu written, %llu suppressed, %llu dropped, %llu failed\n",
	    (unsigned long long)c.written, (unsigned long long)c.suppressed,
	    (unsigned long long)c.dropped, (unsigned long long)c.failed);
	print_reports(req);
	print_history(req);
}

int command_status(struct request *req)
{
	if (request_switch(req, "json"))
		return request_print_json(req, status_json(req));
	print_status(req);
	return STATUS_OK;
}

/* ---- stats --------------------------------------------------------------------------- */

static void add_counter(void *context, const struct counter *c)
{
	json_array_append_new(
	    context, json_pack("{s:s, s:o, s:s, s:I}", "family", family_name(c->family), "rule",
			 json_from_slice(c->rule), "action", action_word(c->action, c->monitored),
			 "count", (json_int_t)c->count));
}

static void print_counter(void *context, const struct counter *c)
{
	struct request *req = context;

	channel_print(req->channel, "%-17s %-30.*s %-16s %12llu\n",
	    c->family == FAMILY_NONE ? "-" : family_name(c->family),
	    SLICE_ARG(c->rule.len > 0 ? c->rule : SLICE("-")), action_word(c->action, c->monitored),
	    (unsigned long long)c->count);
}

int command_stats(struct request *req)
{
	json_t *counters;

	if (request_switch(req, "json")) {
		counters = json_array();
		counters_each(req->worker->counters, add_counter, counters);
		return request_print_json(
		    req, json_pack("{s:o, s:o}", "status", status_json(req), "counters", counters));
	}
	print_status(req);
	channel_print(
	    req->channel, "\n%-17s %-30s %-16s %12s\n", "FAMILY", "RULE", "ACTION", "DECISIONS");
	counters_each(req->worker->counters, print_counter, req);
	return STATUS_OK;
}
