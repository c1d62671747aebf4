#ifndef CORE_BASE_TOP_K_H
#define CORE_BASE_TOP_K_H
/*
 * top_k: the most frequent of any number of keys, in a bounded place (the space-saving algorithm of
 * Metwally, Agrawal and El Abbadi, 2005).
 *
 *     struct top_k *h = top_k_create(100);
 *     top_k_count(h, SLICE("b@example.org"), 1);   // a million keys, ten million times
 *     top_k_each(h, take, context);                // key, at least so often, at most so often
 *     top_k_free(&h);
 *
 * As long as there are no more keys than slots, counts are exact.  After that a new key takes the
 * slot of the rarest one and its count as an error: every key that is more than 1/slots of all is
 * in the table, its true count lies between at_least and at_most, and keys that are only there
 * because something must be show an at_least of about nothing.
 *
 * A count looks through all slots: with so few that is quicker than keeping an order.  One thread
 * at a time.
 */
#include "core/base/slice.h"

struct top_k;

/* Longer keys are cut: mail addresses have at most 254 octets. */
enum { TOP_K_SLOTS_MAX = 256, TOP_K_KEY_MAX = 254 };

/* NULL when out of memory. */
struct top_k *top_k_create(unsigned slots);
void top_k_free(struct top_k **);

/* False when a key could not be kept for lack of memory. */
bool top_k_count(struct top_k *, struct slice key, uint64_t n);

/* From now on no key gets a slot of its own: a new one takes the place of the rarest. */
void top_k_close(struct top_k *);

/* True once a key had to give way: counts are bounds from then on. */
bool top_k_is_full(const struct top_k *);

/* Bytes in use, keys included. */
size_t top_k_bytes(const struct top_k *);

/* All keys, those that came most often for certain first. */
void top_k_each(struct top_k *,
    void (*each)(void *context, struct slice key, uint64_t at_least, uint64_t at_most),
    void *context);

#endif
