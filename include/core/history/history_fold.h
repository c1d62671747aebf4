#ifndef CORE_HISTORY_HISTORY_FOLD_H
#define CORE_HISTORY_HISTORY_FOLD_H
/*
 * history_fold: which refusals share a row (SPEC 5): repeats within a minute, and what one network
 * has too many of.
 *
 *     f = history_fold_create(seed);
 *     switch (history_fold_admit(f, &row, limit, &place)) {
 *     case FOLD_NEW:     *place = a new number; the row is written
 *     case FOLD_REPEAT:  *place is the number of the row that counts it
 *     ...
 *
 * Fixed tables, of which the oldest entries give way: then a repeat gets a row of its own.  Time is
 * an input, that of the row.  One thread at a time.
 */
#include "core/change/decision_row.h"
#include "core/history/history_hash.h"

struct history_fold;

/* seed: of two hashes, 128 bits together.  NULL when out of memory. */
struct history_fold *history_fold_create(const struct history_seed seed[2]);
void history_fold_free(struct history_fold **);

enum fold_answer {
	FOLD_NEW,     /* a row of its own */
	FOLD_REPEAT,  /* counted by a row that is there */
	FOLD_FIRST,   /* a row that stands for those of its network and rule in this minute */
	FOLD_EXAMPLE, /* a row, too, with the number of the one that stands for it */
};

/* Rows that show what a folded one stands for. */
enum { FOLD_EXAMPLES = 8 };

/* *number: for FOLD_NEW and FOLD_FIRST to be set by the caller; valid until the next call. */
enum fold_answer history_fold_admit(
    struct history_fold *, const struct decision_row *, unsigned per_minute, uint64_t **number);

#endif
