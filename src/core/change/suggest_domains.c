#include "core/change/suggest_domains.h"

#include "core/base/fnv.h"

#include <stdlib.h>

/* Names of a month of a large host; with their spellings and texts some 110 MB. */
enum { DOMAINS_MAX = 1 << 20, SLOTS_FIRST = 1 << 12, SLOTS_MAX = 1 << 22 };
#define NAMES_MAX ((size_t)32 << 20)

/* Of parsing one name. */
enum { SCRATCH_MAX = 64 * 1024 };

/* A spelling, and the domain that it is of. */
struct slot {
	uint64_t key; /* 0: free */
	uint32_t domain;
};

struct suggest_domains {
	uint64_t seed;
	const struct idna *idna;
	bool organizational, full;
	struct slot *slot;
	size_t slots, used;
	struct slice *name;
	uint32_t count, room;
	struct arena *names, *scratch;
};

struct suggest_domains *suggest_domains_create(
    uint64_t seed, const struct idna *idna, bool organizational)
{
	struct suggest_domains *d = calloc(1, sizeof *d);

	if (!d)
		return NULL;
	*d = (struct suggest_domains){
	    .seed = seed, .idna = idna, .organizational = organizational, .slots = SLOTS_FIRST};
	d->slot = calloc(d->slots, sizeof *d->slot);
	d->names = arena_create(NAMES_MAX);
	d->scratch = arena_create(SCRATCH_MAX);
	if (!d->slot || !d->names || !d->scratch)
		suggest_domains_free(&d);
	return d;
}

void suggest_domains_free(struct suggest_domains **domains)
{
	struct suggest_domains *d = *domains;

	if (!d)
		return;
	free(d->slot);
	free(d->name);
	arena_free(&d->names);
	arena_free(&d->scratch);
	free(d);
	*domains = NULL;
}

/* ---- organizations ------------------------------------------------------------------- */

/* Below which, in a country's domain, owners have the third label. */
static bool is_second_level(struct slice label)
{
	static const char *const words[] = {"ac", "co", "com", "edu", "firm", "gen", "go", "gob",
	    "gouv", "gov", "govt", "id", "ind", "info", "int", "ltd", "me", "mil", "mod", "ne",
	    "net", "nhs", "nic", "nom", "or", "org", "plc", "police", "sch", "school", "web"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (slice_equal(label, slice_str(words[i])))
			return true;
	return false;
}

struct slice suggest_organization(struct slice name)
{
	struct slice top = name_last_labels(name, 1), two = name_last_labels(name, 2);
	struct slice second = slice_of(two.ptr, slice_find(two, '.'));

	return top.len == 2 && is_second_level(second) ? name_last_labels(name, 3) : two;
}

/* ---- finding ------------------------------------------------------------------------- */

static struct slice domain_text(struct slice address)
{
	size_t at = slice_find_last(address, '@');

	return slice_trim(at < address.len ? slice_skip(address, at + 1) : address);
}

/* Without case; never 0. */
static uint64_t key_of(const struct suggest_domains *d, struct slice text)
{
	uint64_t key = FNV_START ^ d->seed;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		c = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
		key = fnv(key, slice_of(&c, 1));
	}
	return key | 1U << 31;
}

static struct slot *find_slot(struct slot *slot, size_t slots, uint64_t key)
{
	size_t i = (key ^ key >> 32) & (slots - 1);

	while (slot[i].key != 0 && slot[i].key != key)
		i = (i + 1) & (slots - 1);
	return &slot[i];
}

/* Twice the slots; false when there may be no more. */
static bool grow(struct suggest_domains *d)
{
	size_t slots = d->slots * 2;
	struct slot *slot = slots <= SLOTS_MAX ? calloc(slots, sizeof *slot) : NULL;

	if (!slot)
		return false;
	for (size_t i = 0; i < d->slots; i++)
		if (d->slot[i].key != 0)
			*find_slot(slot, slots, d->slot[i].key) = d->slot[i];
	free(d->slot);
	d->slot = slot;
	d->slots = slots;
	return true;
}

/* The place of a key, with room for it; NULL when there is none. */
static struct slot *place_of(struct suggest_domains *d, uint64_t key)
{
	struct slot *slot = find_slot(d->slot, d->slots, key);

	if (slot->key != 0 || d->used < d->slots / 2)
		return slot;
	if (grow(d))
		return find_slot(d->slot, d->slots, key);
	d->full = true;
	return NULL;
}

static void take_place(struct suggest_domains *d, struct slot *slot, uint64_t key, uint32_t domain)
{
	*slot = (struct slot){key, domain};
	d->used++;
}

/* Room for another name; false when there may be no more. */
static bool grow_names(struct suggest_domains *d)
{
	uint32_t room = d->room ? d->room * 2 : 1024;
	struct slice *names;

	if (d->count < d->room)
		return true;
	names = room <= DOMAINS_MAX ? realloc(d->name, room * sizeof *names) : NULL;
	if (!names)
		return false;
	d->name = names;
	d->room = room;
	return true;
}

static uint32_t new_domain(struct suggest_domains *d, struct slice name)
{
	struct slice copy = arena_copy(d->names, name);

	if (!grow_names(d) || arena_failed(d->names)) {
		d->full = true;
		return SUGGEST_NO_DOMAIN;
	}
	d->name[d->count] = copy;
	return d->count++;
}

/* A spelling that was never seen, or of a domain that is not in the table. */
static uint32_t parse_domain(struct suggest_domains *d, struct slice text, bool add)
{
	struct slice name;
	struct slot *slot;
	uint64_t key;

	arena_reset(d->scratch);
	if (name_parse(text, d->idna, d->scratch, &name) != NULL)
		return SUGGEST_NO_DOMAIN;
	if (d->organizational)
		name = suggest_organization(name);
	key = key_of(d, name);
	slot = add ? place_of(d, key) : find_slot(d->slot, d->slots, key);
	if (!slot || (slot->key == 0 && !add))
		return SUGGEST_NO_DOMAIN;
	if (slot->key == 0)
		take_place(d, slot, key, new_domain(d, name));
	return slot->domain;
}

static uint32_t domain_of_address(struct suggest_domains *d, struct slice address, bool add)
{
	struct slice text = domain_text(address);
	uint64_t key = key_of(d, text);
	struct slot *slot = find_slot(d->slot, d->slots, key);
	uint32_t domain;

	if (slot->key == key)
		return slot->domain;
	if (text.len == 0)
		return SUGGEST_NO_DOMAIN;
	domain = parse_domain(d, text, add);
	slot = add || domain != SUGGEST_NO_DOMAIN ? place_of(d, key) : NULL;
	if (slot && slot->key == 0)
		take_place(d, slot, key, domain);
	return domain;
}

uint32_t suggest_domains_add(struct suggest_domains *d, struct slice address)
{
	return domain_of_address(d, address, true);
}

uint32_t suggest_domains_find(struct suggest_domains *d, struct slice address)
{
	return domain_of_address(d, address, false);
}

struct slice suggest_domains_name(const struct suggest_domains *d, uint32_t domain)
{
	return d->name[domain];
}

uint32_t suggest_domains_count(const struct suggest_domains *d)
{
	return d->count;
}

bool suggest_domains_full(const struct suggest_domains *d)
{
	return d->full;
}
