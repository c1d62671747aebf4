#ifndef EDGE_OS_TEXTFILE_H
#define EDGE_OS_TEXTFILE_H
/*
 * textfile: the whole of a text file in memory.
 *
 *     char why[TEXTFILE_WHY_MAX];
 *     struct slice text;
 *     if (textfile_read("lists/dialup.cidr", &text, why)) ...
 *     textfile_free(&text);
 *
 * It is read, not mapped: a list that somebody cuts short while it is parsed would otherwise kill
 * the process with SIGBUS.
 */
#include "core/base/slice.h"

enum { TEXTFILE_WHY_MAX = 160 };

enum textfile_result {
	TEXTFILE_OK,
	TEXTFILE_MISSING, /* nothing of that name, or of the directories above it */
	TEXTFILE_BROKEN,  /* not to be opened, not a regular file, too large, unreadable */
	TEXTFILE_FOREIGN, /* only of textfile_read_roots(): nothing was read */
};

/*
 * Reads a regular file.  *out is followed by a NUL that is not counted, and the caller frees it
 * with textfile_free().  Otherwise *out is empty and `why` a sentence without the path.
 */
enum textfile_result textfile_read(const char *path, struct slice *out, char why[TEXTFILE_WHY_MAX]);

/* The same of a file that is root's and that nobody else can write to. */
enum textfile_result textfile_read_roots(
    const char *path, struct slice *out, char why[TEXTFILE_WHY_MAX]);

void textfile_free(struct slice *);

#endif
