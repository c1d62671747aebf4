#ifndef HISTORY_HITS_H
#define HISTORY_HITS_H
/*
 * history_hits: rows that a search has found: copies, at most so many, the newest.
 */
#include "core/history/history_queue.h"
#include "history_segment.h"

struct history_hit {
	struct queued *row;
	struct history_header header; /* of its segment */
};

struct history_hits {
	struct history_hit *hit;
	size_t count, room;
};

/* False when out of memory. */
bool history_hits_add(
    struct history_hits *, const struct history_header *, const struct decision_row *);

/* Moves all hits of the other list behind these; false, and both are as they were. */
bool history_hits_take(struct history_hits *, struct history_hits *other);

/* Newest first, and only so many. */
void history_hits_limit(struct history_hits *, size_t wanted);

void history_hits_free(struct history_hits *);

#endif
