#include "core/fleet/snapshot.h"

#include "core/base/json_read.h"
#include "core/base/json_write.h"

#include <stdlib.h>

enum { FIRST_LINE_MAX = 1024 };

struct slice snapshot_write(const struct log_chain *chain, struct overlay *o, struct slice fleet)
{
	char first[FIRST_LINE_MAX], hash[2 * FLEET_HASH_BYTES + 1], *bytes, *at;
	struct json_write j = json_write_begin(first, sizeof first);
	struct slice line;

	overlay_sweep(o, chain->time);
	json_write_number(&j, "v", OP_VERSION);
	json_write_string(&j, "f", fleet);
	json_write_number(&j, "e", (int64_t)chain->epoch);
	json_write_number(&j, "n", (int64_t)chain->number);
	fleet_hash_format(&chain->last, hash);
	json_write_string(&j, "hash", slice_str(hash));
	json_write_number(&j, "time", chain->time);
	json_write_number(&j, "credit", (int64_t)chain->credit);
	line = json_write_end(&j);
	bytes = at = j.full ? NULL : malloc(line.len + 1 + o->bytes + o->count);
	if (!bytes)
		return slice_of(NULL, 0);
	for (size_t i = 0; i <= o->count; i++) {
		memcpy(at, line.ptr, line.len);
		at += line.len;
		*at++ = '\n';
		if (i < o->count)
			line = o->at[i].value;
	}
	return slice_of(bytes, (size_t)(at - bytes));
}

static const char *read_first(struct slice line, struct slice fleet,
    const struct log_limits *limits, struct arena *arena, struct log_chain *chain)
{
	struct json_read r = json_read_begin(line, arena);
	struct slice name, hash, key, value;
	uint64_t version, time;

	if (!fleet_number(&r, "v", &version))
		return "a snapshot does not begin with its version";
	if (version != OP_VERSION)
		return OP_OTHER_VERSION;
	if (!fleet_member(&r, "f", &name) || !fleet_number(&r, "e", &chain->epoch) ||
	    !fleet_number(&r, "n", &chain->number) || !fleet_member(&r, "hash", &hash) ||
	    !fleet_hash_parse(hash, &chain->last) || !fleet_number(&r, "time", &time) ||
	    !fleet_number(&r, "credit", &chain->credit) || json_read_next(&r, &key, &value) ||
	    r.wrong)
		return "the first line of a snapshot is not v f e n hash time credit";
	if (!slice_equal(name, fleet))
		return "a snapshot of another fleet";
	if (chain->credit > log_chain_begin(0, limits).credit)
		return "a snapshot with more credit than the fleet allows";
	chain->time = (int64_t)time;
	return NULL;
}

static const char *read_entry(struct slice line, struct slice fleet,
    const struct log_limits *limits, const struct log_chain *chain,
    const struct fleet_outside *outside, struct arena *arena, struct overlay *o)
{
	struct op op;
	const char *wrong = op_parse(line, outside, arena, &op);

	if (wrong)
		return wrong;
	if (!slice_equal(op.fleet, fleet) || op.epoch > chain->epoch ||
	    (op.epoch == chain->epoch && op.number > chain->number))
		return "a snapshot with an operation that is not of its past";
	if (op.refused || (op.kind != OP_WHITELIST_ADD && op.kind != OP_DOMAIN_SET))
		return "a snapshot with an operation that sets nothing";
	if (o->count > 0 && slice_compare(o->at[o->count - 1].key, op.key) >= 0)
		return "a snapshot whose entries are not in order";
	if (o->count >= limits->live_max || o->bytes + line.len > LOG_LIVE_BYTES_MAX)
		return "a snapshot with more entries than may live";
	return overlay_set(o, op.key, line, op.expires) ? NULL : "out of memory";
}

const char *snapshot_read(struct slice bytes, struct slice fleet, const struct log_limits *limits,
    const struct fleet_outside *outside, struct arena *arena, struct log_chain *chain,
    struct overlay *o)
{
	const char *wrong;

	*o = (struct overlay){0};
	*chain = (struct log_chain){0};
	if (bytes.len > SNAPSHOT_BYTES_MAX)
		return "longer than a snapshot may be";
	arena_reset(arena);
	wrong = read_first(slice_cut(&bytes, '\n'), fleet, limits, arena, chain);
	while (!wrong && bytes.len > 0) {
		arena_reset(arena);
		wrong =
		    read_entry(slice_cut(&bytes, '\n'), fleet, limits, chain, outside, arena, o);
	}
	if (wrong)
		overlay_free(o);
	return wrong;
}
