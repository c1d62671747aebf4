#ifndef EDGE_MILTER_MILTERANSWER_H
#define EDGE_MILTER_MILTERANSWER_H
/*
 * milteranswer: what core/transaction answers, said through libmilter.
 *
 *     if (milteranswer_edit(ctx, edits, count, " "))
 *             return milteranswer_send(ctx, &answer);
 *
 * Called from the callbacks of the connection that ctx stands for.
 */
#include "core/session/transaction.h"

#include <libmilter/mfapi.h>

/* The status to return, its reply having been set or the message been put on hold. */
sfsistat milteranswer_send(SMFICTX *, const struct answer *);

/* 421 4.3.2, where there is no memory to have the session say it. */
void milteranswer_too_many(struct reply *out);

/* The same, for a connection that has no memory for a session. */
sfsistat milteranswer_no_memory(SMFICTX *);

/* 451 4.3.0: nothing about the message, it may come again. */
sfsistat milteranswer_broken(SMFICTX *);

/* Makes the edits in their order, at the end of a message and before its answer; false when there
 * was no memory for one.  blank: what stands between the colon and a value, as far as the MTA does
 * not put it there. */
bool milteranswer_edit(SMFICTX *, const struct header_edit *, size_t count, const char *blank);

/* libmilter takes char * for what it only reads. */
char *milteranswer_text(const char *);

#endif
