#include "sim/server.h"

#include <stdio.h>
#include <stdlib.h>

struct server_counts server_counts;

static void insist(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fleet_sim: does not hold: %s\n", what);
	abort();
}

static unsigned chance(struct server *s, unsigned one_in)
{
	return sim_random(s->pipe->random) % one_in == 0;
}

/* ---- what must hold ------------------------------------------------------------------ */

static bool is_lower(const struct fleet_state *a, const struct fleet_state *b)
{
	return a->epoch < b->epoch || (a->epoch == b->epoch && a->operation < b->operation);
}

/* Equal state, equal rules, as long as the number can be looked up. */
static void compare(struct server *s)
{
	const struct pipe *p = s->pipe;
	struct fleet_state now = node_state(s->node);
	uint64_t at = now.operation % PIPE_JOURNAL;

	insist(!is_lower(&now, &s->seen), "the state never falls");
	insist(!is_lower(&now, &s->durable), "what was acknowledged survives a crash");
	s->seen = now;
	if (now.epoch != p->chain.epoch || now.operation + 1 < p->first ||
	    now.operation > p->chain.number)
		return;
	if (!fleet_hash_equal(node_last(s->node), &p->hash[at])) {
		insist(s->misled, "only who was shown a fork is on one");
		return;
	}
	server_counts.compared++;
	insist(pipe_fingerprint(node_overlay(s->node), p->time[at]) == p->fingerprint[at],
	    "equal state, equal rules");
}

/* ---- its disk ------------------------------------------------------------------------ */

static struct sim_message copy(const struct fleet_message *m)
{
	struct sim_message c = sim_sign(FLEET_OPERATION, m->number, m->bytes);

	memcpy(c.m.signature, m->signature, FLEET_SIGNATURE_BYTES);
	return c;
}

/* The last n operations of the tail are gone. */
static void cut_tail(struct server *s, size_t n)
{
	while (n-- > 0)
		sim_free(&s->tail[--s->tail_count]);
}

/* The snapshot takes its place in one step; an epoch that begins has no tail. */
static void place_snapshot(struct server *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->tail_count; i++) {
		if (s->tail[i].m.number <= s->pending_last)
			sim_free(&s->tail[i]);
		else
			s->tail[kept++] = s->tail[i];
	}
	s->tail_count = kept;
	sim_free(&s->snapshot);
	s->snapshot = s->pending_snapshot;
	s->pending_snapshot = (struct sim_message){0};
}

static void synced(struct server *s)
{
	if (s->pending_snapshot.bytes)
		place_snapshot(s);
	s->pending = 0;
}

static void lost(struct server *s, size_t n)
{
	cut_tail(s, n);
	sim_free(&s->pending_snapshot);
	s->pending = 0;
}

/* ---- actions ------------------------------------------------------------------------- */

static void handle(struct server *s, struct node_event e);

static void act(struct server *s, const struct node_action *a)
{
	switch (a->kind) {
	case NODE_ASK_RANGE:
		s->range_from = a->number;
		s->range_last = a->last;
		break;
	case NODE_ASK_SNAPSHOT:
		s->asks_snapshot = a->number;
		break;
	case NODE_ASK_RESET:
		s->asks_reset = a->number;
		break;
	case NODE_PERSIST:
		insist(s->tail_count < SERVER_TAIL, "what is kept is bounded by snapshots");
		insist(s->tail_count == 0 || s->tail[s->tail_count - 1].m.number + 1 == a->number,
		    "what is kept has no hole");
		s->tail[s->tail_count++] = copy(a->message);
		s->pending++;
		break;
	case NODE_PERSIST_SNAPSHOT:
		s->pending_snapshot = copy(a->message);
		s->pending_snapshot.m.number = a->number;
		s->pending_last = a->last;
		server_counts.snapshots++;
		break;
	case NODE_SYNC:
		s->sync_due = true;
		break;
	case NODE_PUBLISH:
		insist(!s->sync_due && s->pending == 0, "nothing is published before it is kept");
		s->publish_due = true;
		break;
	case NODE_ACKNOWLEDGE:
		insist(a->number == node_state(s->node).operation, "live when acknowledged");
		server_counts.acknowledged++;
		server_counts.not_durable += !a->durable;
		if (a->durable)
			s->durable = node_state(s->node);
		break;
	case NODE_REFUSED:
		server_counts.refused++;
		break;
	case NODE_ALARM:
		server_counts.alarms[a->alarm]++;
		break;
	}
}

