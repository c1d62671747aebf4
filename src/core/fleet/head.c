#include "core/fleet/head.h"

#include "core/base/json_read.h"
#include "core/base/json_write.h"
#include "core/fleet/op.h"

static bool read_hash(struct json_read *r, const char *name, struct fleet_hash *out)
{
	struct slice text;

	return fleet_member(r, name, &text) && fleet_hash_parse(text, out);
}

static bool read_state(struct json_read *r, struct head *out)
{
	return fleet_member(r, "f", &out->fleet) && fleet_number(r, "e", &out->state.epoch) &&
	       fleet_number(r, "g", &out->state.release) &&
	       fleet_number(r, "n", &out->state.operation) && read_hash(r, "hash", &out->last);
}

const char *head_parse(struct slice bytes, struct arena *arena, struct head *out)
{
	struct json_read r = json_read_begin(bytes, arena);
	uint64_t version, issued, expires;
	struct slice key, value;

	*out = (struct head){0};
	if (bytes.len > HEAD_BYTES_MAX)
		return "longer than a head may be";
	if (!fleet_number(&r, "v", &version))
		return "a head does not begin with its version";
	if (version != OP_VERSION)
		return OP_OTHER_VERSION;
	if (!read_state(&r, out) || !fleet_number(&r, "snap", &out->snapshot) ||
	    !read_hash(&r, "snaphash", &out->snapshot_hash) ||
	    !fleet_number(&r, "issued", &issued) || !fleet_number(&r, "expires", &expires) ||
	    json_read_next(&r, &key, &value) || r.wrong)
		return "a head is not v f e g n hash snap snaphash issued expires";
	out->issued = (int64_t)issued;
	out->expires = (int64_t)expires;
	return NULL;
}

struct slice head_write(const struct head *head, char buffer[HEAD_BYTES_MAX])
{
	struct json_write j = json_write_begin(buffer, HEAD_BYTES_MAX);
	char hash[2 * FLEET_HASH_BYTES + 1];
	struct slice text;

	json_write_number(&j, "v", OP_VERSION);
	json_write_string(&j, "f", head->fleet);
	json_write_number(&j, "e", (int64_t)head->state.epoch);
	json_write_number(&j, "g", (int64_t)head->state.release);
	json_write_number(&j, "n", (int64_t)head->state.operation);
	fleet_hash_format(&head->last, hash);
	json_write_string(&j, "hash", slice_str(hash));
	json_write_number(&j, "snap", (int64_t)head->snapshot);
	fleet_hash_format(&head->snapshot_hash, hash);
	json_write_string(&j, "snaphash", slice_str(hash));
	json_write_number(&j, "issued", head->issued);
	json_write_number(&j, "expires", head->expires);
	text = json_write_end(&j);
	return j.full ? slice_of(NULL, 0) : text;
}
