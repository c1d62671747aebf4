#include "core/explain/explain.h"

#include "core/policy/policy.h"
#include "core/rules/fact_words.h"

/* ---- criteria ------------------------------------------------------------------------ */

/* The entry of a list that a decider of match stands for, as it is written. */
static struct slice listed_entry(
    const struct facts *facts, const struct match_decider *d, struct arena *arena)
{
	static const enum entry_kind kinds[] = {ENTRY_NAME, ENTRY_TREE, ENTRY_BELOW};
	const struct identity *id = &facts->id[d->identity];
	unsigned form = member_rank(d->member);
	char spelling[ENTRY_SPELLING_MAX];

	if (form == FORM_ADDRESS)
		return arena_copy(arena, entry_spell(d->kind, id->local, id->name, spelling));
	return arena_copy(
	    arena, entry_spell(kinds[form], slice_of(NULL, 0),
		       name_last_labels(id->name, member_depth(d->member)), spelling));
}

static struct slice network_entry(
    const struct facts *facts, const struct match_decider *d, struct arena *arena)
{
	char text[PREFIX_TEXT_MAX];
	struct prefix network = prefix_of(&facts->client, member_depth(d->member));

	prefix_format(&network, text);
	return arena_copy(arena, slice_str(text));
}

static struct slice login_entry(const struct facts *facts, struct arena *arena)
{
	char folded[ENTRY_SPELLING_MAX];

	return arena_copy(arena, entry_fold_login(facts->auth, folded));
}

/* The first of the words that decided a criterion on one fact. */
static struct slice criterion_word(const struct ruleset *rules, unsigned slot, uint64_t words)
{
	return fact_word(rules, slot & (SLOT_UNLESS - 1), (unsigned)__builtin_ctzll(words));
}

/* What match decided of one slot, put into words; nothing is decided here. */
static struct explain_criterion criterion_of(const struct explanation *e, const struct outcome *o,
    const struct match_trace *trace, unsigned slot, struct arena *arena)
{
	const struct facts *facts = &e->query->facts;
	const struct match_decider *d = &trace->slots[slot];
	struct explain_criterion c = {.slot = slot, .truth = match_slot_truth(o, slot)};

	if (!d->decided || c.truth == TRUTH_UNKNOWN)
		return c;
	c.out = d->out;
	if ((slot & (SLOT_UNLESS - 1)) == KEY_LOGIN) {
		c.entry = d->pattern ? arena_printf(arena, "/%.*s/", SLICE_ARG(d->pattern->text))
				     : login_entry(facts, arena);
		return c;
	}
	if (d->header) {
		c.entry = d->header->text;
		return c;
	}
	if (d->words != 0) {
		c.entry = criterion_word(e->ruleset, slot, d->words);
		return c;
	}
	if (d->identity == IDENTITY_COUNT) {
		c.entry = network_entry(facts, d, arena);
		c.geo = member_rank(d->member) != RANK_NETWORK;
		return c;
	}
	c.has_identity = true;
	c.identity = d->identity;
	c.entry = d->pattern ? arena_printf(arena, "/%.*s/", SLICE_ARG(d->pattern->text))
			     : listed_entry(facts, d, arena);
	return c;
}

/* ---- rules --------------------------------------------------------------------------- */

static enum explain_effect effect_of_exemption(const struct facts *facts, const struct outcome *o)
{
	static const enum explain_effect effects[] = {
	    [TRUTH_NO] = EXPLAIN_UNPROVEN,
	    [TRUTH_YES] = EXPLAIN_EXEMPTS,
	    [TRUTH_UNKNOWN] = EXPLAIN_UNDECIDED,
	};

	return rule_monitors(o->rule, facts->now) ? EXPLAIN_MONITOR
						  : effects[policy_proven(o, facts)];
}

static enum explain_effect effect_of_refusal(
    const struct explanation *e, const struct rule *rule, unsigned exempted)
{
	bool on = rule->family == FAMILY_BLOCKS ? e->switches->blocks : e->switches->susranges;

	/* Nothing but monitor mode counts in an authenticated session. */
	if (!on && !facts_are_authenticated(&e->query->facts))
		return EXPLAIN_OFF;
	if ((exempted & 1u << rule->family) != 0)
		return EXPLAIN_EXEMPTED;
	return rule_monitors(rule, e->query->facts.now) ? EXPLAIN_MONITOR : EXPLAIN_NOT_REACHED;
}

static enum explain_effect effect_of(
    const struct explanation *e, const struct outcome *o, unsigned exempted)
{
	const struct facts *facts = &e->query->facts;

	if (rule_expired(o->rule, facts->now))
		return EXPLAIN_EXPIRED;
	if (!policy_asks(o->rule, facts))
		return EXPLAIN_NOT_ASKED;
	if (o->truth != TRUTH_YES)
		return o->truth == TRUTH_NO ? EXPLAIN_NO : EXPLAIN_UNKNOWN;
	if (o->rule == e->query->verdict.rule)
		return EXPLAIN_DECIDES;
	if (o->rule->family == FAMILY_WHITELIST)
		return effect_of_exemption(facts, o);
	if (o->rule->family == FAMILY_BLOCKS || o->rule->family == FAMILY_SUSRANGES)
		return effect_of_refusal(e, o->rule, exempted);
	return EXPLAIN_NOT_REACHED;
}

