#include "edge/dns/zone.h"

#include "core/auth/dnswire.h"

#include <stdlib.h>

enum {
	BUCKETS = 4096,
	CNAMES_MAX = 8,
	TTL = 300,
	ZONE_BYTES = 256 << 20,
	TYPE_CNAME = 5,
	STATUS_UNSET = -1,
};

/* One record, or (status >= 0) the answer that one type gives. */
struct zone_entry {
	struct zone_entry *next;
	int type;
	int status;
	struct dns_record record;
};

/* Every name that exists, empty non-terminals included. */
struct node {
	struct node *next;
	struct slice name;
	struct zone_entry *first, **end;
	bool secure;
};

struct zone {
	struct arena *memory;
	struct node *nodes[BUCKETS];
};

static size_t bucket_of(struct slice name)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < name.len; i++)
		hash = (hash ^ (unsigned char)slice_lower(name.ptr[i])) * 16777619u;
	return hash % BUCKETS;
}

struct zone *zone_create(void)
{
	struct zone *z = calloc(1, sizeof *z);

	if (!z)
		return NULL;
	z->memory = arena_create(ZONE_BYTES);
	if (!z->memory)
		zone_free(&z);
	return z;
}

void zone_free(struct zone **z)
{
	if (!*z)
		return;
	arena_free(&(*z)->memory);
	free(*z);
	*z = NULL;
}

/* ---- filling ------------------------------------------------------------------------- */

static struct node *find_name(const struct zone *z, struct slice name)
{
	for (struct node *n = z->nodes[bucket_of(name)]; n; n = n->next)
		if (slice_equal_nocase(n->name, name))
			return n;
	return NULL;
}

/* The node of a name, made together with all names above it when it is new. */
static struct node *node_of(struct zone *z, struct slice name)
{
	struct node *n = find_name(z, name);
	size_t dot = slice_find(name, '.');

	if (n)
		return n;
	n = arena_calloc(z->memory, 1, sizeof *n);
	if (!n)
		return NULL;
	n->name = arena_copy(z->memory, name);
	n->end = &n->first;
	n->next = z->nodes[bucket_of(name)];
	z->nodes[bucket_of(name)] = n;
	if (dot < name.len && !node_of(z, slice_skip(name, dot + 1)))
		return NULL;
	return arena_failed(z->memory) ? NULL : n;
}

static bool add(
    struct zone *z, struct slice name, int type, int status, struct slice data, uint16_t preference)
{
	struct node *n = node_of(z, name);
	struct zone_entry *e = n ? arena_calloc(z->memory, 1, sizeof *e) : NULL;

	if (!e)
		return false;
	e->type = type;
	e->status = status;
	e->record.data = arena_copy(z->memory, data);
	e->record.preference = preference;
	*n->end = e;
	n->end = &e->next;
	return !arena_failed(z->memory);
}

bool zone_add(
    struct zone *z, struct slice name, enum dns_type type, struct slice data, uint16_t preference)
{
	return add(z, name, (int)type, STATUS_UNSET, data, preference);
}

bool zone_add_alias(struct zone *z, struct slice name, struct slice target)
{
	return add(z, name, TYPE_CNAME, STATUS_UNSET, target, 0);
}

bool zone_add_status(struct zone *z, struct slice name, int type, enum dns_status status)
{
	return add(z, name, type, (int)status, slice_of(NULL, 0), 0);
}

bool zone_set_secure(struct zone *z, struct slice name)
{
	struct node *n = node_of(z, name);

	if (n)
		n->secure = true;
	return n != NULL;
}

/* ---- answering ----------------------------------------------------------------------- */

static enum dns_status take_records(
    const struct node *n, enum dns_type type, struct arena *arena, struct dns_answer *out)
{
	struct dns_record *records;
	size_t count = 0;

	for (const struct zone_entry *e = n->first; e; e = e->next)
		count += e->type == (int)type && e->status == STATUS_UNSET;
	records = arena_calloc(arena, count, sizeof *records);
	if (!records)
		return DNS_TEMP;
	out->records = records;
	for (const struct zone_entry *e = n->first; e; e = e->next) {
		if (e->type != (int)type || e->status != STATUS_UNSET)
			continue;
		records[out->count] = e->record;
		records[out->count++].data = arena_copy(arena, e->record.data);
	}
	return arena_failed(arena) ? DNS_TEMP : DNS_OK;
}

/* The first entry of a kind: a status of exactly this type, its records, an alias, or ANY. */
static const struct zone_entry *entry_for(const struct node *n, int type, bool status)
{
	for (const struct zone_entry *e = n->first; e; e = e->next)
		if (e->type == type && (e->status != STATUS_UNSET) == status)
			return e;
	return NULL;
}

static void answer(const struct zone *z, struct slice name, enum dns_type type, struct arena *arena,
    struct dns_answer *out)
{
	const struct zone_entry *e;

	for (int hops = 0; hops <= CNAMES_MAX; hops++) {
		const struct node *n = find_name(z, name);
		if (!n) {
			out->status = DNS_NXDOMAIN;
			return;
		}
		out->secure = n->secure;
		if ((e = entry_for(n, (int)type, true))) {
			out->status = (enum dns_status)e->status;
			return;
		}
		if (entry_for(n, (int)type, false)) {
			out->status = take_records(n, type, arena, out);
			return;
		}
		if (!(e = entry_for(n, TYPE_CNAME, false))) {
			e = entry_for(n, ZONE_ANY, true);
			out->status = e ? (enum dns_status)e->status : DNS_NODATA;
			return;
		}
		name = e->record.data;
	}
	out->status = DNS_TEMP;
}

static void lookup(
    void *self, struct slice name, enum dns_type type, struct arena *arena, struct dns_answer *out)
{
	const struct zone *z = self;
	char question[DNSWIRE_QUESTION_MAX];

	*out = (struct dns_answer){.status = DNS_BADNAME, .ttl = TTL};
	if (dnswire_question(name, question) == 0)
		return;
	answer(z, name, type, arena, out);
	if (out->status != DNS_OK)
		out->count = 0;
}

struct dns zone_dns(struct zone *z)
{
	return (struct dns){.self = z, .lookup = lookup};
}
