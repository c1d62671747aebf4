#include "core/base/line.h"

#include <stdarg.h>
#include <stdio.h>

struct line line_start(char *text, size_t size)
{
	text[0] = '\0';
	return (struct line){.text = text, .size = size};
}

void line_append(struct line *l, const char *format, ...)
{
	size_t room = l->size - l->len;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(l->text + l->len, room, format, args);
	va_end(args);
	if (n < 0) {
		l->text[l->len] = '\0';
		l->cut = true;
	} else if ((size_t)n < room) {
		l->len += (size_t)n;
	} else {
		l->len = l->size - 1;
		l->cut = true;
	}
}
