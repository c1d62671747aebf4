#include "edge/worker.h"

#include "edge/control.h"
#include "edge/environment.h"
#include "edge/log.h"
#include "edge/metrics.h"
#include "edge/milter.h"
#include "edge/privileges.h"
#include "edge/pulse.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long a stopping worker waits for SMTP sessions to end by themselves: below the 90 seconds
 * that systemd grants, above what a client needs between two commands. */
enum { DRAIN_SECONDS = 30, DRAIN_STEP_MS = 50 };

static void say_line(void *context, enum report_level level, const char *line)
{
	(void)context;
	if (level == REPORT_ERROR)
		log_error("%s", line);
	else if (level == REPORT_WARNING)
		log_warning("%s", line);
}

static struct recorder_settings recorder_settings_of(const struct config *c)
{
	return (struct recorder_settings){
	    .decisions = c->log_decisions,
	    .syslog = c->log_syslog,
	    .per_recipient_minute = c->log_per_recipient_minute,
	};
}

/* ---- reload -------------------------------------------------------------------------------------
 */

static void keep_first_error(void *context, enum report_level level, const char *line)
{
	struct reload_status *status = context;

	if (level == REPORT_ERROR && !status->first_error[0])
		snprintf(status->first_error, sizeof status->first_error, "%s", line);
}

