#ifndef HISTORY_SCAN_H
#define HISTORY_SCAN_H
/*
 * history_scan: the rows of one segment that fit a query.
 *
 *     history_keys_of(&query, key, &keys);
 *     history_scan_segment(s, &keys, &judged, &rows, take, context)
 *
 * First each item of the dictionary is judged by all patterns that may concern it: a bit for each.
 * A segment in which no item fits one of the keys has no row that fits.  Then the columns of the
 * keys are read, block by block from the newest, and only of rows that fit the others.
 */
#include "core/change/decision_row.h"
#include "edge/history/history_find.h"
#include "history_pattern.h"
#include "history_segment.h"

enum history_key_kind {
	HISTORY_KEY_CLIENT,
	HISTORY_KEY_HELO,
	HISTORY_KEY_SENDER,
	HISTORY_KEY_FROM,
	HISTORY_KEY_RECIPIENT,
	HISTORY_KEY_VERDICT,
	HISTORY_KEYS
};

struct history_keys {
	struct history_pattern pattern[HISTORY_KEYS]; /* of HISTORY_KEY_VERDICT: the rule's name */
	struct slice action;
	unsigned used; /* bits 1 << history_key_kind */
	int64_t since_ms, until_ms;
};

void history_keys_of(
    const struct history_query *, const struct history_key *, struct history_keys *);

/* False ends the scan. */
typedef bool history_hit_fn(void *context, struct history_segment *, const struct decision_row *);

/* `judged` and `rows` are room.  *scanned grows by the rows looked at.  False when out of memory.
 */
bool history_scan_segment(struct history_segment *, const struct history_keys *,
    struct history_buffer *judged, struct history_rows *rows, uint64_t *scanned, history_hit_fn *,
    void *context);

#endif
