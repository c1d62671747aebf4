#ifndef CORE_FLEET_HEAD_H
#define CORE_FLEET_HEAD_H
/*
 * head: where the log ends, signed again every few seconds, so that silence is seen.
 *
 *     {"v":1,"f":"mx","e":1,"g":3,"n":7,"hash":"<64 hex digits>","snap":4,
 *      "snaphash":"<64 hex digits>","issued":1700000000,"expires":1700000060}
 *
 * hash is that of the bytes of operation n, snaphash that of the bytes of the snapshot at number
 * snap; zeros for number 0.  Exactly these members in this order.
 *
 * Pure, safe in any thread.
 */
#include "core/base/arena.h"
#include "core/fleet/fleet.h"

enum { HEAD_BYTES_MAX = 1024 }; /* numbers, two hashes and the name of the fleet */

struct head {
	struct slice fleet; /* points into the bytes or the arena */
	struct fleet_state state;
	struct fleet_hash last;
	uint64_t snapshot;
	struct fleet_hash snapshot_hash;
	int64_t issued, expires; /* seconds since the epoch, of the clock of who signed */
};

/* Reads bytes that have been verified.  NULL and *out, or what is wrong; a static sentence. */
const char *head_parse(struct slice bytes, struct arena *, struct head *out);

/* The bytes to be signed, in buffer[HEAD_BYTES_MAX]; empty when the fleet's name is too long. */
struct slice head_write(const struct head *, char buffer[HEAD_BYTES_MAX]);

#endif
