#include "fake/scratch.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/susmilter-test.XXXXXX";
static pid_t owner;

/* Paths that were given out. */
static struct path {
	struct path *next;
	char text[];
} * paths;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* Check runs cases in children, which must leave the directory to their parent. */
static void remove_all(void)
{
	if (getpid() == owner)
		nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void fail(const char *doing, const char *path)
{
	fprintf(stderr, "%s %s: %s\n", doing, path, strerror(errno));
	abort();
}

static void make_directory(void)
{
	if (!mkdtemp(directory))
		fail("mkdtemp", directory);
	owner = getpid();
	atexit(remove_all);
}

static void make_leads(char *path)
{
	for (char *slash = path + sizeof directory; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			fail("mkdir", path);
		*slash = '/';
	}
}

const char *scratch_path(const char *name)
{
	size_t size = sizeof directory + strlen(name) + 1;
	struct path *p;

	if (owner == 0)
		make_directory();
	for (p = paths; p; p = p->next)
		if (strcmp(p->text + sizeof directory, name) == 0)
			return p->text;
	p = malloc(sizeof *p + size);
	if (!p)
		abort();
	snprintf(p->text, size, "%s/%s", directory, name);
	make_leads(p->text);
	p->next = paths;
	paths = p;
	return p->text;
}

void scratch_write(const char *name, struct slice text)
{
	const char *path = scratch_path(name);
	FILE *f = fopen(path, "w");

	if (!f || fwrite(text.ptr, 1, text.len, f) != text.len || fclose(f) != 0)
		fail("write", path);
}
