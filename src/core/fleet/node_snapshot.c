#include "core/fleet/snapshot.h"

#include "node_private.h"

/* Verified and parsed; false with an alarm. */
static bool read_snapshot(struct node *n, const struct fleet_message *m, enum fleet_signed kind,
    struct node_actions *todo, struct log_chain *chain, struct overlay *overlay)
{
	const struct node_config *c = &n->config;
	const char *wrong;

	if (c->outside.verify(c->outside.context, kind, m) < 0) {
		node_alarm(todo, NODE_FORGED, m->number, "a snapshot that no key of ours signed");
		return false;
	}
	wrong =
	    snapshot_read(m->bytes, c->fleet, &c->limits, &c->outside, n->arena, chain, overlay);
	if (wrong)
		node_alarm(todo, NODE_MALFORMED, m->number, wrong);
	return !wrong;
}

static void replace(struct node *n, const struct log_chain *chain, struct overlay *overlay)
{
	overlay_free(&n->overlay);
	n->overlay = *overlay;
	n->chain = *chain;
	n->first = chain->number;
	node_remember(n);
	n->base = n->written = chain->number;
	n->refusal_count = 0;
}

/* Up to its number the tail is not needed any more; of another epoch nothing is. */
static void write_snapshot(const struct node *n, const struct log_chain *chain,
    const struct fleet_message *m, struct node_actions *todo)
{
	bool same = n->disk_epoch == chain->epoch;

	node_do(todo, (struct node_action){NODE_PERSIST_SNAPSHOT, chain->number,
			  .last = same ? chain->number : UINT64_MAX, .message = m});
}

/* One that the newest head names, of our epoch. */
static bool is_named(const struct node *n, const struct fleet_message *m)
{
	struct fleet_hash hash;

	n->config.outside.hash(n->config.outside.context, m->bytes, &hash);
	return n->head.snapshot > n->base && n->head.state.epoch == n->chain.epoch &&
	       fleet_hash_equal(&hash, &n->head.snapshot_hash);
}

void node_take_snapshot(struct node *n, const struct fleet_message *m, struct node_actions *todo)
{
	struct log_chain chain;
	struct overlay overlay;

	if (n->forked || !is_named(n, m) ||
	    !read_snapshot(n, m, FLEET_SNAPSHOT, todo, &chain, &overlay))
		return;
	if (chain.epoch != n->chain.epoch || chain.number != n->head.snapshot) {
		node_alarm(todo, NODE_REPLAYED, chain.number, "a snapshot of another number");
		overlay_free(&overlay);
		return;
	}
	if (chain.number > n->chain.number) {
		replace(n, &chain, &overlay);
		write_snapshot(n, &chain, m, todo);
		return;
	}
	/* It only takes the place of what is kept. */
	overlay_free(&overlay);
	if (node_contradicts(n, chain.number, &chain.last))
		node_fork(n, todo, chain.number);
	if (n->forked || !node_remembers(n, chain.number))
		return;
	n->base = chain.number;
	if (n->written < chain.number)
		n->written = chain.number;
	write_snapshot(n, &chain, m, todo);
}

void node_take_reset(struct node *n, const struct fleet_message *m, struct node_actions *todo)
{
	struct log_chain chain;
	struct overlay overlay;

	if (!read_snapshot(n, m, FLEET_RESET, todo, &chain, &overlay))
		return;
	if (chain.epoch > n->chain.epoch) {
		replace(n, &chain, &overlay);
		n->forked = n->behind = false;
		write_snapshot(n, &chain, m, todo);
		return;
	}
	overlay_free(&overlay);
	if (chain.epoch < n->chain.epoch) {
		node_alarm(todo, NODE_REPLAYED, chain.number, "a reset of an epoch before");
	} else if (n->disk_epoch != n->chain.epoch && chain.number >= n->first &&
		   chain.number <= n->chain.number) {
		/* In memory since the disk failed. */
		n->base = n->written = chain.number;
		write_snapshot(n, &chain, m, todo);
	}
}

void node_restore(struct node *n, const struct fleet_message *m, struct node_actions *todo)
{
	const struct fleet_outside *outside = &n->config.outside;
	bool reset = outside->verify(outside->context, FLEET_RESET, m) >= 0;
	struct log_chain chain;
	struct overlay overlay;

	if (read_snapshot(n, m, reset ? FLEET_RESET : FLEET_SNAPSHOT, todo, &chain, &overlay))
		replace(n, &chain, &overlay);
	n->disk_epoch = n->chain.epoch;
	n->kept_base = n->base;
}
