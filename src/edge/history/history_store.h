#ifndef HISTORY_STORE_H
#define HISTORY_STORE_H
/*
 * history_store: the directory of the history, as its writer has it.
 *
 *     key                            for ids and hashed local parts, 0600 (history_id.h)
 *     lock                           held by the process that writes
 *     refused-RUN-PART.sus           segments, 0640 (history_append.h), each of one half
 *     accepted-RUN-PART.sus
 *
 * Each start is a run of its own: nothing is ever appended to a segment of an earlier one, and no
 * number is given out twice, whatever a crash took.  One thread at a time.
 */
#include "edge/history/history.h"
#include "history_id.h"
#include "history_segment.h"

struct history_store;

/* Opens the directory (which is made, 0750, when its parent is there) and locks it; *run is the run
 * that begins.  Its counts go on from those of the store before, which may be NULL.  NULL and the
 * reason in why[]. */
struct history_store *history_store_open(const struct history_settings *,
    const struct history_counts *so_far, uint32_t *run, char why[HISTORY_WHY_MAX]);

/* Writes what there is; the open segments are left for the next start to seal. */
void history_store_close(struct history_store **);

void history_store_configure(struct history_store *, const struct history_settings *);

/* A key of the same directory for another thread; NULL when out of memory. */
struct history_key *history_store_key(const struct history_store *, char why[HISTORY_WHY_MAX]);

/* Adds a row; one more that a row stands for.  Counted as failed when there is no segment. */
void history_store_row(struct history_store *, enum history_half, const struct decision_row *);
void history_store_more(
    struct history_store *, enum history_half, uint64_t number, int64_t time_ms);

/* Results of a row that was added before; false when its segment was ended, or cannot be written.
 */
bool history_store_results(struct history_store *, enum history_half, const struct decision_row *);

/* Once a second, and when many rows were added: writes, with `sync` onto the disk. */
void history_store_write(struct history_store *, bool sync);

/* Once a second: full segments are sealed and, each ten seconds, what earlier runs left is sealed,
 * old ones are compressed and expired ones removed. */
void history_store_maintain(struct history_store *, int64_t now_ms);

/* As history_forget(). */
int history_store_forget(struct history_store *, struct slice what, char why[HISTORY_WHY_MAX]);

/* What the store knows: rows, shared, failed, damaged, repaired, expired, segments, bytes,
 * oldest_ms, error. */
void history_store_counts(const struct history_store *, struct history_counts *);

#endif
