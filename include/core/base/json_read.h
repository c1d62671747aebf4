#ifndef CORE_BASE_JSON_READ_H
#define CORE_BASE_JSON_READ_H
/*
 * json_read: reads one flat JSON object (RFC 8259) of strings, a member at a time.
 *
 *     struct json_read r = json_read_begin(SLICE("{\"helo\":\"mx\",\"spf\":null}"), arena);
 *     while (json_read_next(&r, &key, &value))
 *             ...                                     // "helo" "mx", then "spf" {NULL, 0}
 *     if (r.wrong) ...                                // "a member's value must be a string"
 *
 * The counterpart of core/base/json_write.h, for lines that come a hundred thousand times a second,
 * which a general library with a tree of values cannot keep up with.  Strict: what is not JSON, and
 * what is nested, is refused; strings are valid UTF-8.  Values are strings, numbers (their text)
 * and null (the empty slice with ptr NULL).  Slices point into the line, or into the arena where an
 * escape had to be resolved.
 */
#include "core/base/arena.h"
#include "core/base/slice.h"

struct json_read {
	struct slice rest;
	struct arena *arena;
	bool started, ended;
	const char *wrong; /* NULL, or the reason why reading ended early; a static sentence */
};

struct json_read json_read_begin(struct slice line, struct arena *);

/* The next member; false at the end of the object, or when something is wrong. */
bool json_read_next(struct json_read *, struct slice *key, struct slice *value);

#endif
