/*
 * Where look-ups of both tables differ, as small tables of their own: a change of a thousand
 * entries leaves a few thousand places in a quarter of a million, and a row is judged by these.
 */
#include "core/base/array.h"
#include "core/name/name_radix_cursor.h"
#include "hidden_locals.h"
#include "rules_touch_private.h"

#include <stdlib.h>

/* ---- clients ------------------------------------------------------------------------- */

/* A run of addresses of the table before, up to the next one's. */
struct run {
	struct ip first;
	uint32_t set; /* shared number */
};

struct networks_walk {
	struct rules_touch *touch;
	struct run *runs;
	size_t count, capacity, at;
	bool failed;
};

static void keep_run(void *context, const struct ip *first, const struct ip *last, uint32_t value)
{
	struct networks_walk *w = context;

	(void)last;
	if (!ARRAY_ROOM(w->runs, w->capacity, w->count + 1))
		w->failed = true;
	else
		w->runs[w->count++] = (struct run){*first, w->touch->sets.before[value]};
}

static struct ip previous_of(struct ip ip)
{
	if (ip.family == IP_V4)
		ip.hi -= UINT64_C(1) << 32;
	else if (ip.lo-- == 0)
		ip.hi--;
	return ip;
}

static bool is_next(const struct ip *last, const struct ip *first)
{
	struct ip next = *last;

	return next.family == first->family && ip_next(&next) && ip_equal(&next, first);
}

static void add_range(struct networks_walk *w, const struct ip *first, const struct ip *last)
{
	struct touch_ranges *r = &w->touch->clients;

	if (r->count > 0 && is_next(&r->at[r->count - 1].last, first)) {
		r->at[r->count - 1].last = *last;
		return;
	}
	if (!ARRAY_ROOM(r->at, r->capacity, r->count + 1))
		w->failed = true;
	else
		r->at[r->count++] = (struct touch_range){*first, *last};
}

/* Both tables divide the same space, each in the same order. */
static void compare_run(
    void *context, const struct ip *first, const struct ip *last, uint32_t value)
{
	struct networks_walk *w = context;
	uint32_t set = w->touch->sets.after[value];

	while (
	    !w->failed && w->at + 1 < w->count && ip_compare(&w->runs[w->at + 1].first, first) <= 0)
		w->at++;
	for (struct ip from = *first; !w->failed;) {
		bool more =
		    w->at + 1 < w->count && ip_compare(&w->runs[w->at + 1].first, last) <= 0;
		struct ip to = *last;

		/* The run ends in front of the next one, which is within this family. */
		if (more)
			to = previous_of(w->runs[w->at + 1].first);
		if (w->runs[w->at].set != set)
			add_range(w, &from, &to);
		if (!more)
			return;
		from = w->runs[++w->at].first;
	}
}

bool touch_networks(struct rules_touch *t)
{
	struct networks_walk w = {.touch = t};

	ip_radix_each_run(t->before->networks, keep_run, &w);
	if (!w.failed && w.count > 0)
		ip_radix_each_run(t->after->networks, compare_run, &w);
	free(w.runs);
	return !w.failed;
}

/* ---- names --------------------------------------------------------------------------- */

/* Whether a name, and names below it, are looked up with another answer. */
enum { DIFFERS_SELF = 1, DIFFERS_BELOW = 2 };

typedef bool differ_fn(const struct rules_touch *, uint32_t before, uint32_t after);

static bool sets_differ(const struct rules_touch *t, uint32_t before, uint32_t after)
{
	return t->sets.before[before] != t->sets.after[after];
}

static const struct switches *switches_at(const struct ruleset *rules, uint32_t value)
{
	return value == 0 ? &rules->settings.defaults : rules->layers[value - 1];
}

_Static_assert(sizeof(struct switches) == 12,
    "a new switch: where a verdict looks at it, same_switches() and settings_differ() have to");

static bool same_switches(const struct switches *a, const struct switches *b)
{
	return a->susranges == b->susranges && a->blocks == b->blocks && a->spf == b->spf &&
	       a->dmarc == b->dmarc;
}

