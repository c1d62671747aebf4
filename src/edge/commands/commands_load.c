#include "edge/control/commands.h"

#include "core/base/rfc3339.h"
#include "core/rules/survey_text.h"
#include "edge/config/config.h"
#include "edge/milter/milter.h"

#include <time.h>

/* ---- answers as JSON ----------------------------------------------------------------- */

struct lines {
	json_t *errors, *warnings;
};

static void add_line(void *context, enum diag_level level, const char *line)
{
	struct lines *l = context;

	json_array_append_new(
	    level == DIAG_ERROR ? l->errors : l->warnings, json_from_slice(slice_str(line)));
}

static json_t *report_json(const struct diag *diag)
{
	struct lines l = {json_array(), json_array()};

	diag_each(diag, add_line, &l);
	return json_pack("{s:b, s:I, s:I, s:o, s:o}", "ok", diag_errors(diag) == 0, "error_count",
	    (json_int_t)diag_errors(diag), "warning_count", (json_int_t)diag_warnings(diag),
	    "errors", l.errors, "warnings", l.warnings);
}

static void add_sizes(json_t *o, const struct ruleset *rules)
{
	json_object_set_new(o, "rule_modes", overrides_json(rules, time(NULL)));
	json_object_set_new(o, "rules", json_integer((json_int_t)rules->rule_count));
	json_object_set_new(o, "networks", json_integer((json_int_t)rules->network_entries));
	json_object_set_new(o, "names", json_integer((json_int_t)rules->name_entries));
	json_object_set_new(
	    o, "recipient_domains", json_integer((json_int_t)rules->domain_entries));
	json_object_set_new(o, "duplicates", json_integer((json_int_t)rules->duplicates));
	json_object_set_new(o, "covered", json_integer((json_int_t)rules->covered));
	json_object_set_new(o, "bytes", json_integer((json_int_t)ruleset_bytes(rules)));
}

/* ---- reload -------------------------------------------------------------------------- */

static int64_t now_seconds(struct request *req)
{
	return req->worker->env.now_us(req->worker->env.self) / 1000000;
}

static void tell_live(struct request *req, const struct generation *fresh)
{
	channel_print(req->channel, "generation %llu is live: %u rules, %zu networks, %zu names\n",
	    (unsigned long long)fresh->number, fresh->rules->rule_count,
	    fresh->rules->network_entries, fresh->rules->name_entries);
	source_print(req, fresh->config);
	change_print(req, req->generation->rules, fresh->rules);
}

/* A reload that was refused stays refused while nobody changes a file. */
static void tell_unchanged(struct request *req, uint64_t number)
{
	struct reload_status last = worker_reload_status(req->worker);
	char at[RFC3339_TEXT_MAX];

	rfc3339_format(last.at_us / 1000000, at);
	if (last.at_us == 0 || last.ok)
		channel_print(req->channel, "nothing changed: generation %llu stays in use\n",
		    (unsigned long long)number);
	else
		channel_error(req->channel,
		    "nothing changed since the reload that was refused at %s: %zu error%s, the "
		    "first: %s; generation %llu stays in use\n",
		    at, last.errors, last.errors == 1 ? "" : "s", last.first_error,
		    (unsigned long long)number);
}

static void tell_reload(struct request *req, const struct diag *diag, enum reload_result result,
    const struct generation *now)
{
	size_t errors = diag_errors(diag);

	/* Feeds that are not taken come first in it. */
	request_print_diag(req, diag);
	if (result == RELOAD_LIVE)
		tell_live(req, now);
	else if (result == RELOAD_UNCHANGED)
		tell_unchanged(req, now->number);
	else
		channel_error(req->channel,
		    "reload refused: %zu error%s; generation %llu stays in use\n", errors,
		    errors == 1 ? "" : "s", (unsigned long long)now->number);
}

static json_t *reload_as_json(struct request *req, const struct diag *diag,
    enum reload_result result, bool ok, const struct generation *now)
{
	json_t *o = report_json(diag);

	json_object_set_new(o, "ok", json_boolean(ok));
	json_object_set_new(o, "generation", json_integer((json_int_t)now->number));
	json_object_set_new(o, "changed", json_boolean(result == RELOAD_LIVE));
	json_object_set_new(o, "source", source_json(now->config));
	json_object_set_new(o, "feeds", feeds_json(now->config->loaded, now_seconds(req)));
	if (result == RELOAD_LIVE)
		json_object_set_new(
		    o, "difference", change_json(req, req->generation->rules, now->rules));
	return o;
}

/* What was to be taken is taken. */
static bool has_taken(const struct config *c, const char *rule)
{
	for (const struct loaded_feed *f = c->loaded->feeds; rule && f; f = f->next)
		if (strcmp(f->rule, rule) == 0 && !f->taken)
			return false;
	return true;
}

