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
	/* bind(2) takes the mode of the socket, less the umask; chmod(2) then gives the rest. */
	if (fd >= 0 && fchmod(fd, (mode_t)mode) == 0 &&
	    bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
	    chmod(path, (mode_t)mode) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	snprintf(why, size, "%s: cannot listen: %s", path, strerror(errno));
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

static const char *set_group(const char *path, const char *name, char *why, size_t size)
{
	struct group *group = getgrnam(name);

	if (!group)
		snprintf(why, size, "socket_group \"%s\": there is no such group", name);
	else if (lchown(path, (uid_t)-1, group->gr_gid) != 0)
		snprintf(why, size, "%s: cannot set the group %s: %s", path, name, strerror(errno));
	else
		return NULL;
	return why;
}

/* A sandbox may forbid chown(2) even where it changes nothing. */
static bool is_owned_by(const char *path, uid_t user)
{
	struct stat st;

	return lstat(path, &st) == 0 && st.st_uid == user;
}

static const char *set_user(const char *path, const char *name, char *why, size_t size)
{
	struct passwd *pw = getpwnam(name);

	if (!pw)
		snprintf(why, size, "user \"%s\": there is no such user", name);
	else if (!is_owned_by(path, pw->pw_uid) && lchown(path, pw->pw_uid, (gid_t)-1) != 0)
		snprintf(why, size, "%s: cannot set the owner %s: %s", path, name, strerror(errno));
	else
		return NULL;
	return why;
}

const char *unixsocket_permit(
    const char *spec, unsigned mode, const char *user, const char *group, char *why, size_t size)
{
	const char *path = unixsocket_path(spec);

	if (!path)
		return NULL;
	if (user && user[0] && set_user(path, user, why, size))
		return why;
	if (group && group[0] && set_group(path, group, why, size))
		return why;
	if (chmod(path, (mode_t)mode) != 0) {
		snprintf(why, size, "%s: cannot set mode %o: %s", path, mode, strerror(errno));
		return why;
	}
	return NULL;
}
