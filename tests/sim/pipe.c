#include "sim/pipe.h"

#include "core/fleet/snapshot.h"

#include <stdlib.h>

static unsigned chance(struct pipe *p, unsigned one_in)
{
	return sim_random(p->random) % one_in == 0;
}

uint64_t pipe_fingerprint(const struct overlay *o, int64_t time)
{
	uint64_t sum = 14695981039346656037U;

	for (size_t i = 0; i < o->count; i++) {
		const struct overlay_entry *e = &o->at[i];
		if (e->expires != 0 && e->expires <= time)
			continue;
		for (size_t b = 0; b < e->key.len; b++)
			sum = (sum ^ (unsigned char)e->key.ptr[b]) * 1099511628211U;
		for (size_t b = 0; b < e->value.len; b++)
			sum = (sum ^ (unsigned char)e->value.ptr[b]) * 1099511628211U;
	}
	return sum;
}

/* What is true at the number that the chain has reached. */
static void note(struct pipe *p)
{
	uint64_t at = p->chain.number % PIPE_JOURNAL;

	p->hash[at] = p->chain.last;
	p->time[at] = p->chain.time;
	p->fingerprint[at] = pipe_fingerprint(&p->overlay, p->chain.time);
}

void pipe_begin(struct pipe *p, uint64_t *random)
{
	*p = (struct pipe){.random = random,
	    .now = 1700000000,
	    .limits = {.per_minute = LOG_PER_MINUTE, .live_max = PIPE_LIVE},
	    .arena = arena_create(OP_ARENA_BYTES),
	    .first = 1,
	    .log_first = 1};
	p->chain = log_chain_begin(1, &p->limits);
	note(p);
	pipe_sign_head(p);
}

void pipe_end(struct pipe *p)
{
	for (size_t i = 0; i < PIPE_JOURNAL; i++)
		sim_free(&p->journal[i]);
	for (size_t i = 0; i < PIPE_HEADS; i++)
		sim_free(&p->heads[i]);
	sim_free(&p->loser);
	sim_free(&p->snapshot);
	sim_free(&p->older_snapshot);
	sim_free(&p->reset);
	overlay_free(&p->overlay);
	arena_free(&p->arena);
}

static int64_t publisher_time(struct pipe *p)
{
	int64_t time = p->now + p->skew[sim_random(p->random) % 2];

	return time > p->chain.time || chance(p, 50) ? time : p->chain.time;
}

void pipe_sign_head(struct pipe *p)
{
	char text[HEAD_BYTES_MAX];
	int64_t issued = p->now + p->skew[sim_random(p->random) % 2];
	struct head h = {.fleet = SLICE("mx"),
	    .state = {p->chain.epoch, 0, p->chain.number},
	    .last = p->chain.last,
	    .snapshot = p->snapshot.m.number,
	    .snapshot_hash = p->snapshot_hash,
	    .issued = issued,
	    .expires = issued + 60};

	p->head = (p->head + 1) % PIPE_HEADS;
	sim_free(&p->heads[p->head]);
	p->heads[p->head] = sim_sign(FLEET_HEAD, 0, head_write(&h, text));
}

static void take_snapshot(struct pipe *p)
{
	struct slice bytes = snapshot_write(&p->chain, &p->overlay, SLICE("mx"));

	sim_free(&p->older_snapshot);
	p->older_snapshot = p->snapshot;
	p->snapshot = sim_sign(FLEET_SNAPSHOT, p->chain.number, bytes);
	sim_outside().hash(NULL, bytes, &p->snapshot_hash);
	free((char *)(uintptr_t)bytes.ptr);
}

void pipe_append(struct pipe *p)
{
	struct fleet_outside outside = sim_outside();
	struct log_chain *c = &p->chain;
	uint64_t number = c->number + 1;
	struct sim_message *m = &p->journal[number % PIPE_JOURNAL];
	char text[OP_BYTES_MAX];
	struct op op;
	const char *why;

	if (p->log_last != c->number) /* the log has lost what the journal has: first that */
		pipe_republish(p);
	sim_free(&p->loser);
	if (chance(p, 3))
		p->loser = sim_sign(FLEET_OPERATION, number,
		    sim_op(p->random, "mx", c->epoch, number, &c->last, publisher_time(p), text));
	sim_free(m);
	*m = sim_sign(FLEET_OPERATION, number,
	    sim_op(p->random, "mx", c->epoch, number, &c->last, publisher_time(p), text));
	arena_reset(p->arena);
	if (op_parse(m->m.bytes, &outside, p->arena, &op) != NULL ||
	    log_chain_fits(c, &op) != LOG_NEXT)
		abort();
	p->operations++;
	p->refused += log_chain_take(c, &p->limits, &p->overlay, m->m.bytes, &op, 0, &outside,
			  &why) == LOG_REFUSED;
	p->log_last = number;
	if (number - p->first >= PIPE_JOURNAL - 1)
		p->first = number - PIPE_JOURNAL + 2;
	if (p->log_first < p->first)
		p->log_first = p->first;
	note(p);
	if (number % PIPE_SNAPSHOT == 0)
		take_snapshot(p);
	pipe_sign_head(p);
}

void pipe_trim(struct pipe *p)
{
	if (p->log_last > p->log_first + PIPE_LOG && p->snapshot.m.number > p->log_last - PIPE_LOG)
		p->log_first = p->log_last - PIPE_LOG;
}

void pipe_restore(struct pipe *p)
{
	uint64_t back = 1 + sim_random(p->random) % 50;

	if (p->log_last > p->log_first + back) {
		p->log_last -= back;
		p->restores++;
	}
}

void pipe_republish(struct pipe *p)
{
	p->log_last = p->chain.number;
}

void pipe_reset(struct pipe *p)
{
	struct slice bytes;

	p->chain.epoch++;
	note(p);
	bytes = snapshot_write(&p->chain, &p->overlay, SLICE("mx"));
	sim_free(&p->reset);
	p->reset = sim_sign(FLEET_RESET, p->chain.number, bytes);
	free((char *)(uintptr_t)bytes.ptr);
	sim_free(&p->loser);
	sim_free(&p->snapshot);
	sim_free(&p->older_snapshot);
	p->snapshot_hash = (struct fleet_hash){{0}};
	p->first = p->log_first = p->chain.number + 1;
	p->log_last = p->chain.number;
	p->resets++;
	pipe_sign_head(p);
}
