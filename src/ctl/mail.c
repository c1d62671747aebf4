/*
 * mail: the answer of a command that is one or several messages, handed to sendmail(1) as whoever
 * asks: the daemon itself starts no programs.
 *
 * The answer goes to memory first, so that nothing is sent before the command has ended well: half
 * a report would look like a whole one.
 */
#include "ctl.h"

#include "edge/os/write_all.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of every MTA that has one; SENDMAIL in the environment names another. */
static const char SENDMAIL[] = "/usr/sbin/sendmail";

/* ---- the answer ---------------------------------------------------------------------- */

/* Runs the command with its standard output in a file of memory; -1 when there is none. */
static int run_into(const struct words *words, int *status)
{
	int fd = memfd_create("susmilterctl", MFD_CLOEXEC), before = dup(STDOUT_FILENO);

	if (fd < 0 || before < 0 || dup2(fd, STDOUT_FILENO) < 0) {
		fprintf(stderr, "susmilterctl: out of memory\n");
		return -1;
	}
	*status = run_command(words);
	fflush(stdout);
	dup2(before, STDOUT_FILENO);
	close(before);
	return fd;
}

/* The bytes of the file, to be unmapped by the end of the process; empty when there are none. */
static struct slice bytes_of(int fd)
{
	struct stat st;
	void *at;

	if (fstat(fd, &st) != 0 || st.st_size == 0)
		return slice_of(NULL, 0);
	at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	return at == MAP_FAILED ? slice_of(NULL, 0) : slice_of(at, (size_t)st.st_size);
}

/* ---- sendmail ------------------------------------------------------------------------ */

static pid_t start_sendmail(const char *program, int input[2])
{
	pid_t pid;

	if (pipe(input) != 0)
		return -1;
	pid = fork();
	if (pid != 0)
		return pid;
	dup2(input[0], STDIN_FILENO);
	close(input[0]);
	close(input[1]);
	/* -t: recipients are those of the one To field, which we wrote; -i: a dot ends nothing. */
	execl(program, program, "-t", "-i", "-oem", (char *)NULL);
	fprintf(stderr, "susmilterctl: %s: %s\n", program, strerror(errno));
	_exit(127);
}

static bool send_message(const char *program, struct slice message)
{
	int input[2], status = 0;
	pid_t pid = start_sendmail(program, input);
	bool written;

	if (pid < 0) {
		fprintf(stderr, "susmilterctl: cannot start %s: %s\n", program, strerror(errno));
		return false;
	}
	close(input[0]);
	written = write_all(input[1], message);
	close(input[1]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (written && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	fprintf(stderr, "susmilterctl: %s did not take the message (exit status %d)\n", program,
	    WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	return false;
}

/* Cuts the next message off: from behind its "From " line, if it has one, to the next. */
static struct slice next_message(struct slice *rest)
{
	static const char separator[] = "\nFrom ";
	const char *end;
	struct slice message;

	if (slice_starts(*rest, SLICE("From ")))
		slice_cut(rest, '\n');
	end = memmem(rest->ptr, rest->len, separator, sizeof separator - 1);
	message = *rest;
	if (end)
		message.len = (size_t)(end - message.ptr) + 1;
	*rest = slice_skip(*rest, message.len);
	return message;
}

int mail_run(const struct words *words)
{
	const char *program = getenv("SENDMAIL");
	int status = STATUS_FAILED, fd = run_into(words, &status);
	struct slice rest = fd >= 0 ? bytes_of(fd) : slice_of(NULL, 0);
	unsigned sent = 0, failed = 0;

	signal(SIGPIPE, SIG_IGN);
	while (status == STATUS_OK && rest.len > 0) {
		bool taken =
		    send_message(program && program[0] ? program : SENDMAIL, next_message(&rest));

		sent += taken;
		failed += !taken;
	}
	if (sent > 0)
		printf("%u message%s sent\n", sent, sent == 1 ? "" : "s");
	if (fd >= 0)
		close(fd);
	return failed > 0 ? STATUS_FAILED : status;
}
