/*
 * Pairs of rules, and numbers of sets that both tables share: a set of members becomes one of pair,
 * slot and out.  What an entry's length or form is decides nothing once it is found.
 */
#include "core/rules/fact_words.h"
#include "rules_touch_private.h"

#include <stdlib.h>

_Static_assert(2L * RULES_MAX < 1L << 17, "a member has 17 bits for the number of a pair");

struct place {
	const struct rule *rule;
	uint32_t *number; /* of its pair, to be set */
};

typedef int compare_fn(const void *, const void *);

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Where pointers have eight bytes, as on most hosts that build it. */
_Static_assert(sizeof(void *) != 8 || sizeof(struct rule) == 224,
    "a new attribute of rules: where a verdict looks at it, compare_effect() has to");

/* By all that a verdict looks at. */
static int compare_effect(const struct rule *a, const struct rule *b)
{
	const uint64_t numbers[][2] = {{a->family, b->family}, {a->keys, b->keys},
	    {a->unless, b->unless}, {a->in, b->in}, {a->unless_in, b->unless_in},
	    {a->proof, b->proof}, {a->covers, b->covers}, {a->monitor, b->monitor},
	    {a->applies, b->applies}, {a->undecided_tempfail, b->undecided_tempfail},
	    {a->override.given, b->override.given}, {a->override.monitor, b->override.monitor},
	    {(uint64_t)a->override.until, (uint64_t)b->override.until},
	    {a->words != NULL, b->words != NULL}};
	int order = slice_compare(a->name, b->name);

	for (size_t i = 0; order == 0 && i < sizeof numbers / sizeof *numbers; i++)
		order = compare_numbers(numbers[i][0], numbers[i][1]);
	return order == 0 && a->words ? memcmp(a->words, b->words, sizeof *a->words) : order;
}

/* Rules of one name, such as those of the managed whitelist, are told apart by these as well. */
static int compare_attributes(const struct rule *a, const struct rule *b)
{
	int order = compare_numbers((uint64_t)a->expires, (uint64_t)b->expires);

	if (order == 0)
		order = slice_compare(a->comment, b->comment);
	if (order == 0)
		order = slice_compare(a->owner, b->owner);
	return order ? order : slice_compare(a->ticket, b->ticket);
}

/* In the order of their table where they are the same. */
static int compare_rules(const struct rule *a, const struct rule *b)
{
	return (a > b) - (a < b);
}

static int by_effect(const void *one, const void *other)
{
	const struct rule *a = ((const struct place *)one)->rule,
			  *b = ((const struct place *)other)->rule;
	int order = compare_effect(a, b);

	return order ? order : compare_rules(a, b);
}

static int by_all(const void *one, const void *other)
{
	const struct rule *a = ((const struct place *)one)->rule,
			  *b = ((const struct place *)other)->rule;
	int order = compare_effect(a, b);

	if (order == 0)
		order = compare_attributes(a, b);
	return order ? order : compare_rules(a, b);
}

static bool is_pair(const struct place *a, const struct place *b, bool all, int *order)
{
	*order = compare_effect(a->rule, b->rule);
	if (*order == 0 && all)
		*order = compare_attributes(a->rule, b->rule);
	return *order == 0;
}

/* Drops those that have a number. */
static size_t without_numbered(struct place *places, size_t n)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++)
		if (*places[i].number == TOUCH_INERT)
			places[left++] = places[i];
	return left;
}

struct pairing {
	struct place *before, *after;
	size_t before_count, after_count;
	uint32_t next; /* number of a pair */
};

/* Gives a number to pairs: the first with the first, of those that are the same. */
static void pair_rules(struct pairing *p, compare_fn *compare, bool all)
{
	size_t i = 0, j = 0;

	if (p->before_count == 0 || p->after_count == 0)
		return;
	qsort(p->before, p->before_count, sizeof *p->before, compare);
	qsort(p->after, p->after_count, sizeof *p->after, compare);
	while (i < p->before_count && j < p->after_count) {
		int order;

		if (is_pair(&p->before[i], &p->after[j], all, &order))
			*p->before[i++].number = *p->after[j++].number = p->next++;
		else if (order < 0)
			i++;
		else
			j++;
	}
	p->before_count = without_numbered(p->before, p->before_count);
	p->after_count = without_numbered(p->after, p->after_count);
}

/* The rules that decide something; all numbers are TOUCH_INERT so far.  NULL when out of memory. */
static struct place *places_of(struct rules_touch *t, const struct ruleset *rules, int64_t now,
    uint32_t **number, size_t *count)
{
	struct place *places = arena_calloc(t->arena, rules->rule_count + 1UL, sizeof *places);

	*number = arena_calloc(t->arena, rules->rule_count + 1UL, sizeof **number);
	*count = 0;
	if (!places || !*number)
		return NULL;
	for (unsigned i = 0; i < rules->rule_count; i++) {
		(*number)[i] = TOUCH_INERT;
		if (!rule_is_inert(&rules->rules[i], now))
			places[(*count)++] =
			    (struct place){.rule = &rules->rules[i], .number = &(*number)[i]};
	}
	return places;
}

static bool number_rules(struct rules_touch *t, int64_t now)
{
	struct pairing p = {.next = 0};

	p.before = places_of(t, t->before, now, &t->sets.before_rule, &p.before_count);
	p.after = places_of(t, t->after, now, &t->sets.after_rule, &p.after_count);
	if (!p.before || !p.after)
		return false;
	pair_rules(&p, by_all, true);
	pair_rules(&p, by_effect, false);
	for (size_t i = 0; i < p.before_count; i++)
		*p.before[i].number = p.next++;
	for (size_t i = 0; i < p.after_count; i++)
		*p.after[i].number = p.next++;
	return true;
}

/* ---- sets ---------------------------------------------------------------------------- */

/* Number of the shared set for each one of a table; NULL when out of memory. */
static uint32_t *number_sets(struct rules_touch *t, struct member_sets *shared,
    const struct ruleset *rules, const uint32_t *rule_number)
{
	size_t count = member_sets_count(rules->sets), capacity = 0;
	uint32_t *number = arena_calloc(t->arena, count + 1, sizeof *number), *words = NULL;
	bool ok = number != NULL;

	for (size_t i = 0; ok && i < count; i++) {
		size_t n, kept = 0;
		const uint32_t *members = member_sets_get(rules->sets, (uint32_t)i, &n);

		if (n > capacity) {
			free(words);
			words = malloc(n * sizeof *words);
			capacity = words ? n : 0;
		}
		ok = n == 0 || words;
		for (size_t m = 0; ok && m < n; m++) {
			uint32_t pair = rule_number[member_rule(members[m])];

			if (pair != TOUCH_INERT)
				words[kept++] = member_make(
				    pair, member_slot(members[m]), member_out(members[m]), 0, 0);
		}
		if (ok && kept > 0)
			number[i] = member_sets_apply(shared, 0, words, kept, false);
	}
	free(words);
	return ok && !member_sets_failed(shared) ? number : NULL;
}

bool touch_sets_make(struct rules_touch *t, int64_t now)
{
	struct member_sets *shared = member_sets_create();
	bool ok = shared && number_rules(t, now);

	if (ok) {
		t->sets.before = number_sets(t, shared, t->before, t->sets.before_rule);
		t->sets.after = number_sets(t, shared, t->after, t->sets.after_rule);
		ok = t->sets.before && t->sets.after;
	}
	member_sets_free(&shared);
	return ok;
}
