#include "ctl.h"

#include "edge/os/monotonic.h"
#include "edge/os/write_all.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A pipe's worth each way. */
enum { PIECE = 64 * 1024 };

/*
 * How long the daemon may take to begin its answer, which it does as soon as it has read what is
 * asked (channel_begin): milliseconds, whatever the command then takes.  So long silent is one that
 * hangs, or that has no descriptor left to take the connection with.
 */
enum { SILENCE_SECONDS = 10 };

/*
 * A conversation: input goes out while answers come in, so that neither side waits for the other.
 * Answers are frames (edge/control/channel.h): "out LENGTH", "err LENGTH", each with so many bytes
 * behind it, and "exit STATUS" as the last.
 */
struct talk {
	int fd;
	int64_t silent_until; /* when it is too late for an answer to begin; 0: it has begun */
	bool reading_input;   /* standard input may have more */
	char *out;            /* to be sent */
	size_t sent, out_len;
	char head[64]; /* of the frame that is coming in */
	size_t head_len;
	size_t left; /* bytes of it that are still to come */
	int to;      /* where they are printed */
	int status;  /* REMOTE_LOST until "exit", or until it cannot be written */
	const struct sink *sink;
	bool broken;
	char input[PIECE], incoming[PIECE];
};

/* ---- answers ------------------------------------------------------------------------- */

static bool print_all(void *context, int fd, struct slice bytes)
{
	(void)context;
	return write_all(fd, bytes);
}

static const struct sink printer = {print_all, NULL};

static void take_head(struct talk *t)
{
	unsigned long n;
	char kind[8];

	t->head[t->head_len] = '\0';
	t->head_len = 0;
	if (sscanf(t->head, "%7s %lu", kind, &n) != 2)
		t->broken = true;
	else if (strcmp(kind, "exit") == 0)
		t->status = (int)n;
	else
		t->left = n;
	t->to = strcmp(kind, "err") == 0 ? STDERR_FILENO : STDOUT_FILENO;
}

static void take_bytes(struct talk *t, struct slice s)
{
	while (s.len > 0 && !t->broken && t->status < 0) {
		size_t n = s.len < t->left ? s.len : t->left;

		if (n > 0) {
			if (!t->sink->print(t->sink->context, t->to, slice_of(s.ptr, n))) {
				t->broken = true;
				t->status = REMOTE_UNWRITTEN;
			}
			t->left -= n;
			s = slice_skip(s, n);
			continue;
		}
		if (s.ptr[0] == '\n')
			take_head(t);
		else if (t->head_len + 1 < sizeof t->head)
			t->head[t->head_len++] = s.ptr[0];
		s = slice_skip(s, 1);
	}
}

static void receive(struct talk *t)
{
	ssize_t n = recv(t->fd, t->incoming, sizeof t->incoming, MSG_DONTWAIT);

	if (n > 0) {
		t->silent_until = 0;
		take_bytes(t, slice_of(t->incoming, (size_t)n));
	}
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		t->broken = true;
}

/* ---- input --------------------------------------------------------------------------- */

static void read_input(struct talk *t)
{
	ssize_t n = read(STDIN_FILENO, t->input, sizeof t->input);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	t->out = t->input;
	t->sent = 0;
	t->out_len = n > 0 ? (size_t)n : 0;
	if (n <= 0) {
		t->reading_input = false;
		shutdown(t->fd, SHUT_WR);
	}
}

static void send_some(struct talk *t)
{
	ssize_t n =
	    send(t->fd, t->out + t->sent, t->out_len - t->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n > 0) {
		t->sent += (size_t)n;
	} else if (errno == EPIPE || errno == ECONNRESET) {
		t->reading_input = false; /* it needs no more: the answer tells */
		t->sent = t->out_len;
	}
}

/* For poll(2): without end once an answer has begun, since some commands take their time. */
static int timeout_ms(const struct talk *t)
{
	int64_t left = t->silent_until - monotonic_now();

	if (t->silent_until == 0)
		return -1;
	return left > 0 ? (int)(left / MONOTONIC_MS) + 1 : 0;
}

static int converse(struct talk *t)
{
	while (t->status < 0 && !t->broken) {
		bool pending = t->sent < t->out_len;
		short events = (short)(POLLIN | (pending ? POLLOUT : 0));
		struct pollfd fds[2] = {
		    {.fd = t->fd, .events = events},
		    {.fd = t->reading_input && !pending ? STDIN_FILENO : -1, .events = POLLIN},
		};
		int ready = poll(fds, 2, timeout_ms(t));

		if (ready < 0 && errno != EINTR)
			break;
		if (ready == 0)
			return REMOTE_SILENT;
		if (fds[1].revents)
			read_input(t);
		if (fds[0].revents & POLLOUT)
			send_some(t);
		if (fds[0].revents & (POLLIN | POLLHUP | POLLERR))
			receive(t);
	}
	return t->status;
}

/* ---- the socket ---------------------------------------------------------------------- */

/* -1: nobody listens, errno says why; EAGAIN: more wait to be taken than the socket holds. */
static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval timeout = {.tv_sec = SILENCE_SECONDS};
	int fd;

	if (strlen(path) >= sizeof address.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
		int why = errno;
		close(fd);
		errno = why;
		return -1;
	}
	return fd;
}

void complain_unwritten(void)
{
	fprintf(stderr,
	    "susmilterctl: the answer could not be written completely: is the disk full?\n");
}

void remote_complain(const struct words *words, int status)
{
	if (status == REMOTE_UNWRITTEN)
		complain_unwritten();
	else if (status == REMOTE_LOST)
		fprintf(stderr, "susmilterctl: the connection to susmilter was lost\n");
	else if (status == REMOTE_SILENT)
		fprintf(stderr,
		    "susmilterctl: susmilter on %s has not answered for %d seconds: it hangs or "
		    "has no file descriptors left; see its log, or restart it\n",
		    words->socket, (int)SILENCE_SECONDS);
	else if (errno == EACCES || errno == EPERM)
		fprintf(stderr,
		    "susmilterctl: %s: permission denied: run as root or as a member of its "
		    "group\n",
		    words->socket);
	else if (errno == ENOENT || errno == ECONNREFUSED)
		fprintf(stderr, "susmilterctl: no susmilter listens on %s: is it running?\n",
		    words->socket);
	else
		fprintf(stderr, "susmilterctl: %s: %s\n", words->socket, strerror(errno));
}

/* Standard input, or a message in its place, goes to the daemon. */
static bool has_input(const struct words *words)
{
	return (words->command->flags & COMMAND_INPUT) &&
	       (json_is_true(json_object_get(words->request, "batch")) ||
		   json_object_get(words->request, "message"));
}

int remote_ask(const struct words *words, const struct sink *sink)
{
	struct talk *t = calloc(1, sizeof *t);
	char *request = json_dumps(words->request, JSON_COMPACT);
	int status;

	if (!t || !request) {
		fprintf(stderr, "susmilterctl: out of memory\n");
		exit(STATUS_FAILED);
	}
	t->fd = connect_to(words->socket);
	if (t->fd >= 0) {
		t->silent_until = monotonic_now() + SILENCE_SECONDS * MONOTONIC_SECOND;
		t->reading_input = has_input(words);
		t->status = REMOTE_LOST;
		t->sink = sink ? sink : &printer;
		t->out = request;
		t->out_len = strlen(request);
		request[t->out_len++] = '\n'; /* in the place of the NUL */
		status = converse(t);
		close(t->fd);
	} else {
		status = errno == EAGAIN ? REMOTE_SILENT : REMOTE_NOBODY;
	}
	free(request);
	free(t);
	return status;
}
