#include "core/base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Chunks start small, since most transactions need little, and double up to this size. */
#define CHUNK_FIRST ((size_t)4096)
#define CHUNK_MAX   ((size_t)1 << 20)

#define ALIGNMENT alignof(max_align_t)

struct chunk {
	struct chunk *older;
	size_t capacity;
	size_t used;
	alignas(max_align_t) unsigned char bytes[];
};

struct arena {
	struct chunk *newest;
	size_t limit;
	size_t used;
	bool failed, starved;
};

struct arena *arena_create(size_t limit)
{
	struct arena *a = calloc(1, sizeof *a);

	if (a)
		a->limit = limit;
	return a;
}

static void drop_chunks(struct arena *a, struct chunk *keep)
{
	while (a->newest && a->newest != keep) {
		struct chunk *older = a->newest->older;
		free(a->newest);
		a->newest = older;
	}
}

void arena_reset(struct arena *a)
{
	struct chunk *first = a->newest;

	while (first && first->older)
		first = first->older;
	drop_chunks(a, first);
	if (first)
		first->used = 0;
	a->used = 0;
	a->failed = a->starved = false;
}

void arena_free(struct arena **a)
{
	if (!*a)
		return;
	drop_chunks(*a, NULL);
	free(*a);
	*a = NULL;
}

static bool add_chunk(struct arena *a, size_t size)
{
	size_t capacity = a->newest ? a->newest->capacity * 2 : CHUNK_FIRST;
	struct chunk *c;

	if (capacity > CHUNK_MAX)
		capacity = CHUNK_MAX;
	if (capacity < size)
		capacity = size;
	if (capacity > SIZE_MAX - sizeof *c)
		return false;
	c = malloc(sizeof *c + capacity);
	if (!c) {
		a->starved = true;
		return false;
	}
	*c = (struct chunk){.older = a->newest, .capacity = capacity};
	a->newest = c;
	return true;
}

void *arena_alloc(struct arena *a, size_t size)
{
	size_t rounded = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	struct chunk *c = a->newest;
	void *at;

	if (rounded < size || rounded > a->limit - a->used)
		goto fail;
	if ((!c || c->capacity - c->used < rounded) && !add_chunk(a, rounded))
		goto fail;
	c = a->newest;
	at = c->bytes + c->used;
	c->used += rounded;
	a->used += rounded;
	return at;
fail:
	a->failed = true;
	return NULL;
}

void *arena_calloc(struct arena *a, size_t n, size_t size)
{
	void *at;

	if (size != 0 && n > SIZE_MAX / size) {
		a->failed = true;
		return NULL;
	}
	at = arena_alloc(a, n * size);
	if (at)
		memset(at, 0, n * size);
	return at;
}

char *arena_strdup(struct arena *a, struct slice s)
{
	char *copy = s.len < SIZE_MAX ? arena_alloc(a, s.len + 1) : NULL;

	if (!copy)
		return NULL;
	if (s.len)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = '\0';
	return copy;
}

struct slice arena_copy(struct arena *a, struct slice s)
{
	char *copy = arena_strdup(a, s);

	return copy ? slice_of(copy, s.len) : slice_of(NULL, 0);
}

struct slice arena_printf(struct arena *a, const char *format, ...)
{
	va_list args;
	int len;
	char *text;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	text = len < 0 ? NULL : arena_alloc(a, (size_t)len + 1);
	if (!text)
		return slice_of(NULL, 0);
	va_start(args, format);
	vsnprintf(text, (size_t)len + 1, format, args);
	va_end(args);
	return slice_of(text, (size_t)len);
}

bool arena_failed(const struct arena *a)
{
	return a->failed;
}

void arena_starve(struct arena *a)
{
	a->failed = a->starved = true;
}

bool arena_starved(const struct arena *a)
{
	return a->starved;
}

size_t arena_used(const struct arena *a)
{
	return a->used;
}
