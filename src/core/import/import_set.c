#include "core/import/import_set.h"

#include "core/base/array.h"
#include "core/base/fnv.h"
#include "core/base/table.h"
#include "core/rules/rule.h"

#include <stdlib.h>

struct import_set {
	bool first_match;
	bool has_actions; /* some entry is permitted or refused: exceptions belong to the block */
	struct import_item *kept;
	size_t count, capacity;
	struct table index;   /* of kept, by key and text */
	bool lengths[2][129]; /* [0] IPv4: some network has this length */
};

struct import_set *import_set_create(bool first_match)
{
	struct import_set *s = calloc(1, sizeof *s);

	if (s)
		s->first_match = first_match;
	return s;
}

void import_set_free(struct import_set **s)
{
	if (!*s)
		return;
	free((*s)->kept);
	table_free(&(*s)->index);
	free(*s);
	*s = NULL;
}

const char *import_purpose_name(enum import_purpose p)
{
	static const char *const names[PURPOSES] = {"listed", "whitelist", "block"};

	return names[p];
}

/* ---- finding ------------------------------------------------------------------------- */

static bool is_network(const struct import_item *item)
{
	return item->key == IMPORT_NETWORKS && !item->entry.is_range;
}

static uint64_t hash_prefix(const struct prefix *p)
{
	uint64_t words[4] = {p->base.hi, p->base.lo, p->base.family, p->length};

	return fnv(FNV_START, slice_of((const char *)words, sizeof words));
}

/* Names and addresses are looked up in one another, whatever list each will stand in. */
static enum import_key space_of(const struct import_item *item)
{
	return item->key == IMPORT_ADDRESSES ? IMPORT_NAMES : item->key;
}

/* What an entry that is no network is told apart by. */
static struct slice rest_of(const struct import_item *item)
{
	return item->entry.kind == ENTRY_PATTERN || item->entry.is_range ? item->text
									 : item->entry.name;
}

static uint64_t hash_item(const struct import_item *item)
{
	struct slice rest = rest_of(item);
	uint64_t h = FNV_START + ((uint64_t)item->entry.kind << 8) + (uint64_t)space_of(item);

	h = is_network(item) ? hash_prefix(&item->entry.prefix)
			     : fnv(fnv(h, rest), item->entry.local);
	return h;
}

static bool is_same_item(const struct import_item *a, const struct import_item *b)
{
	if (space_of(a) != space_of(b) || is_network(a) != is_network(b))
		return false;
	if (is_network(a))
		return prefix_equal(&a->entry.prefix, &b->entry.prefix);
	return a->entry.kind == b->entry.kind && slice_equal(rest_of(a), rest_of(b)) &&
	       slice_equal(a->entry.local, b->entry.local);
}

static bool is_item(const void *kept, uint32_t number, const void *item)
{
	return is_same_item((const struct import_item *)kept + number, item);
}

static struct import_item *find_item(const struct import_set *s, const struct import_item *item)
{
	uint32_t number = table_find(&s->index, hash_item(item), is_item, s->kept, item);

	return number == TABLE_NONE ? NULL : &s->kept[number];
}

/* The next wider network around this one that has one of these actions (bits), or NULL. */
static struct import_item *around_network(
    const struct import_set *s, const struct prefix *p, unsigned actions)
{
	struct import_item wider = {.key = IMPORT_NETWORKS};

	for (unsigned length = p->length; length-- > 0;) {
		struct import_item *k;
		if (!s->lengths[p->base.family == IP_V6][length])
			continue;
		wider.entry.prefix = prefix_of(&p->base, length);
		k = find_item(s, &wider);
		if (k && actions & 1u << k->action)
			return k;
	}
	return NULL;
}

static struct import_item *find_kind(const struct import_set *s, struct import_item *wanted,
    enum entry_kind kind, struct slice name, unsigned actions)
{
	struct import_item *k;

	wanted->entry.kind = kind;
	wanted->entry.name = name;
	k = find_item(s, wanted);
	return k && actions & 1u << k->action ? k : NULL;
}

/* The same for names and addresses, in the order in which the most specific decides. */
static struct import_item *around_name(
    const struct import_set *s, const struct import_item *item, unsigned actions)
{
	const struct entry *e = &item->entry;
	struct import_item wanted = {.key = item->key}, *k = NULL;
	bool is_address = e->kind == ENTRY_ADDRESS || e->kind == ENTRY_SUBADDRESS;
	struct slice name = e->name;

	if (is_address)
		k = find_kind(s, &wanted, ENTRY_NAME, name, actions);
	if (!k && (is_address || e->kind == ENTRY_NAME || e->kind == ENTRY_BELOW))
		k = find_kind(s, &wanted, ENTRY_TREE, name, actions);
	while (!k && slice_find(name, '.') < name.len) {
		name = slice_skip(name, slice_find(name, '.') + 1);
		k = find_kind(s, &wanted, ENTRY_BELOW, name, actions);
		k = k ? k : find_kind(s, &wanted, ENTRY_TREE, name, actions);
	}
	wanted.entry.local = e->local;
	return !k && is_address ? find_kind(s, &wanted, ENTRY_LOCAL, slice_of(NULL, 0), actions)
				: k;
}

