#ifndef CORE_NAME_PATTERN_SET_H
#define CORE_NAME_PATTERN_SET_H
/*
 * pattern_set: which of many patterns match this identity, at nearly the cost of one.
 *
 *     set = pattern_set_build(members, count);
 *     n = pattern_set_match(set, SLICE("dsl-7.pool.example.net"), hits, max);
 *
 * A list of generic reverse names has 1,600 patterns, and nearly all of them hold a string that a
 * text must have, most often a domain at the end.  One pass over the text finds these strings
 * (core/name/literal_set.h); PCRE2 is asked about the patterns whose string is there, and about
 * those that have none.  So the answer is PCRE2's, pattern by pattern.
 *
 * Immutable once built, safe in every thread.
 */
#include "core/name/pattern.h"

struct pattern_set;

struct pattern_member {
	uint32_t id;
	struct slice text;             /* as it was compiled */
	const struct pattern *pattern; /* borrowed */
};

/* In ascending order of ids.  NULL when out of memory. */
struct pattern_set *pattern_set_build(const struct pattern_member *, size_t count);
void pattern_set_free(struct pattern_set **);

/* The ids of the patterns that match, ascending; their number, or max + 1: there are more. */
size_t pattern_set_match(
    const struct pattern_set *, struct slice subject, uint32_t *hits, size_t max);

/* Of its patterns, those without such a string. */
size_t pattern_set_always(const struct pattern_set *);

size_t pattern_set_bytes(const struct pattern_set *);

#endif
