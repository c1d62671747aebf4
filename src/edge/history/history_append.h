#ifndef HISTORY_APPEND_H
#define HISTORY_APPEND_H
/*
 * history_append: the open segment of one half, as its writer has it.
 *
 *     a = history_append_open(&coder, directory, &header, why);
 *     history_append_row(a, &row)              // any number of times: in memory
 *     history_append_more(a, number, time_ms)  // one more decision that a row stands for
 *     history_append_results(a, &row)          // SPF, DKIM and DMARC of a row that was added
 * before history_append_write(a)                  // one write: what was added since the last
 *     history_append_sync(a)                   // on the disk
 *
 * What could not be written is cut off the file again, so that what follows is not behind it.
 * Such a segment takes no more rows: since items are missing in the file, all that follows would
 * be unreadable.  One thread at a time.
 */
#include "history_segment.h"

struct history_append;

/* Makes the file, 0640, with its header; it must not be there.  NULL and the reason in why[]. */
struct history_append *history_append_open(struct history_coder *, int directory,
    const struct history_header *, char why[HISTORY_WHY_MAX]);

/* Writes nothing more. */
void history_append_close(struct history_append **);

/* False when out of memory, or when the segment is broken. */
bool history_append_row(struct history_append *, const struct decision_row *);
bool history_append_more(struct history_append *, uint64_t number, int64_t time_ms);

/* By the number of the row and its results; false, too, when the row stands in an earlier segment.
 */
bool history_append_results(struct history_append *, const struct decision_row *);

/* False, errno says why and the segment is broken, when it could not. */
bool history_append_write(struct history_append *);
bool history_append_sync(struct history_append *);

/* Rows that wait for history_append_write(), and of all that were added. */
size_t history_append_pending(const struct history_append *);
uint64_t history_append_rows(const struct history_append *);

/* Bytes of the file. */
uint64_t history_append_bytes(const struct history_append *);

const char *history_append_name(const struct history_append *);
const struct history_header *history_append_header(const struct history_append *);

/* The name of a segment: "refused-0218143521-000001.sus". */
void history_segment_name(const struct history_header *, char out[HISTORY_NAME_MAX]);

/* Whether a file of that name is one. */
bool history_is_segment_name(const char *name);

/* All of the bytes at a place in a file; false, and errno says why. */
bool history_write_at(int fd, const void *bytes, size_t len, uint64_t at);

#endif
