#ifndef CORE_FLEET_LOG_CHAIN_H
#define CORE_FLEET_LOG_CHAIN_H
/*
 * log_chain: the order of operations, and the limits that are decided from the log alone.
 *
 * Each operation holds the hash of the bytes of the one before it, so that whoever agrees on the
 * last hash agrees on all before.  Limits count the operations' own times, never a clock: every
 * server takes and refuses the same, whenever it reads them.
 *
 *     if (log_chain_fits(&chain, &op) == LOG_NEXT)
 *             taken = log_chain_take(&chain, &limits, &overlay, &message, &op, key, outside, &why);
 *
 * An operation that is refused is a link of the chain all the same.
 */
#include "core/fleet/op.h"
#include "core/fleet/overlay.h"

enum {
	LOG_PER_MINUTE = 60,           /* operations; what people do, and a panel at work */
	LOG_LIVE_MAX = 50000,          /* entries: built into a table within milliseconds */
	LOG_LIVE_BYTES_MAX = 32 << 20, /* of them: what all servers keep in memory */
	LOG_VOIDS_MAX = 16,            /* keys that were lost */
};

/* From the role file; the same on every server from the first operation of an epoch on. */
struct log_limits {
	unsigned per_minute;
	size_t live_max;
	struct {
		int key;
		uint64_t from; /* the number from which its operations are void */
	} voids[LOG_VOIDS_MAX];
	size_t void_count;
};

/* An operation of this key at this number changes nothing. */
bool log_is_void(const struct log_limits *, int key, uint64_t number);

struct log_chain {
	uint64_t epoch, number;
	struct fleet_hash last; /* of the bytes of `number`; zeros for 0 */
	int64_t time;           /* the latest time of an operation */
	uint64_t credit;        /* of the token bucket, in LOG_COST-ths of an operation */
};

/* Before the first operation, with a full bucket. */
struct log_chain log_chain_begin(uint64_t epoch, const struct log_limits *);

enum log_fit {
	LOG_NEXT,
	LOG_PAST,        /* a number that has been taken */
	LOG_GAP,         /* operations in front of it are missing */
	LOG_FORK,        /* the next number behind another operation */
	LOG_OTHER_EPOCH, /* of an epoch before or behind */
};
enum log_fit log_chain_fits(const struct log_chain *, const struct op *);

enum log_taken { LOG_APPLIED, LOG_REFUSED, LOG_NO_MEMORY };

/* Takes the next operation, signed by this key.  LOG_REFUSED with *why, a static sentence;
 * LOG_NO_MEMORY: nothing has changed. */
enum log_taken log_chain_take(struct log_chain *, const struct log_limits *, struct overlay *,
    struct slice bytes, const struct op *, int key, const struct fleet_outside *, const char **why);

#endif
