#ifndef TESTS_BENCH_TRIEDUMP_H
#define TESTS_BENCH_TRIEDUMP_H
/*
 * triedump: writes a trie's content as a MaxMind DB, format 2.0: a binary search tree, then the
 * data, then the metadata.
 *
 * The tree is the smallest that there is for the content, with the shortest records that hold it,
 * and each value is a bare number: libmaxminddb gets the most favourable form.
 */
#include "core/net/ip_radix.h"

/* False, with errno, when the file cannot be written.  Addresses with `none` are left out. */
bool triedump_write(const char *path, const struct ip_radix *, enum ip_family, uint32_t none);

#endif
