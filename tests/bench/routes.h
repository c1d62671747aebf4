#ifndef TESTS_BENCH_ROUTES_H
#define TESTS_BENCH_ROUTES_H
/*
 * routes: sets of networks as a full routing table and as mail lists have them, the same for the
 * same seed.
 *
 * A routing table is made as the Internet's was: registries hand out blocks side by side, each
 * holder announces some of them whole and cuts pieces out, many or few, often neighbours; in the
 * end every length is as frequent as in the table of early 2024.
 */
#include "core/net/ip_radix.h"

struct routes {
	struct ip_radix_entry *entries; /* sorted, each network once; tags are 1 to `values` */
	size_t n;
};

/* About 900,000 of IPv4 and 160,000 of IPv6. */
struct routes routes_ipv4(uint64_t seed, uint32_t values);
struct routes routes_ipv6(uint64_t seed, uint32_t values);

/* 200,000 of IPv6: 62 % /64, 28 % /128, the others between /32 and /63. */
struct routes routes_hosts6(uint64_t seed, uint32_t values);

/* 140 of IPv4 and 60 of IPv6, any length from /8 and /20 on. */
struct routes routes_small(uint64_t seed, uint32_t values);

/* The networks of a list file, of tag 1; host bits are cleared.  None when it is not there. */
struct routes routes_read(const char *path);

/* Both in one. */
struct routes routes_join(const struct routes *, const struct routes *);

void routes_free(struct routes *);

/* The next number of a sequence that is good enough for tests, and one below n. */
uint64_t routes_random(uint64_t *state);
size_t routes_below(uint64_t *state, size_t n);

#endif
