#ifndef TESTS_SIM_PIPE_H
#define TESTS_SIM_PIPE_H
/*
 * pipe: two publishers, and the engine between them and the nodes: a log that loses its beginning,
 * is set back to an older copy, and is filled again from the journal.
 *
 * What the journal says is the truth that nodes are held to: the hash of each number, and the
 * fingerprint of the rules there.
 */
#include "core/fleet/head.h"
#include "core/fleet/log_chain.h"
#include "sim/signer.h"

enum {
	PIPE_JOURNAL = 4096, /* operations that can still be asked for, and are checked */
	PIPE_LOG = 300,      /* of these a log keeps at least so many when it is trimmed */
	PIPE_SNAPSHOT = 64,  /* operations from one snapshot to the next */
	PIPE_HEADS = 8,      /* older heads that come again */
	PIPE_LIVE = 90,      /* entries; few, so that the limit is met */
};

struct pipe {
	uint64_t *random;
	int64_t now;     /* the true time */
	int64_t skew[2]; /* of the publishers' clocks */
	struct log_limits limits;
	struct arena *arena;
	struct log_chain chain;
	struct overlay overlay;
	struct sim_message journal[PIPE_JOURNAL]; /* of number % PIPE_JOURNAL */
	struct fleet_hash hash[PIPE_JOURNAL];
	uint64_t fingerprint[PIPE_JOURNAL];
	int64_t time[PIPE_JOURNAL];
	uint64_t first; /* the lowest number of the journal */
	uint64_t log_first,
	    log_last;             /* what the log has; last below the journal's after a restore */
	struct sim_message loser; /* signed for the number behind the last, and lost the race */
	struct sim_message snapshot, older_snapshot, reset; /* two are kept, as one is asked for by
							       its number */
	struct fleet_hash snapshot_hash;
	struct sim_message heads[PIPE_HEADS];
	unsigned head;
	unsigned long operations, refused, restores, resets;
};

void pipe_begin(struct pipe *, uint64_t *random);
void pipe_end(struct pipe *);

/* One publisher appends an operation, sometimes after losing a race; the head follows. */
void pipe_append(struct pipe *);
void pipe_sign_head(struct pipe *);
void pipe_trim(struct pipe *);
void pipe_restore(struct pipe *);
void pipe_republish(struct pipe *);

/* Root begins a new epoch with the rules of now. */
void pipe_reset(struct pipe *);

/* Of what lives at that time. */
uint64_t pipe_fingerprint(const struct overlay *, int64_t time);

#endif
