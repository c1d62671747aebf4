/*
 * From entries to sets and tries.  The tries call back for each distinct network or name with all
 * its entries and the set around it: there the new set is made, and there it shows what is
 * contradictory, duplicate or covered.
 */
#include "core/rules/ruleset.h"

#include "core/rules/fact_words.h"
#include "ruleset_builder.h"
#include "survey_private.h"

#include <stdio.h>
#include <stdlib.h>

/* Of a member (core/rules/rule.h). */
#define OUT_BIT member_make(0, 0, true, 0, 0)

/* Origins on their way from memory at once. */
enum { AHEAD = 16 };

struct origin ruleset_origin(const struct ruleset_builder *b, uint32_t tag)
{
	const struct rule_entry *e = &b->entries[tag];

	return (struct origin){b->tallies[e->tally].file, e->line};
}

static void tell_conflict(
    struct ruleset_builder *b, uint32_t one, uint32_t other, struct slice what)
{
	const struct rule *rule = &b->rules->rules[member_rule(b->entries[one].member)];
	struct origin first = ruleset_origin(b, one);

	diag_error(b->diag, ruleset_origin(b, other),
	    "%.*s is both in and out of \"%.*s\" (the other entry: %s:%u); keep one of the two",
	    SLICE_ARG(what), SLICE_ARG(rule->name), first.file, first.line);
}

static void count_duplicate(struct ruleset_builder *b, uint32_t tag)
{
	const struct rule_entry *e = &b->entries[tag];
	struct tally *t = &b->tallies[e->tally];

	b->rules->duplicates++;
	if (b->marks)
		b->marks[tag] |= MARK_DUPLICATE;
	if (t->duplicates++ == 0 || e->line < t->first_duplicate)
		t->first_duplicate = e->line;
}

static void count_covered(struct ruleset_builder *b, uint32_t tag)
{
	const struct rule_entry *e = &b->entries[tag];
	struct tally *t = &b->tallies[e->tally];

	b->rules->covered++;
	if (b->marks)
		b->marks[tag] |= MARK_COVERED;
	if (t->covered++ == 0 || e->line < t->first_covered)
		t->first_covered = e->line;
}

/* An entry does nothing when what stands around it already says the same of its matcher. */
static bool is_covered(const struct ruleset_builder *b, uint32_t around, uint32_t member)
{
	bool network = member_slot(member) % SLOT_UNLESS == KEY_NETWORKS;
	uint32_t wider;

	if (network && member_rank(member) != RANK_NETWORK)
		return false;
	return member_sets_find(b->rules->sets, around, member_matcher(member), &wider) &&
	       member_out(wider) == member_out(member) &&
	       (!network || member_rank(wider) == RANK_NETWORK);
}

static int compare_keys(const void *one, const void *other)
{
	uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;

	return (a > b) - (a < b);
}

static bool start_keys(struct ruleset_builder *b, size_t n)
{
	if (ARRAY_ROOM(b->keys, b->key_capacity, n) &&
	    ARRAY_ROOM(b->members, b->member_capacity, n))
		return true;
	b->failed = true;
	return false;
}

/* An entry as a sortable number: equal entries side by side, in or out, the earlier first. */
static uint64_t key_of(const struct ruleset_builder *b, uint32_t tag)
{
	return (uint64_t)(b->entries[tag].member & ~OUT_BIT) << 32 | tag;
}

/*
 * The members of the n entries in b->keys, which all stand at one network or name, into
 * b->members: once each, sorted.  Contradictions, duplicates and entries that `around` already
 * says are noted on the way.  `what` is that network or name, for messages.
 */
static size_t distinct_members(
    struct ruleset_builder *b, uint32_t around, size_t n, struct slice what)
{
	size_t count = 0;

	if (n > 1)
		qsort(b->keys, n, sizeof *b->keys, compare_keys);
	for (size_t i = 0; i < n; i++) {
		uint32_t tag = (uint32_t)b->keys[i], member = b->entries[tag].member;

		if (i > 0 && b->keys[i] >> 32 == b->keys[i - 1] >> 32) {
			if (b->members[count - 1] == member)
				count_duplicate(b, tag);
			else
				tell_conflict(b, (uint32_t)b->keys[i - 1], tag, what);
			continue;
		}
		if (is_covered(b, around, member))
			count_covered(b, tag);
		b->members[count++] = member;
	}
	return count;
}

