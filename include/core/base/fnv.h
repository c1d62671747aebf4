#ifndef CORE_BASE_FNV_H
#define CORE_BASE_FNV_H
/*
 * fnv: the hash FNV-1a of 64 bits, for tables in which a bad choice of keys is bounded otherwise.
 *
 *     uint64_t h = fnv(FNV_START, SLICE("example.org"));
 *     h = fnv(h, SLICE("dialup"));                // one hash of both, one behind the other
 *
 * It has no key: where a stranger chooses the names and a table may grow, core/name/name_radix.h
 * and edge/dns/resolver_key.h have hashes that he cannot know.  Its lower bits are the better ones.
 */
#include "core/base/slice.h"

#define FNV_START UINT64_C(14695981039346656037)

static inline uint64_t fnv(uint64_t hash, struct slice bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		hash = (hash ^ (unsigned char)bytes.ptr[i]) * UINT64_C(1099511628211);
	return hash;
}

#endif
