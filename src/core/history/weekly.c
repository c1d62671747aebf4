#include "core/history/weekly.h"

#include "core/base/array.h"
#include "core/history/history_set.h"

#include <stdlib.h>

/* Names of domains, recipients and ids of the cases, and names of rules. */
#define WEEKLY_TEXT_MAX ((size_t)64 << 20)

/* Where a case is, by a hash of its domain and rule: twice as many as there may be cases. */
enum { INDEX_SLOTS = 2 * WEEKLY_CASES };
struct weekly_index {
	struct history_seed seed;
	uint32_t at[INDEX_SLOTS]; /* 1 + number of the case; 0 = free */
};

struct weekly *weekly_create(
    const struct ruleset *rules, const struct history_seed *seed, int64_t since_ms)
{
	struct weekly *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	*w = (struct weekly){.arena = arena_create(WEEKLY_TEXT_MAX),
	    .since_ms = since_ms,
	    .proven = history_set_create(seed),
	    .known = history_set_create(seed),
	    .index = calloc(1, sizeof *w->index)};
	if (!w->arena || !w->proven || !w->known || !w->index) {
		weekly_free(&w);
		return NULL;
	}
	w->index->seed = *seed;
	for (unsigned i = 0; i < rules->rule_count; i++) {
		const struct rule *rule = &rules->rules[i];
		struct weekly_rule *at;

		/* The managed whitelist is many rules of one name. */
		if (i > 0 && slice_equal(rule->name, rules->rules[i - 1].name))
			continue;
		at = array_grow(w->rules, &w->rule_capacity, w->rule_count + 1, sizeof *at);
		if (!at) {
			weekly_free(&w);
			return NULL;
		}
		w->rules = at;
		w->rules[w->rule_count++] =
		    (struct weekly_rule){.family = rule->family, .name = rule->name, .rule = rule};
	}
	return w;
}

void weekly_free(struct weekly **weekly)
{
	struct weekly *w = *weekly;

	if (!w)
		return;
	arena_free(&w->arena);
	history_set_free(&w->proven);
	history_set_free(&w->known);
	free(w->index);
	free(w->rules);
	free(w->cases);
	free(w);
	*weekly = NULL;
}

/* ---- who is good --------------------------------------------------------------------- */

/* Of an address; empty: it has none. */
static struct slice domain_of(struct slice address)
{
	size_t at = slice_find_last(address, '@');

	return at < address.len ? slice_skip(address, at + 1) : slice_of(NULL, 0);
}

/* In lower case, in room of the caller; what is longer is cut on both sides alike. */
enum { KEY_MAX = 2 * DECISION_TEXT_MAX + 1 };
static struct slice key_of(struct slice domain, struct slice recipient, char room[KEY_MAX])
{
	size_t len = 0;

	for (size_t i = 0; i < domain.len && len < DECISION_TEXT_MAX; i++)
		room[len++] = slice_lower(domain.ptr[i]);
	if (recipient.len > 0)
		room[len++] = '\0';
	for (size_t i = 0; i < recipient.len && len < KEY_MAX; i++)
		room[len++] = slice_lower(recipient.ptr[i]);
	return slice_of(room, len);
}

static bool is_refused(const struct decision_row *row)
{
	return row->final && (row->action == ACTION_REJECT || row->action == ACTION_TEMPFAIL);
}

bool weekly_learn(struct weekly *w, const struct decision_row *row)
{
	struct slice sender = domain_of(row->text[ROW_SENDER]),
		     from = domain_of(row->text[ROW_FROM]);
	char room[KEY_MAX];
	bool is_new, ok = true;

	if ((is_refused(row) && !row->monitored) || row->auth_state == FACT_KNOWN)
		return true;
	if (row->stage == STAGE_END && from.len > 0 && decision_row_is_proven(row))
		ok = history_set_add(w->proven, key_of(from, slice_of(NULL, 0), room), &is_new);
	if (ok && row->stage == STAGE_RCPT && sender.len > 0 && row->text[ROW_RECIPIENT].len > 0)
		ok = history_set_add(
		    w->known, key_of(sender, row->text[ROW_RECIPIENT], room), &is_new);
	return ok;
}

unsigned weekly_why(const struct weekly *w, const struct decision_row *row)
{
	struct slice sender = domain_of(row->text[ROW_SENDER]);
	unsigned why = decision_row_is_proven(row) ? WEEKLY_PROVEN_SELF : 0;
	char room[KEY_MAX];

	if (sender.len > 0 && history_set_has(w->proven, key_of(sender, slice_of(NULL, 0), room)))
		why |= WEEKLY_PROVEN_DOMAIN;
	if (sender.len > 0 && row->text[ROW_RECIPIENT].len > 0 &&
	    history_set_has(w->known, key_of(sender, row->text[ROW_RECIPIENT], room)))
		why |= WEEKLY_KNOWN;
	return why;
}

/* ---- cases --------------------------------------------------------------------------- */

static struct slice rule_of(const struct decision_row *row)
{
	return row->text[ROW_RULE].len > 0 ? row->text[ROW_RULE]
					   : slice_str(family_name(row->family));
}

