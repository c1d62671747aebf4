#include "edge/doctor/doctor.h"

#include "edge/milter/milter.h"
#include "edge/milter/mtaclient.h"
#include "edge/os/task_limit.h"
#include "edge/worker/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_MS = 5000 };

/* ---- a session ----------------------------------------------------------------------- */

/* The test session, from a loopback address: not inbound if that is in trusted_networks. */
static bool play_session(struct doctor *d, struct mtaclient *c)
{
	struct ip client;
	char answer;

	ip_parse(SLICE("127.0.0.1"), &client);
	mtaclient_macros(c, 'C', "j", "doctor.invalid", "{client_name}", "localhost", NULL);
	answer = mtaclient_connect(c, &client, "localhost");
	if (answer == 'c')
		answer = mtaclient_command(c, 'H', "localhost");
	if (answer == 'c') {
		mtaclient_macros(c, 'M', "{auth_authen}", "susmilterctl-doctor", NULL);
		answer = mtaclient_command(c, 'M', "<>");
	}
	if (answer == 'c')
		answer = mtaclient_command(c, 'R', "<postmaster@doctor.invalid>");
	if (answer == 'c' || answer == 'a')
		return true;
	if (answer == 'y')
		doctor_add_finding(d, FINDING_WRONG, NULL,
		    "a test session from the loopback address was answered \"%s\"",
		    mtaclient_text(c));
	else if (answer == 0)
		doctor_add_finding(d, FINDING_WRONG, NULL,
		    "the daemon accepts connections but does not answer within %d seconds",
		    ANSWER_MS / 1000);
	else
		doctor_add_finding(d, FINDING_WRONG, NULL,
		    "a test session from the loopback address was answered '%c'", answer);
	return false;
}

static void check_session(struct doctor *d)
{
	char why[MTACLIENT_WHY_MAX];
	struct mtaclient *c = mtaclient_open(d->config->milter_socket, ANSWER_MS, why);

	if (!c) {
		doctor_add_finding(
		    d, FINDING_WRONG, "systemctl start susmilter", "no milter answers: %s", why);
		return;
	}
	if (play_session(d, c))
		doctor_add_finding(d, FINDING_GOOD, NULL,
		    "%s speaks the milter protocol and answers", d->config->milter_socket);
	mtaclient_close(&c);
}

/* ---- the process --------------------------------------------------------------------- */

/* The process that listens on the control socket; 0: none. */
static pid_t daemon_pid(struct doctor *d)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ucred peer = {.pid = 0};
	socklen_t len = sizeof peer;
	/* Non-blocking: the queue of the socket may be full. */
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", d->config->control_socket);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
		doctor_add_finding(d, FINDING_WRONG, NULL,
		    "cannot connect to the control socket %s: %s", d->config->control_socket,
		    strerror(errno));
	else
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	if (fd >= 0)
		close(fd);
	return peer.pid;
}

/* The soft limit of a line of /proc/PID/limits; -1 = unlimited or not there. */
static long soft_limit(const char *limits, const char *name)
{
	const char *line = strstr(limits, name);

	if (!line)
		return -1;
	line += strlen(name);
	line += strspn(line, " ");
	return *line >= '0' && *line <= '9' ? strtol(line, NULL, 10) : -1;
}

static void check_files(struct doctor *d, long limit, long wanted)
{
	char change[120];

	if (limit < 0 || limit >= wanted) {
		doctor_add_finding(d, FINDING_GOOD, NULL, "the limit on open files is high enough");
		return;
	}
	snprintf(change, sizeof change,
	    "LimitNOFILE=%ld in the unit, or a lower milter.max_sessions", wanted);
	doctor_add_finding(d, FINDING_WRONG, change,
	    "the daemon is limited to %ld open files, but %u sessions need %ld", limit,
	    d->config->milter_max_sessions, wanted);
}

static void check_tasks(struct doctor *d, pid_t pid)
{
	unsigned wanted = milter_tasks(d->config->milter_max_sessions);
	struct task_limit t;
	char change[120];

	task_limit_read("", pid, &t);
	if (t.room >= wanted) {
		doctor_add_finding(d, FINDING_GOOD, NULL, "the limit on threads is high enough");
		return;
	}
	snprintf(change, sizeof change, "%s%s%u, or a lower milter.max_sessions", t.setting,
	    strchr(t.setting, '=') ? "" : "=", t.limit + wanted - t.room);
	doctor_add_finding(d, FINDING_WRONG, change,
	    "the daemon is limited to %u threads (%s is %u), but %u sessions need %u", t.room,
	    t.what, t.limit, d->config->milter_max_sessions, wanted);
}

static void check_limits(struct doctor *d)
{
	pid_t pid = daemon_pid(d);
	char path[64], text[8192];
	size_t n;
	FILE *f;

	if (pid <= 0)
		return;
	snprintf(path, sizeof path, "/proc/%ld/limits", (long)pid);
	f = fopen(path, "re");
	if (!f) {
		doctor_add_finding(d, FINDING_NOTE, NULL, "%s: %s", path, strerror(errno));
		return;
	}
	n = fread(text, 1, sizeof text - 1, f);
	text[n] = '\0';
	fclose(f);
	check_files(d, soft_limit(text, "Max open files"), (long)worker_files(d->config));
	check_tasks(d, pid);
}

void doctor_daemon(struct doctor *d)
{
	check_session(d);
	doctor_policy(d);
	check_limits(d);
}
