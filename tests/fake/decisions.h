#ifndef FAKE_DECISIONS_H
#define FAKE_DECISIONS_H
/*
 * decisions: rows as a mail host makes them, from a seed, for tests and benches of the history.
 *
 *     struct decisions *d = decisions_create(7);
 *     decisions_next(d, &row)          // its texts are valid until the next call
 *
 * The mix: a few large providers with many clients, companies, newsletters with a sender of its own
 * for each mail, and spam from ranges that rules refuse; recipients of some hundred domains, by
 * popularity.  An accepted mail is a row for each recipient and one at its end, with SPF, DKIM and
 * DMARC; a refused one is a row.
 */
#include "core/change/decision_row.h"

struct decisions;

struct decisions *decisions_create(uint64_t seed);
void decisions_free(struct decisions **);

/* Rows come `per_second` a second from 2026-11-01 on, or from another time. */
void decisions_pace(struct decisions *, unsigned per_second);
void decisions_begin(struct decisions *, int64_t ms);

void decisions_next(struct decisions *, struct decision_row *);

#endif
