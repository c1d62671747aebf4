#ifndef CORE_NAME_LITERAL_SET_H
#define CORE_NAME_LITERAL_SET_H
/*
 * literal_set: which of many short strings stand anywhere in a text (Aho and Corasick, 1975).
 *
 *     set = literal_set_build(literals, count);         // sorted on the way
 *     n = literal_set_find(set, SLICE("DSL-7.example.net"), ids, max);
 *
 * Letters compare as PCRE2 compares them without case: ASCII in lower case, and U+017F (long s) and
 * U+212A (the Kelvin sign) as the "s" and "k" that they are other cases of.  The literals are ASCII
 * in lower case.
 *
 * One step for each octet of the text, whatever the number of literals.  Immutable once built, safe
 * in every thread.
 */
#include "core/base/slice.h"

struct literal_set;

struct literal {
	struct slice text; /* not empty; its memory is needed only while building */
	uint32_t id;
};

/* Sorts them.  NULL when out of memory. */
struct literal_set *literal_set_build(struct literal *, size_t count);
void literal_set_free(struct literal_set **);

/* The ids of those in the text, each once, in no order; their number, or max + 1: there are more.
 */
size_t literal_set_find(const struct literal_set *, struct slice text, uint32_t *ids, size_t max);

size_t literal_set_bytes(const struct literal_set *);

#endif
