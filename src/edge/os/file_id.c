#include "edge/os/file_id.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MILLISECOND INT64_C(1000000)
#define SECOND      INT64_C(1000000000)

/* The kernel's slowest tick (HZ=100), twice. */
#define TICK (20 * MILLISECOND)

/* File systems that keep whole seconds, or pairs of them. */
#define COARSE (2 * SECOND)

void file_id_take(const char *path, struct file_id *id)
{
	struct stat st;

	*id = (struct file_id){.settled = true};
	if (stat(path, &st) != 0)
		return;
	id->there = true;
	id->readable = faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0;
	id->device = st.st_dev;
	id->inode = st.st_ino;
	id->size = (uint64_t)st.st_size;
	id->seconds = st.st_mtim.tv_sec;
	id->nanoseconds = st.st_mtim.tv_nsec;
}

bool file_id_same_file(const struct file_id *a, const struct file_id *b)
{
	if (!a->settled || !b->settled || a->there != b->there)
		return false;
	return !a->there ||
	       (a->readable == b->readable && a->inode == b->inode && a->size == b->size &&
		   a->seconds == b->seconds && a->nanoseconds == b->nanoseconds);
}

bool file_id_equal(const struct file_id *a, const struct file_id *b)
{
	return file_id_same_file(a, b) && a->device == b->device;
}

/* Nanoseconds since it was modified; negative when its clock is ahead of ours. */
static int64_t age_of(const struct file_id *id)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (now.tv_sec - id->seconds) * SECOND + now.tv_nsec - id->nanoseconds;
}

static void wait_for_tick(const struct file_id *id)
{
	int64_t left = TICK - age_of(id);
	struct timespec wait = {.tv_nsec = left};

	if (id->there && left > 0 && left <= TICK)
		nanosleep(&wait, NULL);
}

static bool is_coarse(const struct file_id *id)
{
	int64_t age = age_of(id);

	return id->there && id->nanoseconds == 0 && age >= 0 && age < COARSE;
}

enum textfile_result file_read(
    const char *path, struct slice *out, struct file_id *id, char why[TEXTFILE_WHY_MAX])
{
	enum textfile_result result;
	struct file_id before;

	file_id_take(path, &before);
	wait_for_tick(&before);
	result = textfile_read(path, out, why);
	file_id_take(path, id);
	id->settled = file_id_equal(&before, id) && !is_coarse(&before);
	return result;
}
