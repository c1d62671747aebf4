#include "history_directory.h"

#include "history_append.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int history_directory_open(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool add_file(struct history_files *files, const struct history_segment *s)
{
	struct history_file *file = files->file;

	if ((files->count & (files->count - 1)) == 0) {
		file = realloc(file, (files->count ? files->count * 2 : 1) * sizeof *file);
		if (!file)
			return false;
		files->file = file;
	}
	file += files->count++;
	*file = (struct history_file){.header = s->header, .bytes = s->size};
	memcpy(file->name, s->name, sizeof file->name);
	return true;
}

static int by_time(const void *a, const void *b)
{
	const struct history_file *one = a, *other = b;

	if (one->header.created_ms != other->header.created_ms)
		return one->header.created_ms < other->header.created_ms ? -1 : 1;
	return strcmp(one->name, other->name);
}

/* Each with its header; one that was removed meanwhile is no damage. */
static bool look_at_files(struct history_coder *coder, int directory, DIR *dir,
    struct history_files *files, struct history_damage *damage)
{
	struct dirent *entry;

	while ((errno = 0, entry = readdir(dir))) {
		struct history_segment *s;
		char why[HISTORY_WHY_MAX];
		bool added;

		if (!history_is_segment_name(entry->d_name))
			continue;
		s = history_segment_open(coder, directory, entry->d_name, damage, why);
		if (!s) {
			damage->blocks += errno != ENOENT;
			continue;
		}
		added = add_file(files, s);
		history_segment_close(&s);
		if (!added) {
			errno = ENOMEM;
			return false;
		}
	}
	return errno == 0;
}

bool history_files_list(struct history_coder *coder, int directory, struct history_files *files,
    struct history_damage *damage)
{
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), error;
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	bool ok;

	*files = (struct history_files){.file = NULL};
	if (!dir) {
		error = errno;
		if (fd >= 0)
			close(fd);
		errno = error;
		return false;
	}
	ok = look_at_files(coder, directory, dir, files, damage);
	error = errno;
	closedir(dir);
	if (ok && files->count > 0)
		qsort(files->file, files->count, sizeof *files->file, by_time);
	if (!ok)
		history_files_free(files);
	errno = error;
	return ok;
}

void history_files_free(struct history_files *files)
{
	free(files->file);
	*files = (struct history_files){.file = NULL};
}
