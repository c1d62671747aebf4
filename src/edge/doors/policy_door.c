#include "edge/doors/policy_door.h"

#include "edge/log/log.h"
#include "edge/os/unixsocket.h"
#include "policy_pool.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of a socket that is made again, until its group is set. */
enum { OWNER_MODE = 0600 };

/* Of the settings what is needed while the door is open: copies, for the settings' belong to a
 * generation that a reload may end. */
static struct {
	int listener; /* -1: there is no door */
	char *socket, *group;
	unsigned mode, max_requests;
	const struct env *env;
	struct table *table;
} door = {.listener = -1};

/* Guards the socket's file: it is made again as long as the door is not shut. */
static pthread_mutex_t file_lock = PTHREAD_MUTEX_INITIALIZER;
static bool shut;

/* ---- TCP ------------------------------------------------------------------------------ */

static int listen_at(const struct addrinfo *a)
{
	const int yes = 1;
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (a->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* inet:PORT@HOST, inet6:PORT@HOST. */
static int open_inet(const char *spec, char why[POLICY_DOOR_WHY_MAX])
{
	struct slice where = slice_skip(slice_str(spec), slice_find(slice_str(spec), ':') + 1);
	struct slice port = slice_cut(&where, '@');
	bool v6 = slice_starts(slice_str(spec), SLICE("inet6:"));
	struct addrinfo hints = {.ai_family = v6 ? AF_INET6 : AF_INET,
	    .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_PASSIVE};
	struct addrinfo *list = NULL;
	char host[256], service[16];
	int fd = -1, wrong;

	snprintf(host, sizeof host, "%.*s", SLICE_ARG(where));
	snprintf(service, sizeof service, "%.*s", SLICE_ARG(port));
	wrong = getaddrinfo(host, service, &hints, &list);
	if (!wrong)
		fd = listen_at(list);
	if (fd < 0)
		snprintf(why, POLICY_DOOR_WHY_MAX, "cannot listen on policy.socket \"%s\": %s",
		    spec, wrong ? gai_strerror(wrong) : strerror(errno));
	if (!wrong)
		freeaddrinfo(list);
	return fd;
}

/* ---- opening --------------------------------------------------------------------------- */

static int open_listener(const struct policy_door_settings *s, char why[POLICY_DOOR_WHY_MAX])
{
	const char *path = unixsocket_path(s->socket);
	int fd;

	if (!path)
		return open_inet(s->socket, why);
	if (unixsocket_prepare(s->socket, why, POLICY_DOOR_WHY_MAX))
		return -1;
	fd = unixsocket_listen(path, s->socket_mode, why, POLICY_DOOR_WHY_MAX);
	if (fd < 0 || !unixsocket_permit(s->socket, s->socket_mode, s->user, s->socket_group, why,
			  POLICY_DOOR_WHY_MAX))
		return fd;
	close(fd);
	return -1;
}

const char *policy_door_open(const struct policy_door_settings *s, char why[POLICY_DOOR_WHY_MAX])
{
	if (s->socket[0] == '\0')
		return NULL;
	door.socket = strdup(s->socket);
	door.group = strdup(s->socket_group);
	door.mode = s->socket_mode;
	door.max_requests = s->max_requests;
	door.env = s->env;
	door.table = s->table;
	if (!door.socket || !door.group) {
		snprintf(why, POLICY_DOOR_WHY_MAX, "out of memory for policy.socket");
		return why;
	}
	door.listener = open_listener(s, why);
	if (door.listener < 0)
		return why;
	/* Of threads that all see one connection come only one may wait in accept(2). */
	fcntl(door.listener, F_SETFL, O_NONBLOCK);
	return NULL;
}

bool policy_door_start(void)
{
	return door.listener < 0 ||
	       policy_pool_start(door.max_requests, door.env, door.table, door.listener);
}

/* ---- the file -------------------------------------------------------------------------- */

void policy_door_restore_socket(void)
{
	static bool failing;
	const char *path = door.listener >= 0 ? unixsocket_path(door.socket) : NULL;
	char why[POLICY_DOOR_WHY_MAX] = "";
	bool restored = false;

	if (!path)
		return;
	pthread_mutex_lock(&file_lock);
	if (!shut)
		restored = unixsocket_restore(door.listener, path, OWNER_MODE, why, sizeof why);
	if (restored)
		policy_pool_listen_again();
	if (restored &&
	    !unixsocket_permit(door.socket, door.mode, NULL, door.group, why, sizeof why))
		log_warning("%s was deleted: created again", path);
	pthread_mutex_unlock(&file_lock);
	if (why[0] && !failing)
		log_error("policy.socket: %s: restart susmilter to create it again", why);
	failing = why[0];
}

void policy_door_close(void)
{
	if (door.listener >= 0 && unixsocket_path(door.socket))
		unlink(unixsocket_path(door.socket));
}

/* ---- the end ---------------------------------------------------------------------------- */

void policy_door_shut(void)
{
	if (door.listener < 0)
		return;
	pthread_mutex_lock(&file_lock);
	shut = true;
	shutdown(door.listener, SHUT_RDWR);
	policy_door_close();
	pthread_mutex_unlock(&file_lock);
	policy_pool_shut();
}

unsigned policy_door_busy(void)
{
	return policy_pool_counts().busy;
}

struct policy_counts policy_door_counts(void)
{
	return policy_pool_counts();
}
