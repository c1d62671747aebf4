#ifndef HISTORY_DIRECTORY_H
#define HISTORY_DIRECTORY_H
/*
 * history_directory: the segments of a directory, by the time of their making.
 */
#include "history_segment.h"

struct history_file {
	char name[HISTORY_NAME_MAX];
	struct history_header header;
	uint64_t bytes;
};

struct history_files {
	struct history_file *file;
	size_t count;
};

/* All whose header can be read, the oldest first; the others are counted as damage.  False, and
 * errno says why, when the directory cannot be read. */
bool history_files_list(
    struct history_coder *, int directory, struct history_files *, struct history_damage *);
void history_files_free(struct history_files *);

/* The directory of a path, for reading; -1 and errno. */
int history_directory_open(const char *path);

#endif
