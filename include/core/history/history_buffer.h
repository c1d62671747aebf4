#ifndef CORE_HISTORY_HISTORY_BUFFER_H
#define CORE_HISTORY_HISTORY_BUFFER_H
/*
 * history_buffer: bytes that grow.  What does not fit into memory leaves the buffer as it was.
 */
#include "core/base/slice.h"

struct history_buffer {
	unsigned char *bytes;
	size_t len, room;
};

/* Room for n more bytes behind len; NULL when out of memory.  The caller adds to len. */
unsigned char *history_buffer_room(struct history_buffer *, size_t n);

bool history_buffer_append(struct history_buffer *, const void *bytes, size_t n);

/* Empties `to`, which takes over the bytes of `from`; what `to` had is freed. */
void history_buffer_move(struct history_buffer *to, struct history_buffer *from);

/* Frees the bytes; an empty buffer is left. */
void history_buffer_free(struct history_buffer *);

#endif
