#ifndef TESTS_BENCH_NAMES_H
#define TESTS_BENCH_NAMES_H
/*
 * names: domain names as mail lists have them, as many as wanted, the same for the same seed.
 *
 * Registered domains (words, numbers, both, some of random letters) under 300 suffixes of very
 * different weight, .com first; some names are the domain itself, others one or more hosts of it.
 */
#include "core/base/slice.h"

struct names {
	struct slice *list;
	size_t n;
	char *text;
};

/* n names, in no order, which may repeat; ends the program when out of memory. */
struct names names_make(size_t n, uint64_t seed);

/* The lines of a file in lower case; none when it is not there. */
struct names names_read(const char *path);

/* In the order of their bytes, each once. */
void names_sort(struct names *);

/* In random order, list and text, as the lines of a file that is not sorted. */
void names_shuffle(struct names *, uint64_t seed);

void names_free(struct names *);

/* The next number of a sequence that is good enough for tests, and one below n. */
uint64_t names_random(uint64_t *state);
size_t names_below(uint64_t *state, size_t n);

#endif
