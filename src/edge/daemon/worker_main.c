#include "edge/daemon/worker_main.h"
#include "edge/worker/worker.h"

#include "edge/control/control.h"
#include "edge/daemon/watchdog.h"
#include "edge/doors/policy_door.h"
#include "edge/log/log.h"
#include "edge/metrics/metrics.h"
#include "edge/milter/milter.h"
#include "edge/milter/milter_wakeup.h"
#include "edge/os/privileges.h"
#include "edge/syntax/config_parser.h"
#include "edge/worker/environment.h"
#include "edge/worker/worker_resolver.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* How long a stopping worker waits for SMTP sessions to end by themselves: below the 90 seconds
 * that systemd grants, above what a client needs between two commands. */
enum { DRAIN_SECONDS = 30, DRAIN_STEP_MS = 50 };

/* And for its last refusals to be in the database. */
enum { REPORTS_END_MS = 5000 };

/* ---- what the supervisor does for us ------------------------------------------------- */

/* Its end of the socketpair, for config_parse(), which has no worker at hand. */
static int supervisor = -1;

/* A process with threads does not fork: the supervisor does. */
static bool ask_for_parser(int fd)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof fd)];
	} control = {.head = {.cmsg_len = CMSG_LEN(sizeof fd),
			 .cmsg_level = SOL_SOCKET,
			 .cmsg_type = SCM_RIGHTS}};
	char what = WORKER_PARSE;
	struct iovec byte = {&what, 1};
	struct msghdr message = {.msg_iov = &byte,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof control};
	struct pollfd room = {.fd = supervisor, .events = POLLOUT};

	memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
	if (poll(&room, 1, PARSE_SECONDS * 1000) == 0) {
		errno = ETIMEDOUT;
		return false;
	}
	return sendmsg(supervisor, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

/* ---- orders of the supervisor -------------------------------------------------------- */

static void handle_reload(struct worker *w)
{
	const struct reload_order order = {.files = RELOAD_FILES};
	struct diag *diag = diag_create();
	uint64_t number;

	if (diag)
		worker_reload(w, &order, diag, &number);
	else
		log_error("reload refused: out of memory");
	diag_free(&diag);
}

/* Lets the sessions that are there end by themselves. */
static void drain(void)
{
	unsigned left;

	milter_shut();
	policy_door_shut();
	for (int waited = 0;
	     milter_sessions() + policy_door_busy() > 0 && waited < DRAIN_SECONDS * 1000;
	     waited += DRAIN_STEP_MS)
		poll(NULL, 0, DRAIN_STEP_MS);
	left = milter_sessions();
	if (left > 0)
		log_warning("stopping: %u session%s did not end within %d seconds", left,
		    left == 1 ? "" : "s", DRAIN_SECONDS);
}

/*
 * Reads orders until there is no supervisor any more.  Many orders that wait are one: what a reload
 * reads is newer than all of them.
 */
static void *control_pipe_thread(void *context)
{
	struct worker *w = context;
	char waiting[4096];
	bool asked = false;
	ssize_t n;

	while (!asked && ((n = read(w->supervisor_fd, waiting, sizeof waiting)) > 0 ||
			     (n < 0 && errno == EINTR))) {
		size_t len = n > 0 ? (size_t)n : 0;
		asked = memchr(waiting, ORDER_STOP, len);
		if (memchr(waiting, ORDER_REOPEN, len))
			recorder_reopen(w->recorder);
		if (memchr(waiting, ORDER_RELOAD, len))
			handle_reload(w);
	}
	/* Without a supervisor there is no time: the next one wants the socket. */
	if (asked)
		drain();
	milter_stop();
	return NULL;
}

/* ---- life ---------------------------------------------------------------------------- */

/* Sessions and DNS questions take descriptors: as many as the system grants.  A shell's soft limit
 * of 1,024 would let a thousand questions to a dead server hold up all others. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		log_warning("cannot raise the limit on open files: %s", strerror(errno));
}

/* Told once at the start, since a session too many for the descriptors waits until its MTA gives
 * up, where one too many for max_sessions is told to come later. */
static void check_descriptor_limit(const struct config *c)
{
	rlim_t wanted = worker_files(c);
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted)
		log_warning(
		    "the limit on open files is %llu, too low for milter.max_sessions = %u: "
		    "raise it to %llu (LimitNOFILE=), or lower max_sessions",
		    (unsigned long long)limit.rlim_cur, c->milter_max_sessions,
		    (unsigned long long)wanted);
}

/* All that root is needed for; nothing is read. */
static bool open_sockets(struct worker *w)
{
	const struct config *c = w->start;
	char why[MILTER_WHY_MAX];
	struct milter_settings settings = {
	    .socket = c->milter_socket,
	    .socket_mode = c->milter_socket_mode,
	    .user = c->milter_user,
	    .socket_group = c->milter_socket_group,
	    .max_sessions = c->milter_max_sessions,
	    .env = &w->env,
	    .table = w->table,
	};
	struct policy_door_settings policy = {
	    .socket = c->policy_socket,
	    .socket_mode = c->policy_socket_mode,
	    .user = c->milter_user,
	    .socket_group = c->policy_socket_group,
	    .max_requests = c->milter_max_sessions,
	    .env = &w->env,
	    .table = w->table,
	};

	if (milter_open(&settings, why) || policy_door_open(&policy, why) ||
	    control_open(c->control_socket, why, sizeof why) ||
	    privileges_drop(c->milter_user, why, sizeof why)) {
		log_error("%s", why);
		return false;
	}
	/* Only now, since some limits are those of the user. */
	if (milter_lacks_tasks(c->milter_max_sessions, why))
		log_warning("%s", why);
	return true;
}

