#ifndef CORE_RULES_MEMBER_SETS_H
#define CORE_RULES_MEMBER_SETS_H
/*
 * member_sets: interned sets of members (core/rules/rule.h), so that a trie's value is one number.
 *
 *     member_sets_create() → member_sets_apply() × many while the tries are built →
 * member_sets_get() × many, const
 *
 * Equal sets have equal numbers, 0 is the empty set.  A set holds at most one member for each
 * matcher, sorted.  Two hundred thousand entries of one list usually make a handful of sets.
 */
#include "core/base/slice.h"

struct member_sets;

/* 256 MB of members: a table that needs more multiplies its rules and would not fit a cache. */
enum { MEMBER_SETS_MAX = 64 * 1024 * 1024 };

struct member_sets *member_sets_create(void);
void member_sets_free(struct member_sets **);

/*
 * The set `base` after n members are put in, one after the other: a member takes the place of one
 * of the same matcher when its rank (if `ranked`) is the same or higher, and is dropped otherwise.
 * Returns 0 and makes member_sets_failed() true when memory or MEMBER_SETS_MAX runs out.
 */
uint32_t member_sets_apply(
    struct member_sets *, uint32_t base, const uint32_t *members, size_t n, bool ranked);

bool member_sets_failed(const struct member_sets *);

/* The members in order, and their number. */
const uint32_t *member_sets_get(const struct member_sets *, uint32_t id, size_t *count);

/* The member of one matcher (member_matcher()), or false. */
bool member_sets_find(const struct member_sets *, uint32_t id, uint32_t matcher, uint32_t *member);

/* Frees what only building needs; afterwards member_sets_apply() must not be called. */
void member_sets_freeze(struct member_sets *);

size_t member_sets_bytes(const struct member_sets *);
size_t member_sets_count(const struct member_sets *);

#endif
