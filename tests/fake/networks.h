#ifndef FAKE_NETWORKS_H
#define FAKE_NETWORKS_H
/*
 * networks: tables of networks in the shapes that tries go wrong at.
 *
 *     struct networks t = {0};
 *     networks_clusters(&t, 12);
 *     networks_shuffle(&t);
 *     … t.entries[0 .. t.n) …
 *     free(t.entries);
 *
 * A program gets the same tables each time that it runs.  What n counts differs from shape to
 * shape; the number of entries is always in proportion to it.
 */
#include "core/net/ip_radix.h"

struct networks {
	struct ip_radix_entry *entries; /* each entry's tag is the number of entries before it */
	size_t n, room;
};

void networks_add(struct networks *, enum ip_family, uint64_t hi, uint64_t lo, unsigned length);
void networks_shuffle(struct networks *);

/* Of any address and length. */
void networks_any(struct networks *, size_t n);

/* Few bits differ: nested, touching and equal networks everywhere. */
void networks_crowded(struct networks *, size_t n);

/* With the lengths of a routing table. */
void networks_routes(struct networks *, size_t n);

/* Every other host. */
void networks_alternating(struct networks *, size_t n);

/* Many /64s under one /32, some with a host. */
void networks_subnets(struct networks *, size_t n);

/* All lengths around the lowest, the highest and another address; n is of no concern. */
void networks_nested(struct networks *, size_t n);

/* At the lowest and highest addresses; n is of no concern. */
void networks_ends(struct networks *, size_t n);

/* The same few again and again. */
void networks_duplicates(struct networks *, size_t n);

/* Twenty neighbours deep down, n times, far apart. */
void networks_clusters(struct networks *, size_t n);

/* Single addresses on both sides of where /12, /24, /32 and /64 meet, among n others near by. */
void networks_seams(struct networks *, size_t n);

/* The next number of the sequence that the tables are made of, and one below n. */
uint64_t networks_random(void);
uint64_t networks_below(uint64_t n);

#endif
