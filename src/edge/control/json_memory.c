#include "edge/control/json_memory.h"

#include <jansson.h>
#include <pthread.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

static _Thread_local bool failed;

/* A region for all threads, started again when nothing in it is in use any more. */
static struct {
	pthread_mutex_t lock; /* guards what follows; nothing is taken inside */
	size_t used;
	unsigned in_use; /* blocks */
	alignas(max_align_t) unsigned char bytes[JSON_RESERVE];
} reserve = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *take_reserve(size_t size)
{
	size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	void *block = NULL;

	pthread_mutex_lock(&reserve.lock);
	if (rounded >= size && rounded <= JSON_RESERVE - reserve.used) {
		block = reserve.bytes + reserve.used;
		reserve.used += rounded;
		reserve.in_use++;
	}
	pthread_mutex_unlock(&reserve.lock);
	return block;
}

static void *allocate(size_t size)
{
	void *block = malloc(size);

	if (block)
		return block;
	failed = true;
	return take_reserve(size);
}

static void release(void *block)
{
	uintptr_t from = (uintptr_t)reserve.bytes;

	if ((uintptr_t)block < from || (uintptr_t)block >= from + JSON_RESERVE) {
		free(block);
		return;
	}
	pthread_mutex_lock(&reserve.lock);
	if (--reserve.in_use == 0)
		reserve.used = 0;
	pthread_mutex_unlock(&reserve.lock);
}

void json_memory_watch(void)
{
	json_set_alloc_funcs(allocate, release);
}

void json_memory_forget(void)
{
	failed = false;
}

bool json_memory_failed(void)
{
	return failed;
}
