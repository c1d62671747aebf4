#include "core/suggest/suggest_domains.h"

#include "core/base/array.h"
#include "core/base/fnv.h"
#include "core/base/table.h"

#include <stdlib.h>

/* Names of a month of a large host; with their spellings and texts some 110 MB. */
enum { DOMAINS_MAX = 1 << 20, SPELLINGS_MAX = 1 << 21 };
#define NAMES_MAX ((size_t)32 << 20)

/* Of parsing one name. */
enum { SCRATCH_MAX = 64 * 1024 };

/* A spelling, and the domain that it is of. */
struct spelling {
	uint64_t key;
	uint32_t domain;
};

struct suggest_domains {
	uint64_t seed;
	const struct idna *idna;
	bool organizational, full;
	struct spelling *spelling;
	size_t spelling_room;
	struct table index; /* of spellings, by their keys */
	struct slice *name;
	size_t name_room;
	uint32_t count;
	struct arena *names, *scratch;
};

struct suggest_domains *suggest_domains_create(
    uint64_t seed, const struct idna *idna, bool organizational)
{
	struct suggest_domains *d = calloc(1, sizeof *d);

	if (!d)
		return NULL;
	*d = (struct suggest_domains){.seed = seed, .idna = idna, .organizational = organizational};
	d->names = arena_create(NAMES_MAX);
	d->scratch = arena_create(SCRATCH_MAX);
	if (!d->names || !d->scratch)
		suggest_domains_free(&d);
	return d;
}

void suggest_domains_free(struct suggest_domains **domains)
{
	struct suggest_domains *d = *domains;

	if (!d)
		return;
	free(d->spelling);
	table_free(&d->index);
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

/* Without case. */
static uint64_t key_of(const struct suggest_domains *d, struct slice text)
{
	uint64_t key = FNV_START ^ d->seed;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		c = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
		key = fnv(key, slice_of(&c, 1));
	}
	return key;
}

static bool is_spelling(const void *spellings, uint32_t number, const void *key)
{
	return ((const struct spelling *)spellings)[number].key == *(const uint64_t *)key;
}

/* NULL when it was never seen. */
static const struct spelling *find_spelling(const struct suggest_domains *d, uint64_t key)
{
	uint32_t number = table_find(&d->index, key, is_spelling, d->spelling, &key);

	return number == TABLE_NONE ? NULL : &d->spelling[number];
}

static void add_spelling(struct suggest_domains *d, uint64_t key, uint32_t domain)
{
	const size_t count = d->index.count;

	if (count == SPELLINGS_MAX || !ARRAY_ROOM(d->spelling, d->spelling_room, count + 1) ||
	    !table_reserve(&d->index)) {
		d->full = true;
		return;
	}
	d->spelling[count] = (struct spelling){key, domain};
	table_add(&d->index, key, (uint32_t)count);
}

static uint32_t new_domain(struct suggest_domains *d, struct slice name)
{
	struct slice copy = arena_copy(d->names, name);

	if (d->count == DOMAINS_MAX || arena_failed(d->names) ||
	    !ARRAY_ROOM(d->name, d->name_room, d->count + 1UL)) {
		d->full = true;
		return SUGGEST_NO_DOMAIN;
	}
	d->name[d->count] = copy;
	return d->count++;
}

/* A spelling that was never seen, or of a domain that is not in the table. */
static uint32_t parse_domain(struct suggest_domains *d, struct slice text, bool add)
{
	const struct spelling *known;
	struct slice name;
	uint32_t domain;
	uint64_t key;

	arena_reset(d->scratch);
	if (name_parse(text, d->idna, d->scratch, &name) != NULL)
		return SUGGEST_NO_DOMAIN;
	if (d->organizational)
		name = suggest_organization(name);
	key = key_of(d, name);
	known = find_spelling(d, key);
	if (known || !add)
		return known ? known->domain : SUGGEST_NO_DOMAIN;
	domain = new_domain(d, name);
	add_spelling(d, key, domain);
	return domain;
}

static uint32_t domain_of_address(struct suggest_domains *d, struct slice address, bool add)
{
	struct slice text = domain_text(address);
	uint64_t key = key_of(d, text);
	const struct spelling *known = find_spelling(d, key);
	uint32_t domain;

	if (known)
		return known->domain;
	if (text.len == 0)
		return SUGGEST_NO_DOMAIN;
	domain = parse_domain(d, text, add);
	if ((add || domain != SUGGEST_NO_DOMAIN) && !find_spelling(d, key))
		add_spelling(d, key, domain);
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
