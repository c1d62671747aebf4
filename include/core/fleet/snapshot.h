#ifndef CORE_FLEET_SNAPSHOT_H
#define CORE_FLEET_SNAPSHOT_H
/*
 * snapshot: all that the operations up to a number have set, for servers that come late.
 *
 *     {"v":1,"f":"mx","e":1,"n":7,"hash":"<64 hex digits>","time":1700000000,"credit":3600}
 *     {"v":1,"f":"mx",...,"op":"whitelist add","entry":"198.51.100.7"}
 *     ...
 *
 * The first line is where the chain is and what its limits go on from; behind it stands a line for
 * each entry that lives at that time, in the order of their keys: the bytes of the operation that
 * set it, which are parsed and held to the limits again.  Who reads it ends where one ends who took
 * each operation.
 */
#include "core/base/arena.h"
#include "core/fleet/log_chain.h"

enum { SNAPSHOT_BYTES_MAX = LOG_LIVE_BYTES_MAX + LOG_LIVE_MAX + 4096 };

/* The bytes to be signed, to be freed with free(); {NULL, 0} when out of memory.  Takes what has
 * expired out of the overlay first. */
struct slice snapshot_write(const struct log_chain *, struct overlay *, struct slice fleet);

/*
 * Reads bytes that have been verified.  NULL with *chain and *overlay, which is the caller's to
 * free, or what is wrong; a static sentence, and *overlay is empty.  The arena is emptied.
 */
const char *snapshot_read(struct slice bytes, struct slice fleet, const struct log_limits *,
    const struct fleet_outside *, struct arena *, struct log_chain *, struct overlay *);

#endif