/* The next wider entry around this one that has one of these actions (bits), or NULL. */
static struct import_item *around(
    const struct import_set *s, const struct import_item *item, unsigned actions)
{
	if (is_network(item))
		return around_network(s, &item->entry.prefix, actions);
	return around_name(s, item, actions);
}

/* ---- adding -------------------------------------------------------------------------- */

enum import_set_result import_set_add(struct import_set *s, const struct import_item *item)
{
	enum { ANY = (1u << IMPORT_ACTIONS) - 1 };
	const struct import_item *before = find_item(s, item);

	if (before)
		return before->action == item->action ? IMPORT_SET_DUPLICATE
						      : IMPORT_SET_CONTRADICTION;
	if (s->first_match && around(s, item, ANY))
		return IMPORT_SET_NEVER_REACHED;
	if (!ARRAY_ROOM(s->kept, s->capacity, s->count + 1) || !table_reserve(&s->index))
		return IMPORT_SET_FAILED;
	s->kept[s->count] = *item;
	if (is_network(item))
		s->lengths[item->entry.prefix.base.family == IP_V6][item->entry.prefix.length] =
		    true;
	s->has_actions |= item->action == IMPORT_PERMIT || item->action == IMPORT_REFUSE;
	table_add(&s->index, hash_item(item), (uint32_t)s->count++);
	return IMPORT_SET_NEW;
}

/* ---- lists --------------------------------------------------------------------------- */

static enum import_purpose purpose_of(const struct import_set *s, const struct import_item *item)
{
	switch (item->action) {
	case IMPORT_PERMIT:
		return PURPOSE_WHITELIST;
	case IMPORT_REFUSE:
		return PURPOSE_BLOCK;
	case IMPORT_EXCEPT:
		return s->has_actions ? PURPOSE_BLOCK : PURPOSE_LISTED;
	default:
		return PURPOSE_LISTED;
	}
}

/* The action of the next wider entry; IMPORT_LISTED where there is none. */
static enum import_action action_around(const struct import_set *s, const struct import_item *item)
{
	const struct import_item *k =
	    around(s, item, 1u << IMPORT_PERMIT | 1u << IMPORT_REFUSE | 1u << IMPORT_EXCEPT);

	return k ? k->action : IMPORT_LISTED;
}

/* What is refused, or excepted, inside of what is permitted. */
static bool cut_from_whitelist(const struct import_set *s, const struct import_item *item)
{
	return (item->action == IMPORT_REFUSE || item->action == IMPORT_EXCEPT) &&
	       action_around(s, item) == IMPORT_PERMIT;
}

/* A permitted network exempts by itself; a name needs proof, and without it is not refused yet. */
static bool cut_from_block(const struct import_set *s, const struct import_item *item)
{
	return item->action == IMPORT_PERMIT && item->key != IMPORT_NETWORKS &&
	       action_around(s, item) == IMPORT_REFUSE;
}

void import_set_each(const struct import_set *s, enum import_purpose purpose, enum import_key key,
    void (*each)(void *context, const struct import_item *, bool out), void *context)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct import_item *item = &s->kept[i];

		if (item->key != key)
			continue;
		if (purpose_of(s, item) == purpose)
			each(context, item, item->action == IMPORT_EXCEPT);
		if ((purpose == PURPOSE_WHITELIST && cut_from_whitelist(s, item)) ||
		    (purpose == PURPOSE_BLOCK && cut_from_block(s, item)))
			each(context, item, true);
	}
}

static void count_one(void *context, const struct import_item *item, bool out)
{
	size_t *n = context;

	(void)item;
	(void)out;
	++*n;
}

size_t import_set_count(
    const struct import_set *s, enum import_purpose purpose, enum import_key key)
{
	size_t n = 0;

	import_set_each(s, purpose, key, count_one, &n);
	return n;
}

struct width {
	size_t wide;
	enum import_purpose purpose;
};

static void count_wide(void *context, const struct import_item *item, bool out)
{
	struct width *w = context;
	bool lets_in = w->purpose == PURPOSE_WHITELIST;
	enum family family = lets_in ? FAMILY_WHITELIST : FAMILY_BLOCKS;
	const struct prefix *p = &item->entry.prefix;

	if (!out && is_network(item))
		w->wide += p->length < rule_shortest_prefix(family, lets_in, p->base.family);
}

size_t import_set_wide(const struct import_set *s, enum import_purpose purpose, enum import_key key)
{
	struct width w = {0, purpose};

	import_set_each(s, purpose, key, count_wide, &w);
	return w.wide;
}
