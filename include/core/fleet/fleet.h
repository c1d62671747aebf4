#ifndef CORE_FLEET_FLEET_H
#define CORE_FLEET_FLEET_H
/*
 * fleet: the words that all parts of the fleet's protocol share.
 *
 * Many servers follow one log of operations: `whitelist add` here is live on all of them a moment
 * later.  What carries the log (an engine, a directory) is a pipe and not trusted: whatever comes
 * through it is a message, bytes with a signature, which is verified before anything reads it.
 *
 *     core/fleet/op.h         what one operation says, and whether it is narrow enough
 *     core/fleet/overlay.h    what the operations so far have set: (list, entry) to operation
 *     core/fleet/log_chain.h  their order, and limits that are decided from the log alone
 *     core/fleet/snapshot.h   all of that at one number, for those who come late
 *     core/fleet/head.h       where the log ends, said again and again, with a date
 *     core/fleet/node.h       one server: events in, actions out
 *
 * Hash, signature and the list of public suffixes are functions of whoever runs it: libcrypto and
 * libpsl in the daemon, something quick in tests/sim.
 */
#include "core/base/slice.h"

/* SHA-256 and Ed25519 (RFC 8032). */
enum { FLEET_HASH_BYTES = 32, FLEET_SIGNATURE_BYTES = 64 };

struct fleet_hash {
	unsigned char bytes[FLEET_HASH_BYTES];
};

/* What was signed: each has a context of its own in front of the bytes, so that no signature of
 * one kind is one of another, and roles of its own that may sign it. */
enum fleet_signed {
	FLEET_OPERATION, /* role "ops" */
	FLEET_SNAPSHOT,  /* role "ops"; counts only where a head names it */
	FLEET_HEAD,      /* role "head" */
	FLEET_RESET,     /* role "root": a snapshot that begins a new epoch */
};

/* As it travels; borrowed. */
struct fleet_message {
	uint64_t number; /* the place where it was found, which nobody has signed; 0: none */
	struct slice bytes;
	unsigned char signature[FLEET_SIGNATURE_BYTES];
};

/* What core cannot do by itself.  All pure, for any thread. */
struct fleet_outside {
	void *context;
	void (*hash)(void *context, struct slice bytes, struct fleet_hash *out);
	/* The number of the key, of a role that may sign this, whose signature it is; -1: none. */
	int (*verify)(void *context, enum fleet_signed, const struct fleet_message *);
	/* A canonical name that stands on the public suffix list. */
	bool (*is_suffix)(void *context, struct slice name);
};

/* How far a server is; compared in this order, and never lower than it was. */
struct fleet_state {
	uint64_t epoch;     /* raised only by a reset */
	uint64_t release;   /* of the rules */
	uint64_t operation; /* the last of the log that was taken */
};

#endif
