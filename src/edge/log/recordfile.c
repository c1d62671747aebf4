#include "edge/log/recordfile.h"

#include "edge/log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A file may end in the middle of a line: the disk was full, or the machine lost power. */
static bool ends_mid_line(const char *path)
{
	char last = '\n';
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (lseek(fd, -1, SEEK_END) >= 0 && read(fd, &last, 1) != 1)
		last = '\n';
	close(fd);
	return last != '\n';
}

void recordfile_close(struct recordfile *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

bool recordfile_open(struct recordfile *f, const char *path)
{
	recordfile_close(f);
	f->wanted = path[0] != '\0';
	if (!f->wanted)
		return true;
	/* Nobody waits here for the other end of a pipe; once it is there, a write may. */
	f->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC, 0640);
	if (f->fd < 0)
		return false;
	fcntl(f->fd, F_SETFL, O_APPEND);
	f->mid_line = ends_mid_line(path);
	return true;
}

static void complain(struct recordfile *f, const char *why)
{
	if (!f->complained)
		log_error(
		    "cannot write log.decisions: %s; mail is not affected, records are lost", why);
	f->complained = true;
}

/* Starts a new line where the last one was cut short. */
static bool mend(struct recordfile *f)
{
	if (f->mid_line && write(f->fd, "\n", 1) == 1)
		f->mid_line = false;
	return !f->mid_line;
}

/* How many of the lines a write of n bytes has taken whole. */
static size_t whole_lines(struct recordfile *f, const struct iovec *lines, size_t count, size_t n)
{
	size_t whole = 0;

	while (whole < count && n >= lines[whole].iov_len)
		n -= lines[whole++].iov_len;
	f->mid_line = n > 0;
	return whole;
}

size_t recordfile_write(struct recordfile *f, const struct iovec *lines, size_t count)
{
	size_t failed = 0;

	if (f->fd < 0)
		return count;
	while (count > 0) {
		ssize_t n = mend(f) ? writev(f->fd, lines, (int)count) : -1;
		size_t whole = n > 0 ? whole_lines(f, lines, count, (size_t)n) : 0;
		if (whole == count) {
			f->complained = false;
			break;
		}
		complain(f, n < 0 ? strerror(errno) : "no room");
		/* The line that did not fit is given up; the next may be shorter, or find room. */
		failed++;
		lines += whole + 1;
		count -= whole + 1;
	}
	return failed;
}
