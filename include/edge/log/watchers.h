#ifndef EDGE_LOG_WATCHERS_H
#define EDGE_LOG_WATCHERS_H
/*
 * watchers: those who read the decisions as they are made (`susmilterctl tail` and `top`).
 *
 *     int fd = watchers_add(&w);              a reader's end; its owner closes it
 *     watchers_write(&w, line, len);          the recorder's thread, for each line
 *
 * Nobody waits for a reader: one that is too slow misses lines, one that is gone is forgotten.
 * Safe in any thread; the writing thread must not be ended by SIGPIPE.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

/* Each costs a write for each decision. */
enum { WATCHERS_MAX = 16 };

struct watchers {
	pthread_mutex_t lock;   /* guards the pipes; nothing else is taken while it is held */
	int pipe[WATCHERS_MAX]; /* write ends, -1 = free */
	atomic_uint count;
};

void watchers_init(struct watchers *);
void watchers_close(struct watchers *);

/* A descriptor that does not block and gives what is written from now on; -1 when there are too
 * many watchers, or descriptors. */
int watchers_add(struct watchers *);

unsigned watchers_count(const struct watchers *);

/* One line, up to PIPE_BUF bytes: a reader gets it whole or not at all. */
void watchers_write(struct watchers *, const char *text, size_t len);

#endif
