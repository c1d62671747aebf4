#include "core/change/rules_touch.h"

#include "core/change/replay_outcome.h"
#include "hidden_locals.h"
#include "rules_touch_private.h"

#include <stdlib.h>

/* Names that differ, and numbers of sets: of two tables of a million names each. */
#define TOUCH_MAX ((size_t)256 << 20)

/* ---- making -------------------------------------------------------------------------- */

/* Where pointers have eight bytes, as on most hosts that build it. */
_Static_assert(sizeof(void *) != 8 || sizeof(struct settings) == 96,
    "a new setting: where a verdict looks at it, settings_differ() has to");

/* What decides for every row, or may. */
static bool settings_differ(const struct settings *a, const struct settings *b)
{
	return a->monitor != b->monitor || a->spf_temperror_tempfail != b->spf_temperror_tempfail ||
	       a->spf_permerror_reject != b->spf_permerror_reject ||
	       a->dmarc_temperror_tempfail != b->dmarc_temperror_tempfail ||
	       a->dmarc_unproven_accept != b->dmarc_unproven_accept ||
	       a->dmarc_bad_from_accept != b->dmarc_bad_from_accept ||
	       a->defaults.susranges != b->defaults.susranges ||
	       a->defaults.blocks != b->defaults.blocks || a->defaults.spf != b->defaults.spf ||
	       a->defaults.dmarc != b->defaults.dmarc;
}

static unsigned identities_that_differ(const struct rules_touch *t)
{
	unsigned bits = t->domains ? 1u << IDENTITY_RECIPIENT : 0;

	if (t->names[KEY_DOMAINS])
		bits |= t->domains_in;
	for (int i = 0; i < IDENTITY_COUNT; i++)
		if (t->names[key_of_identity((enum identity_kind)i)] || t->addresses[i] ||
		    t->pattern_count[i] > 0)
			bits |= 1u << i;
	return bits;
}

struct rules_touch *rules_touch_create(
    const struct ruleset *before, const struct ruleset *after, int64_t now, const struct idna *idna)
{
	struct rules_touch *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	*t = (struct rules_touch){.before = before,
	    .after = after,
	    .idna = idna,
	    .arena = arena_create(TOUCH_MAX),
	    .everything = settings_differ(&before->settings, &after->settings) ||
			  /* Of authenticated messages only MAIL may be on record. */
			  before->has_authenticated != after->has_authenticated ||
			  !replay_ask_alike(before, after, now)};
	if (!t->everything)
		t->everything = !t->arena || !touch_sets_make(t, now) || !touch_networks(t) ||
				!touch_names(t) || !touch_patterns(t);
	/* No column has the login; whether HELO is one of our names, each row may ask. */
	if (t->names[KEY_LOGIN] ||
	    (t->domains && (before->asks_for_own_names || after->asks_for_own_names)))
		t->everything = true;
	if (!t->everything)
		t->identities = identities_that_differ(t);
	return t;
}

void rules_touch_free(struct rules_touch **touch)
{
	struct rules_touch *t = *touch;

	if (!t)
		return;
	for (int key = 0; key < KEY_COUNT; key++)
		name_radix_free(&t->names[key]);
	for (int i = 0; i < IDENTITY_COUNT; i++) {
		name_radix_free(&t->addresses[i]);
		name_radix_free(&t->address_domains[i]);
	}
	name_radix_free(&t->domains);
	free(t->clients.at);
	arena_free(&t->arena);
	free(t);
	*touch = NULL;
}

/* ---- asking -------------------------------------------------------------------------- */

bool rules_touch_everything(const struct rules_touch *t)
{
	return t->everything;
}

bool rules_touch_clients(const struct rules_touch *t)
{
	return t->everything || t->clients.count > 0;
}

unsigned rules_touch_identities(const struct rules_touch *t)
{
	return t->everything ? (1u << IDENTITY_COUNT) - 1 : t->identities;
}

bool rules_touch_client(const struct rules_touch *t, const struct ip *ip)
{
	size_t low = 0, high = t->clients.count;

	if (t->everything || ip->family == IP_NONE)
		return t->everything;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ip_compare(&t->clients.at[middle].last, ip) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < t->clients.count && ip_compare(&t->clients.at[low].first, ip) <= 0;
}

static bool has_name(const struct name_radix *tree, struct slice name)
{
	return tree && name.len > 0 && name_radix_lookup(tree, name) != 0;
}

static bool has_spelling(
    const struct name_radix *tree, const struct identity *id, enum entry_kind kind)
{
	char spelling[ENTRY_SPELLING_MAX];

	return has_name(tree, entry_spell(kind, id->local, id->name, spelling));
}

/* The look-ups of an address in core/policy/match.c. */
static bool has_address(const struct name_radix *tree, const struct identity *id)
{
	if (!tree)
		return false;
	if (id->local.len == 0)
		return slice_equal(id->text, SLICE("<>")) && has_spelling(tree, id, ENTRY_NULL);
	return has_spelling(tree, id, ENTRY_LOCAL) || has_spelling(tree, id, ENTRY_ADDRESS) ||
	       (slice_find(id->local, '+') < id->local.len &&
		   has_spelling(tree, id, ENTRY_SUBADDRESS));
}

static bool is_touched(
    const struct rules_touch *t, enum identity_kind kind, const struct identity *id)
{
	if (has_name(t->names[key_of_identity(kind)], id->name) ||
	    ((t->domains_in & 1u << kind) != 0 && has_name(t->names[KEY_DOMAINS], id->name)) ||
	    (kind == IDENTITY_RECIPIENT && has_name(t->domains, id->name)) ||
	    has_address(t->addresses[kind], id))
		return true;
	/* Whatever mailbox it is. */
	if (hides_local(id->text) && (t->address_anywhere[kind] || t->pattern_count[kind] > 0 ||
					 has_name(t->address_domains[kind], id->name)))
		return true;
	for (size_t i = 0; i < t->pattern_count[kind]; i++)
		if (pattern_match(t->patterns[kind][i], id->composed) == PATTERN_YES)
			return true;
	return false;
}

unsigned rules_touch_text(
    const struct rules_touch *t, struct slice text, unsigned identities, struct arena *arena)
{
	bool at = slice_find_last(text, '@') < text.len;
	unsigned touched = 0;

	if (t->everything)
		return identities;
	identities &= t->identities;
	for (int i = 0; i < IDENTITY_COUNT; i++) {
		enum identity_kind kind = (enum identity_kind)i;
		struct identity id;

		if ((identities & 1u << kind) == 0)
			continue;
		id = kind == IDENTITY_CLIENT_NAME || kind == IDENTITY_HELO ||
			     (kind == IDENTITY_FROM && !at)
			 ? replay_name(FACT_KNOWN, text, t->idna, arena)
			 : replay_address(FACT_KNOWN, text, t->idna, arena);
		if (is_touched(t, kind, &id))
			touched |= 1u << kind;
	}
	return arena_failed(arena) ? identities : touched;
}
