#include "core/history/history_queue.h"

#include <stdlib.h>

void history_queue_init(struct history_queue *q)
{
	*q = (struct history_queue){.first = NULL};
	q->last = &q->first;
}

struct queued *history_queued(const struct decision_row *row)
{
	struct queued *q;
	size_t len = 0;
	char *at;

	for (int i = 0; i < ROW_TEXTS; i++)
		len += row->text[i].len;
	q = malloc(sizeof *q + len);
	if (!q)
		return NULL;
	*q = (struct queued){.bytes = sizeof *q + len, .row = *row};
	q->row.id = slice_of(NULL, 0);
	at = q->text;
	for (int i = 0; i < ROW_TEXTS; i++) {
		size_t n = row->text[i].len;

		if (n > 0)
			memcpy(at, row->text[i].ptr, n);
		q->row.text[i] = slice_of(at, n);
		at += n;
	}
	return q;
}

bool history_queue_put(struct history_queue *queue, struct queued *q)
{
	if (!q || queue->bytes + q->bytes > HISTORY_QUEUE_BYTES) {
		free(q);
		return false;
	}
	q->next = NULL;
	*queue->last = q;
	queue->last = &q->next;
	queue->bytes += q->bytes;
	queue->length++;
	return true;
}

struct queued *history_queue_take(struct history_queue *queue)
{
	struct queued *first = queue->first;

	history_queue_init(queue);
	return first;
}
