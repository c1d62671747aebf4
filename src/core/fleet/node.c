#include "node_private.h"

#include <stdlib.h>

struct node *node_create(const struct node_config *config)
{
	struct node *n = calloc(1, sizeof *n);

	if (!n)
		return NULL;
	n->config = *config;
	n->arena = arena_create(OP_ARENA_BYTES);
	n->chain = log_chain_begin(1, &config->limits);
	n->published.epoch = n->disk_epoch = 1;
	n->first = 1;
	if (!n->arena)
		node_free(&n);
	return n;
}

void node_free(struct node **n)
{
	if (!*n)
		return;
	overlay_free(&(*n)->overlay);
	arena_free(&(*n)->arena);
	free(*n);
	*n = NULL;
}

struct fleet_state node_state(const struct node *n)
{
	return n->published;
}

const struct fleet_hash *node_last(const struct node *n)
{
	return &n->chain.last;
}

const struct overlay *node_overlay(const struct node *n)
{
	return &n->overlay;
}

void node_do(struct node_actions *todo, struct node_action action)
{
	todo->at[todo->count++] = action;
}

void node_alarm(struct node_actions *todo, enum node_alarm alarm, uint64_t number, const char *why)
{
	node_do(
	    todo, (struct node_action){NODE_ALARM, .number = number, .alarm = alarm, .why = why});
}

void node_fork(struct node *n, struct node_actions *todo, uint64_t number)
{
	n->forked = true;
	node_alarm(todo, NODE_FORKED, number,
	    "two operations have this number: nothing more is taken until a reset");
}

/* ---- the hashes of the latest operations --------------------------------------------- */

bool node_remembers(const struct node *n, uint64_t number)
{
	return number >= n->first && number <= n->chain.number && number > 0;
}

bool node_contradicts(const struct node *n, uint64_t number, const struct fleet_hash *hash)
{
	return node_remembers(n, number) &&
	       !fleet_hash_equal(hash, &n->remembered[number % NODE_REMEMBERED]);
}

void node_remember(struct node *n)
{
	n->remembered[n->chain.number % NODE_REMEMBERED] = n->chain.last;
	if (n->chain.number - n->first >= NODE_REMEMBERED)
		n->first = n->chain.number - NODE_REMEMBERED + 1;
}

/* ---- what to ask for ----------------------------------------------------------------- */

/* When the head is ahead of us: what is missing. */
static void ask(const struct node *n, struct node_actions *todo)
{
	uint64_t from = n->chain.number + 1, last = n->head.state.operation;

	if (n->waits != WAITS_FOR_NOTHING)
		return;
	if (n->head.state.epoch > n->chain.epoch) {
		node_do(todo,
		    (struct node_action){.kind = NODE_ASK_RESET, .number = n->head.state.epoch});
		return;
	}
	if (n->forked || n->head.state.epoch < n->chain.epoch || last < from)
		return;
	if (last - from >= NODE_BATCH)
		last = from + NODE_BATCH - 1;
	node_do(todo, (struct node_action){.kind = NODE_ASK_RANGE, .number = from, .last = last});
}

static void ask_behind_gap(const struct node *n, struct node_actions *todo)
{
	if (n->waits != WAITS_FOR_NOTHING || n->forked)
		return;
	if (n->head.snapshot > n->written)
		node_do(todo,
		    (struct node_action){.kind = NODE_ASK_SNAPSHOT, .number = n->head.snapshot});
	else
		node_alarm(todo, NODE_MISSING, n->written + 1,
		    "the log does not reach back to it, and no snapshot does");
}

/* For the disk's sake: what it misses, and a newer snapshot. */
static void ask_for_disk(const struct node *n, struct node_actions *todo)
{
	uint64_t number = n->chain.number, last = n->written + NODE_BATCH;

	if (n->waits != WAITS_FOR_NOTHING || n->forked)
		return;
	if (n->disk_epoch != n->chain.epoch)
		node_do(
		    todo, (struct node_action){.kind = NODE_ASK_RESET, .number = n->chain.epoch});
	else if (n->written < number && node_remembers(n, n->written + 1))
		node_do(todo, (struct node_action){.kind = NODE_ASK_RANGE,
				  .number = n->written + 1,
				  .last = last < number ? last : number});
	if (n->head.state.epoch == n->chain.epoch && n->head.snapshot <= number &&
	    n->head.snapshot > n->base &&
	    (n->head.snapshot >= n->base + n->config.tail || n->written < number))
		node_do(todo,
		    (struct node_action){.kind = NODE_ASK_SNAPSHOT, .number = n->head.snapshot});
}

/* ---- heads --------------------------------------------------------------------------- */

/* Order of heads: by what they say, then by when; clocks of those who sign may differ. */
static bool is_newer(const struct head *h, const struct head *old)
{
	if (h->state.epoch != old->state.epoch)
		return h->state.epoch > old->state.epoch;
	if (h->state.release != old->state.release)
		return h->state.release > old->state.release;
	if (h->state.operation != old->state.operation)
		return h->state.operation > old->state.operation;
	return h->issued > old->issued;
}

static bool is_behind(const struct node *n, const struct fleet_state *s)
{
	return s->epoch < n->chain.epoch ||
	       (s->epoch == n->chain.epoch &&
		   (s->release < n->published.release || s->operation < n->chain.number));
}

static bool read_head(
    struct node *n, const struct fleet_message *m, struct node_actions *todo, struct head *head)
{
	const struct fleet_outside *outside = &n->config.outside;
	const char *wrong;

