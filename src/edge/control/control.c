#include "edge/control/control.h"

#include "edge/control/commands.h"
#include "edge/control/json_memory.h"
#include "edge/log/log.h"
#include "edge/os/unixsocket.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/*
 * Connections at a time, each with a thread: many more than people and monitors need.  The last
 * ones are kept for those who may do everything, and the very last for root alone, so that nobody
 * else can lock root out.
 */
enum { CONNECTIONS_MAX = 40, CONNECTIONS_OWN = 32, CONNECTIONS_OTHERS = 24 };

/* A request must be there, and an answer be taken, within so many seconds. */
enum { REQUEST_SECONDS = 10, ANSWER_SECONDS = 60 };

/* How long a stopping worker waits for answers: a `check` of a large table takes a second. */
enum { STOP_SECONDS = 5 };

/* How often a quiet socket is looked for in the file system. */
enum { LOOK_MS = 1000 };

/* Of the socket: whoever may do everything, and the group that its directory belongs to. */
enum { SOCKET_MODE = 0660 };

struct connection {
	int fd; /* -1 = free */
	bool admin;
	uid_t uid;
};

/* The one control socket of a process. */
static struct {
	char path[sizeof((struct sockaddr_un *)0)->sun_path];
	int listening; /* -1 = none */
	bool started;
	struct worker *worker;
	pthread_t thread;
	/* Guards those below.  Nothing else is taken while it is held. */
	pthread_mutex_t lock;
	bool stopping;
	struct connection connections[CONNECTIONS_MAX];
	unsigned open;
	pthread_cond_t closed;
} control = {
    .listening = -1,
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .closed = PTHREAD_COND_INITIALIZER,
};

/* ---- one request --------------------------------------------------------------------- */

/* Who is at the other end: root and the daemon's own user may do everything. */
enum peer { PEER_OTHER, PEER_OWN_USER, PEER_ROOT };

static enum peer peer_of(int fd, uid_t *uid)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	*uid = (uid_t)-1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return PEER_OTHER;
	*uid = peer.uid;
	return peer.uid == 0 ? PEER_ROOT : peer.uid == geteuid() ? PEER_OWN_USER : PEER_OTHER;
}

static int answer_command(struct request *req, const struct command *command)
{
	int status;

	if ((command->flags & COMMAND_ADMIN) && !req->admin) {
		channel_error(req->channel,
		    "%s: permission denied: only root and susmilter's own user may run it\n",
		    command->words);
		return STATUS_FAILED;
	}
	if (command->flags & COMMAND_LOCAL) {
		channel_error(req->channel, "%s runs in susmilterctl itself\n", command->words);
		return STATUS_USAGE;
	}
	req->arena = arena_create(COMMAND_ARENA_MAX);
	req->generation = table_pin(req->worker->table);
	if (req->arena) {
		status = command->run(req);
	} else {
		channel_error(req->channel, "out of memory\n");
		status = STATUS_FAILED;
	}
	table_unpin(&req->generation);
	arena_free(&req->arena);
	return status;
}

static int answer_request(
    struct channel *channel, struct slice line, const struct connection *connection)
{
	json_error_t error;
	json_t *request = json_loadb(line.ptr, line.len, JSON_REJECT_DUPLICATES, &error);
	const char *words = json_string_value(json_object_get(request, "command"));
	const struct command *command = words ? commands_find(words) : NULL;
	struct request req = {
	    .json = request,
	    .worker = control.worker,
	    .config_path = control.worker->config_path,
	    .admin = connection->admin,
	    .uid = connection->uid,
	    .channel = channel,
	};
	int status = STATUS_USAGE;

	if (json_memory_failed()) {
		channel_error(channel, "out of memory for the request\n");
		status = STATUS_FAILED;
	} else if (!request)
		channel_error(channel, "the request is not JSON: %s\n", error.text);
	else if (!words)
		channel_error(channel, "the request has no \"command\"\n");
	else if (!command)
		channel_error(channel,
		    "unknown command \"%s\": is this susmilter older than susmilterctl?\n", words);
	else
		status = answer_command(&req, command);
	json_decref(request);
	return status;
}

static void set_timeout(int fd, int receive, int send)
{
	struct timeval in = {.tv_sec = receive}, out = {.tv_sec = send};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &in, sizeof in);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &out, sizeof out);
}

static void converse(const struct connection *connection)
{
	int fd = connection->fd;
	struct channel *channel = channel_create(CHANNEL_FRAMED, fd, fd, fd);
	struct slice line;
	bool cut;

	if (!channel)
		return;
	set_timeout(fd, REQUEST_SECONDS, ANSWER_SECONDS);
	json_memory_forget();
	if (channel_line(channel, &line, &cut)) {
		/* What follows a request is input of a command, and may come as slowly as people
		 * type. */
		set_timeout(fd, 0, ANSWER_SECONDS);
		channel_begin(channel);
		channel_exit(channel, answer_request(channel, line, connection));
	}
	channel_free(&channel);
}

/* ---- connections --------------------------------------------------------------------- */

static void close_connection(struct connection *connection)
{
	pthread_mutex_lock(&control.lock);
	close(connection->fd);
	connection->fd = -1;
	control.open--;
	pthread_cond_signal(&control.closed);
	pthread_mutex_unlock(&control.lock);
}

