/*
 * One sweep over the sorted networks of a builder.  A stack holds those that are open; between two
 * events the same entries lie over every address, and there each key is decided by the innermost
 * of its networks (or, where there is none, by its AS or country).  What an entry decides anywhere
 * is noted in its marks.
 */
#include "ruleset_builder.h"

#include "core/base/array.h"
#include "survey_private.h"

#include <stdlib.h>

/* More marks, of the sweep: somewhere the entry is the longest match … */
enum {
	DECIDES = 4,
	TAKES = 8,         /* … and, being out, takes something out */
	NOT_EXEMPTED = 16, /* … and no unconditional whitelist rule exempts there */
	NOT_SHADOWED = 32, /* … and no earlier unconditional rule refuses there */
	ALL_SEEN = DECIDES | TAKES | NOT_EXEMPTED | NOT_SHADOWED
};

/* What one set of members says of its addresses. */
struct summary {
	bool known;
	unsigned exempted;               /* families, bits 1 << family */
	unsigned refusing[FAMILY_COUNT]; /* first unconditional rule, RULES_MAX = none */
};

struct open {
	uint32_t tag;
	struct ip last;
};

struct sweep {
	const struct ruleset_builder *builder;
	const struct ruleset *rules;
	int64_t now;
	unsigned char *marks;
	const struct ip_radix_entry **first_dead; /* by number of the rule, in the builder */
	struct summary *summaries;                /* by number of the set */
	uint32_t *seen; /* by matcher: the stretch in which its decider was met last */
	uint32_t stretch;
	struct open *stack;
	size_t depth, capacity;
	bool failed;
};

static void summarize(const struct sweep *s, uint32_t set, struct summary *out)
{
	size_t n;
	const uint32_t *members = member_sets_get(s->rules->sets, set, &n);

	out->known = true;
	for (int i = 0; i < FAMILY_COUNT; i++)
		out->refusing[i] = RULES_MAX;
	for (size_t i = 0; i < n; i++) {
		unsigned number = member_rule(members[i]);
		const struct rule *rule = &s->rules->rules[number];

		if (member_slot(members[i]) != KEY_NETWORKS || member_out(members[i]) ||
		    !survey_is_unconditional(rule, s->now))
			continue;
		if (rule->family == FAMILY_WHITELIST)
			out->exempted |= rule->covers;
		else if (out->refusing[rule->family] == RULES_MAX)
			out->refusing[rule->family] = number;
	}
}

static uint32_t member_of(const struct sweep *s, size_t level)
{
	return s->builder->entries[s->stack[level].tag].member;
}

/* True when the key of a network entry that is out would have the address in without it. */
static bool takes_out(const struct sweep *s, size_t level)
{
	uint32_t matcher = member_matcher(member_of(s, level));
	bool has_geo = false;
	uint32_t geo = 0;

	/* the next wider network of the key decides; where there is none, AS before country, and
	 * of these the innermost, wherever it lies in the stack */
	for (size_t i = level; i-- > 0;) {
		uint32_t m = member_of(s, i);
		if (member_matcher(m) == matcher && member_rank(m) == RANK_NETWORK)
			return !member_out(m);
	}
	for (size_t i = s->depth; i-- > 0;) {
		uint32_t m = member_of(s, i);
		if (member_matcher(m) != matcher || member_rank(m) == RANK_NETWORK)
			continue;
		if (!has_geo || member_rank(m) > member_rank(geo))
			geo = m;
		has_geo = true;
	}
	return has_geo && !member_out(geo);
}

static bool refuses(enum family family)
{
	return family == FAMILY_BLOCKS || family == FAMILY_SUSRANGES;
}

/* Notes what an entry decides in this stretch. */
static void note(struct sweep *s, size_t level, const struct summary *here)
{
	uint32_t member = member_of(s, level);
	unsigned number = member_rule(member);
	enum family family = s->rules->rules[number].family;
	unsigned char *marks = &s->marks[s->stack[level].tag];

	*marks |= DECIDES;
	if (!member_out(member) || ((*marks & TAKES) == 0 && takes_out(s, level)))
		*marks |= TAKES;
	if (!refuses(family) || (here->exempted & 1u << family) == 0)
		*marks |= NOT_EXEMPTED;
	if (!refuses(family) || here->refusing[family] >= number)
		*marks |= NOT_SHADOWED;
}

