#ifndef CORE_FLEET_NODE_PRIVATE_H
#define CORE_FLEET_NODE_PRIVATE_H
/* node_private: what node.c (events and what follows from them), node_take.c (operations) and
 * node_snapshot.c (snapshots and resets) share. */
#include "core/fleet/node.h"

enum node_waits { WAITS_FOR_NOTHING, WAITS_FOR_DISK, WAITS_FOR_TABLE };

struct node_refusal {
	uint64_t number;
	const char *why;
};

struct node {
	struct node_config config;
	struct arena *arena; /* emptied before each message */
	struct log_chain chain;
	struct overlay overlay;
	struct fleet_hash remembered[NODE_REMEMBERED]; /* of number % NODE_REMEMBERED */
	uint64_t first; /* the lowest number that is remembered; chain.number + 1: none */
	/* On disk: of this epoch; in another nothing is appended there until a snapshot is. */
	uint64_t disk_epoch;
	uint64_t base, kept_base; /* the number of the snapshot: given to the disk, durable */
	uint64_t written, kept;   /* up to here without a hole: given to the disk, durable */
	struct fleet_state published;
	enum node_waits waits;
	bool forked;
	bool behind;                              /* the last head was behind this node */
	struct head head;                         /* the newest; its fleet is not kept */
	struct node_refusal refusals[NODE_BATCH]; /* sent with the next acknowledgement */
	size_t refusal_count;
};

void node_do(struct node_actions *, struct node_action);
void node_alarm(struct node_actions *, enum node_alarm, uint64_t number, const char *why);
void node_fork(struct node *, struct node_actions *, uint64_t number);

/* Whether other bytes than those taken stand at this number, as far as it is remembered. */
bool node_contradicts(const struct node *, uint64_t number, const struct fleet_hash *);
bool node_remembers(const struct node *, uint64_t number);
void node_remember(struct node *);

/* Takes operations while they fit; those from disk are not written again. */
void node_take(struct node *, const struct node_event *, bool from_disk, struct node_actions *);

void node_take_snapshot(struct node *, const struct fleet_message *, struct node_actions *);
void node_take_reset(struct node *, const struct fleet_message *, struct node_actions *);
void node_restore(struct node *, const struct fleet_message *, struct node_actions *);

#endif
