#ifndef EDGE_RECORDED_HISTORY_SOURCE_H
#define EDGE_RECORDED_HISTORY_SOURCE_H
/*
 * history_source: the history as commands read it: of the daemon, of a configuration with -c, or of
 * any directory with --history.
 */
#include "edge/control/commands.h"
#include "edge/history/history_find.h"

/* How long the newest rows may take to get onto the disk before an answer goes without. */
enum { HISTORY_FLUSH_MS = 800 };

/* Its directory; NULL after a complaint that there is none. */
const char *history_source_directory(struct request *);

/* A reader of it, with all that was decided by now; NULL after a complaint. */
struct history_reader *history_source_open(struct request *);

/* Milliseconds since the epoch of the option `key`: "24h" ago, or a point in time (RFC 3339); 0
 * when it is not given.  False after a complaint. */
bool history_source_time(struct request *, const char *key, int64_t *ms);

/* As the history compares it: an address folded, a name in A-labels; patterns stay. */
struct slice history_source_key(const struct request *, struct slice);

/* Says what could not be read. */
void history_source_tell(struct request *, const struct history_scan *);

/* A decision as an object of SPEC 6, with count and folded where it stands for others, and
 * evaluated where its results are those of the sample and decided nothing; its length without the
 * NUL. */
enum { HISTORY_JSON_MAX = 4096 + 128 };
size_t history_source_json(const struct decision_row *, char out[HISTORY_JSON_MAX]);

#endif
