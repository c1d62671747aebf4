#ifndef CORE_BASE_JSON_WRITE_H
#define CORE_BASE_JSON_WRITE_H
/*
 * json_write: writes one flat JSON object (RFC 8259) into a bounded buffer.
 *
 *     char line[4096];
 *     struct json_write j = json_write_begin(line, sizeof line);
 *     json_write_string(&j, "rule", SLICE("dialup"));
 *     json_write_number(&j, "code", 550);
 *     struct slice text = json_write_end(&j);          // {"rule":"dialup","code":550}
 *
 * Made for lines that are written a hundred thousand times a second; what is nested or must be
 * read is the business of a library in the edge (jansson), which writes all of its JSON but the
 * rows of the history, millions of which are shown as the lines that they were.  Strings come out
 * as valid UTF-8 whatever goes in: control bytes and bytes that are no UTF-8 are written as \u00XX.
 * A value that does not fit is left out as a whole, so that the object is always well formed.
 */
#include "core/base/slice.h"

struct json_write {
	char *at;
	size_t len, capacity;
	bool full; /* something was left out */
};

/* capacity: at least 3 bytes. */
struct json_write json_write_begin(char *buffer, size_t capacity);

/* key is a literal without anything to escape. */
void json_write_string(struct json_write *, const char *key, struct slice value);
void json_write_number(struct json_write *, const char *key, int64_t value);

/* The finished object, NUL-terminated in the buffer. */
struct slice json_write_end(struct json_write *);

#endif
