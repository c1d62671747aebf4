#include "edge/daemon/supervisor.h"

#include "edge/config/config.h"
#include "edge/daemon/worker_main.h"
#include "edge/log/log.h"
#include "edge/os/monotonic.h"
#include "edge/os/notify.h"
#include "edge/syntax/config_parser.h"
#include "edge/worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* The pause before a worker is started again: none after one that served for a while, then
 * doubling, so that a worker that cannot start does not eat the machine. */
enum { SERVED_A_WHILE_MS = 5000, PAUSE_FIRST_MS = 100, PAUSE_MAX_MS = 10000 };

struct supervisor {
	const char *config_path;
	struct config *start; /* what of it a worker may know as root; NULL: it is not to be had */
	bool foreground;
	sigset_t inherited; /* the signal mask to give to workers */
	int signals;        /* signalfd */
	int worker_fd;      /* our end of the socketpair, -1 when there is no worker */
	int ready_fd;       /* tells the process that started us, -1 when nobody waits */
	pid_t worker;
	uint64_t starts;
	int64_t started;    /* monotonic_now() */
	int64_t restart_at; /* the same; 0: no restart is due */
	int pause_ms;
	bool was_ready; /* some worker has been */
	bool stopping;
};

static void order(struct supervisor *s, char what)
{
	/* A full socket holds thousands of orders of the same kind already: none is lost. */
	if (s->worker_fd >= 0 && send(s->worker_fd, &what, 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
	    errno != EAGAIN && errno != EPIPE)
		log_warning("cannot reach the worker: %s", strerror(errno));
}

static bool start_worker(struct supervisor *s)
{
	int pair[2];
	pid_t pid;

	s->restart_at = 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		close(s->signals);
		if (s->ready_fd >= 0)
			close(s->ready_fd);
		/* A Ctrl-C on the terminal is for us: the worker drains when it is told to. */
		setpgid(0, 0);
		sigprocmask(SIG_SETMASK, &s->inherited, NULL);
		_exit(worker_run(s->config_path, s->start, pair[1], s->starts, s->foreground));
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return false;
	}
	s->worker = pid;
	s->worker_fd = pair[0];
	s->starts++;
	s->started = monotonic_now();
	return true;
}

/* ---- what a worker says and how it ends ---------------------------------------------- */

static void tell_starter(struct supervisor *s)
{
	const char ready = WORKER_READY;

	if (s->ready_fd < 0)
		return;
	if (write(s->ready_fd, &ready, 1) != 1)
		log_warning("the parent process has exited");
	close(s->ready_fd);
	s->ready_fd = -1;
	log_detach();
}

/* What follows WORKER_STATUS up to its line end, which all came at once: nothing is waited for. */
static void pass_on_status(struct supervisor *s)
{
	char state[sizeof "STATUS=" + NOTIFY_STATUS_MAX] = "STATUS=";
	size_t len = strlen(state);

	while (len + 1 < sizeof state && recv(s->worker_fd, state + len, 1, MSG_DONTWAIT) == 1 &&
	       state[len] != '\n')
		len++;
	state[len] = '\0';
	notify(state);
}

/* Forks a child that parses what comes through `fd`; without one the worker reads its end. */
static void start_parser(struct supervisor *s, int fd)
{
	pid_t pid = fork();

	if (pid == 0) {
		close(s->worker_fd);
		close(s->signals);
		if (s->ready_fd >= 0)
			close(s->ready_fd);
		sigprocmask(SIG_SETMASK, &s->inherited, NULL);
		config_parser_child(fd);
	}
	if (pid < 0)
		log_error(
		    "no process can be started to parse the configuration: %s", strerror(errno));
}

/* One byte as read(2) gives it, and the descriptor that came with it, or -1. */
static ssize_t receive(int fd, char *said, int *with)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec byte = {said, 1};
	struct msghdr message = {.msg_iov = &byte,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof control};
	ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n == 1 ? CMSG_FIRSTHDR(&message) : NULL;

	*with = -1;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(with, CMSG_DATA(c), sizeof(int));
	return n;
}

static void hear_worker(struct supervisor *s)
{
	char said;
	int with;
	ssize_t n = receive(s->worker_fd, &said, &with);

	if (n == 1 && said == WORKER_READY) {
		s->was_ready = true;
		log_info("ready (worker %d)", (int)s->worker);
		tell_starter(s);
		notify("READY=1");
	} else if (n == 1 && said == WORKER_ALIVE) {
		notify("WATCHDOG=1");
	} else if (n == 1 && said == WORKER_STATUS) {
		pass_on_status(s);
	} else if (n == 1 && said == WORKER_PARSE && with >= 0) {
		start_parser(s, with);
	} else if (n == 0 || (n < 0 && errno != EINTR)) {
		close(s->worker_fd);
		s->worker_fd = -1;
	}
	if (with >= 0)
		close(with);
}

static void say_end(const char *who, pid_t pid, int status)
{
	if (WIFSIGNALED(status))
		log_error("%s %d was killed by signal %d (%s)", who, (int)pid, WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != 0)
		log_error("%s %d ended with status %d", who, (int)pid, WEXITSTATUS(status));
}

