/*
 * Names, addresses and patterns in and out.  The tries of both tables are walked side by side; what
 * stands at a name are those of its members that are as deep as the name has labels: the others
 * come from names above it.
 */
#include "core/base/array.h"
#include "core/name/name_radix_cursor.h"
#include "rules_diff_private.h"

#include <stdlib.h>

/* Entries at one name, each as number of the rule, slot, out and form, in one sortable word. */
struct entries_here {
	uint32_t *at;
	size_t count, capacity;
};

struct side {
	const struct ruleset *rules;
	const uint32_t *number;
	struct name_radix_cursor cursor;
	bool has_name;
	struct entries_here entries;
};

struct names_walk {
	struct rules_diff *diff;
	bool addresses; /* the trie holds whole addresses, which have nothing below */
	struct side before, after;
	bool failed;
};

static uint32_t entry_word(const struct side *s, uint32_t member)
{
	return s->number[member_rule(member)] << 7 | (member_matcher(member) & 0xf) << 3 |
	       (uint32_t)member_out(member) << 2 | member_rank(member);
}

static bool add_entry(struct side *s, uint32_t member)
{
	struct entries_here *e = &s->entries;

	if (!ARRAY_ROOM(e->at, e->capacity, e->count + 1))
		return false;
	e->at[e->count++] = entry_word(s, member);
	return true;
}

/* The members of a set that are of this depth and one of these forms (bits 1 << member_form). */
static bool add_set(struct side *s, uint32_t set, unsigned depth, unsigned forms)
{
	size_t count;
	const uint32_t *members = member_sets_get(s->rules->sets, set, &count);

	for (size_t i = 0; i < count; i++) {
		unsigned form = member_rank(members[i]);

		if (!(forms >> form & 1) ||
		    (form != FORM_ADDRESS && member_depth(members[i]) != depth))
			continue;
		if (!add_entry(s, members[i]))
			return false;
	}
	return true;
}

static int compare_words(const void *one, const void *other)
{
	uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;

	return (a > b) - (a < b);
}

/* Sorted, each once: `.x` decides for x and for what is below. */
static void sort_entries(struct entries_here *e)
{
	size_t n = 0;

	if (e->count > 1)
		qsort(e->at, e->count, sizeof *e->at, compare_words);
	for (size_t i = 0; i < e->count; i++)
		if (n == 0 || e->at[n - 1] != e->at[i])
			e->at[n++] = e->at[i];
	e->count = n;
}

static unsigned labels_of(struct slice reversed)
{
	unsigned labels = 1;

	for (size_t i = 0; i < reversed.len; i++)
		labels += reversed.ptr[i] == '.';
	return labels;
}

static void collect(struct names_walk *w, struct side *s)
{
	const struct name_radix_cursor *c = &s->cursor;
	unsigned labels = labels_of(c->reversed);
	bool good;

	s->entries.count = 0;
	if (w->addresses)
		good = add_set(s, c->values.self, 0, 1u << FORM_ADDRESS);
	else
		good = add_set(s, c->values.self, labels, 1u << FORM_NAME | 1u << FORM_TREE) &&
		       add_set(s, c->values.below, labels, 1u << FORM_TREE | 1u << FORM_BELOW);
	if (good)
		sort_entries(&s->entries);
	else
		w->failed = true;
}

static const char *form_sign(unsigned form)
{
	return form == FORM_TREE ? "." : form == FORM_BELOW ? "*." : "";
}

/* "!*.example.org" */
static struct slice spell(struct rules_diff *d, uint32_t word, struct slice reversed)
{
	char name[ENTRY_SPELLING_MAX];
	size_t len = reversed.len < sizeof name ? reversed.len : sizeof name;

	for (size_t i = 0; i < len; i++)
		name[i] = reversed.ptr[len - 1 - i];
	return arena_printf(
	    d->arena, "%s%s%.*s", word >> 2 & 1 ? "!" : "", form_sign(word & 3), (int)len, name);
}

static void tell_entry(struct names_walk *w, uint32_t word, struct slice reversed, bool in)
{
	struct rules_diff *d = w->diff;
	unsigned slot = member_slot((word >> 3 & 0xf) << 11);
	struct rules_diff_side *side = rules_diff_side_of(
	    d, word >> 7, slot, rule_key_name((enum rule_key)(slot % SLOT_UNLESS)), in);

	if (!side)
		w->failed = true;
	else if (rules_diff_count(side))
		rules_diff_add_example(d, side, spell(d, word, reversed));
}

/* Of the entries at one name, those that only one table has. */
static void compare_entries(struct names_walk *w, struct slice reversed)
{
	const struct entries_here *a = &w->before.entries, *b = &w->after.entries;
	size_t i = 0, j = 0;

	while (i < a->count || j < b->count) {
		if (j == b->count || (i < a->count && a->at[i] < b->at[j])) {
			tell_entry(w, a->at[i++], reversed, false);
		} else if (i == a->count || b->at[j] < a->at[i]) {
			tell_entry(w, b->at[j++], reversed, true);
		} else {
			i++;
			j++;
		}
	}
}