/* When resolv.conf was changed, in nanoseconds; 0 when it cannot be told. */
static int64_t system_servers_changed(void)
{
	struct stat st;

	if (stat("/etc/resolv.conf", &st) != 0)
		return 0;
	return (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

static bool same_servers(const struct config *a, const struct config *b)
{
	bool same = a->resolver_server_count == b->resolver_server_count &&
		    a->resolver_timeout >= b->resolver_timeout &&
		    a->resolver_timeout <= b->resolver_timeout;

	for (unsigned i = 0; same && i < a->resolver_server_count; i++)
		same = strcmp(a->resolver_servers[i], b->resolver_servers[i]) == 0;
	return same;
}

/* A reload keeps a resolver that runs and asks the right servers, with all that it has cached. */
static bool keeps_resolver(struct worker *w, const struct config *before, const struct config *now)
{
	struct resolver_stats stats;

	resolver_stats(w->resolver, &stats);
	return stats.running && same_servers(before, now) &&
	       w->resolver_made_for == system_servers_changed();
}

/*
 * A resolver for this configuration takes the place of the old one, which its sessions finish on.
 * Without a new one the old stays: mail is better served by yesterday's name servers than by none.
 */
static bool replace_resolver(struct worker *w, const struct config *c)
{
	struct resolver_settings settings = {
	    .servers = c->resolver_servers,
	    .server_count = c->resolver_server_count,
	    .question_ms = (unsigned)(c->resolver_timeout * 1000),
	};
	char why[RESOLVER_WHY_MAX];
	struct resolver *fresh = resolver_create(&settings, why, sizeof why), *old;

	if (!fresh) {
		log_error("resolver: %s", why);
		return false;
	}
	pthread_mutex_lock(&w->resolver_lock);
	old = w->resolver;
	w->resolver = fresh;
	w->resolver_made_for = system_servers_changed();
	pthread_mutex_unlock(&w->resolver_lock);
	resolver_free(&old);
	return true;
}

/* The parts that change with the configuration while the process runs. */
static void apply_config(struct worker *w, const struct config *before, const struct config *now)
{
	struct recorder_settings settings = recorder_settings_of(now);

	recorder_configure(w->recorder, &settings);
	if (!keeps_resolver(w, before, now))
		replace_resolver(w, now);
}

static uint64_t publish(struct worker *w, const struct config *before, struct ruleset *rules,
    struct config *config, struct report *report)
{
	const struct generation *fresh;
	uint64_t number = table_publish(w->table, rules, config, w->env.now_us(w));

	if (number == 0) {
		report_error(report, (struct origin){w->config_path, 0}, "out of memory");
		ruleset_free(&rules);
		config_free(&config);
		return 0;
	}
	fresh = table_pin(w->table);
	apply_config(w, before, fresh->config);
	table_unpin(&fresh);
	return number;
}

static uint64_t load_and_publish(struct worker *w, struct report *report)
{
	const struct generation *before = table_pin(w->table);
	struct ruleset *rules;
	struct config *config = config_load(w->config_path, before->config, report, &rules);
	uint64_t number = config ? publish(w, before->config, rules, config, report) : 0;

	table_unpin(&before);
	return number;
}

uint64_t worker_reload(struct worker *w, struct report *report)
{
	uint64_t number;

	pthread_mutex_lock(&w->reload_lock);
	number = load_and_publish(w, report);
	w->reload = (struct reload_status){
	    .at_us = w->env.now_us(w),
	    .ok = number != 0,
	    .generation = number ? number : w->reload.generation,
	    .errors = report_errors(report),
	    .warnings = report_warnings(report),
	};
	report_each(report, keep_first_error, &w->reload);
	pthread_mutex_unlock(&w->reload_lock);
	report_each(report, say_line, NULL);
	if (number)
		log_info("reloaded: generation %llu is live", (unsigned long long)number);
	else
		log_error("reload refused: %zu errors; generation %llu stays",
		    report_errors(report), (unsigned long long)w->reload.generation);
	return number;
}

struct reload_status worker_reload_status(struct worker *w)
{
	struct reload_status status;

	pthread_mutex_lock(&w->reload_lock);
	status = w->reload;
	pthread_mutex_unlock(&w->reload_lock);
	return status;
}

/* ---- orders of the supervisor
 * --------------------------------------------------------------------- */

struct orders {
	struct worker *worker;
	int fd;
};

static void obey_reload(struct worker *w)
{
	struct report *report = report_create();

	if (report)
		worker_reload(w, report);
	else
		log_error("reload refused: out of memory");
	report_free(&report);
}

/*
 * Reads orders until there is no supervisor any more.  Many orders that wait are one: what a reload
 * reads is newer than all of them.
 */
static void *take_orders(void *context)
{
	struct orders *orders = context;
	char waiting[4096];
	ssize_t n;

	while ((n = read(orders->fd, waiting, sizeof waiting)) > 0 || (n < 0 && errno == EINTR)) {
		size_t len = n > 0 ? (size_t)n : 0;
		if (memchr(waiting, ORDER_STOP, len))
			break;
		if (memchr(waiting, ORDER_REOPEN, len))
			recorder_reopen(orders->worker->recorder);
		if (memchr(waiting, ORDER_RELOAD, len))
			obey_reload(orders->worker);
	}
	milter_stop();
	return NULL;
}

/* ---- life
 * ------------------------------------------------------------------------------------------ */

/* Loads the first generation; false after the errors are said. */
static bool first_load(struct worker *w)
{
	struct report *report = report_create();
	struct ruleset *rules = NULL;
	struct config *config = report ? config_load(w->config_path, NULL, report, &rules) : NULL;
	bool ok = config && table_publish(w->table, rules, config, w->env.now_us(w)) != 0;

	if (report)
		report_each(report, say_line, NULL);
	if (!ok)
		log_error("not started: %zu errors in the configuration",
		    report ? report_errors(report) : 1);
	report_free(&report);
	w->reload.generation = 1;
	return ok;
}

/* Sessions and DNS questions take descriptors: as many as the system grants.  A shell's soft limit
 * of 1,024 would let a thousand questions to a dead server hold up all others. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		log_warning("the limit of open files stays: %s", strerror(errno));
}

static bool open_sockets(struct worker *w, const struct config *c)
{
	char why[MILTER_WHY_MAX];
	struct milter_settings settings = {
	    .socket = c->milter_socket,
	    .socket_mode = c->milter_socket_mode,
	    .socket_group = c->milter_socket_group,
	    .max_sessions = c->milter_max_sessions,
	    .env = &w->env,
	    .table = w->table,
	};

	if (milter_open(&settings, why) || control_open(c->control_socket, why, sizeof why) ||
	    privileges_drop(c->milter_user, why, sizeof why)) {
		log_error("%s", why);
		return false;
	}
	return true;
}

static bool open_recorder(struct worker *w, const struct config *c)
{
	struct recorder_settings settings = recorder_settings_of(c);
	char why[RECORDER_WHY_MAX];

	w->recorder = recorder_create(&settings, why);
	if (!w->recorder)
		log_error("%s", why);
	return w->recorder;
}

static bool start_metrics(struct worker *w, const struct config *c)
{
	char why[METRICS_WHY_MAX];

	if (!metrics_start(w, c->metrics_listen, c->metrics_file, why))
		return true;
	log_error("%s", why);
	return false;
}

static bool start_parts(struct worker *w)
{
	const struct generation *g = table_pin(w->table);
	bool ok = open_sockets(w, g->config) && open_recorder(w, g->config) &&
		  replace_resolver(w, g->config) && start_metrics(w, g->config);

	table_unpin(&g);
	return ok && control_start(w);
}

static void drain(void)
{
	for (int waited = 0; milter_sessions() > 0 && waited < DRAIN_SECONDS * 1000;
	     waited += DRAIN_STEP_MS)
		poll(NULL, 0, DRAIN_STEP_MS);
	if (milter_sessions() > 0)
		log_warning("stopping with %u sessions that did not end within %d seconds",
		    milter_sessions(), DRAIN_SECONDS);
}

static int serve(struct worker *w, int supervisor_fd, bool foreground)
{
	struct orders orders = {w, supervisor_fd};
	const char ready = WORKER_READY;
	pthread_t thread;
	bool served;

	if (pthread_create(&thread, NULL, take_orders, &orders) != 0 ||
	    write(supervisor_fd, &ready, 1) != 1) {
		log_error("not started: no thread for the supervisor's orders");
		return WORKER_NOT_STARTED;
	}
	if (!foreground)
		log_detach();
	if (!pulse_start(w, supervisor_fd))
		log_warning("no thread for signs of life");
	served = milter_run();
	drain();
	control_stop();
	metrics_stop();
	resolver_stop(w->resolver);
	recorder_free(&w->recorder);
	if (!served)
		log_error("libmilter gave up");
	/* libmilter's own threads may still be on their way out: nothing they could touch is freed,
	 * the process ends here. */
	return served ? WORKER_ENDED : WORKER_FAILED;
}

int worker_run(const char *config_path, int supervisor_fd, uint64_t restarts, bool foreground)
{
	struct worker *w = calloc(1, sizeof *w);

	/* `pkill -HUP susmilter` means the supervisor: libmilter would end on that signal. */
	prctl(PR_SET_NAME, "sus-worker");
	raise_descriptor_limit();
	if (!w)
		return WORKER_NOT_STARTED;
	w->config_path = config_path;
	w->restarts = restarts;
	pthread_mutex_init(&w->reload_lock, NULL);
	pthread_mutex_init(&w->resolver_lock, NULL);
	environment_fill(w);
	w->started_us = w->env.now_us(w);
	w->table = table_create();
	w->counters = counters_create();
	w->splits = splits_create();
	w->dkim = dkim_library_create();
	if (!w->table || !w->counters || !w->splits || !w->dkim || !first_load(w) ||
	    !start_parts(w))
		return WORKER_NOT_STARTED;
	return serve(w, supervisor_fd, foreground);
}
