#ifndef CORE_NAME_NAME_RADIX_H
#define CORE_NAME_NAME_RADIX_H
/*
 * name_radix: the most specific entry for a dotted name, compared by label from the right.
 *
 *     entries → name_radix_build() → name_radix_lookup() × many, from any thread →
 * name_radix_free()
 *
 * Each stored name has two values: `self`, for the name itself, and `below`, for every name below
 * it that is not stored.  As with iptrie the caller says how they follow from what stands above:
 * build visits each distinct name once, parents before children, and asks `combine`.
 *
 *     .example.com    tag 1    combine(none, {1}) → self 7, below 7
 *     mx.example.com  tag 2    combine(7,    {2}) → self 9, below 7
 *     lookup mx.example.com → 9, a.mx.example.com → 7, xexample.com → none
 *
 * Names are canonical (core/name/name.h) but the trie does not ask: a label is any run of bytes
 * other than '.', of any length.  Empty names are not stored and not found.  An attacker chooses
 * the names that are looked up and sometimes those that are stored: neither may make a look-up slow
 * or wrong, hence the secret seed.  The trie keeps no text: that it takes a name for another has a
 * chance of 2^-61 for each label asked about, under one in 290,000 for a busy server in ten years
 * (src/core/name/nametable.h has the arithmetic).
 *
 * Immutable once built; a look-up takes no lock, allocates nothing and cannot fail.
 */
#include "core/base/slice.h"

struct name_radix;

struct name_radix_entry {
	struct slice name; /* borrowed until name_radix_build() returns */
	uint32_t tag;      /* the caller's */
};

struct name_radix_values {
	uint32_t self, below;
};

struct name_radix_combine {
	/* `above` is the `below` value of the closest stored ancestor (none when there is none);
	 * entries[0..n) all have the same name and come in the order given. */
	struct name_radix_values (*value)(
	    void *context, uint32_t above, const struct name_radix_entry *entries, size_t n);
	void *context;
	uint32_t none;
};

/* `seed` is 32 secret random bytes, new for each table.  Entries may be reordered.  NULL when out
 * of memory, and for more than 2^31 entries. */
struct name_radix *name_radix_build(struct name_radix_entry *entries, size_t n,
    const struct name_radix_combine *combine, const unsigned char seed[32]);

void name_radix_free(struct name_radix **);

/* The value at a name: self if stored, else `below` of its closest stored ancestor, else none. */
uint32_t name_radix_lookup(const struct name_radix *, struct slice name);

/* Bytes that the trie occupies, everything included. */
size_t name_radix_bytes(const struct name_radix *);

#endif
