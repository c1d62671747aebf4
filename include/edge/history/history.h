#ifndef EDGE_HISTORY_HISTORY_H
#define EDGE_HISTORY_HISTORY_H
/*
 * history: every decision, kept as columns in segments (SPEC 10; susmilter-history(5)).
 *
 *     milter threads: history_number() → an id for the reply
 *                     history_record() → bounded queue → an own thread → segments in a directory
 *     readers:        edge/history/history_find.h, in any process, beside the writer
 *
 * Mail never waits: a row is copied and queued; when the queue is full, the disk is full or the
 * directory cannot be used, rows are dropped and counted.  The thread writes once a second and has
 * the disk keep it, so that a kill -9 costs the rows of the last second; what was being written is
 * cut off and counted at the next start.  Refusals and accepted mail have a half each of max_bytes,
 * from which the oldest segments go first.
 *
 * All functions are safe in any thread.
 */
#include "core/change/decision_row.h"

struct history;

struct history_settings {
	const char *directory; /* "" = no history */
	unsigned keep_days;
	uint64_t max_bytes;
	unsigned min_free; /* per cent of the file system */
	enum row_local_parts local_parts;
	unsigned per_network_minute; /* refusals of a /24 (/48) that have rows of their own */
};

/* NULL when out of memory or without a thread.  A directory that cannot be used is no reason: it is
 * told, and tried again each minute. */
struct history *history_create(const struct history_settings *);

/* Writes what is queued and ends the thread, within a bounded time; false when it was too short.
 * Frees nothing, for a process that ends while others may still record. */
bool history_stop(struct history *);
void history_free(struct history **);

/*
 * The id of a decision (SPEC 5): with a row of its own, or of the row that it shares.  False, and
 * nothing is changed, when there is no history now.
 */
bool history_number(struct history *, const struct record *, struct record_number *);

/* Keeps it.  The record has the number that history_number() gave it. */
void history_record(struct history *, const struct record *);

/*
 * SPF, DKIM and DMARC of a row that was kept before, found afterwards.  Of the record the number,
 * the results and whether it was a refusal are looked at.
 */
void history_results(struct history *, const struct record *);

/* After a reload. */
void history_configure(struct history *, const struct history_settings *);

/* Returns when all that was recorded before is on the disk, or after the time. */
void history_flush(struct history *, int timeout_ms);

/*
 * Erases texts from all that is kept: an address, or with a domain every address of it and itself,
 * with a dot in front those below, too (edge/history/history_find.h has the forms).  Returns the
 * number of segments that were rewritten, or -1 and the reason in why[].  Takes as long as it takes
 * to read and write them.
 */
enum { HISTORY_FORGET_WHY_MAX = 320 };
int history_forget(struct history *, struct slice what, char why[HISTORY_FORGET_WHY_MAX]);

struct history_counts {
	bool running;         /* there is a directory, and it can be written */
	char error[320];      /* why not; "" */
	uint64_t rows;        /* written */
	uint64_t shared;      /* decisions that another row stands for */
	uint64_t dropped;     /* no room in the queue, or no directory */
	uint64_t failed;      /* rows that could not be written: full disk, … */
	uint64_t damaged;     /* rows lost in segments that were found damaged */
	uint64_t repaired;    /* bits mended there */
	uint64_t expired;     /* rows whose segment was removed by age or size */
	uint64_t evaluated;   /* rows that got results afterwards */
	uint64_t unevaluated; /* results lost: no room, or the segment of their row was ended */
	uint64_t queued;      /* now */
	uint64_t segments, bytes;
	int64_t oldest_ms; /* of what is kept; 0 = nothing */
};
struct history_counts history_counts(struct history *);

#endif