/* The slot of the case, or the free one where it belongs. */
static uint32_t *find_slot(struct weekly *w, struct slice domain, struct slice rule)
{
	uint64_t hash = history_hash(&w->index->seed, 1, domain);

	for (size_t i = history_hash(&w->index->seed, hash, rule) % INDEX_SLOTS;;
	     i = (i + 1) % INDEX_SLOTS) {
		uint32_t *at = &w->index->at[i];

		if (*at == 0 || (slice_equal(w->cases[*at - 1].domain, domain) &&
				    slice_equal(w->cases[*at - 1].rule, rule)))
			return at;
	}
}

static struct weekly_case *add_case(
    struct weekly *w, uint32_t *slot, struct slice domain, struct slice rule)
{
	struct weekly_case *cases =
	    array_grow(w->cases, &w->case_capacity, w->case_count + 1, sizeof *cases);

	if (!cases)
		return NULL;
	w->cases = cases;
	w->cases[w->case_count] = (struct weekly_case){
	    .domain = arena_copy(w->arena, domain), .rule = arena_copy(w->arena, rule)};
	*slot = (uint32_t)++w->case_count;
	return &w->cases[w->case_count - 1];
}

static int64_t last_of(const struct decision_row *row)
{
	return row->last_ms > row->time_ms ? row->last_ms : row->time_ms;
}

static bool count_case(struct weekly *w, const struct decision_row *row, unsigned why)
{
	struct slice sender = domain_of(row->text[ROW_SENDER]);
	struct slice author = domain_of(row->text[ROW_FROM]);
	char room[KEY_MAX];
	struct slice domain = key_of(sender.len > 0 ? sender : author, slice_of(NULL, 0), room);
	uint32_t *slot = find_slot(w, domain, rule_of(row));
	struct weekly_case *c = *slot ? &w->cases[*slot - 1] : NULL;

	if (!c && w->case_count == WEEKLY_CASES) {
		w->more_cases += row->count;
		return true;
	}
	if (!c)
		c = add_case(w, slot, domain, rule_of(row));
	if (!c)
		return false;
	c->count += row->count;
	c->why |= why;
	/* Texts of the first, so that a long week takes no more memory than a short one. */
	if (c->recipient.len == 0) {
		c->recipient = arena_copy(w->arena, row->text[ROW_RECIPIENT]);
		c->id = arena_copy(w->arena, row->id);
		c->client = row->client;
	}
	if (last_of(row) > c->last_ms)
		c->last_ms = last_of(row);
	return !arena_failed(w->arena);
}

/* ---- rules --------------------------------------------------------------------------- */

/* NULL when out of memory. */
static struct weekly_rule *find_rule(struct weekly *w, enum family family, struct slice name)
{
	struct weekly_rule *rules;

	for (size_t i = 0; i < w->rule_count; i++)
		if (w->rules[i].family == family && slice_equal(w->rules[i].name, name))
			return &w->rules[i];
	rules = array_grow(w->rules, &w->rule_capacity, w->rule_count + 1, sizeof *rules);
	if (!rules)
		return NULL;
	w->rules = rules;
	w->rules[w->rule_count] =
	    (struct weekly_rule){.family = family, .name = arena_copy(w->arena, name)};
	return &w->rules[w->rule_count++];
}

bool weekly_count(struct weekly *w, const struct decision_row *row)
{
	struct weekly_rule *rule = NULL;
	unsigned why;

	if (row->time_ms < w->since_ms)
		return true;
	w->folded += row->flags & ROW_FOLDED ? row->count : 0;
	if (row->family != FAMILY_NONE)
		rule = find_rule(w, row->family, row->text[ROW_RULE]);
	if (row->family != FAMILY_NONE && !rule)
		return false;
	if (rule && last_of(row) > rule->last_ms)
		rule->last_ms = last_of(row);
	if (!is_refused(row)) {
		w->accepted += row->count;
		if (rule)
			rule->accepted += row->count;
		return true;
	}
	*(row->monitored ? &w->monitored : &w->refused) += row->count;
	if (rule)
		*(row->monitored ? &rule->monitored : &rule->refused) += row->count;
	/* Rules for authenticated sessions are asked for known senders, and no whitelist helps. */
	why = row->monitored || row->auth_state == FACT_KNOWN ? 0 : weekly_why(w, row);
	return why == 0 || count_case(w, row, why);
}

/* ---- order --------------------------------------------------------------------------- */

static int compare_rules(const void *one, const void *other)
{
	const struct weekly_rule *a = one, *b = other;
	uint64_t x = a->refused + a->monitored, y = b->refused + b->monitored;

	if (x != y)
		return x < y ? 1 : -1;
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return slice_compare(a->name, b->name);
}

int weekly_weight(unsigned why)
{
	int proven = why & WEEKLY_PROVEN_SELF ? 4 : why & WEEKLY_PROVEN_DOMAIN ? 2 : 0;

	return proven + (why & WEEKLY_KNOWN ? 3 : 0);
}

static int compare_cases(const void *one, const void *other)
{
	const struct weekly_case *a = one, *b = other;

	if (weekly_weight(a->why) != weekly_weight(b->why))
		return weekly_weight(b->why) - weekly_weight(a->why);
	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return slice_compare(a->domain, b->domain);
}

void weekly_finish(struct weekly *w)
{
	if (w->rule_count > 0)
		qsort(w->rules, w->rule_count, sizeof *w->rules, compare_rules);
	if (w->case_count > 0)
		qsort(w->cases, w->case_count, sizeof *w->cases, compare_cases);
}
