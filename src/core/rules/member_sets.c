#include "core/rules/member_sets.h"

#include "core/base/array.h"
#include "core/base/table.h"
#include "core/rules/rule.h"

#include <stdlib.h>

/*
 * Members of all sets lie behind each other in `pool`; set i is pool[offset[i]..offset[i + 1]).
 * `index` finds a set by content and `memo` finds the answer to member_sets_apply() of one member,
 * which nearly every entry of a long list asks again: both only for building.
 */
struct memo {
	uint32_t base, member, result; /* base = UINT32_MAX marks a free slot */
};

struct member_sets {
	uint32_t *pool;
	size_t pool_used, pool_capacity;
	uint32_t *offset;
	size_t count, offset_capacity;
	struct table index;
	struct memo *memo;
	uint32_t *scratch;
	size_t scratch_capacity;
	bool failed;
};

/* The memo is a cache, not a record: a power of two that stays inside the second-level cache. */
enum { MEMO_SLOTS = 4096 };

struct member_sets *member_sets_create(void)
{
	struct member_sets *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->memo = malloc(MEMO_SLOTS * sizeof *s->memo);
	if (!s->memo || !ARRAY_ROOM(s->offset, s->offset_capacity, 2) ||
	    !ARRAY_ROOM(s->pool, s->pool_capacity, 1)) {
		member_sets_free(&s);
		return NULL;
	}
	memset(s->memo, 0xff, MEMO_SLOTS * sizeof *s->memo);
	s->offset[0] = s->offset[1] = 0;
	s->count = 1;
	return s;
}

void member_sets_freeze(struct member_sets *s)
{
	table_free(&s->index);
	free(s->memo);
	free(s->scratch);
	s->memo = NULL;
	s->scratch = NULL;
}

void member_sets_free(struct member_sets **s)
{
	if (!*s)
		return;
	member_sets_freeze(*s);
	free((*s)->pool);
	free((*s)->offset);
	free(*s);
	*s = NULL;
}

static uint64_t mix(uint64_t h)
{
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	h ^= h >> 32;
	return h;
}

static uint64_t hash_members(const uint32_t *members, size_t n)
{
	uint64_t h = n;

	for (size_t i = 0; i < n; i++)
		h = mix(h ^ members[i]) + 0x9e3779b97f4a7c15u;
	return mix(h);
}

const uint32_t *member_sets_get(const struct member_sets *s, uint32_t id, size_t *count)
{
	*count = s->offset[id + 1] - s->offset[id];
	return s->pool + s->offset[id];
}

bool member_sets_find(const struct member_sets *s, uint32_t id, uint32_t matcher, uint32_t *member)
{
	size_t n, low = 0, high;
	const uint32_t *members = member_sets_get(s, id, &n);

	for (high = n; low < high;) {
		size_t middle = low + (high - low) / 2;
		if (member_matcher(members[middle]) < matcher)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == n || member_matcher(members[low]) != matcher)
		return false;
	*member = members[low];
	return true;
}

struct wanted {
	const uint32_t *members;
	size_t n;
};

static bool is_set(const void *context, uint32_t id, const void *key)
{
	const struct wanted *wanted = key;
	size_t n;
	const uint32_t *members = member_sets_get(context, id, &n);

	return n == wanted->n && memcmp(members, wanted->members, n * sizeof *members) == 0;
}

static uint32_t intern(struct member_sets *s, const uint32_t *members, size_t n)
{
	const struct wanted wanted = {members, n};
	const uint64_t hash = hash_members(members, n);
	uint32_t id;

	if (n == 0)
		return 0;
	id = table_find(&s->index, hash, is_set, s, &wanted);
	if (id != TABLE_NONE)
		return id;
	if (s->pool_used + n > MEMBER_SETS_MAX ||
	    !ARRAY_ROOM(s->pool, s->pool_capacity, s->pool_used + n) ||
	    !ARRAY_ROOM(s->offset, s->offset_capacity, s->count + 2) || !table_reserve(&s->index)) {
		s->failed = true;
		return 0;
	}
	memcpy(s->pool + s->pool_used, members, n * sizeof *members);
	s->pool_used += n;
	id = (uint32_t)s->count++;
	s->offset[s->count] = (uint32_t)s->pool_used;
	table_add(&s->index, hash, id);
	return id;
}

/* Puts one member into the sorted scratch of n members; returns the new number. */
static size_t put_member(uint32_t *members, size_t n, uint32_t member, bool ranked)
{
	size_t at = n;

	while (at > 0 && member_matcher(members[at - 1]) >= member_matcher(member))
		at--;
	if (at < n && member_matcher(members[at]) == member_matcher(member)) {
		if (!ranked || member_rank(member) >= member_rank(members[at]))
			members[at] = member;
		return n;
	}
	memmove(members + at + 1, members + at, (n - at) * sizeof *members);
	members[at] = member;
	return n + 1;
}

static uint32_t apply(
    struct member_sets *s, uint32_t base, const uint32_t *members, size_t n, bool ranked)
{
	size_t have;
	const uint32_t *old = member_sets_get(s, base, &have);

	if (!ARRAY_ROOM(s->scratch, s->scratch_capacity, have + n)) {
		s->failed = true;
		return 0;
	}
	if (have)
		memcpy(s->scratch, old, have * sizeof *old);
	for (size_t i = 0; i < n; i++)
		have = put_member(s->scratch, have, members[i], ranked);
	return intern(s, s->scratch, have);
}

uint32_t member_sets_apply(
    struct member_sets *s, uint32_t base, const uint32_t *members, size_t n, bool ranked)
{
	struct memo *memo;

	if (n != 1)
		return apply(s, base, members, n, ranked);
	memo = &s->memo[mix((uint64_t)base << 32 | members[0]) & (MEMO_SLOTS - 1)];
	if (memo->base != base || memo->member != members[0])
		*memo = (struct memo){base, members[0], apply(s, base, members, 1, ranked)};
	return memo->result;
}

bool member_sets_failed(const struct member_sets *s)
{
	return s->failed;
}

size_t member_sets_bytes(const struct member_sets *s)
{
	return sizeof *s + s->pool_capacity * sizeof *s->pool +
	       s->offset_capacity * sizeof *s->offset;
}

size_t member_sets_count(const struct member_sets *s)
{
	return s->count;
}