/* Of a worker that does not start: nobody shall wait there. */
static void close_sockets(void)
{
	milter_close();
	policy_door_close();
	control_stop();
}

static bool open_records(struct worker *w, const struct config *c)
{
	struct recorder_settings settings = worker_recorder_settings(c);
	struct reports_settings reports = {
	    .database = c->reports_database, .keep_days = c->reports_keep_days};
	struct history_settings history = worker_history_settings(c);
	char why[RECORDER_WHY_MAX];

	w->recorder = recorder_create(&settings, why);
	if (!w->recorder)
		log_error("%s", why);
	w->reports = reports_create(&reports);
	if (!w->reports)
		log_error("cannot start the reports thread");
	w->history = history_create(&history);
	if (!w->history)
		log_error("cannot start the history thread");
	w->evaluator = evaluator_create();
	if (w->evaluator)
		evaluator_configure(w->evaluator, worker_evaluate(c));
	else
		log_error("cannot start the threads of history.evaluate");
	return w->recorder && w->reports && w->history && w->evaluator;
}

static bool start_metrics(struct worker *w, const struct config *c)
{
	char why[METRICS_WHY_MAX];

	if (!metrics_start(w, c->metrics_listen, c->metrics_file, why))
		return true;
	log_error("%s", why);
	return false;
}

static bool start_knock(void)
{
	if (milter_wakeup_start())
		return true;
	log_error("cannot start the thread that wakes libmilter's pool");
	return false;
}

static bool start_policy_door(void)
{
	if (policy_door_start())
		return true;
	log_error("not started: no thread or memory to answer on policy.socket");
	return false;
}

static bool start_parts(struct worker *w)
{
	const struct generation *g = table_pin(w->table);
	bool ok;

	check_descriptor_limit(w->start);
	ok = open_records(w, g->config) && start_knock() && worker_resolver_start(w, g->config) &&
	     worker_resolver_watch_lists(w, g->rules) && start_metrics(w, w->start);

	table_unpin(&g);
	if (ok)
		worker_first_copies(w);
	return ok && start_policy_door() && control_start(w);
}

/* False when out of memory. */
static bool start_dkim(struct worker *w)
{
	const char *wrong;

	w->dkim = dkim_library_create();
	wrong = w->dkim ? dkim_library_probe(w->dkim) : NULL;
	if (wrong)
		log_warning("libopendkim %s: DKIM works without it; please report this with its "
			    "version",
		    wrong);
	return w->dkim;
}

static bool create_parts(struct worker *w)
{
	if (w->start && w->start->policy_socket[0]) {
		w->both_doors = both_doors_create();
		if (!w->both_doors)
			return false;
	}
	environment_fill(w);
	w->started_us = w->env.now_us(w);
	w->counters = counters_create();
	w->clients = clients_create();
	w->splits = split_memory_create();
	return w->counters && w->clients && w->splits && start_dkim(w);
}

static int serve(struct worker *w, bool foreground)
{
	const char ready = WORKER_READY;
	pthread_t thread;
	bool served;

	if (pthread_create(&thread, NULL, control_pipe_thread, w) != 0 ||
	    write(w->supervisor_fd, &ready, 1) != 1) {
		log_error("not started: cannot start the thread that listens to the supervisor");
		return WORKER_NOT_STARTED;
	}
	pthread_detach(thread); /* it lives as long as the process */
	worker_tell_status(w);
	if (!foreground)
		log_detach();
	if (!watchdog_start(w, w->supervisor_fd))
		log_warning("cannot start the watchdog thread");
	served = milter_run();
	control_stop();
	metrics_stop();
	/* A reload that somebody asked for may still be under way. */
	evaluator_stop(w->evaluator);
	worker_resolver_stop(w);
	recorder_stop(w->recorder);
	history_stop(w->history);
	reports_flush(w->reports, REPORTS_END_MS);
	if (!served)
		log_error("libmilter stopped with an error");
	/* libmilter's own threads may still be on their way out: nothing they could touch is freed,
	 * the process ends here. */
	return served ? WORKER_ENDED : WORKER_FAILED;
}

int worker_run(const char *config_path, const struct config *start, int supervisor_fd,
    uint64_t restarts, bool foreground)
{
	struct worker *w = calloc(1, sizeof *w);

	/* `pkill -HUP susmilter` means the supervisor: libmilter would end on that signal. */
	prctl(PR_SET_NAME, "sus-worker");
	raise_descriptor_limit();
	supervisor = supervisor_fd;
	config_parser_use(ask_for_parser);
	if (!w)
		return WORKER_NOT_STARTED;
	w->config_path = config_path;
	w->supervisor_fd = supervisor_fd;
	w->restarts = restarts;
	pthread_mutex_init(&w->reload_lock, NULL);
	pthread_mutex_init(&w->status_lock, NULL);
	pthread_mutex_init(&w->resolver_lock, NULL);
	w->start = start;
	w->table = table_create();
	if (!w->table || (start && !open_sockets(w)))
		return WORKER_NOT_STARTED;
	/* Without `start` the load is for its errors. */
	if (!create_parts(w) || !worker_first_load(w) || !start || !start_parts(w)) {
		close_sockets();
		return WORKER_NOT_STARTED;
	}
	return serve(w, foreground);
}