static uint32_t combine_networks(
    void *context, uint32_t around, const struct ip_radix_entry *entries, size_t n)
{
	struct ruleset_builder *b = context;
	char text[PREFIX_TEXT_MAX];
	struct slice what = slice_of(NULL, 0);
	size_t count;

	if (!start_keys(b, n))
		return 0;
	/* The networks come in order, their origins in that of the files: each is a miss that can
	 * be on its way while others are looked at. */
	if ((size_t)(b->networks + b->network_count - entries) > AHEAD)
		__builtin_prefetch(&b->entries[entries[AHEAD].tag]);
	for (size_t i = 0; i < n; i++)
		b->keys[i] = key_of(b, entries[i].tag);
	if (n > 1)
		what = slice_of(text, prefix_format(&entries[0].prefix, text));
	count = distinct_members(b, around, n, what);
	return member_sets_apply(b->rules->sets, around, b->members, count, true);
}

/*
 * The set that members of one form make of `set`.  Forms are applied from the widest to the most
 * specific, so that of `.x` and `x` at one name the latter decides for x itself.
 */
static uint32_t apply_form(struct ruleset_builder *b, uint32_t set, size_t n, enum member_form form)
{
	for (size_t i = 0; i < n; i++)
		if (member_rank(b->members[i]) == form)
			set = member_sets_apply(b->rules->sets, set, &b->members[i], 1, false);
	return set;
}

static size_t collect_names(
    struct ruleset_builder *b, uint32_t above, const struct name_radix_entry *entries, size_t n)
{
	if (!start_keys(b, n))
		return 0;
	for (size_t i = 0; i < n; i++)
		b->keys[i] = key_of(b, entries[i].tag);
	return distinct_members(b, above, n, entries[0].name);
}

static struct name_radix_values combine_names(
    void *context, uint32_t above, const struct name_radix_entry *entries, size_t n)
{
	struct ruleset_builder *b = context;
	size_t count = collect_names(b, above, entries, n);
	uint32_t tree = apply_form(b, above, count, FORM_TREE);

	return (struct name_radix_values){
	    .self = apply_form(b, tree, count, FORM_NAME),
	    .below = apply_form(b, tree, count, FORM_BELOW),
	};
}

/* An address or a login has nothing below it: "a.b@x" is no part of "b@x". */
static struct name_radix_values combine_addresses(
    void *context, uint32_t above, const struct name_radix_entry *entries, size_t n)
{
	struct ruleset_builder *b = context;
	size_t count = collect_names(b, 0, entries, n);

	(void)above;
	return (struct name_radix_values){
	    .self = apply_form(b, 0, count, FORM_ADDRESS), .below = 0};
}

static struct name_radix *build_names(struct ruleset_builder *b, struct names_in *in,
    struct name_radix_values (*value)(void *, uint32_t, const struct name_radix_entry *, size_t))
{
	struct name_radix_combine combine = {value, b, 0};
	struct name_radix *trie;

	if (in->count == 0)
		return NULL;
	trie = name_radix_build(in->at, in->count, &combine);
	if (!trie)
		b->failed = true;
	return trie;
}

/* A name in full is one that is listed itself, alone or with all below it. */
static struct name_radix_values combine_own_domains(
    void *context, uint32_t above, const struct name_radix_entry *entries, size_t n)
{
	const struct ruleset_builder *b = context;
	uint32_t own = 0;

	(void)above;
	for (size_t i = 0; i < n; i++)
		own |= member_rank(b->entries[entries[i].tag].member) != FORM_BELOW;
	return (struct name_radix_values){.self = own, .below = 0};
}

static bool asks_for_own_names(const struct ruleset *rules)
{
	for (unsigned i = 0; i < rules->rule_count; i++)
		if (((rules->rules[i].keys | rules->rules[i].unless) & 1u << KEY_HELO_IS) != 0)
			return true;
	return false;
}

static void build_tries(struct ruleset_builder *b)
{
	struct ruleset *rules = b->rules;
	struct ip_radix_combine combine = {combine_networks, b, 0};

	rules->networks = ip_radix_build(b->networks, b->network_count, &combine);
	if (!rules->networks)
		b->failed = true;
	for (int key = 0; key < KEY_COUNT; key++)
		rules->names[key] = build_names(
		    b, &b->names[key], key == KEY_LOGIN ? combine_addresses : combine_names);
	for (int i = 0; i < IDENTITY_COUNT; i++)
		rules->addresses[i] = build_names(b, &b->addresses[i], combine_addresses);
	rules->domains = build_names(b, &b->domains, ruleset_combine_domains);
	rules->asks_for_own_names = asks_for_own_names(rules);
	if (rules->asks_for_own_names)
		rules->own_domains = build_names(b, &b->domains, combine_own_domains);
	ruleset_fill_switches(b);
	member_sets_freeze(rules->sets);
}

