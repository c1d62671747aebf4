#include "edge/doctor/doctor.h"

#include "edge/os/unixsocket.h"

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- listeners ----------------------------------------------------------------------- */

/* Connects, for at most CONNECT_TIMEOUT_MS; 0, or errno. */
static int connect_error(const struct sockaddr *address, socklen_t len)
{
	enum { CONNECT_TIMEOUT_MS = 1000 };
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	int error = 0;
	socklen_t size = sizeof error;

	if (fd < 0)
		return errno;
	if (connect(fd, address, len) != 0)
		error = errno;
	if (error == EINPROGRESS && poll(&ready, 1, CONNECT_TIMEOUT_MS) == 1)
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	close(fd);
	return error;
}

/* True for the errors of a socket that does not exist or has no listener. */
static bool is_dead_error(int error)
{
	return error == ECONNREFUSED || error == ENOENT || error == ENOTDIR;
}

static int connect_error_of_path(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	return connect_error((struct sockaddr *)&address, sizeof address);
}

/* HOST:PORT or [HOST]:PORT; every address of the host must be dead. */
static bool inet_listens(struct slice where)
{
	size_t colon = slice_find_last(where, ':');
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
	struct slice port = slice_skip(where, colon + 1);
	char host[256], service[32];
	bool dead = true;

	where.len = colon;
	if (slice_starts(where, SLICE("[")) && slice_ends(where, SLICE("]")))
		where = slice_of(where.ptr + 1, where.len - 2);
	snprintf(host, sizeof host, "%.*s", SLICE_ARG(where));
	snprintf(service, sizeof service, "%.*s", SLICE_ARG(port));
	if (getaddrinfo(host, service, &hints, &list) != 0)
		return true;
	for (const struct addrinfo *a = list; a && dead; a = a->ai_next)
		dead = is_dead_error(connect_error(a->ai_addr, a->ai_addrlen));
	freeaddrinfo(list);
	return !dead;
}

bool doctor_listens(void *context, struct slice milter, struct slice queue)
{
	struct slice path = slice_skip(milter, slice_find(milter, ':') + 1);
	char inside[sizeof((struct sockaddr_un *)0)->sun_path], outside[sizeof inside];
	int n;

	(void)context;
	if (slice_starts(milter, SLICE("inet:")))
		return inet_listens(path);
	if (!slice_starts(milter, SLICE("unix:")) && !slice_starts(milter, SLICE("local:")))
		return true;
	n = snprintf(inside, sizeof inside, "%.*s/%.*s", SLICE_ARG(queue), SLICE_ARG(path));
	snprintf(outside, sizeof outside, "%.*s", SLICE_ARG(path));
	if (n >= (int)sizeof inside)
		return true;
	return !is_dead_error(connect_error_of_path(inside)) ||
	       (slice_starts(path, SLICE("/")) && !is_dead_error(connect_error_of_path(outside)));
}

/* ---- as Postfix ---------------------------------------------------------------------- */

/* The step that failed, in the child that runs as Postfix. */
enum connect_step { STEP_CONNECTED, STEP_CONNECT, STEP_BECOME };

struct connect_result {
	enum connect_step step;
	int error;
};

/* In the child: as smtpd, in the queue directory or its chroot. */
static struct connect_result connect_as(
    const char *queue, bool chrooted, const struct passwd *who, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof address.sun_path)
		return (struct connect_result){STEP_CONNECT, ENAMETOOLONG};
	strcpy(address.sun_path, path);
	if (initgroups(who->pw_name, who->pw_gid) != 0 || chdir(queue) != 0 ||
	    (chrooted && chroot(queue) != 0) || setgid(who->pw_gid) != 0 ||
	    setuid(who->pw_uid) != 0)
		return (struct connect_result){STEP_BECOME, errno};
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
		return (struct connect_result){STEP_CONNECT, errno};
	return (struct connect_result){STEP_CONNECTED, 0};
}

