#ifndef TESTS_FAKE_RDNS_H
#define TESTS_FAKE_RDNS_H
/*
 * rdns: generic reverse names, and patterns for them as public lists have them: a part that is
 * made of the address, words for dial-up lines, and the provider's domain, which some patterns
 * begin in the middle of a label or leave open.
 */
#include <stddef.h>
#include <stdint.h>

enum { RDNS_PATTERNS = 1600, RDNS_TEXT_MAX = 256 };

/* The i-th pattern, without its slashes. */
void rdns_pattern(unsigned i, char out[RDNS_TEXT_MAX]);

/* A name: of a provider that has patterns, of another one, of a mail server, or odd.  `state` is
 * that of a generator of random numbers, not 0. */
void rdns_name(uint64_t *state, char out[RDNS_TEXT_MAX]);

/* The next number of that generator. */
uint64_t rdns_random(uint64_t *state);

#endif
