#ifndef EDGE_LOG_LOG_RATELIMIT_H
#define EDGE_LOG_LOG_RATELIMIT_H
/*
 * log_ratelimit: which decisions are one too many for their recipient and rule in this minute.
 *
 *     log_ratelimit_allow(s, minute, recipient, rule, limit) → write the line, or count it
 *     log_ratelimit_flush(s, minute, each)    → when the minute is over, what was counted
 *
 * Bounded however many recipients a flood invents: LOG_RATELIMIT_KEYS pairs are told apart in one
 * minute, all others share one count and write nothing.
 *
 * Not thread-safe: the recorder guards it.
 */
#include "core/base/slice.h"

struct log_ratelimit;

/* 4,096 pairs a minute at 20 lines of half a kilobyte are 40 MB a minute at the very worst. */
enum { LOG_RATELIMIT_KEYS = 4096 };

struct log_ratelimit *log_ratelimit_create(void);
void log_ratelimit_free(struct log_ratelimit **);

/* True when this line may be written. */
bool log_ratelimit_allow(struct log_ratelimit *, int64_t minute, struct slice recipient,
    struct slice rule, unsigned limit);

/* Unless it is still that minute: calls `each` for every pair that lost lines (recipient empty: all
 * the others together) and forgets them.  A clock that was set back is another minute, too. */
void log_ratelimit_flush(struct log_ratelimit *, int64_t minute,
    void (*each)(void *context, struct slice recipient, struct slice rule, uint64_t lines),
    void *context);

#endif
