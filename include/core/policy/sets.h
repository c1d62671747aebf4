#ifndef CORE_POLICY_SETS_H
#define CORE_POLICY_SETS_H
/*
 * sets: interned sets of members (core/policy/rule.h), so that a trie's value is one number.
 *
 *     sets_create() → sets_apply() × many while the tries are built → sets_get() × many, const
 *
 * Equal sets have equal numbers, 0 is the empty set.  A set holds at most one member for each
 * matcher, sorted.  Two hundred thousand entries of one list usually make a handful of sets.
 */
#include "core/base/slice.h"

struct sets;

/* 256 MB of members: a table that needs more multiplies its rules and would not fit a cache. */
enum { SETS_MEMBERS_MAX = 64 * 1024 * 1024 };

struct sets *sets_create(void);
void sets_free(struct sets **);

/*
 * The set `base` after n members are put in, one after the other: a member takes the place of one
 * of the same matcher when its rank (if `ranked`) is the same or higher, and is dropped otherwise.
 * Returns 0 and makes sets_failed() true when memory or SETS_MEMBERS_MAX runs out.
 */
uint32_t sets_apply(struct sets *, uint32_t base, const uint32_t *members, size_t n, bool ranked);

bool sets_failed(const struct sets *);

/* The members in order, and their number. */
const uint32_t *sets_get(const struct sets *, uint32_t id, size_t *count);

/* The member of one matcher (member_matcher()), or false. */
bool sets_find(const struct sets *, uint32_t id, uint32_t matcher, uint32_t *member);

/* Frees what only building needs; afterwards sets_apply() must not be called. */
void sets_freeze(struct sets *);

size_t sets_bytes(const struct sets *);
size_t sets_count(const struct sets *);

#endif
