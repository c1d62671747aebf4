/* The first load and every later one: aside, validated, then published; and the parts of the worker
 * that follow the configuration. */
#include "edge/dns/dnsbl_watch.h"
#include "edge/log/log.h"
#include "edge/worker/worker.h"
#include "edge/worker/worker_resolver.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

struct recorder_settings worker_recorder_settings(const struct config *c)
{
	return (struct recorder_settings){
	    .decisions = c->log_decisions,
	    .syslog = c->log_syslog,
	    .per_recipient_minute = c->log_per_recipient_minute,
	};
}

struct history_settings worker_history_settings(const struct config *c)
{
	return (struct history_settings){
	    .directory = c->history_directory,
	    .keep_days = c->history_keep_days,
	    .max_bytes = c->history_max_bytes,
	    .min_free = c->history_min_free,
	    .local_parts = c->history_local_parts,
	    .per_network_minute = c->history_per_network_minute,
	};
}

unsigned worker_evaluate(const struct config *c)
{
	return c->history_directory[0] ? c->history_evaluate : 0;
}

static void keep_first_error(void *context, enum diag_level level, const char *line)
{
	struct reload_status *status = context;

	if (level == DIAG_ERROR && !status->first_error[0])
		snprintf(status->first_error, sizeof status->first_error, "%s", line);
}

/* ---- loading ------------------------------------------------------------------------- */

/* The parts that change with the configuration while the process runs. */
static void apply_config(struct worker *w, const struct config *now)
{
	struct recorder_settings settings = worker_recorder_settings(now);
	struct history_settings history = worker_history_settings(now);
	struct reports_settings reports = {
	    .database = now->reports_database, .keep_days = now->reports_keep_days};

	recorder_configure(w->recorder, &settings);
	reports_configure(w->reports, &reports);
	history_configure(w->history, &history);
	evaluator_configure(w->evaluator, worker_evaluate(now));
}

static uint64_t publish(struct worker *w, const struct config *before, struct ruleset *rules,
    struct config *config, struct diag *diag, char why[COPIES_WHY_MAX])
{
	const struct generation *fresh;
	uint64_t number = table_publish(w->table, rules, config, w->env.now_us(w));

	if (number == 0) {
		diag_error(diag, (struct origin){w->config_path, 0}, "out of memory");
		ruleset_free(&rules);
		config_free(&config);
		return 0;
	}
	fresh = table_pin(w->table);
	apply_config(w, fresh->config);
	if (w->dnsbls)
		dnsbl_watch_lists(w->dnsbls, fresh->rules->dnsbls, fresh->rules->dnsbl_count);
	worker_copies_note(w, before, fresh->config, diag, why);
	config_compare_start(w->start, fresh->config, false, diag);
	table_unpin(&fresh);
	return number;
}

static uint64_t load_and_publish(struct worker *w, const struct config_request *request,
    struct diag *diag, char why[COPIES_WHY_MAX])
{
	const struct config *before = request->previous;
	struct ruleset *rules;
	struct config *config = config_request(request, diag, &rules);
	struct worker_resolver made;
	uint64_t number = 0;

	if (config && config->from && !config_keep_records(config, before)) {
		diag_error(diag, (struct origin){w->config_path, 0}, "out of memory");
		config_free(&config);
	}
	if (config && worker_resolver_prepare(w, before, config, diag, &made)) {
		number = publish(w, before, rules, config, diag, why);
		if (number)
			worker_resolver_install(w, &made);
		resolver_free(&made.resolver);
	} else {
		ruleset_free(&rules);
		config_free(&config);
	}
	/* Text and table of this load came and went: without this the heap keeps their holes. */
	malloc_trim(0);
	return number;
}

/* What became of it, for `status` and the supervisor. */
static void note_status(
    struct worker *w, uint64_t number, const struct diag *diag, const char *copies_why)
{
	struct reload_status status = {
	    .at_us = w->env.now_us(w),
	    .ok = number != 0,
	    .generation = number ? number : w->reload.generation,
	    .errors = diag_errors(diag),
	    .warnings = diag_warnings(diag),
	    .refused = w->reload.refused + (number == 0),
	};

	snprintf(status.copies_why, sizeof status.copies_why, "%s",
	    number ? copies_why : w->reload.copies_why);
	diag_each(diag, keep_first_error, &status);
	pthread_mutex_lock(&w->status_lock);
	w->reload = status;
	pthread_mutex_unlock(&w->status_lock);
	worker_tell_status(w);
}

static void log_outcome(
    uint64_t number, const struct reload_status *status, const struct diag *diag)
{
	diag_each(diag, log_diag_line, NULL);
	if (number)
		log_info("reloaded: generation %llu is live", (unsigned long long)number);
	else
		log_error("reload refused: %zu error%s; generation %llu stays in use",
		    status->errors, status->errors == 1 ? "" : "s",
		    (unsigned long long)status->generation);
}

/* Reads, publishes and tells. */
static enum reload_result reload(
    struct worker *w, const struct config_request *request, struct diag *diag, uint64_t *number)
{
	char why[COPIES_WHY_MAX] = "";
	uint64_t fresh;

