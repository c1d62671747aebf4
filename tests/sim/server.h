#ifndef TESTS_SIM_SERVER_H
#define TESTS_SIM_SERVER_H
/*
 * server: one node with its disk, its clock, and a way to the pipe that loses, doubles, damages and
 * forges; and what must hold of it after each step.
 */
#include "core/fleet/node.h"
#include "sim/pipe.h"

enum { SERVER_TAIL = 2048 }; /* operations on disk: far more than a node keeps without a snapshot */

struct server {
	struct pipe *pipe;
	struct node *node;
	int64_t skew;
	/* On disk, and what is written but not yet durable. */
	struct sim_message snapshot, pending_snapshot;
	uint64_t pending_last; /* what the pending snapshot takes the place of */
	struct sim_message tail[SERVER_TAIL];
	size_t tail_count, pending; /* the last `pending` of them are not durable */
	/* What it waits for or has asked for. */
	bool sync_due, publish_due;
	uint64_t range_from, range_last, asks_snapshot, asks_reset;
	bool misled;                /* was shown an operation that lost its race */
	struct fleet_state seen;    /* published in this life */
	struct fleet_state durable; /* acknowledged as durable in any */
};

/* What has happened, so that a run that tried nothing is seen. */
struct server_counts {
	unsigned long alarms[NODE_NO_MEMORY + 1];
	unsigned long acknowledged, not_durable, refused, crashes, snapshots, gaps, compared;
};
extern struct server_counts server_counts;

void server_start(struct server *, struct pipe *);
void server_stop(struct server *);

/* The process ends here and now, and starts again. */
void server_crash(struct server *);

/* Something at random happens to it; `fair`: nothing that is lost or wrong. */
void server_step(struct server *, bool fair);

/* Whether it has all that the pipe has, and has acknowledged it as durable. */
bool server_is_level(const struct server *);

#endif
