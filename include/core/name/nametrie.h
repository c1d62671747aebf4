#ifndef CORE_NAME_NAMETRIE_H
#define CORE_NAME_NAMETRIE_H
/*
 * nametrie: the most specific entry for a dotted name, compared by label from the right.
 *
 *     entries → nametrie_build() → nametrie_lookup() × many, from any thread → nametrie_free()
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

struct nametrie;

struct nametrie_entry {
	struct slice name; /* borrowed until nametrie_build() returns */
	uint32_t tag;      /* the caller's */
};

struct nametrie_values {
	uint32_t self, below;
};

struct nametrie_combine {
	/* `above` is the `below` value of the closest stored ancestor (none when there is none);
	 * entries[0..n) all have the same name and come in the order given. */
	struct nametrie_values (*value)(
	    void *context, uint32_t above, const struct nametrie_entry *entries, size_t n);
	void *context;
	uint32_t none;
};

/* `seed` is 32 secret random bytes, new for each table.  Entries may be reordered.  NULL when out
 * of memory, and for more than 2^31 entries. */
struct nametrie *nametrie_build(struct nametrie_entry *entries, size_t n,
    const struct nametrie_combine *combine, const unsigned char seed[32]);

void nametrie_free(struct nametrie **);

/* The value at a name: self if stored, else `below` of its closest stored ancestor, else none. */
uint32_t nametrie_lookup(const struct nametrie *, struct slice name);

/* Bytes that the trie occupies, everything included. */
size_t nametrie_bytes(const struct nametrie *);

#endif
