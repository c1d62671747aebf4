#include "edge/os/unixsocket.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

const char *unixsocket_path(const char *spec)
{
	if (strncmp(spec, "unix:", 5) == 0)
		return spec + 5;
	if (strncmp(spec, "local:", 6) == 0)
		return spec + 6;
	return spec[0] == '/' ? spec : NULL;
}

static bool has_listener(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool listens;

	if (fd < 0)
		return true;
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	listens = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ||
		  (errno != ECONNREFUSED && errno != ENOENT);
	close(fd);
	return listens;
}

/* Nothing is at `path` yet: can a socket be created there? */
static const char *check_directory(const char *path, char *why, size_t size)
{
	const char *slash = strrchr(path, '/');
	char directory[sizeof((struct sockaddr_un *)0)->sun_path];

	if (!slash)
		snprintf(directory, sizeof directory, ".");
	else
		snprintf(directory, sizeof directory, "%.*s",
		    slash > path ? (int)(slash - path) : 1, path);
	if (access(directory, W_OK | X_OK) == 0)
		return NULL;
	snprintf(
	    why, size, "%s: cannot create a socket in %s: %s", path, directory, strerror(errno));
	return why;
}

const char *unixsocket_prepare(const char *spec, char *why, size_t size)
{
	const char *path = unixsocket_path(spec);
	struct stat st;

	if (!path)
		return NULL;
	if (strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path)
		snprintf(why, size, "%s: the path of a socket must be shorter than %zu bytes", path,
		    sizeof((struct sockaddr_un *)0)->sun_path);
	else if (lstat(path, &st) != 0)
		return check_directory(path, why, size);
	else if (!S_ISSOCK(st.st_mode))
		snprintf(why, size, "%s exists and is not a socket: remove it", path);
	else if (has_listener(path))
		snprintf(why, size, "%s: another process already listens there", path);
	else if (unlink(path) != 0)
		snprintf(why, size, "%s: cannot remove the old socket: %s", path, strerror(errno));
	else
		return NULL;
	return why;
}

int unixsocket_listen(const char *path, unsigned mode, char *why, size_t size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	/* bind(2) takes the mode of the socket, less the umask; the rest is given then. */
	if (fd >= 0 && fchmod(fd, (mode_t)mode) == 0 &&
	    bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
	    listen(fd, SOMAXCONN) == 0) {
		if (!unixsocket_permit(path, mode, NULL, NULL, why, size))
			return fd;
	} else {
		snprintf(why, size, "%s: cannot listen: %s", path, strerror(errno));
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Replaces the socket of `fd` by `fresh` (dup3(2)).  Who polls the old one is woken first: poll(2)
 * goes on waiting at the old one and looks at the new one.  Where it looks only after dup3(2) it
 * sleeps on, in libmilter for at most 5 s; connections wait in the queue of the new one. */
static void replace_listener(int fd, int fresh)
{
	shutdown(fd, SHUT_RDWR);
	while (dup3(fresh, fd, O_CLOEXEC) < 0 && (errno == EINTR || errno == EBUSY))
		;
	close(fresh);
}

bool unixsocket_restore(int fd, const char *path, unsigned mode, char *why, size_t size)
{
	int fresh;
	struct stat st;

	why[0] = '\0';
	if (lstat(path, &st) == 0 || errno != ENOENT)
		return false;
	fresh = unixsocket_listen(path, mode, why, size);
	if (fresh < 0)
		return false;
	fcntl(fresh, F_SETFL, fcntl(fd, F_GETFL));
	replace_listener(fd, fresh);
	return true;
}

/*
 * The file of a socket, to be changed: -1 and the reason when something else stands there.  In a
 * directory of somebody else's the name may be a link by now, or a second name of another file; the
 * descriptor holds what was looked at.
 */
static int open_file(const char *path, struct stat *st, char *why, size_t size)
{
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 && fstat(fd, st) == 0 && S_ISSOCK(st->st_mode) && st->st_nlink <= 1)
		return fd;
	if (fd < 0)
		snprintf(why, size, "%s: %s", path, strerror(errno));
	else
		snprintf(why, size,
		    "%s is not the socket that was made there: who else may write to its "
		    "directory?",
		    path);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* chmod(2) of what an O_PATH descriptor stands for, which fchmod(2) does not take. */
static bool change_mode(int fd, const struct stat *st, unsigned mode)
{
	char name[64];

	if ((st->st_mode & 07777) == mode)
		return true;
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	return chmod(name, (mode_t)mode) == 0;
}

static bool change_owner(int fd, uid_t user, gid_t group)
{
	return fchownat(fd, "", user, group, AT_EMPTY_PATH) == 0;
}

static bool look_up_owner(
    const char *user, const char *group, uid_t *uid, gid_t *gid, char *why, size_t size)
{
	struct passwd *pw = user && user[0] ? getpwnam(user) : NULL;
	struct group *gr = group && group[0] ? getgrnam(group) : NULL;

	*uid = pw ? pw->pw_uid : (uid_t)-1;
	*gid = gr ? gr->gr_gid : (gid_t)-1;
	if (user && user[0] && !pw)
		snprintf(why, size, "user \"%s\": there is no such user", user);
	else if (group && group[0] && !gr)
		snprintf(why, size, "socket_group \"%s\": there is no such group", group);
	else
		return true;
	return false;
}

/* What is right already is left alone: a sandbox may forbid chown(2) even where it changes nothing.
 */
static const char *permit(int fd, const struct stat *st, const char *path, unsigned mode, uid_t uid,
    gid_t gid, char *why, size_t size)
{
	if (uid != (uid_t)-1 && st->st_uid != uid && !change_owner(fd, uid, (gid_t)-1))
		snprintf(why, size, "%s: cannot set the owner: %s", path, strerror(errno));
	else if (gid != (gid_t)-1 && !change_owner(fd, (uid_t)-1, gid))
		snprintf(why, size, "%s: cannot set the group: %s", path, strerror(errno));
	else if (!change_mode(fd, st, mode))
		snprintf(why, size, "%s: cannot set mode %o: %s", path, mode, strerror(errno));
	else
		return NULL;
	return why;
}

const char *unixsocket_permit(
    const char *spec, unsigned mode, const char *user, const char *group, char *why, size_t size)
{
	const char *path = unixsocket_path(spec), *wrong;
	struct stat st;
	uid_t uid;
	gid_t gid;
	int fd;

	if (!path)
		return NULL;
	if (!look_up_owner(user, group, &uid, &gid, why, size))
		return why;
	fd = open_file(path, &st, why, size);
	if (fd < 0)
		return why;
	wrong = permit(fd, &st, path, mode, uid, gid, why, size);
	close(fd);
	return wrong;
}

const char *unixsocket_give(const char *path, uid_t user, gid_t group, char *why, size_t size)
{
	struct stat st;
	int fd = open_file(path, &st, why, size);
	bool given;

	if (fd < 0)
		return why;
	given = change_owner(fd, user, group);
	if (!given)
		snprintf(why, size, "%s stays root's: %s", path, strerror(errno));
	close(fd);
	return given ? NULL : why;
}