	if (outside->verify(outside->context, FLEET_HEAD, m) < 0) {
		node_alarm(todo, NODE_FORGED, 0, "a head that no key of ours signed");
		return false;
	}
	arena_reset(n->arena);
	wrong = head_parse(m->bytes, n->arena, head);
	if (wrong)
		node_alarm(todo, NODE_MALFORMED, 0, wrong);
	else if (!slice_equal(head->fleet, n->config.fleet))
		node_alarm(todo, NODE_OTHER_FLEET, 0, "a head of another fleet");
	else
		return true;
	return false;
}

static void take_head(struct node *n, const struct node_event *e, struct node_actions *todo)
{
	struct head head;
	int64_t skew;

	if (!read_head(n, &e->messages[0], todo, &head))
		return;
	n->behind = is_behind(n, &head.state);
	if (head.state.epoch == n->chain.epoch && !n->forked &&
	    node_contradicts(n, head.state.operation, &head.last))
		node_fork(n, todo, head.state.operation);
	if (!is_newer(&head, &n->head))
		return;
	skew = head.issued - e->now;
	if (skew > NODE_SKEW_SECONDS || skew < -NODE_SKEW_SECONDS)
		node_alarm(todo, NODE_CLOCK, 0, "the head's date and this clock differ");
	head.fleet = slice_of(NULL, 0);
	n->head = head;
	ask(n, todo);
}

/* ---- events -------------------------------------------------------------------------- */

static void start(struct node *n, const struct node_event *e, struct node_actions *todo)
{
	struct node_event kept = *e;

	if (e->count > 0) {
		if (e->messages[0].bytes.len > 0)
			node_restore(n, &e->messages[0], todo);
		kept.messages++;
		kept.count--;
		node_take(n, &kept, true, todo);
	}
	n->kept = n->written;
	n->published.release = e->number;
	n->waits = WAITS_FOR_TABLE;
	node_do(todo, (struct node_action){.kind = NODE_PUBLISH, .number = n->chain.number});
}

/* Something was taken or is to be written: first the disk, then the table. */
static void keep(struct node *n, struct node_actions *todo)
{
	bool writes = false;

	for (size_t i = 0; i < todo->count; i++)
		writes |=
		    todo->at[i].kind == NODE_PERSIST || todo->at[i].kind == NODE_PERSIST_SNAPSHOT;
	if (writes) {
		n->waits = WAITS_FOR_DISK;
		node_do(todo, (struct node_action){.kind = NODE_SYNC});
	} else if (n->chain.number > n->published.operation) {
		n->waits = WAITS_FOR_TABLE;
		node_do(
		    todo, (struct node_action){.kind = NODE_PUBLISH, .number = n->chain.number});
	}
}

static void persisted(struct node *n, const struct node_event *e, struct node_actions *todo)
{
	if (e->failed) {
		bool other = n->disk_epoch != n->chain.epoch;
		n->written = n->kept = other ? 0 : n->kept;
		n->base = n->kept_base = other ? 0 : n->kept_base;
		node_alarm(todo, NODE_DISK, n->kept + 1,
		    "what was to be kept is not: these operations are in memory only");
	} else {
		n->disk_epoch = n->chain.epoch;
		n->kept = n->written;
		n->kept_base = n->base;
	}
	n->waits = WAITS_FOR_TABLE;
	node_do(todo, (struct node_action){.kind = NODE_PUBLISH, .number = n->chain.number});
}

static void published(struct node *n, struct node_actions *todo)
{
	uint64_t number = n->chain.number;

	n->waits = WAITS_FOR_NOTHING;
	n->published.epoch = n->chain.epoch;
	n->published.operation = number;
	for (size_t i = 0; i < n->refusal_count; i++)
		node_do(todo, (struct node_action){
				  NODE_REFUSED, n->refusals[i].number, .why = n->refusals[i].why});
	n->refusal_count = 0;
	node_do(todo, (struct node_action){NODE_ACKNOWLEDGE, number,
			  .durable = n->disk_epoch == n->chain.epoch && n->kept >= number});
	ask(n, todo);
}

static void time_out(struct node *n, const struct node_event *e, struct node_actions *todo)
{
	if (n->head.issued > 0 && e->now > n->head.expires)
		node_alarm(todo, NODE_FROZEN, n->head.state.operation,
		    "no head has come since the last one expired");
	if (n->behind)
		node_alarm(todo, NODE_ROLLBACK, n->chain.number, "the log is behind this node");
	ask(n, todo);
	ask_for_disk(n, todo);
}

/* What the world brings; left while the node waits for its disk or table. */
static void receive(struct node *n, const struct node_event *e, struct node_actions *todo)
{
	if (n->waits != WAITS_FOR_NOTHING)
		return;
	if (e->kind == NODE_OPERATIONS)
		node_take(n, e, false, todo);
	else if (e->kind == NODE_SNAPSHOT)
		node_take_snapshot(n, &e->messages[0], todo);
	else
		node_take_reset(n, &e->messages[0], todo);
	keep(n, todo);
}

void node_handle(struct node *n, const struct node_event *e, struct node_actions *todo)
{
	todo->count = 0;
	switch (e->kind) {
	case NODE_STARTED:
		start(n, e, todo);
		break;
	case NODE_HEAD:
		take_head(n, e, todo);
		break;
	case NODE_OPERATIONS:
	case NODE_SNAPSHOT:
	case NODE_RESET:
		receive(n, e, todo);
		break;
	case NODE_GAP:
		ask_behind_gap(n, todo);
		break;
	case NODE_RELEASED:
		if (e->number > n->published.release)
			n->published.release = e->number;
		break;
	case NODE_TIMEOUT:
		time_out(n, e, todo);
		break;
	case NODE_PERSISTED:
		persisted(n, e, todo);
		break;
	case NODE_PUBLISHED:
		published(n, todo);
		break;
	}
}