static bool add_criteria(struct explain_rule *r, const struct explanation *e,
    const struct outcome *o, const struct match_trace *trace, struct arena *arena)
{
	const struct rule *rule = r->rule;
	int count = __builtin_popcount(rule->keys) + __builtin_popcount(rule->unless);

	r->criteria = arena_calloc(arena, (size_t)count, sizeof *r->criteria);
	if (!r->criteria)
		return false;
	for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
		unsigned keys = slot < SLOT_UNLESS ? rule->keys : rule->unless;

		if ((keys & 1u << (slot & (SLOT_UNLESS - 1))) != 0)
			r->criteria[r->count++] = criterion_of(e, o, trace, slot, arena);
	}
	return true;
}

/* ---- families ------------------------------------------------------------------------ */

/* Nothing in the session fits any entry of the rule. */
static bool is_untouched(const struct outcome *o)
{
	uint64_t mask = slot_bit(SLOT_UNLESS) - 1;

	return o->truth == TRUTH_NO && ((o->yes | o->no) & mask) == 0;
}

struct builder {
	struct explanation *e;
	struct arena *arena;
	bool all;
	unsigned exempted; /* families that a whitelist entry covers */
};

static bool add_rule(struct builder *b, struct explain_family *f, const struct outcome *o,
    const struct match_trace *trace)
{
	struct explain_rule *r = &f->rules[f->count];

	if (!b->all && is_untouched(o)) {
		f->untouched++;
		return true;
	}
	*r = (struct explain_rule){.rule = o->rule, .effect = effect_of(b->e, o, b->exempted)};
	if (o->rule == b->e->query->verdict.rule)
		b->e->deciding = r;
	if (o->rule->family == FAMILY_WHITELIST &&
	    (r->effect == EXPLAIN_EXEMPTS || r->effect == EXPLAIN_DECIDES))
		b->exempted |= o->rule->covers;
	f->count++;
	return add_criteria(r, b->e, o, trace, b->arena);
}

/* The rules of one family stand together, from *next on. */
static bool explain_family(
    struct builder *b, struct explain_family *f, enum family family, unsigned *next)
{
	const struct ruleset *rules = b->e->ruleset;
	unsigned from = *next;

	f->family = family;
	while (*next < rules->rule_count && rules->rules[*next].family == family)
		(*next)++;
	f->rules = arena_calloc(b->arena, *next - from + 1, sizeof *f->rules);
	for (unsigned i = from; f->rules && i < *next; i++) {
		struct outcome o;
		struct match_trace trace;

		match_rule(rules, &b->e->query->facts, i, &o, &trace);
		if (!add_rule(b, f, &o, &trace))
			return false;
	}
	return f->rules;
}

struct explanation *explain_make(
    const struct session_query *q, const struct ruleset *rules, bool all, struct arena *arena)
{
	static const enum family order[EXPLAIN_FAMILIES] = {
	    FAMILY_TRUSTED, FAMILY_EXEMPT, FAMILY_WHITELIST, FAMILY_BLOCKS, FAMILY_SUSRANGES};
	struct explanation *e = arena_calloc(arena, 1, sizeof *e);
	struct builder b = {e, arena, all || rules->rule_count <= EXPLAIN_SHORT_TABLE, 0};
	unsigned next = 0;

	if (!e)
		return NULL;
	e->query = q;
	e->ruleset = rules;
	e->switches = ruleset_switches(rules, q->facts.id[IDENTITY_RECIPIENT].name);
	for (int i = 0; i < EXPLAIN_FAMILIES; i++)
		if (!explain_family(&b, &e->families[i], order[i], &next))
			return NULL;
	e->has_reply = q->verdict.kind == VERDICT_FINAL && q->verdict.action != ACTION_ACCEPT;
	if (e->has_reply)
		reply_make(rules, &q->facts, &q->verdict, SLICE("TOKEN"), &e->reply);
	return arena_failed(arena) ? NULL : e;
}

const char *explain_effect_text(enum explain_effect effect)
{
	static const char *const texts[] = {
	    [EXPLAIN_NO] = "does not match",
	    [EXPLAIN_EXPIRED] = "has expired and never matches",
	    [EXPLAIN_NOT_ASKED] = "applies to other sessions",
	    [EXPLAIN_UNKNOWN] = "undecided: a fact that it looks at is unknown",
	    [EXPLAIN_DECIDES] = "matches and decides",
	    [EXPLAIN_EXEMPTS] = "matches and exempts",
	    [EXPLAIN_UNPROVEN] = "matches, but its proof is missing",
	    [EXPLAIN_UNDECIDED] = "matches, but its proof is undecided: SPF is not known",
	    [EXPLAIN_MONITOR] = "matches, in monitor mode",
	    [EXPLAIN_OFF] = "matches, but is off for this recipient's domain",
	    [EXPLAIN_EXEMPTED] = "matches, but a whitelist entry exempts it",
	    [EXPLAIN_NOT_REACHED] = "matches, but something else decides",
	};

	return texts[effect];
}
