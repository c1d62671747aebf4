#ifndef CORE_NAME_NAME_RADIX_H
#define CORE_NAME_NAME_RADIX_H
/*
 * name_radix: a radix tree over domain names, for the most specific entry.
 *
 * Names are read from right to left.  A node has a text, which may be empty; one child for each
 * byte that stands to the left of its text in a stored name; and a value where a stored name ends.
 * What all names below a node have in common is in its text (path compression), so a node without a
 * value has two children at least, the root excepted, and n names need at most 2n nodes.  Stored
 * com, example.com, mx.example.com, a.org and b.org, it looks like this, a child below its parent
 * with the byte that leads to it:
 *
 *     root  ""
 *      m    "co"           com
 *       .   "example"      example.com
 *        .  "mx"           mx.example.com
 *      g    ".or"
 *       a   ""             a.org
 *       b   ""             b.org
 *
 * Looking up a.mx.example.com goes m, ., . and finds the text of each node in the name, and each
 * time a '.' in front of it, so each of the three values is one from above, and the last counts:
 * after the '.' in front of "mx" there is no child.  Looking up xexample.com ends one node earlier:
 * in front of "example" stands an x, so example.com is not above it, but com is.
 *
 * All text is kept and compared: the answer is exact, whoever chose the names that are stored and
 * looked up.  A look-up reads at most one node for each byte of the name: about 8 for a million
 * names of mail lists, of which some 20 bytes each are kept.  Building sorts the names and adds one
 * after the other, in time that is linear in their bytes: 0.2 s for a million.  The nodes' bytes
 * are in src/core/name/name_radix_private.h.
 *
 *     fill entries → name_radix_build() → name_radix_lookup() × many → name_radix_free()
 *
 * Each stored name has two values: `self`, for the name itself, and `below`, for every name below
 * it, compared by label, that is not stored.  As with ip_radix the caller says how they follow from
 * what stands above: build visits each distinct name once, parents before children, and asks
 * `combine`.
 *
 *     .example.com    tag 1    combine(none, {1}) → self 7, below 7
 *     mx.example.com  tag 2    combine(7,    {2}) → self 9, below 7
 *     lookup mx.example.com → 9, a.mx.example.com → 7, xexample.com → none
 *
 * Names are canonical (core/name/name.h) but the tree does not ask: a label is any run of bytes
 * other than '.', of any length.  Empty names are not stored and not found.
 *
 * Immutable once built: look-ups are safe in any thread, take no lock, allocate nothing and cannot
 * fail.
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

/* Entries may be reordered.  NULL when out of memory, for more than 2^31 entries, and for more than
 * 4 GiB of nodes. */
struct name_radix *name_radix_build(
    struct name_radix_entry *entries, size_t n, const struct name_radix_combine *combine);

void name_radix_free(struct name_radix **);

/* The value at a name: self if stored, else `below` of its closest stored ancestor, else none. */
uint32_t name_radix_lookup(const struct name_radix *, struct slice name);

/* Bytes that the tree occupies, everything included. */
size_t name_radix_bytes(const struct name_radix *);

#endif
