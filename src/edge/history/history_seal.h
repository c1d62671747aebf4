#ifndef HISTORY_SEAL_H
#define HISTORY_SEAL_H
/*
 * history_seal: a segment written once more: in few large blocks, compressed, or without what is to
 * be forgotten.
 *
 * The new file takes the old one's name in one step when it is whole and on the disk; a reader has
 * the one or the other.  What is damaged in the old one is left out, and counted.
 */
#include "history_segment.h"

struct history_rewrite {
	enum history_state state; /* what it becomes */
	/* What is written for a text instead; NULL: itself.  May return the slice it was given. */
	struct slice (*text)(void *context, struct slice text);
	void *context;
};

/* False and the reason in why[]: the old file is as it was. */
bool history_seal(struct history_coder *, int directory, const char *name,
    const struct history_rewrite *, struct history_damage *, char why[HISTORY_WHY_MAX]);

#endif
