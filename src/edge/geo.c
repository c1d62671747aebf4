#include "edge/geo.h"

#include "edge/textfile.h"

#include <errno.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct geo_db {
	MMDB_s mmdb;
};

/* ---- opening -------------------------------------------------------------------------------- */

static bool write_all(int fd, struct slice bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.ptr, bytes.len);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			bytes = slice_skip(bytes, (size_t)n);
	}
	return true;
}

/* A copy of the file that nobody can change or cut, as a descriptor; -1: the sentence is in why. */
static int copy_file(const char *path, char why[GEO_WHY_MAX])
{
	char wrong[TEXTFILE_WHY_MAX];
	struct slice bytes;
	int fd;

	if (textfile_read(path, &bytes, wrong) != TEXTFILE_OK) {
		snprintf(why, GEO_WHY_MAX, "%s", wrong);
		return -1;
	}
	fd = memfd_create("mmdb", MFD_CLOEXEC);
	if (fd >= 0 && !write_all(fd, bytes)) {
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		snprintf(why, GEO_WHY_MAX, "cannot be copied into memory: %s", strerror(errno));
	textfile_free(&bytes);
	return fd;
}

/* libmaxminddb checks the size of the search tree against that of the file, but takes other
 * numbers as they come. */
static const char *check_metadata(const MMDB_metadata_s *m)
{
	if (m->node_count == 0)
		return "has an empty search tree";
	if (m->ip_version != 4 && m->ip_version != 6)
		return "is for neither IPv4 nor IPv6";
	if (m->build_epoch == 0)
		return "does not say when it was built";
	return NULL;
}

static bool open_copy(struct geo_db *db, int fd, char why[GEO_WHY_MAX])
{
	char path[sizeof "/proc/self/fd/" + 3 * sizeof fd];
	const char *wrong;
	int error;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	error = MMDB_open(path, MMDB_MODE_MMAP, &db->mmdb);
	if (error != MMDB_SUCCESS) {
		snprintf(why, GEO_WHY_MAX, "is no complete MMDB (%s)", MMDB_strerror(error));
		return false;
	}
	wrong = check_metadata(&db->mmdb.metadata);
	if (!wrong)
		return true;
	snprintf(why, GEO_WHY_MAX, "is no usable MMDB: it %s", wrong);
	MMDB_close(&db->mmdb);
	return false;
}

struct geo_db *geo_open(const char *path, char why[GEO_WHY_MAX])
{
	int fd = copy_file(path, why);
	struct geo_db *db;

	if (fd < 0)
		return NULL;
	db = calloc(1, sizeof *db);
	if (!db) {
		snprintf(why, GEO_WHY_MAX, "cannot be opened: out of memory");
	} else if (!open_copy(db, fd, why)) {
		free(db);
		db = NULL;
	}
	close(fd);
	return db;
}

void geo_free(struct geo_db **db)
{
	if (!*db)
		return;
	MMDB_close(&(*db)->mmdb);
	free(*db);
	*db = NULL;
}

uint64_t geo_built(const struct geo_db *db)
{
	return db->mmdb.metadata.build_epoch;
}

const char *geo_type(const struct geo_db *db)
{
	return db->mmdb.metadata.database_type ? db->mmdb.metadata.database_type : "";
}

/* ---- records ----------------------------------------------------------------------------------
 */

/*
 * The value at a path of keys that ends in NULL; false when the record has none there, and also,
 * with *broken set, when it cannot be read.
 */
static bool value_at(
    const MMDB_entry_s *record, const char *const *keys, MMDB_entry_data_s *out, bool *broken)
{
	MMDB_entry_s entry = *record;
	int error = MMDB_aget_value(&entry, out, keys);

	*broken |= error != MMDB_SUCCESS && error != MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR;
	return error == MMDB_SUCCESS && out->has_data;
}

/* 64500, or "AS64500". */
static uint32_t asn_value(const MMDB_entry_data_s *v)
{
	struct slice text;
	uint64_t number;

	if (v->type == MMDB_DATA_TYPE_UINT32)
		return v->uint32;
	if (v->type != MMDB_DATA_TYPE_UTF8_STRING)
		return 0;
	text = slice_of(v->utf8_string, v->data_size);
	if (slice_starts_nocase(text, SLICE("AS")))
		text = slice_skip(text, 2);
	return slice_to_uint(text, UINT32_MAX, &number) ? (uint32_t)number : 0;
}

static bool is_capital(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool read_asn(const MMDB_entry_s *record, struct geo_place *place)
{
	static const char *const keys[][2] = {{"autonomous_system_number", NULL}, {"asn", NULL}};
	MMDB_entry_data_s value;
	bool broken = false;

	for (size_t i = 0; i < sizeof keys / sizeof keys[0] && place->asn == 0; i++)
		if (value_at(record, keys[i], &value, &broken))
			place->asn = asn_value(&value);
	return !broken;
}

static bool read_country(const MMDB_entry_s *record, struct geo_place *place)
{
	static const char *const keys[][3] = {
	    {"country", "iso_code", NULL}, {"country_code", NULL}, {"country", NULL}};
	MMDB_entry_data_s value;
	bool broken = false;

	for (size_t i = 0; i < sizeof keys / sizeof keys[0] && !place->country[0]; i++) {
		if (!value_at(record, keys[i], &value, &broken) ||
		    value.type != MMDB_DATA_TYPE_UTF8_STRING || value.data_size != 2 ||
		    !is_capital(value.utf8_string[0]) || !is_capital(value.utf8_string[1]))
			continue;
		memcpy(place->country, value.utf8_string, 2);
		place->country[2] = '\0';
	}
	return !broken;
}

/* False when the record cannot be read. */
static bool read_place(const MMDB_entry_s *record, struct geo_place *place)
{
	return read_asn(record, place) && read_country(record, place);
}

/* ---- one address --------------------------------------------------------------------------------
 */

void geo_lookup(const struct geo_db *db, const struct ip *ip, struct geo_place *place)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	const struct sockaddr *address = (const struct sockaddr *)&v4;
	MMDB_lookup_result_s result;
	unsigned char bytes[16];
	int error;

	if (!db || ip->family == IP_NONE)
		return;
	ip_to_bytes(ip, bytes);
	memcpy(&v4.sin_addr, bytes, sizeof v4.sin_addr);
	memcpy(&v6.sin6_addr, bytes, sizeof v6.sin6_addr);
	if (ip->family == IP_V6)
		address = (const struct sockaddr *)&v6;
	result = MMDB_lookup_sockaddr(&db->mmdb, address, &error);
	if (error == MMDB_SUCCESS && result.found_entry)
		read_place(&result.entry, place);
}

/* ---- the whole tree
 * ------------------------------------------------------------------------------ */

/* Many networks share a record: what it says is read once.  An open-addressing table. */
struct memo {
	uint32_t offset; /* + 1, 0 = free */
	struct geo_place place;
};

struct walk {
	const struct geo_db *db;
	bool (*each)(void *context, const struct prefix *, const struct geo_place *);
	void *context;
	struct memo *memo;
	size_t memo_count, memo_mask;
	uint64_t steps; /* nodes that may still be visited */
	const char *wrong;
};

enum { MEMO_FIRST = 1024 };

static struct memo *memo_slot(struct memo *memo, size_t mask, uint32_t offset)
{
	size_t at = (offset * (size_t)0x9e3779b97f4a7c15u) >> 32 & mask;

	while (memo[at].offset != 0 && memo[at].offset != offset + 1)
		at = (at + 1) & mask;
	return &memo[at];
}

/* Doubles the memo when it is half full. */
static bool memo_room(struct walk *w)
{
	size_t mask = w->memo ? w->memo_mask * 2 + 1 : MEMO_FIRST - 1;
	struct memo *bigger;

	if (w->memo && w->memo_count * 2 <= w->memo_mask)
		return true;
	bigger = calloc(mask + 1, sizeof *bigger);
	if (!bigger)
		return false;
	for (size_t i = 0; w->memo && i <= w->memo_mask; i++)
		if (w->memo[i].offset != 0)
			*memo_slot(bigger, mask, w->memo[i].offset - 1) = w->memo[i];
	free(w->memo);
	w->memo = bigger;
	w->memo_mask = mask;
	return true;
}

static const struct geo_place *place_of(struct walk *w, const MMDB_entry_s *record)
{
	struct memo *slot;

	if (!memo_room(w)) {
		w->wrong = "out of memory";
		return NULL;
	}
	slot = memo_slot(w->memo, w->memo_mask, record->offset);
	if (slot->offset == 0) {
		slot->offset = record->offset + 1;
		w->memo_count++;
		if (!read_place(record, &slot->place)) {
			w->wrong = "has a record that cannot be read";
			return NULL;
		}
	}
	return &slot->place;
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
	const struct geo_place *place = place_of(w, record);
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
	if (!w.wrong)
		return true;
	snprintf(why, GEO_WHY_MAX, "is damaged: it %s", w.wrong);
	return false;
}
