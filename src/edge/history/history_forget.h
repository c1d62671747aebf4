#ifndef HISTORY_FORGET_H
#define HISTORY_FORGET_H
/*
 * history_forget: local parts that are not kept, and texts that are erased.
 */
#include "edge/history/history.h"
#include "history_id.h"
#include "history_pattern.h"
#include "history_segment.h"

/*
 * Replaces the local parts of sender, From and recipient, and the login, by their hash
 * ("~k3vqabcdefghi@example.org") or by nothing ("@example.org").  The texts lie in the buffer.
 * False when out of memory.
 */
bool history_forget_locals(const struct history_key *, enum row_local_parts,
    struct history_buffer *, struct decision_row *);

/* Writes all sealed segments that hold a text of the pattern once more, without it: their number,
 * or -1 and the reason. */
int history_forget_files(struct history_coder *, int directory, const struct history_pattern *,
    char why[HISTORY_WHY_MAX]);

#endif