static bool switches_differ(const struct rules_touch *t, uint32_t before, uint32_t after)
{
	return !same_switches(switches_at(t->before, before), switches_at(t->after, after));
}

struct names_walk {
	struct rules_touch *touch;
	differ_fn *differ;
	struct name_radix_entry *entries;
	size_t count, capacity;
	bool failed;
};

/* What a table says at a name that it may not have. */
struct said {
	struct name_radix_values values;
	uint32_t above;
};

static struct said said_of(
    const struct name_radix *tree, const struct name_radix_cursor *c, bool has, struct slice name)
{
	uint32_t value;

	if (has)
		return (struct said){c->values, c->above};
	value = tree ? name_radix_lookup(tree, name) : 0;
	return (struct said){{value, value}, value};
}

/* The name in its own order, in room[]; names that are longer are none. */
static struct slice turn(struct slice reversed, char room[ENTRY_SPELLING_MAX])
{
	size_t len = reversed.len < ENTRY_SPELLING_MAX ? reversed.len : ENTRY_SPELLING_MAX;

	for (size_t i = 0; i < len; i++)
		room[i] = reversed.ptr[reversed.len - 1 - i];
	return slice_of(room, len);
}

/* An entry where the small tree would say something else without it. */
static void add_name(
    struct names_walk *w, struct slice name, const struct said *before, const struct said *after)
{
	const struct rules_touch *t = w->touch;
	unsigned self = w->differ(t, before->values.self, after->values.self) ? DIFFERS_SELF : 0,
		 below =
		     w->differ(t, before->values.below, after->values.below) ? DIFFERS_BELOW : 0,
		 flags = self | below;
	unsigned inherited =
	    w->differ(t, before->above, after->above) ? DIFFERS_SELF | DIFFERS_BELOW : 0;

	if (flags == inherited)
		return;
	if (!ARRAY_ROOM(w->entries, w->capacity, w->count + 1)) {
		w->failed = true;
		return;
	}
	w->entries[w->count++] =
	    (struct name_radix_entry){arena_copy(w->touch->arena, name), flags};
}

static struct name_radix_values flags_of(
    void *context, uint32_t above, const struct name_radix_entry *entries, size_t n)
{
	(void)context;
	(void)above;
	(void)n;
	return (struct name_radix_values){
	    (entries[0].tag & DIFFERS_SELF) != 0, (entries[0].tag & DIFFERS_BELOW) != 0};
}

/* Both tables side by side: the entries of the small tree. */
static void walk_names(
    struct names_walk *w, const struct name_radix *before, const struct name_radix *after)
{
	struct name_radix_cursor a = name_radix_cursor_start(before);
	struct name_radix_cursor b = name_radix_cursor_start(after);
	bool has_a = name_radix_cursor_next(&a), has_b = name_radix_cursor_next(&b);
	char room[ENTRY_SPELLING_MAX];

	w->count = 0;
	while ((has_a || has_b) && !w->failed) {
		int order = !has_a ? 1 : !has_b ? -1 : slice_compare(a.reversed, b.reversed);
		struct slice name = turn(order <= 0 ? a.reversed : b.reversed, room);
		struct said old = said_of(before, &a, order <= 0, name),
			    fresh = said_of(after, &b, order >= 0, name);

		add_name(w, name, &old, &fresh);
		has_a = order <= 0 ? name_radix_cursor_next(&a) : has_a;
		has_b = order >= 0 ? name_radix_cursor_next(&b) : has_b;
	}
	w->failed |= a.failed || b.failed;
	name_radix_cursor_end(&a);
	name_radix_cursor_end(&b);
}

/* The tree of names that differ, NULL where none does. */
static struct name_radix *names_that_differ(
    struct names_walk *w, const struct name_radix *before, const struct name_radix *after)
{
	const struct name_radix_combine combine = {flags_of, NULL, 0};
	struct name_radix *tree = NULL;

	walk_names(w, before, after);
	if (!w->failed && w->count > 0) {
		tree = name_radix_build(w->entries, w->count, &combine);
		w->failed |= !tree;
	}
	return tree;
}

