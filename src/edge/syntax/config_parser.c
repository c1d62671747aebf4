#include "edge/syntax/config_parser.h"

#include "config_libconfig.h"
#include "edge/os/monotonic.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* An answer is at most so many times as long as its text: "0," is 19 bytes of it. */
enum { ANSWER_TIMES = 16, ANSWER_BESIDES = 4096 };

/* Exit status of a child without an answer that found it out by itself. */
enum { CHILD_NO_MEMORY = 3 };

/* User and group "nobody" of every Linux. */
enum { NOBODY = 65534 };

static bool (*asking)(int fd); /* NULL: children are forked here */

void config_parser_use(bool (*ask)(int fd))
{
	asking = ask;
}

/* ---- bytes through a socket ---------------------------------------------------------- */

struct bytes {
	char *at;
	size_t len, capacity;
};

/* At least one byte of room and a NUL more; false: no memory, or more than `most`. */
static bool make_room(struct bytes *b, size_t most)
{
	size_t capacity = b->capacity ? b->capacity * 2 : 64 * 1024;
	char *bigger;

	if (b->len + 1 < b->capacity)
		return true;
	bigger = b->len <= most ? realloc(b->at, capacity) : NULL;
	if (!bigger)
		return false;
	b->at = bigger;
	b->capacity = capacity;
	return true;
}

/* True when `fd` is ready before `until`; false sets errno. */
static bool is_ready(int fd, short events, int64_t until)
{
	struct pollfd one = {.fd = fd, .events = events};
	int n;

	do {
		int64_t left = (until - monotonic_now()) / MONOTONIC_MS;
		n = poll(&one, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		errno = ETIMEDOUT;
	return n > 0;
}

/* A reader that is gone is no error here: what it said before counts. */
static bool send_all(int fd, struct slice bytes, int64_t until)
{
	while (bytes.len > 0) {
		ssize_t n;

		if (!is_ready(fd, POLLOUT, until))
			return false;
		n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EPIPE)
			return true;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return false;
		bytes = slice_skip(bytes, n > 0 ? (size_t)n : 0);
	}
	return true;
}

/* To its end; false sets errno, E2BIG when there is more than `most`. */
static bool receive_all(int fd, struct bytes *b, size_t most, int64_t until)
{
	for (;;) {
		ssize_t n;

		if (!is_ready(fd, POLLIN, until))
			return false;
		if (!make_room(b, most)) {
			errno = b->len > most ? E2BIG : ENOMEM;
			return false;
		}
		n = recv(fd, b->at + b->len, b->capacity - b->len - 1, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return true;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return false;
		b->len += n > 0 ? (size_t)n : 0;
	}
}

/* ---- the child ----------------------------------------------------------------------- */

/* Whatever a text can make libconfig do, it is done by nobody.  Where a sandbox forbids the change
 * there are no rights to lose either. */
static void give_up_rights(void)
{
	if (geteuid() == 0 && setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
	    setresuid(NOBODY, NOBODY, NOBODY) == 0)
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* Nothing of the parent's is tidied up: its memory is only a copy. */
static _Noreturn void end_child(int status)
{
	for (;;)
		syscall(SYS_exit_group, status);
}

_Noreturn void config_parser_child(int fd)
{
	int64_t until = monotonic_now() + PARSE_SECONDS * MONOTONIC_SECOND;
	struct bytes text = {.at = NULL};
	struct slice answer;

	prctl(PR_SET_NAME, "sus-parser");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGALRM, SIG_DFL);
	alarm(PARSE_SECONDS);
	give_up_rights();
	if (!receive_all(fd, &text, SIZE_MAX / 2, until))
		end_child(errno == ENOMEM ? CHILD_NO_MEMORY : EXIT_FAILURE);
	text.at[text.len] = '\0';
	answer = settings_encode(slice_of(text.at, text.len));
	if (!answer.ptr)
		end_child(CHILD_NO_MEMORY);
	end_child(send_all(fd, answer, until) ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* 0 where nobody can tell: then it is a child of another process. */
static pid_t start_child(int ours, int theirs, bool *started)
{
	pid_t pid;

	if (asking) {
		*started = asking(theirs);
		return 0;
	}
	pid = fork();
	*started = pid >= 0;
	if (pid == 0) {
		close(ours);
		config_parser_child(theirs);
	}
	return pid;
}

/* ---- one text ------------------------------------------------------------------------ */

static void explain_end(char why[CONFIG_PARSE_WHY_MAX], pid_t pid, int status)
{
	static const char what[] = "cannot be parsed: the process that did it";

	if (pid <= 0)
		snprintf(why, CONFIG_PARSE_WHY_MAX,
		    "%s ended without an answer: is memory short? the log tells how it ended",
		    what);
	else if (WIFSIGNALED(status))
		snprintf(why, CONFIG_PARSE_WHY_MAX, "%s was ended by signal %d (%s)", what,
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == CHILD_NO_MEMORY)
		snprintf(why, CONFIG_PARSE_WHY_MAX, "cannot be parsed: out of memory");
	else
		snprintf(why, CONFIG_PARSE_WHY_MAX, "%s ended with status %d: is memory short?",
		    what, WEXITSTATUS(status));
}

static void explain_error(char why[CONFIG_PARSE_WHY_MAX], int error)
{
	if (error == ETIMEDOUT)
		snprintf(why, CONFIG_PARSE_WHY_MAX,
		    "cannot be parsed: it takes longer than %d seconds", (int)PARSE_SECONDS);
	else
		snprintf(why, CONFIG_PARSE_WHY_MAX, "cannot be parsed: %s", strerror(error));
}

static bool converse(int fd, struct slice text, struct bytes *answer)
{
	int64_t until = monotonic_now() + PARSE_SECONDS * MONOTONIC_SECOND;

	return send_all(fd, text, until) && shutdown(fd, SHUT_WR) == 0 &&
	       receive_all(fd, answer, text.len * ANSWER_TIMES + ANSWER_BESIDES, until);
}

bool config_parse(struct slice text, struct slice *answer, char why[CONFIG_PARSE_WHY_MAX])
{
	struct bytes bytes = {.at = NULL};
	bool started, heard = false;
	int pair[2], status = 0, error;
	pid_t pid;

	*answer = slice_of(NULL, 0);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
		explain_error(why, errno);
		return false;
	}
	pid = start_child(pair[0], pair[1], &started);
	error = errno;
	close(pair[1]);
	if (started) {
		heard = converse(pair[0], text, &bytes);
		error = errno;
	}
	close(pair[0]);
	if (pid > 0) {
		if (!heard)
			kill(pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	if (!heard)
		explain_error(why, error);
	else if (bytes.len == 0 || status != 0)
		explain_end(why, pid, status);
	else
		*answer = slice_of(bytes.at, bytes.len);
	if (!answer->ptr)
		free(bytes.at);
	return answer->ptr;
}