static void handle(struct server *s, struct node_event e)
{
	struct node_actions todo;

	e.now = s->pipe->now + s->skew;
	node_handle(s->node, &e, &todo);
	for (size_t i = 0; i < todo.count; i++)
		act(s, &todo.at[i]);
	if (!s->publish_due && !s->sync_due)
		compare(s);
}

static void start_node(struct server *s)
{
	static struct fleet_message kept[SERVER_TAIL + 1];
	struct node_config config = {.fleet = SLICE("mx"),
	    .limits = s->pipe->limits,
	    .outside = sim_outside(),
	    .tail = PIPE_SNAPSHOT};

	s->node = node_create(&config);
	insist(s->node != NULL, "there is memory");
	kept[0] = s->snapshot.m;
	for (size_t i = 0; i < s->tail_count; i++)
		kept[i + 1] = s->tail[i].m;
	s->seen = (struct fleet_state){0};
	handle(s, (struct node_event){
		      .kind = NODE_STARTED, .messages = kept, .count = s->tail_count + 1});
}

void server_start(struct server *s, struct pipe *p)
{
	*s = (struct server){.pipe = p};
	s->skew = chance(s, 10) ? (int64_t)(sim_random(p->random) % 14400) - 7200
				: (int64_t)(sim_random(p->random) % 40) - 20;
	start_node(s);
}

void server_stop(struct server *s)
{
	node_free(&s->node);
	cut_tail(s, s->tail_count);
	sim_free(&s->snapshot);
	sim_free(&s->pending_snapshot);
}

void server_crash(struct server *s)
{
	server_counts.crashes++;
	node_free(&s->node);
	/* Of what was written any first part may have reached the disk. */
	if (s->pending_snapshot.bytes && chance(s, 2))
		synced(s);
	else
		lost(s, s->pending ? (size_t)(sim_random(s->pipe->random) % (s->pending + 1)) : 0);
	s->sync_due = s->publish_due = false;
	s->range_from = s->asks_snapshot = s->asks_reset = 0;
	start_node(s);
}

/* ---- what comes through the pipe ----------------------------------------------------- */

/* One message, as it is or with a bit that flipped. */
static void deliver(
    struct server *s, enum node_event_kind kind, const struct fleet_message *m, bool damaged)
{
	struct sim_message c = copy(m);

	if (damaged)
		c.bytes[sim_random(s->pipe->random) % c.m.bytes.len] ^=
		    (char)(1 << sim_random(s->pipe->random) % 8);
	handle(s, (struct node_event){.kind = kind, .messages = &c.m, .count = 1});
	sim_free(&c);
}

static void deliver_range(struct server *s, uint64_t from, uint64_t last)
{
	static struct fleet_message range[NODE_BATCH];
	struct pipe *p = s->pipe;
	size_t n = 0;

	if (from < p->log_first) {
		server_counts.gaps++;
		handle(s, (struct node_event){.kind = NODE_GAP});
		return;
	}
	for (uint64_t i = from; i <= last && i <= p->log_last && n < NODE_BATCH; i++)
		range[n++] = p->journal[i % PIPE_JOURNAL].m;
	if (n > 0)
		handle(
		    s, (struct node_event){.kind = NODE_OPERATIONS, .messages = range, .count = n});
}

static void answer(struct server *s, bool fair)
{
	struct pipe *p = s->pipe;
	bool damaged = !fair && chance(s, 30), again = !fair && chance(s, 10);
	uint64_t from = s->range_from;
	const struct sim_message *snapshot =
	    s->asks_snapshot == p->older_snapshot.m.number ? &p->older_snapshot : &p->snapshot;

	if (s->asks_reset && p->reset.bytes) {
		s->asks_reset = again ? s->asks_reset : 0;
		deliver(s, NODE_RESET, &p->reset.m, damaged);
	} else if (s->asks_snapshot && snapshot->bytes) {
		s->asks_snapshot = again ? s->asks_snapshot : 0;
		deliver(s, NODE_SNAPSHOT, &snapshot->m, damaged);
	} else if (from) {
		s->range_from = again ? from : 0;
		if (damaged && from >= p->log_first && from <= p->log_last)
			deliver(s, NODE_OPERATIONS, &p->journal[from % PIPE_JOURNAL].m, true);
		else
			deliver_range(s, from, s->range_last);
	}
}