/* The stretch of addresses from `first` on, over which exactly the stack lies. */
static void look_at(struct sweep *s, const struct ip *first)
{
	uint32_t set = ip_radix_lookup(s->rules->networks, first);
	struct summary *here = &s->summaries[set];

	if (!here->known)
		summarize(s, set, here);
	s->stretch++;
	for (size_t level = s->depth; level-- > 0;) {
		uint32_t member = member_of(s, level), matcher = member_matcher(member);
		unsigned char marks = s->marks[s->stack[level].tag];

		if (member_rank(member) != RANK_NETWORK || s->seen[matcher] == s->stretch ||
		    marks & MARK_DUPLICATE)
			continue;
		s->seen[matcher] = s->stretch;
		if ((marks & ALL_SEEN) != ALL_SEEN)
			note(s, level, here);
	}
}

/* Closes all networks that end in front of `next` (NULL: all), which all of IPv4 does where IPv6
 * begins.  *at is the first address that was
 * not looked at; false when it fell off the end of its family. */
static bool close_until(struct sweep *s, struct ip *at, const struct ip *next)
{
	bool more = true;

	while (s->depth > 0) {
		struct ip last = s->stack[s->depth - 1].last;

		if (next && ip_compare(&last, next) >= 0)
			break;
		if (more && ip_compare(at, &last) <= 0) {
			look_at(s, at);
			*at = last;
			more = ip_next(at);
		}
		s->depth--;
	}
	return more;
}

static void open_network(struct sweep *s, const struct ip_radix_entry *e)
{
	if (!ARRAY_ROOM(s->stack, s->capacity, s->depth + 1)) {
		s->failed = true;
		return;
	}
	s->stack[s->depth++] = (struct open){e->tag, prefix_last(&e->prefix)};
}

static void sweep(struct sweep *s)
{
	const struct ruleset_builder *b = s->builder;
	struct ip at = {0, 0, IP_NONE};

	for (size_t i = 0; i < b->network_count && !s->failed; i++) {
		const struct ip *base = &b->networks[i].prefix.base;

		close_until(s, &at, base);
		if (s->depth > 0 && ip_compare(&at, base) < 0)
			look_at(s, &at);
		at = *base;
		open_network(s, &b->networks[i]);
	}
	close_until(s, &at, NULL);
}

/* ---- counting ------------------------------------------------------------------------ */

/* True when it is, and is kept. */
static bool keep_first(struct origin *first, struct origin here)
{
	if (first->file && (strcmp(first->file, here.file) != 0 || here.line >= first->line))
		return false;
	*first = here;
	return true;
}

static void count(
    struct sweep *s, struct survey_rule *r, const struct ip_radix_entry *network, unsigned number)
{
	const struct ruleset_builder *b = s->builder;
	const struct rule_entry *e = &b->entries[network->tag];
	struct origin here = {b->tallies[e->tally].file, e->line};
	unsigned char marks = s->marks[network->tag];

	r->entries++;
	if (marks & MARK_DUPLICATE) {
		r->duplicate++;
	} else if (marks & MARK_COVERED) {
		r->covered++;
	} else if ((marks & (DECIDES | TAKES | NOT_EXEMPTED)) != (DECIDES | TAKES | NOT_EXEMPTED)) {
		r->dead++;
		if (keep_first(&r->first_dead, here))
			s->first_dead[number] = network;
	} else if ((marks & NOT_SHADOWED) == 0) {
		r->shadowed++;
		keep_first(&r->first_shadowed, here);
	}
}

static void count_all(struct survey *survey, struct sweep *s)
{
	const struct ruleset_builder *b = s->builder;

	for (size_t i = 0; i < b->network_count; i++) {
		uint32_t member = b->entries[b->networks[i].tag].member;
		unsigned number = member_rule(member);

		if (member_rank(member) == RANK_NETWORK)
			count(s, &survey->rules[number], &b->networks[i], number);
	}
}

/* ---- warnings ------------------------------------------------------------------------ */

