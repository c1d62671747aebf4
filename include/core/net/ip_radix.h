#ifndef CORE_NET_IP_RADIX_H
#define CORE_NET_IP_RADIX_H
/*
 * ip_radix: a multi-bit radix tree over addresses, for longest-prefix match; in its IPv6 half the
 * nodes below the root are B-trees.
 *
 * IPv4.  The root is a table by the first 12 bits of the address, 18 in a table of a quarter of a
 * million ranges.  A node below it divides the next 6 bits into 64 slots and keeps, for slots that
 * agree with the slot in front of them, nothing: a bitmap says where something new begins.  Looking
 * up 192.0.2.77 in a tree that holds 192.0.2.0/24 and 192.0.2.64/28:
 *
 *     root      bits 0-11    110000000000    → a node, since not all of 192.0.0.0/12 agree
 *     node      bits 12-17   000000          → a node
 *     node      bits 18-23   000010          → a node
 *     node      bits 24-29   010011          → the value of 192.0.2.64/28; bits 30-31 do not
 *                                              matter
 *
 * IPv6.  Networks are far apart there: the root is a table by the first 12 bits, and once more by
 * the next 12 where much lies below one of its edges; what remains is a list of ranges, in B-tree
 * nodes of a few cache lines, by up to 32 bits of the address each and by all 64 of the lower half
 * within a /64.
 *
 *     fill entries → ip_radix_build() → ip_radix_lookup() × many → ip_radix_free()
 *
 * An IPv4 look-up reads at most four nodes below the root.  A full routing table takes 4 bytes a
 * network. Building sorts the networks and cuts them into disjoint ranges, in linear time.  The
 * nodes' bytes are in src/core/net/ip_radix_private.h.
 *
 * The tree maps every address to a value (a number of the caller's).  How the value of a network
 * follows from the value of the network around it and from its own entries is the caller's affair:
 * build visits each distinct network once, outer before inner, and asks `combine`.  So plain
 * longest-prefix match is a combine that returns the tag of the entry, and "the interned set of
 * all rules that match here" is one that adds to the set around it.
 *
 *     10.0.0.0/8  tag 1        combine(none, {1}) → 7      value of 10.0.0.0/8
 *     10.1.0.0/16 tag 2        combine(7,    {2}) → 9      value of 10.1.0.0/16
 *     lookup 10.1.2.3 → 9, lookup 10.2.0.0 → 7, lookup 11.0.0.0 → none
 *
 * Immutable once built: look-ups are safe in any thread, take no lock, allocate nothing and cannot
 * fail.
 */
#include "core/net/prefix.h"

struct ip_radix;

struct ip_radix_entry {
	struct prefix prefix;
	uint32_t tag; /* the caller's; build hands it to combine */
};

/*
 * The value of one network: `around` is the value of the next wider network that has entries
 * (`none` when there is none), entries[0..n) are all that have exactly this prefix, in the order in
 * which they were given: a part of the array that is built from, sorted.  Values are any uint32_t.
 */
struct ip_radix_combine {
	uint32_t (*value)(
	    void *context, uint32_t around, const struct ip_radix_entry *entries, size_t n);
	void *context;
	uint32_t none; /* the value of addresses in no network */
};

/*
 * Sorts entries in place (stable; nothing to do when they are sorted already by
 * prefix_compare) and builds.  NULL when out of memory.  O(n) beyond sorting.
 */
struct ip_radix *ip_radix_build(
    struct ip_radix_entry *entries, size_t n, const struct ip_radix_combine *combine);

void ip_radix_free(struct ip_radix **);

/* The value at an address; `none` for IP_NONE. */
uint32_t ip_radix_lookup(const struct ip_radix *, const struct ip *);

/* Bytes that the tree occupies, everything included. */
size_t ip_radix_bytes(const struct ip_radix *);

/*
 * Calls `each` with every maximal run of addresses first..last that has one value, IPv4 first, in
 * order, `none` included: the way to count address space or compare two generations.
 */
void ip_radix_each_run(const struct ip_radix *,
    void (*each)(void *context, const struct ip *first, const struct ip *last, uint32_t value),
    void *context);

#endif
