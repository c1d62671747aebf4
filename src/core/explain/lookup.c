#include "core/explain/lookup.h"

#include <stdio.h>

/* ---- the value ----------------------------------------------------------------------- */

static void set_identities(struct lookup *l)
{
	for (int i = 0; i < IDENTITY_COUNT; i++)
		l->facts.id[i].state = FACT_ABSENT;
	if (l->kind == LOOKUP_NETWORK)
		return;
	l->facts.auth_state = FACT_KNOWN;
	for (int i = 0; i < IDENTITY_COUNT; i++) {
		bool host = i == IDENTITY_CLIENT_NAME || i == IDENTITY_HELO;

		if (host && l->kind == LOOKUP_MAILBOX)
			continue;
		l->facts.id[i] = l->identity;
		if (!host && l->kind == LOOKUP_NAME)
			l->facts.id[i].composed = slice_of(NULL, 0);
	}
}

static const char *parse_mailbox(
    struct slice text, const struct idna *idna, struct arena *arena, struct lookup *l)
{
	struct address address;
	const char *wrong = address_parse(text, idna, arena, &address);

	l->kind = LOOKUP_MAILBOX;
	l->identity = identity_of_address(&address);
	return wrong;
}

static bool looks_like_network(struct slice text)
{
	return slice_find(text, '/') < text.len || slice_find(text, ':') < text.len;
}

const char *lookup_parse(struct slice text, const struct idna *idna, struct arena *arena,
    struct lookup *out, char why[LOOKUP_WHY_MAX])
{
	char reason[PREFIX_WHY_MAX], shown[EXCERPT_MAX];
	const char *wrong;

	*out = (struct lookup){.kind = LOOKUP_NETWORK};
	if (slice_find(text, '@') < text.len || slice_equal(text, SLICE("<>"))) {
		wrong = parse_mailbox(text, idna, arena, out);
	} else if ((wrong = prefix_parse(text, &out->network, reason)) == NULL) {
		out->facts.client = out->network.base;
	} else if (!looks_like_network(text)) {
		out->kind = LOOKUP_NAME;
		out->identity = identity_of_name(text, idna, arena);
		wrong = name_parse(text, idna, arena, &out->identity.name);
	}
	out->facts.auth = text;
	set_identities(out);
	if (!wrong)
		return arena_failed(arena) ? "out of memory" : NULL;
	snprintf(why, LOOKUP_WHY_MAX, "\"%s\" is not an address, network, name or mail address: %s",
	    slice_excerpt(text, shown), wrong);
	return why;
}

/* ---- entries ------------------------------------------------------------------------- */

static bool network_fits(const struct lookup *l, const struct entry *e)
{
	struct ip last = prefix_last(&l->network),
		  end = e->is_range ? e->last : prefix_last(&e->prefix);
	const struct ip *first = e->is_range ? &e->first : &e->prefix.base;

	return first->family == last.family && ip_compare(first, &l->network.base) <= 0 &&
	       ip_compare(&last, &end) <= 0;
}

/* The whole address is spelt as the entry is. */
static bool address_fits(const struct lookup *l, const struct entry *e)
{
	char own[ENTRY_SPELLING_MAX], other[ENTRY_SPELLING_MAX];
	struct slice local = l->identity.local;

	if (e->kind == ENTRY_NULL)
		return slice_equal(l->identity.text, SLICE("<>"));
	if (local.len == 0 || (e->kind != ENTRY_LOCAL && !slice_equal(e->name, l->identity.name)) ||
	    (e->kind == ENTRY_SUBADDRESS && slice_find(local, '+') == local.len))
		return false;
	return slice_equal(entry_spell(e->kind, local, l->identity.name, own),
	    entry_spell(e->kind, e->local, e->name, other));
}

static bool pattern_fits(const struct lookup *l, unsigned key, const struct entry *e)
{
	char why[PATTERN_WHY_MAX];
	struct slice subject = key == KEY_LOGIN     ? l->facts.auth
			       : key == KEY_DOMAINS ? slice_of(NULL, 0)
						    : l->facts.id[key - KEY_CLIENT_NAME].composed;
	struct pattern *pattern;
	bool fits;

	if (subject.len == 0)
		return false;
	pattern = pattern_compile(e->text, why);
	fits = pattern && pattern_match(pattern, subject) == PATTERN_YES;
	pattern_free(&pattern);
	return fits;
}