	loaded_free(&w->refused);
	fresh = load_and_publish(w, request, diag, why);
	note_status(w, fresh, diag, why);
	log_outcome(fresh, &w->reload, diag);
	if (fresh)
		*number = fresh;
	return fresh ? RELOAD_LIVE : RELOAD_REFUSED;
}

enum reload_result worker_reload(
    struct worker *w, const struct reload_order *order, struct diag *diag, uint64_t *number)
{
	struct config_request request = {
	    .path = w->config_path,
	    .now = w->env.now_us(w) / 1000000,
	    .live = true,
	    .take = order->take,
	};
	enum reload_result result = RELOAD_REFUSED;
	const struct generation *before;

	pthread_mutex_lock(&w->reload_lock);
	before = table_pin(w->table);
	*number = before->number;
	request.previous = before->config;
	if (order->files == RELOAD_IF_CHANGED && worker_files_unchanged(w, before->config)) {
		result = RELOAD_UNCHANGED;
	} else if (worker_copies_request(w, before->config, order->files, &request, diag)) {
		/* What is refused for its files is refused again while they stay. */
		if (!request.from && !order->take)
			request.refused = &w->refused;
		result = reload(w, &request, diag, number);
	}
	table_unpin(&before);
	pthread_mutex_unlock(&w->reload_lock);
	return result;
}

/* ---- the first ------------------------------------------------------------------------ */

/*
 * Copies that somebody went back to run on, unless an administrator's file has changed since; the
 * files themselves were read for where the copies are.
 */
static void prefer_copies(
    struct worker *w, struct ruleset **rules, struct config **config, struct diag *diag)
{
	const struct copied_set *set = &w->copies->sets[COPIES_PREVIOUS];
	struct config_request request = {
	    .path = w->config_path,
	    .now = w->env.now_us(w) / 1000000,
	    .live = true,
	    .from = w->copies,
	    .from_set = COPIES_PREVIOUS,
	};
	struct diag *aside;
	struct ruleset *others = NULL;
	struct config *copy;

	if (w->copies->running != COPIES_PREVIOUS || !set->there || !set->whole ||
	    copies_changed(w->copies, COPIES_CURRENT, LOADED_ADMIN))
		return;
	aside = diag_create();
	copy = aside ? config_request(&request, aside, &others) : NULL;
	diag_free(&aside);
	if (copy && !config_keep_records(copy, *config)) {
		ruleset_free(&others);
		config_free(&copy);
	}
	if (!copy) {
		diag_warning(diag, (struct origin){w->config_path, 0},
		    "the copy of the previous generation no longer loads: the files are used");
		return;
	}
	diag_headline(diag, (struct origin){w->config_path, 0},
	    "running from the copy of the previous generation's files (reload --previous); "
	    "`susmilterctl reload` reads the files");
	w->undone = loaded_names((*config)->loaded);
	ruleset_free(rules);
	config_free(config);
	*rules = others;
	*config = copy;
}

/* Where root did not read what its user reads, nothing starts; a later worker goes on as before.
 * The sockets are those of the file, whatever a copy of an earlier one says. */
static bool is_as_started(const struct worker *w, const struct config *c, struct diag *diag)
{
	if (w->start)
		config_compare_start(w->start, c, w->restarts == 0, diag);
	return diag_errors(diag) == 0;
}

static struct config *first_config(struct worker *w, struct diag *diag, struct ruleset **rules)
{
	struct config_request request = {
	    .path = w->config_path, .now = w->env.now_us(w) / 1000000, .live = true};
	struct config *config = config_request(&request, diag, rules);
	bool ok = config && is_as_started(w, config, diag);

	if (ok && !worker_copies_open(w, config)) {
		diag_error(diag, (struct origin){w->config_path, 0}, "out of memory");
		ok = false;
	}
	if (ok) {
		prefer_copies(w, rules, &config, diag);
	} else {
		ruleset_free(rules);
		config_free(&config);
	}
	return config;
}

bool worker_first_load(struct worker *w)
{
	struct diag *diag = diag_create();
	struct ruleset *rules = NULL;
	struct config *config = diag ? first_config(w, diag, &rules) : NULL;
	bool ok = config && table_publish(w->table, rules, config, w->env.now_us(w)) != 0;
	size_t errors;

	if (ok) {
		config_warn_resolvconf(config, diag);
	} else {
		ruleset_free(&rules);
		config_free(&config);
	}
	errors = diag ? diag_errors(diag) : 1;
	if (diag && w->start)
		config_warn_denied(w->start, diag);
	if (diag)
		diag_each(diag, log_diag_line, NULL);
	if (!ok)
		log_error("not started: %zu error%s in the configuration", errors,
		    errors == 1 ? "" : "s");
	diag_free(&diag);
	w->reload.generation = 1;
	return ok;
}

void worker_first_copies(struct worker *w)
{
	const struct generation *g = table_pin(w->table);
	struct diag *diag = diag_create();
	char why[COPIES_WHY_MAX];

	if (diag) {
		worker_copies_note(w, g->config, g->config, diag, why);
		pthread_mutex_lock(&w->status_lock);
		snprintf(w->reload.copies_why, sizeof w->reload.copies_why, "%s", why);
		pthread_mutex_unlock(&w->status_lock);
		diag_each(diag, log_diag_line, NULL);
	}
	diag_free(&diag);
	table_unpin(&g);
}
