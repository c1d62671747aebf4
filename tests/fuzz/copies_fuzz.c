/*
 * The index of the copies in the state directory: ours, but a disk may damage it.
 *
 * Insists that what is taken names a set that is there, can be written, and means the same when it
 * is read again.
 */
#include "edge/state/copies.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void insist(bool holds)
{
	if (!holds)
		abort();
}

/* A state directory of this process, in memory. */
static const char *directory(void)
{
	static char path[64];

	if (!path[0]) {
		snprintf(path, sizeof path, "/dev/shm/susmilter-fuzz.%d", (int)getpid());
		mkdir(path, 0700);
		strcat(path, "/copies");
		mkdir(path, 0700);
		*strrchr(path, '/') = '\0';
	}
	return path;
}

static void write_index(const uint8_t *data, size_t size)
{
	char path[96];
	int fd;

	snprintf(path, sizeof path, "%s/copies/index", directory());
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	insist(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static void compare(const struct copies *a, const struct copies *b)
{
	insist(a->next == b->next);
	for (int i = 0; i < COPIES_SETS; i++) {
		const struct copied_set *s = &a->sets[i], *t = &b->sets[i];

		insist(s->there == t->there && s->whole == t->whole && s->loaded == t->loaded &&
		       s->file_count == t->file_count && s->feed_count == t->feed_count);
		for (size_t k = 0; k < s->file_count; k++)
			insist(strcmp(s->files[k].path, t->files[k].path) == 0 &&
			       s->files[k].number == t->files[k].number);
		for (size_t k = 0; k < s->feed_count; k++)
			insist(strcmp(s->feeds[k].path, t->feeds[k].path) == 0 &&
			       s->feeds[k].memory.entries == t->feeds[k].memory.entries);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum copies_result result, again;
	struct copies *c, *d;
	char why[COPIES_WHY_MAX];

	write_index(data, size);
	c = copies_read(directory(), &result, why);
	insist(c != NULL && (result == COPIES_OK || result == COPIES_BROKEN));
	if (result == COPIES_OK) {
		insist(c->sets[c->running].there);
		insist(copies_run(c, c->running, why));
		d = copies_read(directory(), &again, why);
		insist(d != NULL && again == COPIES_OK);
		compare(c, d);
		copies_free(&d);
	}
	copies_free(&c);
	return 0;
}
