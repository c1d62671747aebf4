#ifndef EDGE_RECORDED_TAIL_PAST_H
#define EDGE_RECORDED_TAIL_PAST_H
/*
 * tail_past: the last decisions of the history, in front of those that `tail` follows.
 *
 *     watch_start(…)                      // from here on nothing is missed
 *     tail_past_show(&past)               // --last N, --since T
 *     … each record that comes: tail_past_has(&past, record)? it was shown
 *     tail_past_free(&past)
 *
 * Shown is what would have been followed: not the end of a message that nothing was found against.
 */
#include "core/history/history_set.h"
#include "edge/control/commands.h"

struct tail_past {
	struct request *req;
	bool (*passes)(const void *filter, const json_t *record);
	const void *filter;
	void (*show)(struct request *, json_t *record); /* takes the reference */
	/* its own: */
	size_t most, count;
	char **lines; /* newest first */
	struct history_set *ids;
};

/* False after a complaint. */
bool tail_past_show(struct tail_past *);
bool tail_past_has(const struct tail_past *, const json_t *record);
void tail_past_free(struct tail_past *);

#endif
