#ifndef EDGE_CONTROL_WATCH_H
#define EDGE_CONTROL_WATCH_H
/* The stream of decisions, for commands that show it. */
#include "edge/control/commands.h"

struct watch {
	struct request *asked;
	int fd;
	size_t len;
	char buffer[CHANNEL_LINE_MAX];
};

/* False after a complaint. */
bool watch_start(struct watch *, struct request *);
void watch_end(struct watch *);

/* The next decision, a new reference, with CHANNEL_READABLE; else why there is none. */
enum channel_event watch_next(struct watch *, int timeout_ms, json_t **record);

/* A field of a record, "" when it has none. */
const char *record_text(const json_t *record, const char *key);

/* Whether a record can have this action. */
bool watch_is_action(const char *action);

#endif
