#ifndef CORE_BASE_LINE_H
#define CORE_BASE_LINE_H
/*
 * line: bounded text that is put together by printf pieces, in memory of the caller.
 *
 *     char text[LINE_BYTES];
 *     struct line l = line_start(text, sizeof text);
 *     line_append(&l, "%s: %zu entries", name, n);    // text is NUL-terminated at any time
 *
 * What does not fit is cut, and `cut` says so.
 */
#include <stdbool.h>
#include <stddef.h>

struct line {
	char *text;
	size_t size, len;
	bool cut;
};

/* An empty line in text[size], size at least 1; borrowed. */
struct line line_start(char *text, size_t size);

void line_append(struct line *, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
