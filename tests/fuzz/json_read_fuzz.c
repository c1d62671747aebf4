/*
 * JSON lines of `explain --batch`: what core's strict reader takes and gives is what libjansson
 * takes and gives, as far as objects are flat.
 *
 * Four things are known to differ: libjansson refuses \u0000, refuses numbers that do not fit its
 * types, passes over a NUL behind a word or a number, and forgets the first value of a key that
 * comes twice, so that it is asked to refuse such lines here.
 */
#include "core/base/json_read.h"

#include <jansson.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void insist(bool holds)
{
	if (!holds)
		abort();
}

/* True when ours takes it; *o then holds what it gives, with numbers as true. */
static bool read_ours(struct slice line, struct arena *arena, json_t *o, bool *odd)
{
	struct json_read r = json_read_begin(line, arena);
	struct slice key, value;

	while (json_read_next(&r, &key, &value)) {
		/* A string is in the arena, or has its quote in front. */
		bool number = value.ptr > line.ptr && value.ptr <= line.ptr + line.len &&
			      value.ptr[-1] != '"';

		*odd |= number || memchr(key.ptr, 0, key.len) ||
			json_object_getn(o, key.ptr, key.len) ||
			(value.len > 0 && memchr(value.ptr, 0, value.len));
		json_object_setn_new(o, key.ptr, key.len,
		    !value.ptr ? json_null()
		    : number   ? json_true()
			       : json_stringn(value.ptr, value.len));
	}
	return !r.wrong;
}

/* A flat object of strings, numbers and null; numbers become true. */
static bool flatten(json_t *o)
{
	const char *key;
	json_t *value;
	void *next;

	if (!json_is_object(o))
		return false;
	json_object_foreach_safe(o, next, key, value)
	{
		if (json_is_number(value))
			json_object_set_new(o, key, json_true());
		else if (!json_is_string(value) && !json_is_null(value))
			return false;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice line = slice_of((const char *)data, size);
	struct arena *arena = arena_create(1 << 20);
	json_t *ours = json_object();
	json_t *theirs = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	bool odd = false, taken = read_ours(line, arena, ours, &odd);

	if (theirs && flatten(theirs) && (size == 0 || !memchr(data, 0, size)))
		insist(taken && (odd || json_equal(ours, theirs)));
	if (taken && !odd)
		insist(theirs != NULL);
	json_decref(ours);
	json_decref(theirs);
	arena_free(&arena);
	return 0;
}