static void head_comes(struct server *s, bool fair)
{
	struct pipe *p = s->pipe;
	unsigned back = fair || !chance(s, 4) ? 0 : (unsigned)(sim_random(p->random) % PIPE_HEADS);
	const struct sim_message *h = &p->heads[(p->head + PIPE_HEADS - back) % PIPE_HEADS];

	if (h->bytes)
		deliver(s, NODE_HEAD, &h->m, !fair && chance(s, 40));
}

/* What an engine that is not to be trusted may do. */
static void attack(struct server *s)
{
	struct pipe *p = s->pipe;
	const struct log_chain *c = &p->chain;
	uint64_t next = node_state(s->node).operation + 1;
	char text[OP_BYTES_MAX];
	struct sim_message m = {0};

	switch (sim_random(p->random) % 6) {
	case 0: /* unsigned: nothing may read it */
		m = sim_sign(FLEET_HEAD, next,
		    sim_forged_op(c->epoch, next, node_last(s->node), p->now, text));
		break;
	case 1: /* of another fleet, with the same keys */
		m = sim_sign(FLEET_OPERATION, next,
		    sim_op(p->random, "other", c->epoch, next, node_last(s->node), p->now, text));
		break;
	case 2: /* an old one in the place of the next */
		if (c->number < p->first)
			return;
		m = copy(
		    &p->journal[(p->first + sim_random(p->random) % (c->number - p->first + 1)) %
				PIPE_JOURNAL]
			 .m);
		m.m.number = m.m.number == next ? next + 1 : next;
		break;
	case 3: /* signed, but not an operation */
		m = sim_sign(FLEET_OPERATION, next, SLICE("{\"v\":1,\"f\":\"mx\"}"));
		break;
	case 4: /* of an epoch that is over */
		m = sim_sign(FLEET_OPERATION, next,
		    sim_op(p->random, "mx", c->epoch - 1, next, node_last(s->node), p->now, text));
		break;
	default: /* what lost the race for its number: a fork, when it is taken */
		if (!p->loser.bytes || !chance(s, 3))
			return;
		s->misled = true;
		m = copy(&p->loser.m);
		break;
	}
	handle(s, (struct node_event){.kind = NODE_OPERATIONS, .messages = &m.m, .count = 1});
	sim_free(&m);
}

/* ---- steps --------------------------------------------------------------------------- */

static void finish(struct server *s, bool fair)
{
	if (s->sync_due) {
		bool failed = !fair && chance(s, 100);
		if (failed)
			lost(s, s->pending);
		else
			synced(s);
		s->sync_due = false;
		handle(s, (struct node_event){.kind = NODE_PERSISTED, .failed = failed});
	} else if (s->publish_due) {
		s->publish_due = false;
		handle(s, (struct node_event){.kind = NODE_PUBLISHED});
	}
}

void server_step(struct server *s, bool fair)
{
	struct pipe *p = s->pipe;
	unsigned what = (unsigned)(sim_random(p->random) % (fair ? 10 : 14));

	if (what < 4)
		finish(s, fair);
	else if (what < 6)
		head_comes(s, fair);
	else if (what < 9)
		answer(s, fair);
	else if (what < 10)
		handle(s, (struct node_event){.kind = NODE_TIMEOUT});
	else if (what < 12)
		deliver_range(s, p->log_last, p->log_last);
	else if (what < 13)
		attack(s);
	else if (chance(s, 10))
		server_crash(s);
}

bool server_is_level(const struct server *s)
{
	return node_state(s->node).epoch == s->pipe->chain.epoch &&
	       fleet_hash_equal(node_last(s->node), &s->pipe->chain.last) &&
	       s->durable.epoch == s->pipe->chain.epoch &&
	       s->durable.operation == s->pipe->chain.number;
}
