#include "edge/log/recordqueue.h"

#include <stdlib.h>

void recordqueue_init(struct recordqueue *q)
{
	q->first = NULL;
	q->last = &q->first;
	q->length = 0;
}

bool recordqueue_put(struct recordqueue *q, struct recordline *line)
{
	if (!line || q->length >= RECORDQUEUE_MAX) {
		free(line);
		return false;
	}
	line->next = NULL;
	*q->last = line;
	q->last = &line->next;
	q->length++;
	return true;
}

struct recordline *recordqueue_take(struct recordqueue *q)
{
	struct recordline *lines = q->first;

	recordqueue_init(q);
	return lines;
}

struct recordline *recordline_make(struct slice json, struct slice syslog)
{
	struct recordline *line = malloc(sizeof *line + json.len + 1 + syslog.len + 1);

	if (!line)
		return NULL;
	*line = (struct recordline){.json_len = json.len, .syslog_len = syslog.len};
	memcpy(line->text, json.ptr, json.len);
	line->text[json.len] = '\n';
	memcpy(line->text + json.len + 1, syslog.ptr, syslog.len);
	line->text[json.len + 1 + syslog.len] = '\0';
	return line;
}

void recordline_free_all(struct recordline **lines)
{
	while (*lines) {
		struct recordline *line = *lines;

		*lines = line->next;
		free(line);
	}
}
