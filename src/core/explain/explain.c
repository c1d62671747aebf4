#include "core/explain/explain.h"

#include "core/policy/policy.h"

/* The look-ups of one session. */
struct sight {
	const struct ruleset *rules;
	const struct facts *facts;
	struct arena *arena;
	struct match looked_up;
};

/* ---- criteria ------------------------------------------------------------------------ */

/* The look-up by which an identity (IDENTITY_COUNT: the client's address) decides a matcher. */
static const struct match_cursor *find(
    const struct sight *s, unsigned identity, uint32_t matcher, uint32_t *member)
{
	for (unsigned i = 0; i < s->looked_up.count; i++) {
		const struct match_cursor *c = &s->looked_up.cursors[i];
		if (c->identity == identity && sets_find(s->rules->sets, c->set, matcher, member))
			return c;
	}
	return NULL;
}

/* The entry that a member stands for, as it is written in lists. */
static struct slice entry_of(const struct sight *s, const struct match_cursor *c, uint32_t member)
{
	static const enum list_kind kinds[] = {LIST_NAME, LIST_TREE, LIST_BELOW};
	const struct identity *id = &s->facts->id[c->identity];
	unsigned form = member_rank(member);
	char spelling[LIST_SPELLING_MAX];

	if (form == FORM_ADDRESS)
		return arena_copy(s->arena, list_spell(c->kind, id->local, id->name, spelling));
	return arena_copy(
	    s->arena, list_spell(kinds[form], slice_of(NULL, 0),
			  name_last_labels(id->name, member_depth(member)), spelling));
}

static void decide_by(struct explain_criterion *c, bool out, struct slice entry)
{
	c->truth = out ? TRUTH_NO : TRUTH_YES;
	c->out = out;
	c->entry = entry;
}

static void note_identity(struct explain_criterion *c, unsigned identity)
{
	c->has_identity = true;
	c->identity = (enum identity_kind)identity;
}

static void judge_networks(const struct sight *s, uint32_t matcher, struct explain_criterion *c)
{
	char text[PREFIX_TEXT_MAX];
	struct prefix network;
	uint32_t member;

	if (!find(s, IDENTITY_COUNT, matcher, &member))
		return;
	network = prefix_of(&s->facts->client, member_depth(member));
	prefix_format(&network, text);
	decide_by(c, member_out(member), arena_copy(s->arena, slice_str(text)));
	c->geo = member_rank(member) != RANK_NETWORK;
}

/* Any identity that is in decides; one that is out only says no for itself. */
static void judge_domains(
    const struct sight *s, uint32_t matcher, unsigned in, struct explain_criterion *c)
{
	uint32_t member;

	for (unsigned i = 0; i < IDENTITY_COUNT && c->truth != TRUTH_YES; i++) {
		const struct match_cursor *found;
		if ((in & 1u << i) == 0)
			continue;
		if (s->facts->id[i].state == FACT_UNKNOWN && c->truth == TRUTH_NO &&
		    c->entry.len == 0)
			c->truth = TRUTH_UNKNOWN;
		found = find(s, i, matcher, &member);
		if (!found || (c->truth == TRUTH_UNKNOWN && member_out(member)))
			continue;
		decide_by(c, member_out(member), entry_of(s, found, member));
		note_identity(c, i);
	}
}

/* Patterns are asked where no entry has decided; one that takes out is stronger. */
static void judge_patterns(
    const struct sight *s, const struct rule *rule, unsigned identity, struct explain_criterion *c)
{
	for (unsigned i = 0; i < rule->patterns && !c->out; i++) {
		const struct ruleset_pattern *p = &s->rules->patterns[rule->patterns_from + i];
		if (p->slot != c->slot || (c->truth == TRUTH_YES && !p->out) ||
		    pattern_match(p->pattern, s->facts->id[identity].text) != PATTERN_YES)
			continue;
		decide_by(c, p->out, arena_printf(s->arena, "/%.*s/", SLICE_ARG(p->text)));
		note_identity(c, identity);
	}
}

static void judge_identity(const struct sight *s, const struct rule *rule, uint32_t matcher,
    unsigned identity, struct explain_criterion *c)
{
	uint32_t member;
	enum fact_state state = s->facts->id[identity].state;
	const struct match_cursor *found = find(s, identity, matcher, &member);

	if (state == FACT_UNKNOWN)
		c->truth = TRUTH_UNKNOWN;
	if (found) {
		decide_by(c, member_out(member), entry_of(s, found, member));
		note_identity(c, identity);
	} else if (state == FACT_KNOWN) {
		judge_patterns(s, rule, identity, c);
	}
}

static void judge_criterion(const struct sight *s, unsigned number, struct explain_criterion *c)
{
	const struct rule *rule = &s->rules->rules[number];
	unsigned key = c->slot & (SLOT_UNLESS - 1);
	uint32_t matcher = member_matcher(member_make(number, c->slot, false, 0, 0));

	if (key == KEY_NETWORKS)
		judge_networks(s, matcher, c);
	else if (key == KEY_DOMAINS)
		judge_domains(s, matcher, c->slot < SLOT_UNLESS ? rule->in : rule->unless_in, c);
	else
		judge_identity(s, rule, matcher, key - KEY_CLIENT_NAME, c);
}

/* ---- rules --------------------------------------------------------------------------- */

static enum explain_effect effect_of_excuse(const struct facts *facts, const struct outcome *o)
{
	if (o->rule->monitor)
		return EXPLAIN_MONITOR;
	return policy_proven(o, facts) == TRUTH_YES ? EXPLAIN_EXCUSES : EXPLAIN_UNPROVEN;
}

