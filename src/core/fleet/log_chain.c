#include "core/fleet/log_chain.h"

/* What an operation costs of the bucket that gets `per_minute` a second. */
enum { LOG_COST = 60 };

struct log_chain log_chain_begin(uint64_t epoch, const struct log_limits *limits)
{
	return (struct log_chain){
	    .epoch = epoch, .credit = (uint64_t)limits->per_minute * LOG_COST};
}

enum log_fit log_chain_fits(const struct log_chain *c, const struct op *op)
{
	if (op->epoch != c->epoch)
		return LOG_OTHER_EPOCH;
	if (op->number <= c->number)
		return LOG_PAST;
	if (op->number > c->number + 1)
		return LOG_GAP;
	return fleet_hash_equal(&op->prev, &c->last) ? LOG_NEXT : LOG_FORK;
}

/* Credit after the time up to this operation; a minute fills it. */
static uint64_t refilled(const struct log_chain *c, const struct log_limits *limits, int64_t time)
{
	uint64_t full = (uint64_t)limits->per_minute * LOG_COST;
	uint64_t seconds = time > c->time ? (uint64_t)(time - c->time) : 0, credit;

	if (seconds >= LOG_COST)
		return full;
	credit = c->credit + seconds * limits->per_minute;
	return credit < full ? credit : full;
}

bool log_is_void(const struct log_limits *limits, int key, uint64_t number)
{
	for (size_t i = 0; i < limits->void_count; i++)
		if (limits->voids[i].key == key && number >= limits->voids[i].from)
			return true;
	return false;
}

/* Whether there is room for what it adds; what has expired by its time makes room first. */
static const char *check_room(
    const struct log_limits *limits, struct overlay *o, struct slice bytes, const struct op *op)
{
	const struct overlay_entry *old;
	size_t need = op->key.len + bytes.len;

	if (op->kind != OP_WHITELIST_ADD && op->kind != OP_DOMAIN_SET)
		return NULL;
	if (o->count >= limits->live_max || o->bytes + need > LOG_LIVE_BYTES_MAX)
		overlay_sweep(o, op->time);
	old = overlay_find(o, op->key);
	if (!old && o->count >= limits->live_max)
		return "over the limit of entries that live";
	if (o->bytes + need - (old ? old->key.len + old->value.len : 0) > LOG_LIVE_BYTES_MAX)
		return "over the limit of bytes of entries that live";
	return NULL;
}

static const char *refusal(const struct log_chain *c, const struct log_limits *limits,
    struct overlay *o, struct slice bytes, const struct op *op, int key, uint64_t credit)
{
	if (log_is_void(limits, key, op->number))
		return "its key is void from a number before it";
	if (op->refused)
		return op->refused;
	if (op->time < c->time)
		return "it is dated before the operation in front of it";
	if (credit < LOG_COST)
		return "more operations a minute than the fleet allows";
	return check_room(limits, o, bytes, op);
}

enum log_taken log_chain_take(struct log_chain *c, const struct log_limits *limits,
    struct overlay *o, struct slice bytes, const struct op *op, int key,
    const struct fleet_outside *outside, const char **why)
{
	uint64_t credit = refilled(c, limits, op->time);

	*why = refusal(c, limits, o, bytes, op, key, credit);
	if (!*why) {
		if (op->kind == OP_WHITELIST_REMOVE || op->kind == OP_DOMAIN_CLEAR)
			overlay_remove(o, op->key);
		else if (!overlay_set(o, op->key, bytes, op->expires))
			return LOG_NO_MEMORY;
		c->credit = credit - LOG_COST;
		c->time = op->time;
	}
	c->number = op->number;
	outside->hash(outside->context, bytes, &c->last);
	return *why ? LOG_REFUSED : LOG_APPLIED;
}
