#ifndef HISTORY_FILTER_H
#define HISTORY_FILTER_H
/*
 * history_filter: a Bloom filter of what can be asked for in a sealed segment: names, addresses and
 * their domains, addresses of clients.  A search by such a key passes over the segments that
 * certainly do not have it; of the others one in a hundred does not, either.
 *
 *     keys, in lower case: "mx.example.org", "a@example.org" and "@example.org", "198.51.100.7"
 *
 * The hash is the CRC-64 of the key: bit (low half + i * (high half | 1)) modulo the number of
 * bits, i from 0 to 6, for each of 7 bits.  Whoever chooses keys that meet makes searches slower,
 * not wrong.
 */
#include "core/history/history_buffer.h"
#include "core/history/history_format.h"

/* Bytes for so many keys: ten bits for each. */
size_t history_filter_bytes(size_t keys);

/* Room of a key in lower case: longer ones are not in the filter, and are always looked for. */
enum { HISTORY_FILTER_KEY_MAX = 1100 };

/* The keys of one text: itself, and of an address its domain, as it was sent and as it is compared.
 */
void history_filter_add(const struct crc64 *, unsigned char *bits, size_t bytes, struct slice text);

/* Whether a key may be there; true also where there is no filter. */
bool history_filter_has(
    const struct crc64 *, const unsigned char *bits, size_t bytes, struct slice key);

#endif