/* The unconditional whitelist rule that exempts an address from a family, or NULL. */
static const struct rule *exempting_rule(const struct sweep *s, const struct ip *at, enum family f)
{
	const struct ruleset *rules = s->rules;
	size_t n;
	const uint32_t *members =
	    member_sets_get(rules->sets, ip_radix_lookup(rules->networks, at), &n);

	for (size_t i = 0; i < n; i++) {
		const struct rule *rule = &rules->rules[member_rule(members[i])];

		if (member_slot(members[i]) == KEY_NETWORKS && !member_out(members[i]) &&
		    rule->family == FAMILY_WHITELIST && rule->covers & 1u << f &&
		    survey_is_unconditional(rule, s->now))
			return rule;
	}
	return NULL;
}

/* Why the first dead entry of a rule is one; its first address stands for all of its own. */
static void warn_of_dead(const struct sweep *s, const struct survey_rule *r, unsigned number)
{
	static const char format[] =
	    "%zu of %zu entries of \"%.*s\" never take effect (first one here): %s%.*s%s";
	const struct rule *rule = &s->rules->rules[number], *exempts;
	const struct ip_radix_entry *network = s->first_dead[number];
	const char *why = "the whitelist lets these addresses in first";

	if ((s->marks[network->tag] & DECIDES) == 0)
		why = "longer entries divide all of it up";
	else if ((s->marks[network->tag] & TAKES) == 0)
		why = "there is nothing that it could take out";
	else if ((exempts = exempting_rule(s, &network->prefix.base, rule->family))) {
		diag_warning(s->builder->diag, r->first_dead, format, r->dead, r->entries,
		    SLICE_ARG(rule->name), "whitelist \"", SLICE_ARG(exempts->name),
		    "\" lets these addresses in first");
		return;
	}
	diag_warning(s->builder->diag, r->first_dead, format, r->dead, r->entries,
	    SLICE_ARG(rule->name), why, 0, "", "");
}

static void warn_of_all(const struct survey *survey, const struct sweep *s)
{
	for (unsigned i = 0; i < survey->rule_count; i++) {
		const struct survey_rule *r = &survey->rules[i];

		if (r->dead > 0)
			warn_of_dead(s, r, i);
		if (r->shadowed > 0)
			diag_warning(s->builder->diag, r->first_shadowed,
			    "%zu of %zu entries of \"%.*s\" are already refused by earlier rules "
			    "(first one here)",
			    r->shadowed, r->entries, SLICE_ARG(s->rules->rules[i].name));
	}
}

/* Names of files die with the builder; the ruleset lives as long as its survey makes sense. */
static void keep_names(struct survey *survey, struct arena *arena)
{
	for (unsigned i = 0; i < survey->rule_count; i++) {
		struct survey_rule *r = &survey->rules[i];

		if (r->first_dead.file)
			r->first_dead.file = arena_strdup(arena, slice_str(r->first_dead.file));
		if (r->first_shadowed.file)
			r->first_shadowed.file =
			    arena_strdup(arena, slice_str(r->first_shadowed.file));
	}
}

bool survey_entries(struct survey *survey, const struct ruleset_builder *b)
{
	struct sweep s = {
	    .builder = b,
	    .rules = b->rules,
	    .now = survey->now,
	    .marks = b->marks,
	    .summaries = calloc(member_sets_count(b->rules->sets), sizeof *s.summaries),
	    .seen = calloc(
		(size_t)member_matcher(member_make(b->rules->rule_count, 0, false, 0, 0)) + 1,
		sizeof *s.seen),
	    .first_dead = calloc((size_t)b->rules->rule_count + 1, sizeof *s.first_dead),
	};

	survey->rule_count = b->rules->rule_count;
	survey->rules = calloc((size_t)survey->rule_count + 1, sizeof *survey->rules);
	if (s.summaries && s.seen && s.first_dead && survey->rules)
		sweep(&s);
	else
		s.failed = true;
	if (!s.failed) {
		count_all(survey, &s);
		warn_of_all(survey, &s);
		keep_names(survey, b->rules->arena);
	}
	free(s.summaries);
	free(s.seen);
	free(s.first_dead);
	free(s.stack);
	return !s.failed;
}