static struct connect_result connect_in_child(
    const char *queue, bool chrooted, const struct passwd *who, const char *path)
{
	struct connect_result result = {STEP_BECOME, EIO};
	int ends[2];
	pid_t pid;

	if (pipe(ends) != 0)
		return result;
	pid = fork();
	if (pid == 0) {
		result = connect_as(queue, chrooted, who, path);
		_exit(write(ends[1], &result, sizeof result) == sizeof result ? 0 : 1);
	}
	close(ends[1]);
	if (pid < 0 || read(ends[0], &result, sizeof result) != sizeof result)
		result = (struct connect_result){STEP_BECOME, EIO};
	close(ends[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return result;
}

static bool is_in_group(const struct passwd *who, gid_t wanted)
{
	enum { GROUPS = 64 };
	gid_t groups[GROUPS];
	int count = GROUPS;

	if (getgrouplist(who->pw_name, who->pw_gid, groups, &count) < 0)
		count = GROUPS;
	for (int i = 0; i < count; i++)
		if (groups[i] == wanted)
			return true;
	return false;
}

bool doctor_allows(const struct stat *st, const struct passwd *who, unsigned bits)
{
	if (st->st_uid == who->pw_uid)
		return (st->st_mode >> 6 & bits) == bits;
	if (is_in_group(who, st->st_gid))
		return (st->st_mode >> 3 & bits) == bits;
	return (st->st_mode & bits) == bits;
}

/* A finding for missing permissions: the socket and its own directory need those of the group,
 * directories above only search permission. */
static void print_rights_problem(
    struct doctor *d, const struct passwd *who, const char *part, const struct stat *st, bool own)
{
	char change[300];

	if (own)
		snprintf(change, sizeof change, "chgrp %s %s && chmod %s %s", who->pw_name, part,
		    S_ISDIR(st->st_mode) ? "2710" : "0660", part);
	else
		snprintf(change, sizeof change, "chmod a+x %s", part);
	doctor_add_finding(d, FINDING_WRONG, change,
	    "%s (mode %04o, uid %u, gid %u) denies access to the user %s", part,
	    (unsigned)st->st_mode & 07777, (unsigned)st->st_uid, (unsigned)st->st_gid,
	    who->pw_name);
}

/* Finds the first directory of the path, or the socket itself, that denies access to this user. */
static void print_obstacle(struct doctor *d, const struct passwd *who, const char *path)
{
	char part[sizeof((struct sockaddr_un *)0)->sun_path + 1];
	struct stat st;

	for (size_t i = 1;; i++) {
		bool last = path[i] == '\0';

		if (!last && path[i] != '/')
			continue;
		snprintf(part, sizeof part, "%.*s", (int)i, path);
		if (stat(part, &st) != 0) {
			doctor_add_finding(d, FINDING_WRONG, NULL, "%s: %s", part, strerror(errno));
			return;
		}
		if (!doctor_allows(&st, who, last ? 2 : 1)) {
			print_rights_problem(d, who, part, &st, !strchr(path + i + !last, '/'));
			return;
		}
		if (last)
			return;
	}
}

void doctor_socket(
    struct doctor *d, const char *spec, const char *queue, bool chrooted, const char *user)
{
	const char *path = unixsocket_path(spec), *seen = path;
	const struct passwd *who = getpwnam(user);
	size_t len = strlen(queue);
	char change[300];
	struct stat st;
	struct connect_result o;

	if (!path)
		return; /* a network socket has no rights */
	if (!who) {
		doctor_add_finding(
		    d, FINDING_WRONG, NULL, "the user %s (mail_owner) does not exist", user);
		return;
	}
	if (geteuid() != 0) {
		doctor_add_finding(d, FINDING_NOTE, NULL,
		    "only root can find out whether %s may use the socket", user);
		return;
	}
	if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
		snprintf(change, sizeof change, "rm %s && systemctl restart susmilter", path);
		doctor_add_finding(d, FINDING_WRONG, change,
		    "%s is not a socket: susmilter cannot create its own there", path);
		return;
	}
	if (is_dead_error(connect_error_of_path(path)))
		return; /* no listener: the test session reports it */
	if (strncmp(path, queue, len) == 0 && path[len] == '/')
		seen = path + len + 1;
	o = connect_in_child(queue, chrooted, who, seen);
	if (o.step == STEP_CONNECTED)
		doctor_add_finding(d, FINDING_GOOD, NULL, "the user %s can connect to %s%s", user,
		    path, chrooted ? " from the chroot" : "");
	else if (o.step == STEP_BECOME)
		doctor_add_finding(d, FINDING_NOTE, NULL,
		    "cannot become the user %s in %s to try the socket: %s", user, queue,
		    strerror(o.error));
	else if (o.error == EACCES)
		print_obstacle(d, who, path);
	else
		doctor_add_finding(d, FINDING_WRONG, NULL, "the user %s cannot connect to %s%s: %s",
		    user, seen, chrooted ? " from the chroot" : "", strerror(o.error));
}