bool lookup_fits_domain(const struct lookup *l, enum entry_kind kind, struct slice name)
{
	struct slice own = lookup_domain(l);

	if (own.len == 0)
		return false;
	if (kind == ENTRY_NAME || (kind == ENTRY_BELOW && slice_equal(own, name)))
		return kind == ENTRY_NAME && slice_equal(own, name);
	return name.len == 0 || name_is_within(own, name);
}

/* A name or a mailbox may be a login, too. */
static bool login_fits(const struct lookup *l, const struct entry *e)
{
	char folded[ENTRY_SPELLING_MAX];

	return l->facts.auth_state == FACT_KNOWN &&
	       slice_equal(entry_fold_login(l->facts.auth, folded), e->local);
}

/* The identities that a key looks at. */
static unsigned identities_of(unsigned key, unsigned in)
{
	return key == KEY_DOMAINS ? in : 1u << (key - KEY_CLIENT_NAME);
}

bool lookup_fits(const struct lookup *l, unsigned slot, unsigned in, const struct entry *e)
{
	const unsigned hosts = 1u << IDENTITY_CLIENT_NAME | 1u << IDENTITY_HELO;
	unsigned key = slot & (SLOT_UNLESS - 1);

	if (key == KEY_NETWORKS || e->kind == ENTRY_NETWORK)
		return l->kind == LOOKUP_NETWORK && key == KEY_NETWORKS &&
		       e->kind == ENTRY_NETWORK && network_fits(l, e);
	if (key == KEY_LOGIN)
		return e->kind == ENTRY_PATTERN ? pattern_fits(l, key, e) : login_fits(l, e);
	if (l->kind == LOOKUP_NETWORK ||
	    (l->kind == LOOKUP_MAILBOX && (identities_of(key, in) & ~hosts) == 0))
		return false;
	switch (e->kind) {
	case ENTRY_NAME:
	case ENTRY_TREE:
	case ENTRY_BELOW:
		return lookup_fits_domain(l, e->kind, e->name);
	case ENTRY_PATTERN:
		return pattern_fits(l, key, e);
	default:
		return l->kind == LOOKUP_MAILBOX && address_fits(l, e);
	}
}

struct slice lookup_domain(const struct lookup *l)
{
	return l->kind == LOOKUP_NETWORK ? slice_of(NULL, 0) : l->identity.name;
}

/* ---- which decides ------------------------------------------------------------------- */

/* A range stands in the table as the networks that it was cut into. */
static bool decides_network(
    const struct lookup *l, const struct match_decider *d, const struct entry *e)
{
	struct prefix decided = prefix_of(&l->network.base, member_depth(d->member));
	const struct lookup of_decided = {.kind = LOOKUP_NETWORK, .network = decided};

	if (member_rank(d->member) != RANK_NETWORK)
		return false;
	return e->is_range ? network_fits(&of_decided, e) : prefix_equal(&decided, &e->prefix);
}

bool lookup_decides(const struct lookup *l, const struct match_decider *d, const struct entry *e)
{
	static const enum entry_kind kinds[] = {
	    [FORM_NAME] = ENTRY_NAME, [FORM_TREE] = ENTRY_TREE, [FORM_BELOW] = ENTRY_BELOW};
	unsigned form;

	if (!d->decided || d->out != e->out)
		return false;
	if (d->pattern || e->kind == ENTRY_PATTERN)
		return d->pattern && e->kind == ENTRY_PATTERN &&
		       slice_equal(d->pattern->text, e->text);
	if (e->kind == ENTRY_NETWORK)
		return d->identity == IDENTITY_COUNT && decides_network(l, d, e);
	if (e->kind == ENTRY_LOGIN)
		return d->kind == ENTRY_LOGIN;
	if (d->identity == IDENTITY_COUNT)
		return false;
	form = member_rank(d->member);
	return form == FORM_ADDRESS
		   ? d->kind == e->kind
		   : kinds[form] == e->kind && member_depth(d->member) == name_labels(e->name);
}

bool lookup_decides_geo(const struct match_decider *d, enum member_rank rank, bool out)
{
	return d->decided && d->identity == IDENTITY_COUNT && d->out == out &&
	       member_rank(d->member) == (unsigned)rank;
}
