#ifndef EDGE_HISTORY_HISTORY_FIND_H
#define EDGE_HISTORY_HISTORY_FIND_H
/*
 * history_find: the decisions of a directory, newest first, by what they have in common.
 *
 *     reader = history_reader_open("/var/lib/susmilter/history", why);
 *     query = (struct history_query){.sender = SLICE("*@example.org"), .count = 20};
 *     history_find(reader, &query, print, context, &scan, why)
 *
 * Beside a running writer, or on a copy.  In each segment every distinct text is judged once, then
 * the columns of the keys are scanned.  A directory without its key is read without ids.
 *
 * One thread at a time for a reader; any number of readers.
 */
#include "core/change/decision_row.h"

struct history_reader;

enum { HISTORY_FIND_WHY_MAX = 320 };

/* NULL and the reason in why[]. */
struct history_reader *history_reader_open(const char *directory, char why[HISTORY_FIND_WHY_MAX]);
void history_reader_free(struct history_reader **);

/* Whether ids can be read and shown; why not: in why[]. */
bool history_reader_has_key(const struct history_reader *, char why[HISTORY_FIND_WHY_MAX]);

/*
 * What is asked for; an empty slice or 0: anything.  Texts are compared without case, addresses as
 * core/name/address.h folds them, and that is how they are given here:
 *
 *     a@example.org   that address              <>              the null sender
 *     example.org     that name, or all addresses of it; also @example.org
 *     .example.org    the same, and all below
 *     *, ?            anywhere: a pattern over the whole text
 *
 * client: an address or a network as well, or a name of the client.
 */
struct history_query {
	struct slice client, helo, sender, from, recipient;
	struct slice rule;   /* a pattern, too */
	struct slice action; /* of core/stats/decision_text.h: "reject", "would_reject", … */
	int64_t since_ms, until_ms;
	size_t count; /* at most; 0: all */
};

/* What was looked at, and what could not be. */
struct history_scan {
	uint64_t segments, rows, damaged_rows, damaged_blocks, repaired_bits;
	int64_t oldest_ms; /* how far the history reaches; 0: it is empty */
};

/* The row is valid for the call; false ends the search. */
typedef bool history_row_fn(void *context, const struct decision_row *);

/* False and the reason in why[] when it could not be done. */
bool history_find(struct history_reader *r, const struct history_query *query, history_row_fn *each,
    void *context, struct history_scan *scan, char why[HISTORY_FIND_WHY_MAX]);

/*
 * The decision of this id, given as such or as the URL of a reply, in any case: first its row, then
 * those that show what it stands for.  HISTORY_NO_ID: it is no id.
 */
enum history_lookup { HISTORY_FOUND, HISTORY_NOT_FOUND, HISTORY_NO_ID, HISTORY_BROKEN };
enum history_lookup history_find_decision(struct history_reader *r, struct slice id,
    history_row_fn *each, void *context, struct history_scan *scan, char why[HISTORY_FIND_WHY_MAX]);

/* The part of a text that may be an id: what stands behind its last "/", so that the whole URL of a
 * bounce can be given; without blanks and a full stop or bracket at the end. */
struct slice history_id_of_url(struct slice text);

/* The id of a row that history_replay() gave without: by whether it is a refusal, run and number.
 * False without a key. */
bool history_row_id(
    struct history_reader *, bool refused, uint32_t run, uint64_t number, char out[TOKEN_CHARS]);

/* Every row from since_ms to before until_ms (0: to the last), the oldest first: rows of both
 * halves by their time, as they were decided.  Ids are half of the work, and made only if they are
 * wanted. */
bool history_replay(struct history_reader *r, int64_t since_ms, int64_t until_ms, bool ids,
    history_row_fn *each, void *context, struct history_scan *scan, char why[HISTORY_FIND_WHY_MAX]);

/* Every verdict that was recorded, with its rule, how many decisions have it (count) and the time
 * of the last (time_ms), by segment and in no order: two columns are read, and each verdict once.
 */
bool history_verdicts(struct history_reader *r, history_row_fn *each, void *context,
    struct history_scan *scan, char why[HISTORY_FIND_WHY_MAX]);

#endif
