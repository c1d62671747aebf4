#include "core/history/history_buffer.h"

#include <stdlib.h>

enum { ROOM_MIN = 4096 };

unsigned char *history_buffer_room(struct history_buffer *b, size_t n)
{
	size_t room = b->room ? b->room : ROOM_MIN;
	unsigned char *bytes;

	if (n > SIZE_MAX / 4 - b->len)
		return NULL;
	while (room < b->len + n)
		room *= 2;
	if (room != b->room) {
		bytes = realloc(b->bytes, room);
		if (!bytes)
			return NULL;
		b->bytes = bytes;
		b->room = room;
	}
	return b->bytes + b->len;
}

bool history_buffer_append(struct history_buffer *b, const void *bytes, size_t n)
{
	unsigned char *at = history_buffer_room(b, n);

	if (!at)
		return false;
	if (n > 0)
		memcpy(at, bytes, n);
	b->len += n;
	return true;
}

void history_buffer_move(struct history_buffer *to, struct history_buffer *from)
{
	history_buffer_free(to);
	*to = *from;
	to->len = 0;
	*from = (struct history_buffer){NULL, 0, 0};
}

void history_buffer_free(struct history_buffer *b)
{
	free(b->bytes);
	*b = (struct history_buffer){NULL, 0, 0};
}