static enum explain_effect effect_of_refusal(
    const struct explanation *e, const struct rule *rule, unsigned excused)
{
	bool on = rule->family == FAMILY_BLOCKS ? e->switches->blocks : e->switches->susranges;

	if (!on)
		return EXPLAIN_OFF;
	if ((excused & 1u << rule->family) != 0)
		return EXPLAIN_EXCUSED;
	return rule->monitor ? EXPLAIN_MONITOR : EXPLAIN_NOT_REACHED;
}

static enum explain_effect effect_of(
    const struct explanation *e, const struct outcome *o, unsigned excused)
{
	const struct facts *facts = &e->question->facts;

	if (rule_expired(o->rule, facts->now))
		return EXPLAIN_EXPIRED;
	if (o->truth != TRUTH_YES)
		return o->truth == TRUTH_NO ? EXPLAIN_NO : EXPLAIN_UNKNOWN;
	if (o->rule == e->question->verdict.rule)
		return EXPLAIN_DECIDES;
	if (o->rule->family == FAMILY_WHITELIST)
		return effect_of_excuse(facts, o);
	if (o->rule->family == FAMILY_BLOCKS || o->rule->family == FAMILY_SUSRANGES)
		return effect_of_refusal(e, o->rule, excused);
	return EXPLAIN_NOT_REACHED;
}

static bool explain_criteria(const struct sight *s, unsigned number, struct explain_rule *r)
{
	const struct rule *rule = r->rule;

	r->criteria = arena_calloc(s->arena, 2 * KEY_COUNT, sizeof *r->criteria);
	if (!r->criteria)
		return false;
	for (unsigned slot = 0; slot < SLOT_UNLESS + KEY_COUNT; slot++) {
		unsigned key = slot & (SLOT_UNLESS - 1);
		unsigned keys = slot < SLOT_UNLESS ? rule->keys : rule->excuses;
		if (key >= KEY_COUNT || (keys & 1u << key) == 0)
			continue;
		r->criteria[r->count].slot = slot;
		judge_criterion(s, number, &r->criteria[r->count++]);
	}
	return true;
}

/* ---- families ------------------------------------------------------------------------ */

/* Nothing in the session fits any entry of the rule. */
static bool is_untouched(const struct outcome *o)
{
	unsigned mask = (1u << SLOT_UNLESS) - 1;

	return o->truth == TRUTH_NO && ((o->yes | o->no) & mask) == 0;
}

struct making {
	struct explanation *e;
	struct sight *sight;
	bool all;
	unsigned excused; /* families that a whitelist entry covers */
};

static bool add_rule(
    struct making *m, struct explain_family *f, unsigned number, const struct outcome *o)
{
	struct explain_rule *r = &f->rules[f->count];

	if (!m->all && is_untouched(o)) {
		f->untouched++;
		return true;
	}
	*r = (struct explain_rule){.rule = o->rule, .effect = effect_of(m->e, o, m->excused)};
	if (o->rule == m->e->question->verdict.rule)
		m->e->deciding = r;
	if (o->rule->family == FAMILY_WHITELIST &&
	    (r->effect == EXPLAIN_EXCUSES || r->effect == EXPLAIN_DECIDES))
		m->excused |= o->rule->covers;
	f->count++;
	return explain_criteria(m->sight, number, r);
}

/* The rules of one family stand together, from *next on. */
static bool explain_family(
    struct making *m, struct explain_family *f, enum family family, unsigned *next)
{
	const struct ruleset *rules = m->e->ruleset;
	unsigned from = *next;

	f->family = family;
	while (*next < rules->rule_count && rules->rules[*next].family == family)
		(*next)++;
	f->rules = arena_calloc(m->sight->arena, *next - from + 1, sizeof *f->rules);
	for (unsigned i = from; f->rules && i < *next; i++) {
		struct outcome o;
		match_rule(rules, &m->e->question->facts, i, &o);
		if (!add_rule(m, f, i, &o))
			return false;
	}
	return f->rules;
}

struct explanation *explain_make(
    const struct question *q, const struct ruleset *rules, bool all, struct arena *arena)
{
	static const enum family order[EXPLAIN_FAMILIES] = {
	    FAMILY_TRUSTED, FAMILY_EXEMPT, FAMILY_WHITELIST, FAMILY_BLOCKS, FAMILY_SUSRANGES};
	struct sight sight = {.rules = rules, .facts = &q->facts, .arena = arena};
	struct explanation *e = arena_calloc(arena, 1, sizeof *e);
	struct making m = {e, &sight, all || rules->rule_count <= EXPLAIN_SHORT_TABLE, 0};
	unsigned next = 0;

	if (!e)
		return NULL;
	e->question = q;
	e->ruleset = rules;
	e->switches = ruleset_switches(rules, q->facts.id[IDENTITY_RECIPIENT].name);
	match_start(&sight.looked_up, rules, &q->facts);
	for (int i = 0; i < EXPLAIN_FAMILIES; i++)
		if (!explain_family(&m, &e->families[i], order[i], &next))
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
	    [EXPLAIN_UNKNOWN] = "cannot be told: something it looks at is not given",
	    [EXPLAIN_DECIDES] = "matches and decides",
	    [EXPLAIN_EXCUSES] = "matches and excuses",
	    [EXPLAIN_UNPROVEN] = "matches, but its proof is missing",
	    [EXPLAIN_MONITOR] = "matches, in monitor mode",
	    [EXPLAIN_OFF] = "matches, but is off for this recipient's domain",
	    [EXPLAIN_EXCUSED] = "matches, but a whitelist entry excuses",
	    [EXPLAIN_NOT_REACHED] = "matches, but something else decides",
	};

	return texts[effect];
}
