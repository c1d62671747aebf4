#include "edge/os/statedir.h"

#include "edge/os/write_all.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MODE = 0640, DIRECTORY_MODE = 0750 };

static bool report_errno(char why[STATEDIR_WHY_MAX], const char *doing)
{
	int error = errno;

	snprintf(why, STATEDIR_WHY_MAX, "%s: %s", doing, strerror(error));
	errno = error;
	return false;
}

static int open_directory(int above, const char *name, bool make, int flags)
{
	if (make && mkdirat(above, name, DIRECTORY_MODE) != 0 && errno != EEXIST)
		return -1;
	return openat(above, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
}

int statedir_open(const char *directory, const char *name, bool make, char why[STATEDIR_WHY_MAX])
{
	/* The administrator may have made the directory itself a link. */
	int above = open_directory(AT_FDCWD, directory, make, 0), dir = -1;

	if (above >= 0)
		dir = open_directory(above, name, make, O_NOFOLLOW);
	if (dir < 0)
		report_errno(why, "the directory cannot be opened");
	if (above >= 0) {
		int error = errno;

		close(above);
		errno = error;
	}
	return dir;
}

bool statedir_put(int dir, const char *name, struct slice bytes, char why[STATEDIR_WHY_MAX])
{
	int fd =
	    openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	bool ok;

	if (fd < 0)
		return report_errno(why, "a file cannot be made");
	ok = write_all(fd, bytes) && fsync(fd) == 0;
	if (!ok)
		report_errno(why, "a file cannot be written");
	if (close(fd) != 0 && ok)
		ok = report_errno(why, "a file cannot be written");
	if (!ok)
		unlinkat(dir, name, 0);
	return ok;
}

bool statedir_write(int dir, const char *name, struct slice bytes, char why[STATEDIR_WHY_MAX])
{
	char fresh[NAME_MAX + 1];

	snprintf(fresh, sizeof fresh, "%s.new", name);
	if (!statedir_put(dir, fresh, bytes, why))
		return false;
	if (renameat(dir, fresh, dir, name) == 0 && fsync(dir) == 0)
		return true;
	report_errno(why, "a file cannot be moved into its place");
	unlinkat(dir, fresh, 0);
	return false;
}

enum textfile_result statedir_read(
    int dir, const char *name, struct slice *out, char why[TEXTFILE_WHY_MAX])
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), error = errno;
	enum textfile_result result;
	char path[64];

	*out = slice_of(NULL, 0);
	if (fd < 0) {
		snprintf(why, TEXTFILE_WHY_MAX, "cannot be opened: %s", strerror(error));
		errno = error;
		return error == ENOENT ? TEXTFILE_MISSING : TEXTFILE_BROKEN;
	}
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	result = textfile_read(path, out, why);
	close(fd);
	errno = 0;
	return result;
}

void statedir_remove(int dir, const char *name)
{
	unlinkat(dir, name, 0);
}

void statedir_sweep(int dir, bool (*wanted)(void *context, const char *name), void *context)
{
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again >= 0 ? fdopendir(again) : NULL;
	const struct dirent *e;

	if (!d) {
		if (again >= 0)
			close(again);
		return;
	}
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    !wanted(context, e->d_name))
			unlinkat(dir, e->d_name, 0);
	closedir(d);
}