static bool is_well(struct request *req, enum reload_result result,
    const struct reload_order *order, const struct generation *now)
{
	struct reload_status last = worker_reload_status(req->worker);

	if (result == RELOAD_UNCHANGED)
		return last.at_us == 0 || last.ok;
	return result == RELOAD_LIVE && has_taken(now->config, order->take);
}

/* One of the ways to reload; false after a complaint. */
static bool read_order(struct request *req, struct reload_order *order)
{
	bool if_changed = request_switch(req, "if_changed"),
	     previous = request_switch(req, "previous");

	*order = (struct reload_order){.files = if_changed ? RELOAD_IF_CHANGED
						: previous ? RELOAD_PREVIOUS
							   : RELOAD_FILES,
	    .take = request_text(req, "take")};
	if (if_changed + previous + (order->take != NULL) <= 1)
		return true;
	channel_error(
	    req->channel, "reload takes only one of --if-changed, --previous and --take\n");
	return false;
}

int command_reload(struct request *req)
{
	struct diag *diag = diag_create();
	const struct generation *now = NULL;
	struct reload_order order;
	enum reload_result result;
	uint64_t number;
	int status = STATUS_USAGE;

	if (!diag) {
		channel_error(req->channel, "out of memory\n");
		return STATUS_FAILED;
	}
	if (read_order(req, &order)) {
		result = worker_reload(req->worker, &order, diag, &number);
		now = table_pin(req->worker->table);
		status = is_well(req, result, &order, now) ? STATUS_OK : STATUS_FAILED;
		if (request_switch(req, "json"))
			request_print_json(
			    req, reload_as_json(req, diag, result, status == STATUS_OK, now));
		else
			tell_reload(req, diag, result, now);
	}
	table_unpin(&now);
	diag_free(&diag);
	return status;
}

/* ---- check --------------------------------------------------------------------------- */

static void print_line(void *context, const char *line)
{
	struct request *req = context;

	channel_print(req->channel, "%s\n", line);
}

static void print_table(
    struct request *req, const struct ruleset *rules, const struct survey *survey)
{
	channel_print(req->channel,
	    "%u rules, %zu networks, %zu names, %zu recipient domains; %zu kB in memory\n",
	    rules->rule_count, rules->network_entries, rules->name_entries, rules->domain_entries,
	    ruleset_bytes(rules) / 1024);
	channel_print(req->channel, "%zu entries are duplicates, %zu are covered by others\n",
	    rules->duplicates, rules->covered);
	survey_text(survey, rules, print_line, req);
	overrides_print(req, rules, time(NULL));
	if (!req->generation)
		return;
	channel_print(req->channel, "\ncompared with running generation %llu:\n",
	    (unsigned long long)req->generation->number);
	change_print(req, req->generation->rules, rules);
}

/* STATUS_OK when everything was printed. */
static int tell_check(struct request *req, const char *path, const struct diag *diag,
    const struct ruleset *rules, const struct survey *survey)
{
	size_t errors = diag_errors(diag), warnings = diag_warnings(diag);
	json_t *o;

	if (request_switch(req, "json")) {
		o = report_json(diag);
		if (rules)
			add_sizes(o, rules);
		if (rules && req->generation)
			json_object_set_new(
			    o, "difference", change_json(req, req->generation->rules, rules));
		return request_print_json(req, o);
	}
	request_print_diag(req, diag);
	channel_print(req->channel, "%s: %s, %zu error%s, %zu warning%s\n", path,
	    rules ? "ok" : "refused", errors, errors == 1 ? "" : "s", warnings,
	    warnings == 1 ? "" : "s");
	if (rules)
		print_table(req, rules, survey);
	return STATUS_OK;
}

/* What the system grants is known of the daemon only, which this is when there is a worker. */
static void check_tasks(
    const struct request *req, const char *path, const struct config *config, struct diag *diag)
{
	char why[MILTER_WHY_MAX];

	if (req->worker && milter_lacks_tasks(config->milter_max_sessions, why))
		diag_warning(diag, (struct origin){path, 0}, "%s", why);
}

int command_check(struct request *req)
{
	const char *file = request_argument(req, 0), *path = file ? file : req->config_path;
	struct diag *diag = diag_create();
	struct survey *survey = survey_create(time(NULL));
	struct ruleset *rules = NULL;
	struct config *config = NULL;
	int status = STATUS_FAILED;

	if (diag && survey) {
		config = config_survey(
		    path, req->generation ? req->generation->config : NULL, diag, &rules, survey);
		if (config)
			config_check_reach(config, diag);
		if (config)
			check_tasks(req, path, config, diag);
		if (config && !config_check_resolver(config, diag))
			ruleset_free(&rules);
		status = tell_check(req, path, diag, rules, survey);
		if (!rules || (request_switch(req, "strict") && diag_warnings(diag) > 0))
			status = STATUS_FAILED;
	} else {
		channel_error(req->channel, "out of memory\n");
	}
	ruleset_free(&rules);
	config_free(&config);
	survey_free(&survey);
	diag_free(&diag);
	return status;
}
