#include "geo_private.h"

#include "core/base/array.h"
#include "core/base/table.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the whole tree ------------------------------------------------------------------ */

/* Many networks share a record: what it says is read once. */
struct memo {
	uint32_t offset;
	struct geo_place place;
};

struct walk {
	const struct geo_db *db;
	bool (*each)(void *context, const struct prefix *, const struct geo_place *);
	void *context;
	struct memo *memo;
	size_t memo_room;
	struct table index; /* of memo, by offset */
	uint64_t steps;     /* nodes that may still be visited */
	const char *wrong;
};

static bool is_record(const void *memo, uint32_t number, const void *offset)
{
	return ((const struct memo *)memo)[number].offset == *(const uint32_t *)offset;
}

static const struct geo_place *place_of_record(struct walk *w, const MMDB_entry_s *record)
{
	const uint64_t hash = record->offset * UINT64_C(0x9e3779b97f4a7c15);
	uint32_t number = table_find(&w->index, hash, is_record, w->memo, &record->offset);
	struct memo *memo;

	if (number != TABLE_NONE)
		return &w->memo[number].place;
	if (!ARRAY_ROOM(w->memo, w->memo_room, w->index.count + 1) || !table_reserve(&w->index)) {
		w->wrong = "out of memory";
		return NULL;
	}
	number = (uint32_t)w->index.count;
	memo = &w->memo[number];
	*memo = (struct memo){.offset = record->offset};
	if (!geo_read(record, &memo->place)) {
		w->wrong = "has a record that cannot be read";
		return NULL;
	}
	table_add(&w->index, hash, number);
	return &memo->place;
}

/* A place in the tree: the bits that lead there, left-aligned. */
struct path {
	uint64_t hi, lo;
	unsigned length;
};

/* The prefix that a path of an IPv6 tree stands for; below ::/96 lies IPv4. */
static struct prefix prefix_of_path(const struct walk *w, const struct path *p)
{
	struct prefix prefix = {{p->hi, p->lo, IP_V6}, p->length};

	if (w->db->mmdb.metadata.ip_version == 4)
		prefix.base.family = IP_V4;
	else if (p->length >= 96 && p->hi == 0 && p->lo >> 32 == 0)
		prefix = (struct prefix){{p->lo << 32, 0, IP_V4}, p->length - 96};
	return prefix;
}

/* Networks that core never asks for: IPv4-mapped addresses are folded to IPv4. */
static bool is_mapped(const struct path *p)
{
	return p->length >= 96 && p->hi == 0 && p->lo >> 32 == 0xffff;
}

static bool emit(struct walk *w, const struct path *p, const MMDB_entry_s *record)
{
	static const struct prefix all_ipv4 = {{0, 0, IP_V4}, 0};
	const struct geo_place *place = place_of_record(w, record);
	struct prefix prefix = prefix_of_path(w, p);

	if (!place)
		return false;
	if (place->asn == 0 && !place->country[0])
		return true;
	/* a network so wide that ::/96 lies inside */
	if (prefix.base.family == IP_V6 && prefix.length < 96 && p->hi == 0 && p->lo == 0 &&
	    !w->each(w->context, &all_ipv4, place))
		return false;
	return w->each(w->context, &prefix, place);
}

/* True for the root of IPv4 when it is reached by another way than ::/96. */
static bool is_mirror(const struct walk *w, uint64_t node, const struct path *p)
{
	const MMDB_s *mmdb = &w->db->mmdb;
	bool straight = p->length == 96 && p->hi == 0 && p->lo == 0;

	return mmdb->metadata.ip_version == 6 && mmdb->ipv4_start_node.netmask == 96 &&
	       node == mmdb->ipv4_start_node.node_value && !straight;
}

static bool visit(struct walk *w, uint64_t node, struct path p);

static bool follow(
    struct walk *w, uint8_t type, uint64_t value, const MMDB_entry_s *record, const struct path *p)
{
	switch (type) {
	case MMDB_RECORD_TYPE_EMPTY:
		return true;
	case MMDB_RECORD_TYPE_DATA:
		return is_mapped(p) || emit(w, p, record);
	case MMDB_RECORD_TYPE_SEARCH_NODE:
		return is_mapped(p) || is_mirror(w, value, p) || visit(w, value, *p);
	default:
		w->wrong = "points outside of its file";
		return false;
	}
}

static bool visit(struct walk *w, uint64_t node, struct path p)
{
	unsigned bits = w->db->mmdb.metadata.ip_version == 4 ? 32 : 128;
	struct path right;
	MMDB_search_node_s n;

	if (p.length == bits || w->steps == 0) {
		w->wrong = "has a search tree that goes in circles";
		return false;
	}
	w->steps--;
	if (MMDB_read_node(&w->db->mmdb, (uint32_t)node, &n) != MMDB_SUCCESS) {
		w->wrong = "points outside of its search tree";
		return false;
	}
	right = p;
	if (p.length < 64)
		right.hi |= (uint64_t)1 << (63 - p.length);
	else
		right.lo |= (uint64_t)1 << (127 - p.length);
	p.length++;
	right.length++;
	return follow(w, n.left_record_type, n.left_record, &n.left_record_entry, &p) &&
	       follow(w, n.right_record_type, n.right_record, &n.right_record_entry, &right);
}

bool geo_each_network(const struct geo_db *db,
    bool (*each)(void *context, const struct prefix *, const struct geo_place *), void *context,
    char why[GEO_WHY_MAX])
{
	/* A tree visits each node once; some writers let equal branches share their nodes. */
	struct walk w = {
	    .db = db,
	    .each = each,
	    .context = context,
	    .steps = (uint64_t)db->mmdb.metadata.node_count * 8,
	};

	visit(&w, 0, (struct path){0, 0, 0});
	free(w.memo);
	table_free(&w.index);
	if (!w.wrong)
		return true;
	snprintf(why, GEO_WHY_MAX, "is damaged: it %s", w.wrong);
	return false;
}
