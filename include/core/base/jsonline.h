#ifndef CORE_BASE_JSONLINE_H
#define CORE_BASE_JSONLINE_H
/*
 * jsonline: writes one flat JSON object (RFC 8259) into a bounded buffer.
 *
 *     char line[4096];
 *     struct jsonline j = jsonline_begin(line, sizeof line);
 *     jsonline_string(&j, "rule", SLICE("dialup"));
 *     jsonline_number(&j, "code", 550);
 *     struct slice text = jsonline_end(&j);          // {"rule":"dialup","code":550}
 *
 * Made for lines that are written a hundred thousand times a second; what is nested or must be
 * read is the business of a library in the edge.  Strings come out as valid UTF-8 whatever goes
 * in: control bytes and bytes that are no UTF-8 are written as \u00XX.  A value that does not fit
 * is left out as a whole, so that the object is always well formed.
 */
#include "core/base/slice.h"

struct jsonline {
	char *at;
	size_t len, capacity;
	bool full; /* something was left out */
};

/* capacity: at least 3 bytes. */
struct jsonline jsonline_begin(char *buffer, size_t capacity);

/* key is a literal without anything to escape. */
void jsonline_string(struct jsonline *, const char *key, struct slice value);
void jsonline_number(struct jsonline *, const char *key, int64_t value);

/* The finished object, NUL-terminated in the buffer. */
struct slice jsonline_end(struct jsonline *);

#endif