static void step(struct names_walk *w, struct side *s)
{
	s->has_name = name_radix_cursor_next(&s->cursor);
	w->failed |= s->cursor.failed;
}

static void compare_tries(
    struct names_walk *w, const struct name_radix *before, const struct name_radix *after)
{
	struct side *a = &w->before, *b = &w->after;

	a->cursor = name_radix_cursor_start(before);
	b->cursor = name_radix_cursor_start(after);
	step(w, a);
	step(w, b);
	while (!w->failed && (a->has_name || b->has_name)) {
		int order = !a->has_name   ? 1
			    : !b->has_name ? -1
					   : slice_compare(a->cursor.reversed, b->cursor.reversed);

		a->entries.count = b->entries.count = 0;
		if (order <= 0)
			collect(w, a);
		if (order >= 0)
			collect(w, b);
		compare_entries(w, order <= 0 ? a->cursor.reversed : b->cursor.reversed);
		if (order <= 0)
			step(w, a);
		if (order >= 0)
			step(w, b);
	}
	name_radix_cursor_end(&a->cursor);
	name_radix_cursor_end(&b->cursor);
}

/* ---- patterns ------------------------------------------------------------------------ */

struct numbered_pattern {
	uint32_t rule; /* of the difference */
	const struct ruleset_pattern *pattern;
};

static int compare_patterns(const void *one, const void *other)
{
	const struct numbered_pattern *a = one, *b = other;
	unsigned slot_a = a->pattern->slot << 1 | a->pattern->out;
	unsigned slot_b = b->pattern->slot << 1 | b->pattern->out;

	if (a->rule != b->rule)
		return a->rule < b->rule ? -1 : 1;
	if (slot_a != slot_b)
		return slot_a < slot_b ? -1 : 1;
	return slice_compare(a->pattern->text, b->pattern->text);
}

/* All of a table, sorted, each once; NULL when out of memory. */
static struct numbered_pattern *patterns_of(struct rules_diff *d, const struct side *s, size_t *n)
{
	size_t all = s->rules->pattern_count;
	struct numbered_pattern *list = arena_calloc(d->arena, all + 1, sizeof *list);

	*n = 0;
	if (!list)
		return NULL;
	for (size_t i = 0; i < all; i++)
		list[i] = (struct numbered_pattern){
		    s->number[s->rules->patterns[i].rule], &s->rules->patterns[i]};
	if (all > 1)
		qsort(list, all, sizeof *list, compare_patterns);
	for (size_t i = 0; i < all; i++)
		if (*n == 0 || compare_patterns(&list[*n - 1], &list[i]) != 0)
			list[(*n)++] = list[i];
	return list;
}

static void tell_pattern(struct names_walk *w, const struct numbered_pattern *n, bool in)
{
	struct rules_diff *d = w->diff;
	const struct ruleset_pattern *p = n->pattern;
	struct rules_diff_side *side = rules_diff_side_of(
	    d, n->rule, p->slot, rule_key_name((enum rule_key)(p->slot % SLOT_UNLESS)), in);

	if (!side)
		w->failed = true;
	else if (rules_diff_count(side))
		rules_diff_add_example(d, side,
		    arena_printf(d->arena, "%s/%.*s/", p->out ? "!" : "", SLICE_ARG(p->text)));
}

static void compare_all_patterns(struct names_walk *w)
{
	size_t n, m, i = 0, j = 0;
	struct numbered_pattern *a = patterns_of(w->diff, &w->before, &n);
	struct numbered_pattern *b = patterns_of(w->diff, &w->after, &m);

	w->failed |= !a || !b;
	while (!w->failed && (i < n || j < m)) {
		int order = i == n ? 1 : j == m ? -1 : compare_patterns(&a[i], &b[j]);

		if (order < 0)
			tell_pattern(w, &a[i], false);
		else if (order > 0)
			tell_pattern(w, &b[j], true);
		i += order <= 0;
		j += order >= 0;
	}
}

bool rules_diff_names(const struct rules_pair *p)
{
	struct names_walk w = {
	    .diff = p->diff,
	    .before = {.rules = p->before, .number = p->before_number},
	    .after = {.rules = p->after, .number = p->after_number},
	};

	for (int key = 0; key < KEY_LOGIN; key++)
		compare_tries(&w, p->before->names[key], p->after->names[key]);
	w.addresses = true;
	compare_tries(&w, p->before->names[KEY_LOGIN], p->after->names[KEY_LOGIN]);
	for (int i = 0; i < IDENTITY_COUNT; i++)
		compare_tries(&w, p->before->addresses[i], p->after->addresses[i]);
	compare_all_patterns(&w);
	free(w.before.entries.at);
	free(w.after.entries.at);
	return !w.failed;
}