static int compare_patterns(const void *one, const void *other)
{
	const struct ruleset_pattern *a = one, *b = other;
	int order;

	if (a->rule != b->rule)
		return a->rule < b->rule ? -1 : 1;
	if (a->slot != b->slot)
		return a->slot < b->slot ? -1 : 1;
	order = slice_compare(a->text, b->text);
	return order ? order : (a->tag > b->tag) - (a->tag < b->tag);
}

/* Equal patterns stand side by side, the earlier first. */
static void compare_neighbours(struct ruleset_builder *b, unsigned i)
{
	const struct ruleset_pattern *p = &b->rules->patterns[i], *before = p - 1;
	char shown[EXCERPT_MAX], what[EXCERPT_MAX + 2];

	if (p->rule != before->rule || p->slot != before->slot ||
	    !slice_equal(p->text, before->text))
		return;
	snprintf(what, sizeof what, "/%s/", slice_excerpt(p->text, shown));
	if (p->out == before->out)
		count_duplicate(b, p->tag);
	else
		tell_conflict(b, before->tag, p->tag, slice_str(what));
}

static void place_patterns(struct ruleset_builder *b)
{
	struct ruleset *rules = b->rules;

	if (rules->pattern_count > 0)
		qsort(rules->patterns, rules->pattern_count, sizeof *rules->patterns,
		    compare_patterns);
	for (unsigned i = 1; i < rules->pattern_count; i++)
		compare_neighbours(b, i);
	for (unsigned i = 0; i < rules->pattern_count; i++) {
		struct rule *rule = &rules->rules[rules->patterns[i].rule];
		if (rule->patterns++ == 0)
			rule->patterns_from = i;
	}
}

static int compare_headers(const void *one, const void *other)
{
	const struct header_test *a = one, *b = other;

	if (a->rule != b->rule)
		return a->rule < b->rule ? -1 : 1;
	if (a->slot != b->slot)
		return a->slot < b->slot ? -1 : 1;
	return slice_compare(a->text, b->text);
}

static int compare_fields(const void *one, const void *other)
{
	return slice_compare(*(const struct slice *)one, *(const struct slice *)other);
}

static void place_headers(struct ruleset_builder *b)
{
	struct ruleset *rules = b->rules;
	unsigned n = 0;

	if (rules->header_count == 0)
		return;
	rules->fields = calloc(rules->header_count, sizeof *rules->fields);
	if (!rules->fields) {
		b->failed = true;
		return;
	}
	qsort(rules->headers, rules->header_count, sizeof *rules->headers, compare_headers);
	for (unsigned i = 0; i < rules->header_count; i++) {
		struct rule *rule = &rules->rules[rules->headers[i].rule];

		if (rule->headers++ == 0)
			rule->headers_from = i;
		rules->fields[i] = rules->headers[i].name;
	}
	qsort(rules->fields, rules->header_count, sizeof *rules->fields, compare_fields);
	for (unsigned i = 0; i < rules->header_count; i++)
		if (n == 0 || !slice_equal(rules->fields[n - 1], rules->fields[i]))
			rules->fields[n++] = rules->fields[i];
	rules->field_count = n;
}

/* Rules that no list leads to are looked at each time. */
static void note_unlisted(struct ruleset_builder *b)
{
	struct ruleset *rules = b->rules;

	rules->unlisted = calloc((size_t)rules->rule_count + 1, sizeof *rules->unlisted);
	b->failed |= !rules->unlisted;
	for (unsigned i = 0; rules->unlisted && i < rules->rule_count; i++)
		if ((rules->rules[i].keys & KEYS_OF_LISTS) == 0 && rules->rules[i].keys != 0)
			rules->unlisted[rules->unlisted_count++] = i;
}

/* Those that look at one identity, of all rules. */
static bool build_pattern_set(struct ruleset *rules, enum identity_kind identity)
{
	struct pattern_member *members = calloc(rules->pattern_count, sizeof *members);
	unsigned key = key_of_identity(identity);
	size_t count = 0;

	for (unsigned i = 0; members && i < rules->pattern_count; i++) {
		const struct ruleset_pattern *p = &rules->patterns[i];
		if ((p->slot & (SLOT_UNLESS - 1)) == key)
			members[count++] = (struct pattern_member){i, p->text, p->pattern};
	}
	if (count > 0)
		rules->pattern_sets[identity] = pattern_set_build(members, count);
	free(members);
	return members && (count == 0 || rules->pattern_sets[identity]);
}

