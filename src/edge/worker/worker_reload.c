/* The first load and every later one: aside, validated, then published; and the parts of the worker
 * that follow the configuration. */
#include "edge/log/log.h"
#include "edge/worker/worker.h"
#include "edge/worker/worker_resolver.h"

#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void say_line(void *context, enum diag_level level, const char *line)
{
	(void)context;
	if (level == DIAG_ERROR)
		log_error("%s", line);
	else
		log_warning("%s", line);
}

struct recorder_settings worker_recorder_settings(const struct config *c)
{
	return (struct recorder_settings){
	    .decisions = c->log_decisions,
	    .syslog = c->log_syslog,
	    .per_recipient_minute = c->log_per_recipient_minute,
	};
}

static void keep_first_error(void *context, enum diag_level level, const char *line)
{
	struct reload_status *status = context;

	if (level == DIAG_ERROR && !status->first_error[0])
		snprintf(status->first_error, sizeof status->first_error, "%s", line);
}

/* ---- what stays ---------------------------------------------------------------------- */

/* Options that name what was opened at the start, before privileges were dropped. */
static const struct {
	const char *key;
	size_t offset;
} kept_texts[] = {
    {"milter.socket", offsetof(struct config, milter_socket)},
    {"milter.socket_group", offsetof(struct config, milter_socket_group)},
    {"milter.user", offsetof(struct config, milter_user)},
    {"control.socket", offsetof(struct config, control_socket)},
    {"metrics.listen", offsetof(struct config, metrics_listen)},
    {"metrics.file", offsetof(struct config, metrics_file)},
};

enum { KEPT_TEXTS = sizeof kept_texts / sizeof *kept_texts };

static const char **kept_text(const struct config *c, size_t i)
{
	return (const char **)(uintptr_t)((const char *)c + kept_texts[i].offset);
}

static bool keep(struct worker *w, const struct config *first)
{
	w->started_with.milter_socket_mode = first->milter_socket_mode;
	w->started_with.milter_max_sessions = first->milter_max_sessions;
	for (size_t i = 0; i < KEPT_TEXTS; i++) {
		const char *copy = strdup(*kept_text(first, i));

		if (!copy)
			return false;
		*kept_text(&w->started_with, i) = copy;
	}
	return true;
}

/* A reload that seems to work, and a socket that is not there, would be a riddle. */
static void warn_of_restart(const struct worker *w, const struct config *now, struct diag *diag)
{
	const struct config *then = &w->started_with;
	const struct origin file = {w->config_path, 0};

	for (size_t i = 0; i < KEPT_TEXTS; i++)
		if (strcmp(*kept_text(then, i), *kept_text(now, i)) != 0)
			diag_warning(diag, file, "%s stays \"%s\" until susmilter is restarted",
			    kept_texts[i].key, *kept_text(then, i));
	if (then->milter_socket_mode != now->milter_socket_mode)
		diag_warning(diag, file,
		    "milter.socket_mode stays \"0%o\" until susmilter is restarted",
		    then->milter_socket_mode);
	if (then->milter_max_sessions != now->milter_max_sessions)
		diag_warning(diag, file,
		    "milter.max_sessions stays %u until susmilter is restarted",
		    then->milter_max_sessions);
}

/* ---- loading ------------------------------------------------------------------------- */

/* The parts that change with the configuration while the process runs. */
static void apply_config(struct worker *w, const struct config *now)
{
	struct recorder_settings settings = worker_recorder_settings(now);
	struct reports_settings reports = {
	    .database = now->reports_database, .keep_days = now->reports_keep_days};

	recorder_configure(w->recorder, &settings);
	reports_configure(w->reports, &reports);
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
	worker_copies_note(w, before, fresh->config, diag, why);
	warn_of_restart(w, fresh->config, diag);
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
	diag_each(diag, say_line, NULL);
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

static struct config *first_config(struct worker *w, struct diag *diag, struct ruleset **rules)
{
	struct config_request request = {
	    .path = w->config_path, .now = w->env.now_us(w) / 1000000, .live = true};
	struct config *config = config_request(&request, diag, rules);

	if (config && !worker_copies_open(w, config)) {
		diag_error(diag, (struct origin){w->config_path, 0}, "out of memory");
		ruleset_free(rules);
		config_free(&config);
	}
	if (config)
		prefer_copies(w, rules, &config, diag);
	return config;
}

bool worker_first_load(struct worker *w)
{
	struct diag *diag = diag_create();
	struct ruleset *rules = NULL;
	struct config *config = diag ? first_config(w, diag, &rules) : NULL;
	bool ok = config && keep(w, config) &&
		  table_publish(w->table, rules, config, w->env.now_us(w)) != 0;
	size_t errors = diag ? diag_errors(diag) : 1;

	if (ok)
		config_warn_resolvconf(config, diag);
	if (diag)
		diag_each(diag, say_line, NULL);
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
		diag_each(diag, say_line, NULL);
	}
	diag_free(&diag);
	table_unpin(&g);
}
