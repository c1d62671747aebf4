#ifndef EDGE_LOG_SUPPRESSOR_H
#define EDGE_LOG_SUPPRESSOR_H
/*
 * suppressor: which decisions are one too many for their recipient and rule in this minute.
 *
 *     suppressor_admit(s, minute, recipient, rule, limit) → write the line, or count it
 *     suppressor_flush(s, minute, each)    → when the minute is over, what was counted
 *
 * Bounded however many recipients a flood invents: SUPPRESSOR_KEYS pairs are told apart in one
 * minute, all others share one count and write nothing.
 *
 * Not thread-safe: the recorder guards it.
 */
#include "core/base/slice.h"

struct suppressor;

/* 4,096 pairs a minute at 20 lines of half a kilobyte are 40 MB a minute at the very worst. */
enum { SUPPRESSOR_KEYS = 4096 };

struct suppressor *suppressor_create(void);
void suppressor_free(struct suppressor **);

/* True when this line may be written. */
bool suppressor_admit(
    struct suppressor *, int64_t minute, struct slice recipient, struct slice rule, unsigned limit);

/* Unless it is still that minute: calls `each` for every pair that lost lines (recipient empty: all
 * the others together) and forgets them.  A clock that was set back is another minute, too. */
void suppressor_flush(struct suppressor *, int64_t minute,
    void (*each)(void *context, struct slice recipient, struct slice rule, uint64_t lines),
    void *context);

#endif
