#ifndef CORE_JSON_H
#define CORE_JSON_H
/*
 * json: writes one flat JSON object (RFC 8259) into a bounded buffer.
 *
 *     char line[4096];
 *     struct json j = json_begin(line, sizeof line);
 *     json_string(&j, "rule", SLICE("dialup"));
 *     json_number(&j, "code", 550);
 *     struct slice text = json_end(&j);          // {"rule":"dialup","code":550}
 *
 * Made for lines that are written a hundred thousand times a second; what is nested or must be
 * read is the business of a library in the edge.  Strings come out as valid UTF-8 whatever goes
 * in: control bytes and bytes that are no UTF-8 are written as \u00XX.  A value that does not fit
 * is left out as a whole, so that the object is always well formed.
 */
#include "core/slice.h"

struct json {
	char *at;
	size_t len, capacity;
	bool full; /* something was left out */
};

/* capacity: at least 3 bytes. */
struct json json_begin(char *buffer, size_t capacity);

/* key is a literal without anything to escape. */
void json_string(struct json *, const char *key, struct slice value);
void json_number(struct json *, const char *key, int64_t value);

/* The finished object, NUL-terminated in the buffer. */
struct slice json_end(struct json *);

#endif
