#include "edge/os/textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Size limit: thirty million entries; a larger file was named by mistake. */
#define TEXTFILE_BYTES_MAX ((size_t)1 << 30)

static enum textfile_result file_error(char *why, const char *doing, int error)
{
	snprintf(why, TEXTFILE_WHY_MAX, "%s: %s", doing, strerror(error));
	return error == ENOENT || error == ENOTDIR ? TEXTFILE_MISSING : TEXTFILE_BROKEN;
}

/* The size if it is a file that can be read whole. */
static enum textfile_result check_size(int fd, size_t *size, char *why)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return file_error(why, "cannot be examined", errno);
	if (!S_ISREG(st.st_mode)) {
		snprintf(why, TEXTFILE_WHY_MAX, "%s, not a regular file",
		    S_ISDIR(st.st_mode) ? "is a directory" : "is a device, pipe or socket");
		return TEXTFILE_BROKEN;
	}
	if ((uint64_t)st.st_size > TEXTFILE_BYTES_MAX) {
		snprintf(why, TEXTFILE_WHY_MAX, "is larger than %zu MB", TEXTFILE_BYTES_MAX >> 20);
		return TEXTFILE_BROKEN;
	}
	*size = (size_t)st.st_size;
	return TEXTFILE_OK;
}

/* Reads up to `size` bytes; a file that shrinks meanwhile gives fewer. */
static enum textfile_result read_bytes(int fd, char *to, size_t size, size_t *got, char *why)
{
	*got = 0;
	while (*got < size) {
		ssize_t n = read(fd, to + *got, size - *got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return file_error(why, "cannot be read", errno);
		if (n == 0)
			break;
		*got += (size_t)n;
	}
	return TEXTFILE_OK;
}

static enum textfile_result read_open(int fd, struct slice *out, char *why)
{
	size_t size = 0, got = 0;
	enum textfile_result result = check_size(fd, &size, why);
	char *bytes;

	if (result != TEXTFILE_OK)
		return result;
	bytes = malloc(size + 1);
	if (!bytes)
		return file_error(why, "cannot be read", ENOMEM);
	result = read_bytes(fd, bytes, size, &got, why);
	if (result != TEXTFILE_OK) {
		free(bytes);
		return result;
	}
	bytes[got] = '\0';
	*out = slice_of(bytes, got);
	return TEXTFILE_OK;
}

static bool is_roots(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_uid == 0 && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static enum textfile_result read_path(
    const char *path, bool only_roots, struct slice *out, char why[TEXTFILE_WHY_MAX])
{
	/* O_NONBLOCK: to open a FIFO must not wait for its writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	enum textfile_result result;

	*out = slice_of(NULL, 0);
	if (fd < 0)
		return file_error(why, "cannot be opened", errno);
	if (only_roots && !is_roots(fd)) {
		snprintf(why, TEXTFILE_WHY_MAX, "is not root's, or others can write to it");
		result = TEXTFILE_FOREIGN;
	} else {
		result = read_open(fd, out, why);
	}
	close(fd);
	return result;
}

enum textfile_result textfile_read(const char *path, struct slice *out, char why[TEXTFILE_WHY_MAX])
{
	return read_path(path, false, out, why);
}

enum textfile_result textfile_read_roots(
    const char *path, struct slice *out, char why[TEXTFILE_WHY_MAX])
{
	return read_path(path, true, out, why);
}

void textfile_free(struct slice *text)
{
	free((void *)(uintptr_t)text->ptr);
	*text = slice_of(NULL, 0);
}
