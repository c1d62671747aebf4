#ifndef CORE_FLEET_OVERLAY_H
#define CORE_FLEET_OVERLAY_H
/*
 * overlay: what the operations so far have set: the key of (list, entry) to the bytes of the
 * operation that set it, in the order of keys.
 *
 *     overlay_set(&o, op.key, bytes, op.expires);
 *     for (size_t i = 0; i < o.count; i++) ... o.at[i]
 *
 * It is laid over the rules of the release.  Owns copies.  One of zeros is empty.  An array in
 * order, since it holds 50,000 at most and is walked when it is published.
 */
#include "core/base/slice.h"

struct overlay_entry {
	struct slice key, value;
	int64_t expires; /* 0: never */
};

struct overlay {
	struct overlay_entry *at;
	size_t count, capacity;
	size_t bytes; /* of keys and values */
};

/* NULL: not there. */
const struct overlay_entry *overlay_find(const struct overlay *, struct slice key);

/* False when out of memory: it is as it was. */
bool overlay_set(struct overlay *, struct slice key, struct slice value, int64_t expires);

void overlay_remove(struct overlay *, struct slice key);

/* Takes out what has expired at that time. */
void overlay_sweep(struct overlay *, int64_t time);

/* Leaves an empty one. */
void overlay_free(struct overlay *);

#endif
