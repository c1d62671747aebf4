#ifndef CORE_FLEET_OP_H
#define CORE_FLEET_OP_H
/*
 * op: one operation of the fleet's log: what it says, and whether it is narrow enough.
 *
 *     {"v":1,"f":"mx","e":1,"n":7,"prev":"<64 hex digits>","time":1700000000,"by":"jo",
 *      "op":"whitelist add","entry":"198.51.100.7","expires":1700600000,"owner":"desk"}
 *
 * The envelope is v to op, in this order; v is the version of the format, f the fleet, e the epoch,
 * n the number, prev the hash of the bytes of the operation before it, time in seconds since the
 * epoch.  Behind it stand the members of the kind, in the order of this table, each once:
 *
 *     whitelist add     entry covers? proof? sender? recipient? expires? owner? comment?
 *     whitelist remove  entry sender? recipient?
 *     domain set        name key value
 *     domain clear      name key
 *
 * Each sets or clears one (list, entry), so that doing it twice is doing it once.
 *
 * Two things can be wrong, and differ: bytes that are no operation have no number, so that the log
 * cannot go on behind them; an operation that is refused (of unknown kind, too wide) has one,
 * changes nothing and is told.  Every server of this version refuses the same: a kind that is new
 * comes with another v.
 *
 * Too wide are networks above /24 and /48, ranges, patterns, names of fewer than two labels, public
 * suffixes, names without proof, spf and dmarc in covers, and domain switches of "*", of a suffix
 * or of several keys.  Those go by release.
 *
 * Pure, safe in any thread.
 */
#include "core/base/arena.h"
#include "core/fleet/fleet.h"

enum {
	OP_VERSION = 1,
	OP_BYTES_MAX = 4096,        /* a line that a person reads; nothing in it is long */
	OP_ARENA_BYTES = 64 * 1024, /* more than parsing OP_BYTES_MAX takes */
	OP_WIDEST_V4 = 24,          /* what one customer's network is at most, */
	OP_WIDEST_V6 = 48,          /* and what a site gets (RFC 6177) */
};

enum op_kind { OP_WHITELIST_ADD, OP_WHITELIST_REMOVE, OP_DOMAIN_SET, OP_DOMAIN_CLEAR, OP_KINDS };

enum op_member {
	OP_ENTRY,
	OP_COVERS,
	OP_PROOF,
	OP_SENDER,
	OP_RECIPIENT,
	OP_EXPIRES,
	OP_OWNER,
	OP_COMMENT,
	OP_NAME,
	OP_KEY,
	OP_VALUE,
	OP_MEMBERS
};

/* Slices point into the bytes or the arena. */
struct op {
	struct slice fleet, by;
	uint64_t epoch, number;
	struct fleet_hash prev;
	int64_t time;
	enum op_kind kind;              /* OP_KINDS: unknown */
	struct slice value[OP_MEMBERS]; /* empty for what it does not say */
	int64_t expires;                /* 0: never */
	struct slice key;               /* list and entry in their one spelling */
	const char *refused;            /* NULL, or why it changes nothing; a static sentence */
};

/* Reads bytes that have been verified.  NULL and *out, or why they are no operation; a static
 * sentence.  OP_OTHER_VERSION stands for a format that this version does not know. */
const char *op_parse(
    struct slice bytes, const struct fleet_outside *, struct arena *, struct op *out);
extern const char OP_OTHER_VERSION[];

/* 64 hexadecimal digits, lower case. */
bool fleet_hash_parse(struct slice text, struct fleet_hash *out);
void fleet_hash_format(const struct fleet_hash *, char out[2 * FLEET_HASH_BYTES + 1]);
bool fleet_hash_equal(const struct fleet_hash *, const struct fleet_hash *);

/* Takes the next member, which must have this name; for envelopes. */
struct json_read;
bool fleet_member(struct json_read *, const char *name, struct slice *value);
bool fleet_number(struct json_read *, const char *name, uint64_t *value);

#endif
