#ifndef HISTORY_RETENTION_H
#define HISTORY_RETENTION_H
/*
 * history_retention: which segments have to go: what is older than keep_days; of each half the
 * oldest beyond half of max_bytes; and the oldest of the larger half while the file system has less
 * than min_free per cent left.  Open segments stay.
 */
#include "edge/history/history.h"
#include "history_directory.h"

struct history_removed {
	uint64_t rows, segments;
};

/* Removes them from the directory and from the list. */
void history_retention(int directory, struct history_files *, const struct history_settings *,
    int64_t now_ms, struct history_removed *);

/* Whether the file system of the directory has less than this share left for its user. */
bool history_is_short_of_space(int directory, unsigned min_free);

#endif
