#include "history_retention.h"

#include <sys/statvfs.h>
#include <unistd.h>

#define DAY_MS INT64_C(86400000)

bool history_is_short_of_space(int directory, unsigned min_free)
{
	struct statvfs fs;

	return min_free > 0 && fstatvfs(directory, &fs) == 0 && fs.f_blocks > 0 &&
	       (double)fs.f_bavail * 100.0 < (double)fs.f_blocks * (double)min_free;
}

static uint64_t bytes_of(const struct history_files *files, enum history_half half)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < files->count; i++)
		if (files->file[i].header.half == half)
			bytes += files->file[i].bytes;
	return bytes;
}

/* The oldest segment of a half that is not open; the count when there is none. */
static size_t oldest_of(const struct history_files *files, enum history_half half)
{
	size_t i = 0;

	while (i < files->count &&
	       (files->file[i].header.half != half || files->file[i].header.state == HISTORY_OPEN))
		i++;
	return i;
}

static bool remove_file(
    int directory, struct history_files *files, size_t i, struct history_removed *removed)
{
	if (i >= files->count || unlinkat(directory, files->file[i].name, 0) != 0)
		return false;
	removed->rows += files->file[i].header.rows;
	removed->segments++;
	files->count--;
	memmove(files->file + i, files->file + i + 1, (files->count - i) * sizeof *files->file);
	return true;
}

static bool is_expired(const struct history_files *files, size_t i,
    const struct history_settings *settings, int64_t now_ms)
{
	return i < files->count &&
	       files->file[i].header.max_ms < now_ms - (int64_t)settings->keep_days * DAY_MS;
}

void history_retention(int directory, struct history_files *files,
    const struct history_settings *settings, int64_t now_ms, struct history_removed *removed)
{
	for (int h = 0; h < HISTORY_HALVES; h++) {
		enum history_half half = (enum history_half)h;
		size_t i;

		while ((i = oldest_of(files, half)) < files->count &&
		       (is_expired(files, i, settings, now_ms) ||
			   bytes_of(files, half) > settings->max_bytes / 2) &&
		       remove_file(directory, files, i, removed))
			;
	}
	while (history_is_short_of_space(directory, settings->min_free)) {
		enum history_half larger =
		    bytes_of(files, HISTORY_REFUSED) > bytes_of(files, HISTORY_ACCEPTED)
			? HISTORY_REFUSED
			: HISTORY_ACCEPTED;
		size_t i = oldest_of(files, larger);

		if (i >= files->count)
			i = oldest_of(
			    files, larger == HISTORY_REFUSED ? HISTORY_ACCEPTED : HISTORY_REFUSED);
		if (!remove_file(directory, files, i, removed))
			return;
	}
}