/* Domains of the addresses that differ, which the walk has left in `entries`. */
static void note_domains(struct names_walk *w, enum identity_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < w->count; i++) {
		struct slice spelling = w->entries[i].name, domain = spelling_domain(spelling);

		w->touch->address_anywhere[kind] |=
		    domain.len == 0 && !slice_equal(spelling, SLICE("<>"));
		if (domain.len > 0)
			w->entries[count++] = (struct name_radix_entry){domain, 1};
	}
	if (count == 0 || w->failed)
		return;
	w->touch->address_domains[kind] = domain_tree(w->entries, count);
	w->failed |= !w->touch->address_domains[kind];
}

bool touch_names(struct rules_touch *t)
{
	const struct ruleset *before = t->before, *after = t->after;
	struct names_walk w = {.touch = t, .differ = sets_differ};

	for (int key = KEY_CLIENT_NAME; key < KEY_COUNT; key++)
		t->names[key] = names_that_differ(&w, before->names[key], after->names[key]);
	for (int i = 0; i < IDENTITY_COUNT; i++) {
		t->addresses[i] = names_that_differ(&w, before->addresses[i], after->addresses[i]);
		note_domains(&w, (enum identity_kind)i);
	}
	w.differ = switches_differ;
	t->domains = names_that_differ(&w, before->domains, after->domains);
	t->domains_in = before->domains_in | after->domains_in;
	free(w.entries);
	return !w.failed;
}

/* ---- patterns ------------------------------------------------------------------------ */

struct numbered_pattern {
	uint32_t pair;
	const struct ruleset_pattern *pattern;
};

static int compare_patterns(const void *one, const void *other)
{
	const struct numbered_pattern *a = one, *b = other;
	unsigned slot_a = a->pattern->slot << 1 | a->pattern->out;
	unsigned slot_b = b->pattern->slot << 1 | b->pattern->out;

	if (a->pair != b->pair)
		return a->pair < b->pair ? -1 : 1;
	if (slot_a != slot_b)
		return slot_a < slot_b ? -1 : 1;
	return slice_compare(a->pattern->text, b->pattern->text);
}

/* Those of rules that decide something, sorted; NULL when out of memory. */
static struct numbered_pattern *patterns_of(
    struct rules_touch *t, const struct ruleset *rules, const uint32_t *number, size_t *n)
{
	struct numbered_pattern *list =
	    arena_calloc(t->arena, rules->pattern_count + 1UL, sizeof *list);

	*n = 0;
	for (unsigned i = 0; list && i < rules->pattern_count; i++)
		if (number[rules->patterns[i].rule] != TOUCH_INERT)
			list[(*n)++] = (struct numbered_pattern){
			    number[rules->patterns[i].rule], &rules->patterns[i]};
	if (*n > 1)
		qsort(list, *n, sizeof *list, compare_patterns);
	return list;
}

static void add_pattern(struct rules_touch *t, const struct ruleset_pattern *p)
{
	unsigned identity = p->slot % SLOT_UNLESS - KEY_CLIENT_NAME;

	if (identity >= IDENTITY_COUNT) { /* of a login, which no column has */
		t->everything = true;
		return;
	}
	t->patterns[identity][t->pattern_count[identity]++] = p->pattern;
}

bool touch_patterns(struct rules_touch *t)
{
	size_t n, m, i = 0, j = 0;
	struct numbered_pattern *a = patterns_of(t, t->before, t->sets.before_rule, &n);
	struct numbered_pattern *b = patterns_of(t, t->after, t->sets.after_rule, &m);

	for (int k = 0; k < IDENTITY_COUNT; k++) {
		t->patterns[k] = arena_calloc(t->arena, n + m + 1, sizeof(struct pattern *));
		if (!t->patterns[k])
			return false;
	}
	if (!a || !b)
		return false;
	while (i < n || j < m) {
		int order = i == n ? 1 : j == m ? -1 : compare_patterns(&a[i], &b[j]);

		if (order < 0)
			add_pattern(t, a[i].pattern);
		else if (order > 0)
			add_pattern(t, b[j].pattern);
		i += order <= 0;
		j += order >= 0;
	}
	return true;
}
