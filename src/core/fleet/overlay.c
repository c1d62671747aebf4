#include "core/fleet/overlay.h"

#include "core/base/array.h"

#include <stdlib.h>

/* The number of the first whose key is not lower. */
static size_t place(const struct overlay *o, struct slice key)
{
	size_t low = 0, high = o->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (slice_compare(o->at[middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct overlay *o, size_t i, struct slice key)
{
	return i < o->count && slice_equal(o->at[i].key, key);
}

const struct overlay_entry *overlay_find(const struct overlay *o, struct slice key)
{
	size_t i = place(o, key);

	return is_at(o, i, key) ? &o->at[i] : NULL;
}

/* Key and value share one allocation, which begins with the key. */
static void drop(struct overlay *o, const struct overlay_entry *e)
{
	o->bytes -= e->key.len + e->value.len;
	free((char *)(uintptr_t)e->key.ptr);
}

bool overlay_set(struct overlay *o, struct slice key, struct slice value, int64_t expires)
{
	size_t i = place(o, key);
	char *copy;

	if (!ARRAY_ROOM(o->at, o->capacity, o->count + 1))
		return false;
	copy = malloc(key.len + value.len + 1);
	if (!copy)
		return false;
	memcpy(copy, key.ptr, key.len);
	memcpy(copy + key.len, value.ptr, value.len);
	if (is_at(o, i, key)) {
		drop(o, &o->at[i]);
	} else {
		memmove(o->at + i + 1, o->at + i, (o->count - i) * sizeof *o->at);
		o->count++;
	}
	o->bytes += key.len + value.len;
	o->at[i] = (struct overlay_entry){
	    slice_of(copy, key.len), slice_of(copy + key.len, value.len), expires};
	return true;
}

void overlay_remove(struct overlay *o, struct slice key)
{
	size_t i = place(o, key);

	if (!is_at(o, i, key))
		return;
	drop(o, &o->at[i]);
	o->count--;
	memmove(o->at + i, o->at + i + 1, (o->count - i) * sizeof *o->at);
}

void overlay_sweep(struct overlay *o, int64_t time)
{
	size_t kept = 0;

	for (size_t i = 0; i < o->count; i++) {
		if (o->at[i].expires != 0 && o->at[i].expires <= time)
			drop(o, &o->at[i]);
		else
			o->at[kept++] = o->at[i];
	}
	o->count = kept;
}

void overlay_free(struct overlay *o)
{
	for (size_t i = 0; i < o->count; i++)
		drop(o, &o->at[i]);
	free(o->at);
	*o = (struct overlay){0};
}