/* What transactions under this table can ask for, so that the milter negotiates no more. */
static void note_needs(struct ruleset *rules)
{
	const struct switches *defaults = &rules->settings.defaults;

	rules->has_monitored = rules->settings.monitor;
	for (unsigned i = 0; i < rules->rule_count; i++) {
		struct rule *rule = &rules->rules[i];
		unsigned keys = rule->keys | rule->unless;

		rule->late = rule_is_late(rule, rules);
		rules->has_from |= rule->late;
		rules->has_authenticated |= rule_is_for_authenticated(rule);
		rules->has_authenticated_end |= rule_is_for_authenticated(rule) && rule->late;
		rules->has_results |= (keys & (1u << KEY_DKIM | 1u << KEY_DMARC)) != 0;
		/* While an override lasts and behind it. */
		rules->has_monitored |= rule->monitor || rule->override.given;
		rules->domains_in |= rule->keys & 1u << KEY_DOMAINS ? rule->in : 0;
		rules->domains_in |= rule->unless & 1u << KEY_DOMAINS ? rule->unless_in : 0;
		rules->has_spf |= (rule->proof & PROOF_SPF) != 0 ||
				  (keys & (1u << KEY_SPF | 1u << KEY_DMARC)) != 0;
	}
	for (unsigned i = 0; i <= rules->switch_count; i++) {
		const struct switches *s = i ? &rules->switches[i - 1] : defaults;
		rules->has_spf |= s->spf != SPF_OFF || s->dmarc != DMARC_OFF;
		rules->has_unless_dkim |= s->spf == SPF_UNLESS_DKIM;
		rules->has_dmarc |= s->dmarc != DMARC_OFF;
	}
}

static void tell_tallies(struct ruleset_builder *b)
{
	for (size_t i = 0; i < b->tally_count; i++) {
		const struct tally *t = &b->tallies[i];
		struct origin file = {t->file, t->first_duplicate};
		struct slice name;

		if (t->rule == RULES_MAX)
			continue;
		name = b->rules->rules[t->rule].name;
		if (t->duplicates > 0)
			diag_warning(b->diag, file,
			    "%zu of %zu entries of \"%.*s\" are duplicates (first one here)",
			    t->duplicates, t->entries, SLICE_ARG(name));
		file.line = t->first_covered;
		if (t->covered > 0)
			diag_warning(b->diag, file,
			    "%zu of %zu entries of \"%.*s\" are covered by wider ones and do "
			    "nothing (first one here)",
			    t->covered, t->entries, SLICE_ARG(name));
	}
}

/* What is only looked at when somebody asked. */
static void take_survey(struct ruleset_builder *b)
{
	if (!survey_entries(b->survey, b) || !survey_needless(b->survey, b)) {
		b->failed = true;
		return;
	}
	survey_address_space(b->survey, b->rules);
}

struct ruleset *ruleset_finish(struct ruleset_builder **builder)
{
	struct ruleset_builder *b = *builder;
	struct ruleset *rules = b->rules;

	if (b->survey) {
		b->marks = calloc(b->entry_count + 1, 1);
		b->failed |= !b->marks;
	}
	if (!b->failed)
		build_tries(b);
	place_patterns(b);
	for (int i = 0; i < IDENTITY_COUNT && rules->pattern_count > 0; i++)
		b->failed |= !build_pattern_set(rules, (enum identity_kind)i);
	place_headers(b);
	note_unlisted(b);
	note_needs(rules);
	tell_tallies(b);
	if (b->survey && !b->failed && !member_sets_failed(rules->sets) &&
	    diag_errors(b->diag) == 0)
		take_survey(b);
	if (member_sets_failed(rules->sets))
		diag_error(b->diag, (struct origin){"rules", 0},
		    "the rules overlap in more ways than the table can hold (%d members of sets)",
		    (int)MEMBER_SETS_MAX);
	else if (b->failed || arena_failed(rules->arena) || arena_failed(b->scratch))
		diag_error(b->diag, (struct origin){"rules", 0}, "out of memory");
	if (diag_errors(b->diag) == 0)
		b->rules = NULL;
	else
		rules = NULL;
	ruleset_abandon(builder);
	return rules;
}
