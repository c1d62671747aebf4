#ifndef CORE_HISTORY_HISTORY_QUEUE_H
#define CORE_HISTORY_HISTORY_QUEUE_H
/*
 * history_queue: rows on their way to the disk; bounded by their bytes.
 *
 * Not thread-safe: the history guards it.
 */
#include "core/change/decision_row.h"

/* What waits for a slow disk: some 50,000 rows, two seconds of a very busy host. */
#define HISTORY_QUEUE_BYTES ((size_t)32 << 20)

enum queued_what {
	QUEUED_ROW,
	QUEUED_MORE,    /* one more that row.number, at row.time_ms, stands for */
	QUEUED_RESULTS, /* SPF, DKIM and DMARC of row.number, found later */
};

struct queued {
	struct queued *next;
	size_t bytes;
	uint32_t run; /* in which its number was given out */
	bool refused; /* which half */
	enum queued_what what;
	struct decision_row row;
	char text[]; /* all texts of the row */
};

struct history_queue {
	struct queued *first, **last;
	size_t bytes, length;
};

void history_queue_init(struct history_queue *);

/* A copy of the row with its texts; NULL when out of memory. */
struct queued *history_queued(const struct decision_row *);

/* Takes it over; false, and it is freed, when there is no room or it is NULL. */
bool history_queue_put(struct history_queue *, struct queued *);

/* All, the earliest first, each to be freed with free(); the queue is empty then. */
struct queued *history_queue_take(struct history_queue *);

#endif
