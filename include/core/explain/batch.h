#ifndef CORE_EXPLAIN_BATCH_H
#define CORE_EXPLAIN_BATCH_H
/*
 * batch: one session as a JSON line → its verdict as a JSON line.
 *
 *     {"client":"198.51.100.7","recipient":"b@example.org"}
 *     {"action":"reject","code":550,"family":"susranges","rule":"dialup",
 *      "network":"198.51.100.0/24"}
 *
 * The keys are those of core/explain/session_query.h; null is the same as absent.  A line that is
 * wrong gives
 * {"error":"…"}.  What has no family, rule or network leaves it out.
 */
#include "core/explain/session_query.h"

enum { BATCH_LINE_MAX = 1024 };

/* `now` is the time where the line gives none.  The arena is emptied first. */
struct slice batch_answer(const struct ruleset *, struct slice line, int64_t now,
    const struct idna *, struct arena *, char out[BATCH_LINE_MAX]);

/* {"error":"…"} */
struct slice batch_error(const char *why, char out[BATCH_LINE_MAX]);

#endif
