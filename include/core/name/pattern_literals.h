#ifndef CORE_NAME_PATTERN_LITERALS_H
#define CORE_NAME_PATTERN_LITERALS_H
/*
 * pattern_literals: the strings of which one stands in every text that a pattern matches.
 *
 *     /(adsl|dsl)[0-9-]+\.pool\.example\.(net|org)/   → ".pool.example.net", ".pool.example.org"
 *     /[0-9]{8}/                                      → none
 *
 * What is not understood for certain gives none: such a pattern is always tried.  Of several sets
 * the one with the longest strings is taken.  Pure.
 */
#include "core/base/arena.h"
#include "core/base/slice.h"

/* More strings, or longer ones, tell a pattern from others no better. */
enum { PATTERN_LITERALS_MAX = 16, PATTERN_LITERAL_LEN_MAX = 32 };

struct pattern_literals {
	unsigned count; /* 0: none is known */
	struct slice literal[PATTERN_LITERALS_MAX];
};

/* The literals are in lower case, in the arena, and never empty. */
void pattern_literals(struct slice pattern, struct arena *, struct pattern_literals *out);

#endif
