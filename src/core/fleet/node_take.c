#include "node_private.h"

#define AHEAD "an operation dated further ahead of this clock than two minutes: it waits"

/* Verified, then parsed, then ours at this place; alarms when it is not. */
static bool read_op(struct node *n, const struct fleet_message *m, struct node_actions *todo,
    struct op *op, int *key)
{
	const struct fleet_outside *outside = &n->config.outside;
	const char *wrong;

	*key = outside->verify(outside->context, FLEET_OPERATION, m);
	if (*key < 0) {
		node_alarm(todo, NODE_FORGED, m->number, "an operation that no key of ours signed");
		return false;
	}
	arena_reset(n->arena);
	wrong = op_parse(m->bytes, outside, n->arena, op);
	if (wrong)
		node_alarm(todo, arena_starved(n->arena) ? NODE_NO_MEMORY : NODE_MALFORMED,
		    m->number, wrong);
	else if (!slice_equal(op->fleet, n->config.fleet))
		node_alarm(todo, NODE_OTHER_FLEET, m->number, "an operation of another fleet");
	else if (op->number != m->number || op->epoch < n->chain.epoch)
		node_alarm(
		    todo, NODE_REPLAYED, m->number, "an operation of another number or epoch");
	else
		return true;
	return false;
}

/* What is already taken, once more: the same, or a fork; the disk may miss it. */
static bool take_past(struct node *n, const struct fleet_message *m, struct node_actions *todo)
{
	struct fleet_hash hash;

	n->config.outside.hash(n->config.outside.context, m->bytes, &hash);
	if (node_contradicts(n, m->number, &hash)) {
		node_fork(n, todo, m->number);
		return false;
	}
	if (n->disk_epoch == n->chain.epoch && m->number == n->written + 1 &&
	    node_remembers(n, m->number)) {
		n->written++;
		node_do(todo, (struct node_action){NODE_PERSIST, m->number, .message = m});
	}
	return true;
}

static bool take_next(struct node *n, const struct fleet_message *m, const struct op *op, int key,
    bool from_disk, struct node_actions *todo)
{
	const char *why;

	switch (log_chain_take(&n->chain, &n->config.limits, &n->overlay, m->bytes, op, key,
	    &n->config.outside, &why)) {
	case LOG_NO_MEMORY:
		node_alarm(todo, NODE_NO_MEMORY, m->number, "out of memory: it is asked for again");
		return false;
	case LOG_REFUSED:
		if (!from_disk)
			n->refusals[n->refusal_count++] = (struct node_refusal){m->number, why};
		break;
	case LOG_APPLIED:
		break;
	}
	node_remember(n);
	if (n->disk_epoch == n->chain.epoch && n->written + 1 == m->number) {
		n->written++;
		if (!from_disk)
			node_do(todo, (struct node_action){NODE_PERSIST, m->number, .message = m});
	}
	return true;
}

void node_take(
    struct node *n, const struct node_event *e, bool from_disk, struct node_actions *todo)
{
	struct op op;
	int key;

	for (size_t i = 0; i < e->count && (from_disk || i < NODE_BATCH) && !n->forked; i++) {
		const struct fleet_message *m = &e->messages[i];
		if (!read_op(n, m, todo, &op, &key))
			return;
		switch (log_chain_fits(&n->chain, &op)) {
		case LOG_FORK:
			node_fork(n, todo, m->number);
			return;
		case LOG_GAP:
		case LOG_OTHER_EPOCH:
			return;
		case LOG_PAST:
			if (!take_past(n, m, todo))
				return;
			continue;
		case LOG_NEXT:
			break;
		}
		if (!from_disk && op.time > e->now + NODE_AHEAD_SECONDS &&
		    !log_is_void(&n->config.limits, key, op.number)) {
			node_alarm(todo, NODE_CLOCK, m->number, AHEAD);
			return;
		}
		if (!take_next(n, m, &op, key, from_disk, todo))
			return;
	}
}
