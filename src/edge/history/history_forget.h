#ifndef HISTORY_FORGET_H
#define HISTORY_FORGET_H
/*
 * history_forget: local parts that are not kept, and texts that are erased.
 */
#include "edge/history/history.h"
#include "history_id.h"
#include "history_segment.h"

/*
 * Replaces the local parts of sender, From and recipient, and the login, by their hash
 * ("~k3vqabcdefghi@example.org") or by nothing ("@example.org").  The texts lie in the buffer.
 * False when out of memory.
 */
bool history_forget_locals(const struct history_key *, enum row_local_parts,
    struct history_buffer *, struct decision_row *);

struct history_forget {
	const struct history_key *key; /* NULL: hashed addresses are not found */
	struct slice what;             /* an address, or a domain */
	bool domain;                   /* the domain; with a leading dot and those below it */
};

/* Writes all sealed segments that hold such a text once more, without it: their number, or -1 and
 * the reason. */
int history_forget_files(struct history_coder *, int directory, const struct history_forget *,
    char why[HISTORY_WHY_MAX]);

/* Whether a text of the dictionary is one of those. */
bool history_forget_matches(const struct history_forget *, struct slice text);

#endif
