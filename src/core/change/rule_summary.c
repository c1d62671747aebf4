#include "core/change/rule_summary.h"

#include <stdlib.h>

static int compare_rules(enum family family, struct slice name, const struct rule *other)
{
	if (family != other->family)
		return family < other->family ? -1 : 1;
	return slice_compare(name, other->name);
}

/* Rules of one name stay in the order of the table, in which rows lie. */
static int compare_rows(const void *one, const void *other)
{
	const struct rule_summary_row *a = *(struct rule_summary_row *const *)one,
				      *b = *(struct rule_summary_row *const *)other;
	int order = compare_rules(a->rule->family, a->rule->name, b->rule);

	return order ? order : (a > b) - (a < b);
}

static bool is_same(const struct rule_summary_row *a, const struct rule_summary_row *b)
{
	return compare_rules(a->rule->family, a->rule->name, b->rule) == 0;
}

static void join(struct rule_summary_row *first, struct rule_summary_row *other)
{
	first->entries += other->entries;
	if (first->expires == 0 || (other->expires != 0 && other->expires < first->expires))
		first->expires = other->expires;
	other->rule = NULL;
}

/* Makes one row of all rules of a name: the others are emptied. */
static void join_names(struct rule_summary *s)
{
	size_t names = 0;

	for (size_t i = 0; i < s->count; i++) {
		if (names > 0 && is_same(s->by_name[names - 1], s->by_name[i]))
			join(s->by_name[names - 1], s->by_name[i]);
		else
			s->by_name[names++] = s->by_name[i];
	}
	s->count = names;
}

static void sort_by_name(struct rule_summary *s)
{
	for (size_t i = 0; i < s->count; i++)
		s->by_name[i] = &s->rows[i];
	if (s->count > 0)
		qsort(s->by_name, s->count, sizeof *s->by_name, compare_rows);
}

struct rule_summary *rule_summary_make(const struct ruleset *rules, struct arena *arena)
{
	struct rule_summary *s = arena_calloc(arena, 1, sizeof *s);
	size_t kept = 0;

	if (!s)
		return NULL;
	s->count = rules->rule_count;
	s->rows = arena_calloc(arena, s->count + 1, sizeof *s->rows);
	s->by_name = arena_calloc(arena, s->count + 1, sizeof(struct rule_summary_row *));
	if (!s->rows || !s->by_name)
		return NULL;
	for (unsigned i = 0; i < rules->rule_count; i++) {
		const struct rule *rule = &rules->rules[i];

		s->rows[i] = (struct rule_summary_row){
		    .rule = rule, .entries = rule->entries, .expires = rule->expires};
	}
	sort_by_name(s);
	join_names(s);
	for (unsigned i = 0; i < rules->rule_count; i++)
		if (s->rows[i].rule)
			s->rows[kept++] = s->rows[i];
	sort_by_name(s); /* rows have moved */
	return s;
}

void rule_summary_count(struct rule_summary *s, const struct decision_row *row)
{
	int64_t last = row->last_ms > row->time_ms ? row->last_ms : row->time_ms;
	size_t low = 0, high = s->count;

	while (low < high && row->text[ROW_RULE].len > 0) {
		size_t middle = low + (high - low) / 2;
		struct rule_summary_row *at = s->by_name[middle];
		int order = compare_rules(row->family, row->text[ROW_RULE], at->rule);

		if (order == 0) {
			at->hits += row->count;
			at->last_ms = last > at->last_ms ? last : at->last_ms;
			return;
		}
		if (order > 0)
			low = middle + 1;
		else
			high = middle;
	}
}