static void *serve_connection(void *context)
{
	converse(context);
	close_connection(context);
	return NULL;
}

/* A free place for this connection, or NULL. */
static struct connection *admit(int fd)
{
	static const unsigned most[] = {
	    [PEER_OTHER] = CONNECTIONS_OTHERS,
	    [PEER_OWN_USER] = CONNECTIONS_OWN,
	    [PEER_ROOT] = CONNECTIONS_MAX,
	};
	struct connection *place = NULL;
	uid_t uid;
	enum peer peer = peer_of(fd, &uid);

	pthread_mutex_lock(&control.lock);
	if (control.open < most[peer]) {
		place = control.connections;
		while (place->fd >= 0)
			place++;
		*place = (struct connection){fd, peer != PEER_OTHER, uid};
		control.open++;
	}
	pthread_mutex_unlock(&control.lock);
	return place;
}

static void refuse(int fd)
{
	static const char busy[] =
	    "err 58\nsusmilter: too many connections to its control socket now\n"
	    "exit 1\n";

	if (send(fd, busy, sizeof busy - 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_warning("control socket: too many connections");
	close(fd);
}

static void take_connection(int fd)
{
	struct connection *place = admit(fd);
	pthread_attr_t detached;
	pthread_t thread;

	if (!place) {
		refuse(fd);
		return;
	}
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &detached, serve_connection, place) != 0)
		close_connection(place);
	pthread_attr_destroy(&detached);
}

/* The socket belongs to whom its directory belongs: there is no second place to say it. */
static void chown_to_group(const char *path)
{
	char directory[sizeof control.path];
	const char *slash = strrchr(path, '/');
	char why[sizeof control.path + 128];
	struct stat st;

	snprintf(directory, sizeof directory, "%.*s", slash ? (int)(slash - path) + 1 : 1,
	    slash ? path : ".");
	if (geteuid() == 0 && stat(directory, &st) == 0 &&
	    unixsocket_give(path, st.st_uid, st.st_gid, why, sizeof why))
		log_warning("%s", why);
}

/* Somebody may delete the socket's file; a failure is said when it begins. */
static void restore_socket(void)
{
	static bool failing;
	char why[sizeof control.path + 128] = "";

	pthread_mutex_lock(&control.lock);
	if (!control.stopping &&
	    unixsocket_restore(control.listening, control.path, SOCKET_MODE, why, sizeof why)) {
		chown_to_group(control.path);
		log_warning("%s was deleted: created again", control.path);
	}
	pthread_mutex_unlock(&control.lock);
	if (why[0] && !failing)
		log_error("control socket: %s", why);
	failing = why[0];
}

/* Until the socket is shut down. */
static void *accept_connections(void *context)
{
	(void)context;
	for (;;) {
		struct pollfd news = {.fd = control.listening, .events = POLLIN};
		int fd;

		if (poll(&news, 1, LOOK_MS) == 0) {
			restore_socket();
			continue;
		}
		fd = accept4(control.listening, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			take_connection(fd);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			poll(NULL, 0, 100); /* no room: what waits is served when there is some */
		else if (errno != EINTR && errno != ECONNABORTED && errno != EAGAIN)
			return NULL;
	}
}

/* ---- life ---------------------------------------------------------------------------- */

static const char *listen_on(const char *path, char *why, size_t size)
{
	int fd = unixsocket_listen(path, SOCKET_MODE, why, size);

	if (fd < 0)
		return why;
	chown_to_group(path);
	snprintf(control.path, sizeof control.path, "%s", path);
	control.listening = fd;
	return NULL;
}

const char *control_open(const char *path, char *why, size_t size)
{
	char spec[sizeof control.path + sizeof "unix:"];

	if (path[0] == '\0')
		return NULL;
	snprintf(spec, sizeof spec, "%s%s", unixsocket_path(path) ? "" : "unix:", path);
	if (unixsocket_prepare(spec, why, size))
		return why;
	return listen_on(unixsocket_path(spec), why, size);
}

bool control_start(struct worker *w)
{
	control.worker = w;
	json_memory_watch();
	for (int i = 0; i < CONNECTIONS_MAX; i++)
		control.connections[i].fd = -1;
	control.started = control.listening >= 0 &&
			  pthread_create(&control.thread, NULL, accept_connections, NULL) == 0;
	if (control.started || control.listening < 0)
		return true;
	log_error("not started: cannot start the control socket's thread");
	return false;
}

/* Answers that are under way end early, since nobody listens to them any more. */
static void end_connections(void)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_SECONDS;
	pthread_mutex_lock(&control.lock);
	for (int i = 0; i < CONNECTIONS_MAX; i++)
		if (control.connections[i].fd >= 0)
			shutdown(control.connections[i].fd, SHUT_RDWR);
	while (
	    control.open > 0 && pthread_cond_timedwait(&control.closed, &control.lock, &until) == 0)
		;
	pthread_mutex_unlock(&control.lock);
}

void control_stop(void)
{
	if (control.listening < 0)
		return;
	pthread_mutex_lock(&control.lock);
	control.stopping = true;
	shutdown(control.listening, SHUT_RDWR);
	pthread_mutex_unlock(&control.lock);
	if (control.started) {
		pthread_join(control.thread, NULL);
		end_connections();
	}
	close(control.listening);
	control.listening = -1;
	unlink(control.path);
}
