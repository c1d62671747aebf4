#ifndef CORE_BASE_CLOSEST_H
#define CORE_BASE_CLOSEST_H
/*
 * closest: of words that are known, the one that a mistyped word is most like (Levenshtein
 * distance): for "did you mean".
 *
 *     struct closest c = closest_start(SLICE("dailup"));
 *     closest_try(&c, SLICE("dialup"));              // and every other known word
 *     if (c.like.len > 0) ... "did you mean \"%.*s\"?"
 *
 * At most two letters may be inserted, deleted or changed, and fewer than the word has; of equal
 * ones the first counts.  Longer words than 64 bytes are not compared.  Borrows the words.
 */
#include "core/base/slice.h"

struct closest {
	struct slice word;
	struct slice like; /* empty: none is like it */
	unsigned edits;    /* between the two */
};

struct closest closest_start(struct slice word);

void closest_try(struct closest *, struct slice known);

#endif
