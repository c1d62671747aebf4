#ifndef HISTORY_READER_H
#define HISTORY_READER_H
/*
 * history_reader: a directory that is read: what all searches share.
 */
#include "edge/history/history_find.h"
#include "history_directory.h"
#include "history_id.h"

/* Segments whose counts are kept at hand: in a flood one is full every few seconds. */
enum { HISTORY_LATER_MAX = 8 };

struct history_reader {
	int directory;
	struct history_key *key; /* NULL: without ids */
	char no_key[HISTORY_KEY_WHY_MAX];
	struct history_coder coder;
	struct history_rows rows;
	struct history_damage damage;
	struct history_segment *later[HISTORY_LATER_MAX]; /* of which counts are needed */
	unsigned next_later;
	/* Of the segment whose rows were counted last: when the first of those behind it began. */
	struct history_header counted;
	int64_t later_ms;
};

/* Another reader of the same directory, for another thread, without ids.  NULL when out of memory.
 */
struct history_reader *history_reader_share(const struct history_reader *);

/* Fills what a search says of itself; rows and segments are its own. */
void history_reader_report(
    const struct history_reader *, const struct history_files *, struct history_scan *);

/* Sets the id of a row: empty without a key. */
void history_reader_id(struct history_reader *, const struct history_header *,
    struct decision_row *, char room[TOKEN_CHARS]);

/* Begins a search: all segments that there are now.  False and the reason in why[]. */
bool history_reader_list(
    struct history_reader *, struct history_files *, char why[HISTORY_FIND_WHY_MAX]);

/* Adds what later segments of the same run count for a row, as far as they were begun within the
 * minutes in which a row can be shared.  Only refusals are. */
void history_reader_count(struct history_reader *, const struct history_files *,
    const struct history_header *, struct decision_row *);

/* Whether that may add anything to rows up to this time. */
bool history_reader_counts(struct history_reader *, const struct history_files *,
    const struct history_header *, int64_t max_ms);

#endif
