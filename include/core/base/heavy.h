#ifndef CORE_BASE_HEAVY_H
#define CORE_BASE_HEAVY_H
/*
 * heavy: the most frequent of any number of keys, in a bounded place (the space-saving algorithm of
 * Metwally, Agrawal and El Abbadi, 2005).
 *
 *     struct heavy *h = heavy_create(100);
 *     heavy_count(h, SLICE("b@example.org"), 1);   // a million keys, ten million times
 *     heavy_each(h, take, context);                // key, at least so often, at most so often
 *     heavy_free(&h);
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

struct heavy;

/* Longer keys are cut: mail addresses have at most 254 octets. */
enum { HEAVY_SLOTS_MAX = 256, HEAVY_KEY_MAX = 254 };

/* NULL when out of memory. */
struct heavy *heavy_create(unsigned slots);
void heavy_free(struct heavy **);

/* False when a key could not be kept for lack of memory. */
bool heavy_count(struct heavy *, struct slice key, uint64_t n);

/* From now on no key gets a slot of its own: a new one takes the place of the rarest. */
void heavy_close(struct heavy *);

/* True once a key had to give way: counts are bounds from then on. */
bool heavy_is_full(const struct heavy *);

/* Bytes in use, keys included. */
size_t heavy_bytes(const struct heavy *);

/* All keys, those that came most often for certain first. */
void heavy_each(struct heavy *,
    void (*each)(void *context, struct slice key, uint64_t at_least, uint64_t at_most),
    void *context);

#endif
