#ifndef CORE_FLEET_NODE_H
#define CORE_FLEET_NODE_H
/*
 * node: one server of the fleet as a state machine: events in, actions out.
 *
 * No socket, file, thread or clock is in here: whoever runs it (a thread of the daemon that owns
 * the transport and the state on disk; tests/sim with fifty of them) brings what happened and the
 * time, and does what it is told, in order.
 *
 *     struct node_actions todo;
 *     node_handle(n, &(struct node_event){NODE_STARTED, now, kept, kept_count}, &todo);
 *     node_handle(n, &(struct node_event){NODE_HEAD, now, &head, 1}, &todo);
 *     for (size_t i = 0; i < todo.count; i++) ...   // NODE_ASK_RANGE 7 to 9
 *     node_handle(n, &(struct node_event){NODE_OPERATIONS, now, messages, 3}, &todo);
 *                                                   // NODE_PERSIST each, then NODE_SYNC
 *     node_handle(n, &(struct node_event){NODE_PERSISTED, now}, &todo);    // NODE_PUBLISH
 *     node_handle(n, &(struct node_event){NODE_PUBLISHED, now}, &todo);    // NODE_ACKNOWLEDGE 9
 *
 * Verified, parsed, fitted into the chain, decided, kept on disk, visible in verdicts,
 * acknowledged: in this order and in no other, so that what is acknowledged survives any crash.
 * While a node waits for the disk or the table, messages that come are left; it asks for them
 * again.
 *
 * Four attacks by whoever carries the log, or who has stolen a copy of it, have four answers:
 *
 *     rollback   an older log, well signed: the state stays; NODE_ROLLBACK at a time-out if it
 * lasts freeze     nothing new is let through: heads have a date; NODE_FROZEN when it has passed
 *     fork       other bytes at a number that is taken, well signed: nothing more is taken until a
 *                reset begins a new epoch; NODE_FORKED with the number
 *     replay     old bytes at another place, number or epoch: refused, NODE_REPLAYED
 *
 * When the disk fails the node goes on in memory, says so with each acknowledgement (not durable),
 * and asks again at time-outs for what the disk misses.  A snapshot is taken only when the newest
 * head names its hash; it brings a late node up, and takes the place of what one in time has kept.
 *
 * The log's limits must be the same on every node from the first operation of an epoch on.  Belongs
 * to one thread at a time.
 */
#include "core/fleet/head.h"
#include "core/fleet/log_chain.h"

enum {
	NODE_BATCH = 64,          /* operations of one event, and of one question */
	NODE_REMEMBERED = 1024,   /* hashes of the latest operations: what a fork is seen by */
	NODE_AHEAD_SECONDS = 120, /* an operation dated further ahead waits */
	NODE_SKEW_SECONDS = 30,   /* a clock that differs more is told of */
	NODE_ACTIONS_MAX = NODE_BATCH + 16,
};

struct node_config {
	struct slice fleet; /* its name; borrowed for the node's life */
	struct log_limits limits;
	struct fleet_outside outside;
	uint64_t tail; /* operations kept behind a snapshot before a newer one replaces it */
};

enum node_event_kind {
	NODE_STARTED,    /* messages: the snapshot that was kept (without bytes: none), and the
			    operations behind it; once, before all others; number:
			    the release that is loaded */
	NODE_HEAD,       /* messages: one */
	NODE_OPERATIONS, /* messages: some in order, asked for or not; more than NODE_BATCH are left
			  */
	NODE_GAP,        /* the log does not reach back to what was asked for */
	NODE_SNAPSHOT,   /* messages: one */
	NODE_RESET,      /* messages: one, a snapshot of a new epoch */
	NODE_RELEASED,   /* the rules of `number` are loaded */
	NODE_TIMEOUT,    /* some seconds have passed without anything */
	NODE_PERSISTED,  /* NODE_SYNC is done, or has failed */
	NODE_PUBLISHED,  /* NODE_PUBLISH is done */
};

struct node_event {
	enum node_event_kind kind;
	int64_t now; /* seconds since the epoch, of the node's clock */
	const struct fleet_message *messages;
	size_t count;
	uint64_t number;
	bool failed;
};

enum node_action_kind {
	NODE_ASK_RANGE,        /* operations number to last */
	NODE_ASK_SNAPSHOT,     /* that of `number` */
	NODE_ASK_RESET,        /* the snapshot that begins epoch `number` */
	NODE_PERSIST,          /* append the message to what is kept */
	NODE_PERSIST_SNAPSHOT, /* that of `number`, in one step, for all kept up to `last` */
	NODE_SYNC,             /* all that make durable; then NODE_PERSISTED */
	NODE_PUBLISH,          /* node_overlay() into the table; then NODE_PUBLISHED */
	NODE_ACKNOWLEDGE,      /* `number` is live; and on disk, when `durable` */
	NODE_REFUSED,          /* `number` changes nothing, and why; with an acknowledgement */
	NODE_ALARM,
};

enum node_alarm {
	NODE_FORGED,      /* no key of a role that may: nothing of it was read */
	NODE_MALFORMED,   /* signed, but not what it should be */
	NODE_OTHER_FLEET, /* signed for another fleet */
	NODE_REPLAYED,
	NODE_ROLLBACK,
	NODE_FROZEN,
	NODE_FORKED,
	NODE_MISSING, /* the log does not reach back to this node, and there is no snapshot */
	NODE_CLOCK,   /* its clock and that of who signs differ */
	NODE_DISK,    /* what was to be kept is not */
	NODE_NO_MEMORY,
};

struct node_action {
	enum node_action_kind kind;
	uint64_t number, last;
	const struct fleet_message *message; /* of the event */
	bool durable;
	enum node_alarm alarm;
	const char *why; /* a static sentence */
};

struct node_actions {
	struct node_action at[NODE_ACTIONS_MAX];
	size_t count;
};

struct node;

/* NULL when out of memory. */
struct node *node_create(const struct node_config *);
void node_free(struct node **);

/* Lets something happen; *todo is filled anew. */
void node_handle(struct node *, const struct node_event *, struct node_actions *todo);

/* What is published: grows only.  Together with node_last() it names the rules. */
struct fleet_state node_state(const struct node *);

/* The hash of the operation that was taken last. */
const struct fleet_hash *node_last(const struct node *);

/* What NODE_PUBLISH publishes; borrowed until the next event. */
const struct overlay *node_overlay(const struct node *);

#endif
