#ifndef RECORDED_AUDIT_ASK_H
#define RECORDED_AUDIT_ASK_H
/*
 * audit_ask: asks every resolver of a configuration by itself whether domains exist.
 *
 *     audit_ask_open(&ask, config, why)
 *     audit_ask_all(&ask, audit, is_gone, context)     // notes what each of them says
 *     audit_ask_close(&ask)
 *
 * Resolvers of its own: what is asked here takes no place from the questions of mail.  One that
 * answers nothing for a while is not asked further.
 */
#include "core/suggest/audit.h"
#include "edge/config/config.h"

enum { AUDIT_SERVER_MAX = 128 };

struct audit_ask {
	struct resolver *resolver[AUDIT_RESOLVERS_MAX];
	char server[AUDIT_RESOLVERS_MAX][AUDIT_SERVER_MAX];
	bool gave_up[AUDIT_RESOLVERS_MAX]; /* it did not answer */
	unsigned count;
};

/* A resolver for each server; "system" is those of resolv.conf.  False and the reason in `why`. */
bool audit_ask_open(struct audit_ask *, const struct config *, char *why, size_t size);
void audit_ask_close(struct audit_ask *);

/* Asks about audit->asked; false when is_gone() said that nobody waits for it any more. */
bool audit_ask_all(
    struct audit_ask *, struct audit *, bool (*is_gone)(void *context), void *context);

#endif
