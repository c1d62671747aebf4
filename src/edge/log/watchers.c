#include "edge/log/watchers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

void watchers_init(struct watchers *w)
{
	pthread_mutex_init(&w->lock, NULL);
	atomic_init(&w->count, 0);
	for (int i = 0; i < WATCHERS_MAX; i++)
		w->pipe[i] = -1;
}

static void forget(struct watchers *w, int i)
{
	close(w->pipe[i]);
	w->pipe[i] = -1;
	atomic_fetch_sub(&w->count, 1);
}

void watchers_close(struct watchers *w)
{
	for (int i = 0; i < WATCHERS_MAX; i++)
		if (w->pipe[i] >= 0)
			forget(w, i);
	pthread_mutex_destroy(&w->lock);
}

/* Where nothing is decided nothing is written, and no write tells of readers that are gone. */
static void forget_gone(struct watchers *w)
{
	for (int i = 0; i < WATCHERS_MAX; i++) {
		struct pollfd end = {.fd = w->pipe[i]};

		if (w->pipe[i] >= 0 && poll(&end, 1, 0) == 1 && (end.revents & POLLERR) != 0)
			forget(w, i);
	}
}

int watchers_add(struct watchers *w)
{
	int ends[2], slot = 0;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return -1;
	pthread_mutex_lock(&w->lock);
	forget_gone(w);
	while (slot < WATCHERS_MAX && w->pipe[slot] >= 0)
		slot++;
	if (slot < WATCHERS_MAX) {
		w->pipe[slot] = ends[1];
		atomic_fetch_add(&w->count, 1);
	}
	pthread_mutex_unlock(&w->lock);
	if (slot < WATCHERS_MAX)
		return ends[0];
	close(ends[0]);
	close(ends[1]);
	return -1;
}

unsigned watchers_count(const struct watchers *w)
{
	return atomic_load(&w->count);
}

/* The pipes do not block, so that the lock is held for moments only. */
void watchers_write(struct watchers *w, const char *text, size_t len)
{
	pthread_mutex_lock(&w->lock);
	for (int i = 0; watchers_count(w) > 0 && i < WATCHERS_MAX; i++)
		if (w->pipe[i] >= 0 && write(w->pipe[i], text, len) < 0 && errno == EPIPE)
			forget(w, i);
	pthread_mutex_unlock(&w->lock);
}
