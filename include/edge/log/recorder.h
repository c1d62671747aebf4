#ifndef EDGE_LOG_RECORDER_H
#define EDGE_LOG_RECORDER_H
/*
 * recorder: decisions → syslog lines, JSON lines, and whoever watches (`susmilterctl tail`).
 *
 *     milter threads: recorder_admit() → reply → recorder_record() → bounded queue
 *                     → the recorder's own thread → log, file
 *
 * Mail never waits for a log: recorder_record() copies what it needs and returns; when the queue
 * is full, the file system is full or a line is one too many for its recipient and rule in this
 * minute, the line is dropped and counted, and counters (edge/stats/counters.h) stay exact.
 *
 * All functions are safe in any thread.
 */
#include "core/session/env.h"

struct recorder;

struct recorder_settings {
	const char *decisions; /* path of the JSON lines, "" = none */
	bool syslog;
	unsigned per_recipient_minute; /* lines in full, for one recipient and rule */
};

/* NULL and the reason in why[] when the thread cannot be started or the file not be opened. */
enum { RECORDER_WHY_MAX = 240 };
struct recorder *recorder_create(const struct recorder_settings *, char why[RECORDER_WHY_MAX]);

/* Writes what is queued (for a bounded time; false when that was too short) and ends the thread.
 * Frees nothing, for a process that ends while others may still record: that goes nowhere. */
bool recorder_stop(struct recorder *);

/* Stops, and frees unless the thread still writes. */
void recorder_free(struct recorder **);

/* What it will take of a record: of enum record_lines.  Once for each, before recorder_record(),
 * since a line counts for its recipient and rule in this minute.  RECORD_FILE is not promised while
 * the file cannot be written. */
unsigned recorder_admit(struct recorder *, const struct record *);

/* Takes the lines of its number. */
void recorder_record(struct recorder *, const struct record *);

/* SIGUSR1: closes and opens the file again, soon. */
void recorder_reopen(struct recorder *);

/* After a reload: new settings take effect for lines written from now on. */
void recorder_configure(struct recorder *, const struct recorder_settings *);

/* The JSON lines from now on, as they are written, from a descriptor that the caller reads and
 * closes.  A reader that is too slow misses lines.  -1 when there are too many watchers. */
int recorder_watch(struct recorder *);

struct recorder_counts {
	uint64_t written;    /* JSON lines or, without a file, syslog lines */
	uint64_t suppressed; /* one too many for its recipient and rule */
	uint64_t dropped;    /* the queue was full */
	uint64_t failed;     /* the file could not be written: full disk, … */
	uint64_t queued;     /* now */
};
struct recorder_counts recorder_counts(struct recorder *);

#endif