static void plan_restart(struct supervisor *s)
{
	int64_t now = monotonic_now();

	if (now - s->started >= SERVED_A_WHILE_MS * MONOTONIC_MS)
		s->pause_ms = 0;
	s->restart_at = now + s->pause_ms * MONOTONIC_MS;
	s->pause_ms = s->pause_ms ? s->pause_ms * 2 : PAUSE_FIRST_MS;
	if (s->pause_ms > PAUSE_MAX_MS)
		s->pause_ms = PAUSE_MAX_MS;
	log_info("restarting the worker");
	notify("STATUS=the worker ended; restarting it");
}

/* False when the supervisor's own work is done. */
static bool bury_worker(struct supervisor *s, int *exit_status)
{
	s->worker = 0;
	if (s->worker_fd >= 0) {
		hear_worker(s); /* "ready" may still lie there */
		if (s->worker_fd >= 0)
			close(s->worker_fd);
		s->worker_fd = -1;
	}
	if (s->stopping || !s->was_ready) {
		*exit_status = s->stopping ? 0 : 1;
		return false;
	}
	plan_restart(s);
	return true;
}

/* Collects ended children, which may be several for one signal; false as above. */
static bool reap(struct supervisor *s, int *exit_status)
{
	bool goes_on = true;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		bool is_worker = pid == s->worker;

		say_end(is_worker ? "worker" : "parser of the configuration", pid, status);
		if (is_worker && !bury_worker(s, exit_status))
			goes_on = false;
	}
	return goes_on;
}

/* ---- the loop ------------------------------------------------------------------------ */

static bool take_signal(struct supervisor *s, int *exit_status)
{
	struct signalfd_siginfo info;

	if (read(s->signals, &info, sizeof info) != (ssize_t)sizeof info)
		return true;
	switch (info.ssi_signo) {
	case SIGHUP:
		order(s, ORDER_RELOAD);
		return true;
	case SIGUSR1:
		order(s, ORDER_REOPEN);
		return true;
	case SIGCHLD:
		return reap(s, exit_status);
	default:
		log_info("stopping");
		notify("STOPPING=1");
		notify("STATUS=stopping: waiting for open sessions to end");
		s->stopping = true;
		order(s, ORDER_STOP);
		*exit_status = 0;
		return s->worker != 0;
	}
}

/* For poll(2). */
static int until_restart_ms(const struct supervisor *s)
{
	int64_t left = s->restart_at - monotonic_now();

	if (s->restart_at == 0)
		return -1;
	return left > 0 ? (int)(left / MONOTONIC_MS) + 1 : 0;
}

static int supervise(struct supervisor *s)
{
	int exit_status = 1;

	for (;;) {
		struct pollfd fds[2] = {
		    {.fd = s->signals, .events = POLLIN},
		    {.fd = s->worker_fd, .events = POLLIN},
		};

		if (poll(fds, 2, until_restart_ms(s)) < 0 && errno != EINTR)
			return 1;
		if (fds[1].revents)
			hear_worker(s);
		if (fds[0].revents && !take_signal(s, &exit_status))
			return exit_status;
		if (until_restart_ms(s) == 0 && !start_worker(s))
			plan_restart(s);
	}
}

static bool take_signals(struct supervisor *s)
{
	sigset_t ours;

	sigemptyset(&ours);
	sigaddset(&ours, SIGHUP);
	sigaddset(&ours, SIGUSR1);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGQUIT);
	sigaddset(&ours, SIGCHLD);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &ours, &s->inherited) != 0)
		return false;
	s->signals = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals >= 0;
}

/* The process that the administrator started waits here for the first worker. */
static int wait_for_ready(int fd)
{
	char said = 0;

	while (read(fd, &said, 1) < 0 && errno == EINTR)
		;
	return said == WORKER_READY ? 0 : 1;
}

/* Becomes a background process; in the starter it does not return but gives its exit status. */
static bool go_to_background(struct supervisor *s, int *starter_status)
{
	int ready[2];
	pid_t pid;

	*starter_status = 1;
	if (pipe2(ready, O_CLOEXEC) != 0 || (pid = fork()) < 0)
		return false;
	if (pid > 0) {
		close(ready[1]);
		*starter_status = wait_for_ready(ready[0]);
		return false;
	}
	close(ready[0]);
	s->ready_fd = ready[1];
	setsid();
	return true;
}

/*
 * The only time that files are read as root, if it is root who starts us.  False when nothing can
 * be started; who is not root lets the worker read everything and tell all that is wrong with it.
 */
static bool read_start(struct supervisor *s)
{
	struct diag *diag = diag_create();

	s->start = diag ? config_load_start(s->config_path, diag) : NULL;
	if (diag && geteuid() == 0)
		diag_each(diag, log_diag_line, NULL);
	if (!s->start && geteuid() == 0)
		log_error("not started: root reads sockets and user from %s, and could not",
		    s->config_path);
	diag_free(&diag);
	return s->start || geteuid() != 0;
}

int supervisor_run(const char *config_path, bool foreground)
{
	struct supervisor s = {
	    .config_path = config_path,
	    .foreground = foreground,
	    .worker_fd = -1,
	    .ready_fd = -1,
	};
	int status;

	if (!foreground && !go_to_background(&s, &status))
		return status;
	log_open();
	if (!read_start(&s))
		return 1;
	if (take_signals(&s) && start_worker(&s)) {
		status = supervise(&s);
	} else {
		log_error("cannot start a worker: %s", strerror(errno));
		status = 1;
	}
	config_free(&s.start);
	return status;
}
