#ifndef EDGE_LOG_RECORDQUEUE_H
#define EDGE_LOG_RECORDQUEUE_H
/*
 * recordqueue: decisions as text on their way to the log: lines wait here, and are taken all at
 * once.
 *
 *     if (!recordqueue_put(&q, recordline_make(json, text)))     // milter threads
 *             dropped++;
 *     lines = recordqueue_take(&q);                              // the recorder's thread
 *     ... each line, its JSON and its text for syslog ...
 *     recordline_free_all(&lines);
 *
 * Not thread-safe: the recorder guards it.
 */
#include "core/base/slice.h"

/* Lines that may wait for a slow disk: about a second of a busy host, 8 MB of typical lines. */
enum { RECORDQUEUE_MAX = 16384 };

/* One decision: both texts behind each other. */
struct recordline {
	struct recordline *next;
	size_t json_len, syslog_len; /* 0: there is none */
	char text[];                 /* JSON and a newline, syslog's and a NUL */
};

struct recordqueue {
	struct recordline *first, **last;
	unsigned length;
};

void recordqueue_init(struct recordqueue *);

/* Takes the line over; false when it was dropped for lack of room, or is NULL. */
bool recordqueue_put(struct recordqueue *, struct recordline *);

/* All lines, the earliest first; the queue is empty then. */
struct recordline *recordqueue_take(struct recordqueue *);

/* NULL when out of memory.  Either text may be empty. */
struct recordline *recordline_make(struct slice json, struct slice syslog);

/* The line for syslog, a C string. */
static inline const char *recordline_syslog(const struct recordline *l)
{
	return l->text + l->json_len + 1;
}

/* Frees the line and those behind it, and sets the pointer to NULL. */
void recordline_free_all(struct recordline **);

#endif
