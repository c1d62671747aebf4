#include "core/policy/match.h"

#include "core/rules/fact_words.h"

#include <limits.h>

static void add_cursor(
    struct match *m, uint32_t set, enum identity_kind identity, enum entry_kind kind)
{
	size_t n;
	const uint32_t *members = member_sets_get(m->rules->sets, set, &n);

	if (n > 0)
		m->cursors[m->count++] =
		    (struct match_cursor){members, members + n, set, identity, kind};
}

static void look_up(struct match *m, const struct name_radix *trie, struct slice name,
    enum identity_kind identity, enum entry_kind kind)
{
	if (trie && name.len > 0)
		add_cursor(m, name_radix_lookup(trie, name), identity, kind);
}

static void look_up_address(struct match *m, enum identity_kind identity, enum entry_kind kind)
{
	const struct identity *id = &m->facts->id[identity];
	char spelling[ENTRY_SPELLING_MAX];

	look_up(m, m->rules->addresses[identity], entry_spell(kind, id->local, id->name, spelling),
	    identity, kind);
}

static void look_up_identity(struct match *m, enum identity_kind identity)
{
	const struct ruleset *rules = m->rules;
	const struct identity *id = &m->facts->id[identity];
	bool has_local = rules->addresses[identity] && id->local.len > 0;

	if (id->state != FACT_KNOWN)
		return;
	if (has_local && id->name.len > 0) {
		look_up_address(m, identity, ENTRY_ADDRESS);
		if (slice_find(id->local, '+') < id->local.len)
			look_up_address(m, identity, ENTRY_SUBADDRESS);
	}
	look_up(m, rules->names[key_of_identity(identity)], id->name, identity, ENTRY_NAME);
	if (has_local)
		look_up_address(m, identity, ENTRY_LOCAL);
	else if (slice_equal(id->text, SLICE("<>")))
		look_up_address(m, identity, ENTRY_NULL);
	if ((rules->domains_in & 1u << identity) != 0)
		look_up(m, rules->names[KEY_DOMAINS], id->name, identity, ENTRY_NAME);
}

static void look_up_login(struct match *m)
{
	char folded[ENTRY_SPELLING_MAX];

	if (m->rules->names[KEY_LOGIN] && m->facts->auth_state == FACT_KNOWN)
		look_up(m, m->rules->names[KEY_LOGIN], entry_fold_login(m->facts->auth, folded),
		    IDENTITY_COUNT, ENTRY_LOGIN);
}

void match_start(struct match *m, const struct ruleset *rules, const struct facts *facts)
{
	m->rules = rules;
	m->facts = facts;
	m->count = 0;
	m->pattern = m->unlisted = 0;
	m->trace = NULL;
	for (int i = 0; i < IDENTITY_COUNT; i++)
		m->own[i].known = false;
	if (facts->client.family != IP_NONE)
		add_cursor(m, ip_radix_lookup(rules->networks, &facts->client), IDENTITY_COUNT,
		    ENTRY_NETWORK);
	for (int i = 0; i < IDENTITY_COUNT; i++)
		look_up_identity(m, (enum identity_kind)i);
	look_up_login(m);
}

static enum identity_kind identity_of_key(unsigned key)
{
	return (enum identity_kind)(key - KEY_CLIENT_NAME);
}

/* The part of an identity that an entry of this form and depth names. */
static struct slice entry_part(const struct identity *id, uint32_t member)
{
	if (member_rank(member) == FORM_ADDRESS || id->name.len == 0)
		return id->text;
	return name_last_labels(id->name, member_depth(member));
}

static void note_identity(
    struct outcome *o, const struct facts *facts, enum identity_kind identity, struct slice entry)
{
	if (o->has_identity)
		return;
	o->has_identity = true;
	o->identity = identity;
	o->entry = entry.ptr ? entry : facts->id[identity].text;
}

static void note_decider(struct match_trace *trace, unsigned slot, struct match_decider decider)
{
	if (trace)
		trace->slots[slot] = decider;
}

static struct match_decider decider_of(const struct match_cursor *c)
{
	return (struct match_decider){.decided = true,
	    .out = member_out(*c->at),
	    .identity = c->identity,
	    .kind = c->kind,
	    .member = *c->at};
}

/* `domains`: any identity that is in decides; one that is out only says no for itself. */
static void apply_domains(struct match *m, struct outcome *o, const struct match_cursor *c)
{
	unsigned slot = member_slot(*c->at);
	uint64_t bit = slot_bit(slot);
	bool unless = slot >= SLOT_UNLESS;
	unsigned in = unless ? o->rule->unless_in : o->rule->in;

	if ((in & 1u << c->identity) == 0)
		return;
	if (member_out(*c->at)) {
		if ((o->yes & bit) == 0)
			note_decider(m->trace, slot, decider_of(c));
		return;
	}
	if ((o->yes & bit) == 0)
		note_decider(m->trace, slot, decider_of(c));
	o->yes |= bit;
	if (unless)
		return;
	o->domains |= 1u << c->identity;
	note_identity(o, m->facts, c->identity, entry_part(&m->facts->id[c->identity], *c->at));
}

/* The member at a cursor says how one matcher is decided; what was there earlier was more
 * specific. */
static void apply_member(struct match *m, struct outcome *o, const struct match_cursor *c)
{
	uint32_t member = *c->at;
	unsigned slot = member_slot(member), key = slot & (SLOT_UNLESS - 1);
	uint64_t bit = slot_bit(slot);

	if (key == KEY_DOMAINS) {
		apply_domains(m, o, c);
		return;
	}
	if (((o->yes | o->no) & bit) != 0)
		return;
	*(member_out(member) ? &o->no : &o->yes) |= bit;
	note_decider(m->trace, slot, decider_of(c));
	if (slot >= SLOT_UNLESS)
		return;
	if (key == KEY_NETWORKS) {
		o->has_network = true;
		o->network = prefix_of(&m->facts->client, member_depth(member));
	} else if (!member_out(member) && key != KEY_LOGIN) {
		note_identity(
		    o, m->facts, c->identity, entry_part(&m->facts->id[c->identity], member));
	}
}

/* ---- patterns ------------------------------------------------------------------------ */

/* Which patterns of the table match this identity; they are tried once for each value. */
static const struct pattern_hits *hits_of(struct match *m, enum identity_kind identity)
{
	const struct identity *id = &m->facts->id[identity];
	struct pattern_hits *hits = id->hits ? id->hits : &m->own[identity];

	if (!hits->known)
		hits->count = (unsigned)pattern_set_match(
		    m->rules->pattern_sets[identity], id->composed, hits->hit, PATTERN_HITS_MAX);
	hits->known = true;
	return hits;
}

/* The first of the patterns from `from` to before `end` that looks at this identity and matches it;
 * `end`: there is none. */
static unsigned next_of_identity(
    struct match *m, enum identity_kind identity, unsigned from, unsigned end)
{
	const struct identity *id = &m->facts->id[identity];
	const struct ruleset_pattern *p = m->rules->patterns;
	const struct pattern_hits *hits;

	if (id->state != FACT_KNOWN || !m->rules->pattern_sets[identity])
		return end;
	hits = hits_of(m, identity);
	for (unsigned i = 0; hits->count <= PATTERN_HITS_MAX && i < hits->count; i++)
		if (hits->hit[i] >= from)
			return hits->hit[i] < end ? hits->hit[i] : end;
	/* More than are kept: each is tried. */
	for (unsigned i = from; hits->count > PATTERN_HITS_MAX && i < end; i++)
		if (identity_of_key(p[i].slot & (SLOT_UNLESS - 1)) == identity &&
		    pattern_match(p[i].pattern, id->composed) == PATTERN_YES)
			return i;
	return end;
}

/* The first of the patterns from `from` to before `end` that looks at the login and matches it. */
static unsigned next_of_login(const struct match *m, unsigned from, unsigned end)
{
	const struct ruleset_pattern *p = m->rules->patterns;

	if (m->facts->auth_state != FACT_KNOWN)
		return end;
	for (unsigned i = from; i < end; i++)
		if ((p[i].slot & (SLOT_UNLESS - 1)) == KEY_LOGIN &&
		    pattern_match(p[i].pattern, m->facts->auth) == PATTERN_YES)
			return i;
	return end;
}

static unsigned next_pattern(struct match *m, const struct rule *rule, unsigned from, unsigned end)
{
	for (int i = 0; i < IDENTITY_COUNT && from < end; i++)
		end = next_of_identity(m, (enum identity_kind)i, from, end);
	if (((rule->keys | rule->unless) & 1u << KEY_LOGIN) != 0)
		end = next_of_login(m, from, end);
	return end;
}

/* Patterns come last: only matchers that no entry has decided ask them, and "out" wins. */
static void apply_patterns(struct match *m, struct outcome *o)
{
	uint64_t decided = o->yes | o->no, out = 0;
	unsigned end = o->rule->patterns_from + o->rule->patterns;

	for (unsigned i = next_pattern(m, o->rule, o->rule->patterns_from, end); i < end;
	     i = next_pattern(m, o->rule, i + 1, end)) {
		const struct ruleset_pattern *p = &m->rules->patterns[i];
		unsigned key = p->slot & (SLOT_UNLESS - 1);
		uint64_t bit = slot_bit(p->slot);
		enum identity_kind identity =
		    key == KEY_LOGIN ? IDENTITY_COUNT : identity_of_key(key);

		if (((decided | out) & bit) != 0)
			continue;
		if (p->out || (o->yes & bit) == 0)
			note_decider(m->trace, p->slot,
			    (struct match_decider){.decided = true,
				.out = p->out,
				.identity = identity,
				.pattern = p});
		if (p->out) {
			out |= bit;
			continue;
		}
		o->yes |= bit;
		if (p->slot < SLOT_UNLESS && key != KEY_LOGIN)
			note_identity(o, m->facts, identity, m->facts->id[identity].text);
	}
	o->yes &= ~out;
	o->no |= out;
}

/* ---- one rule ------------------------------------------------------------------------ */

static bool any_unknown(const struct facts *facts, unsigned identities)
{
	for (int i = 0; i < IDENTITY_COUNT; i++)
		if ((identities & 1u << i) != 0 && facts->id[i].state == FACT_UNKNOWN)
			return true;
	return false;
}

static uint64_t unknown_slots(const struct facts *facts, unsigned keys, unsigned in, unsigned shift)
{
	uint64_t unknown = 0;

	/* A login is known at MAIL, or there is none. */
	for (unsigned key = KEY_CLIENT_NAME; key <= KEY_DOMAINS; key++) {
		unsigned of = key == KEY_DOMAINS ? in : 1u << identity_of_key(key);
		if ((keys & 1u << key) != 0 && any_unknown(facts, of))
			unknown |= slot_bit(key + shift);
	}
	return unknown;
}

static unsigned needs_of_lists(uint64_t lists)
{
	return (unsigned)(lists * NEED_LIST(0));
}

/* One criterion on one fact. */
static void apply_words(struct match *m, struct outcome *o, unsigned slot)
{
	unsigned key = slot & (SLOT_UNLESS - 1), at = key - KEY_LISTS;
	bool unless = slot >= SLOT_UNLESS;
	const struct fact_words_row *row = fact_words_row(key);
	uint64_t in = o->rule->words->in[unless][at], out = o->rule->words->out[unless][at];
	struct word_facts w = row->look(m->facts, m->rules);
	/* Where one word is in, only what takes out can still change it. */
	uint64_t open = w.unknown & ((w.are & in) != 0 ? out : in | out);

	if ((w.are & out) != 0) {
		o->no |= slot_bit(slot);
	} else if ((w.are & in) != 0 && open == 0) {
		o->yes |= slot_bit(slot);
	} else if (((w.are | w.unknown) & in) != 0) {
		o->unknown |= slot_bit(slot);
		o->need |= w.need | needs_of_lists(w.per_word & open);
		/* A list that can be asked now is asked before the author's is waited for. */
		o->late |= w.late || ((w.late_words & open) != 0 && (w.per_word & open) == 0);
		o->under_way |= w.under_way;
		return;
	}
	note_decider(m->trace, slot,
	    (struct match_decider){.decided = (w.are & (in | out)) != 0,
		.out = (w.are & out) != 0,
		.identity = IDENTITY_COUNT,
		.words = w.are & ((w.are & out) != 0 ? out : in)});
}

static enum pattern_result ask_header(const struct match *m, const struct header_test *t)
{
	unsigned char *said = m->facts->header_said;
	enum pattern_result r;

	if (!said)
		return header_test_ask(t, m->facts->header);
	said += t - m->rules->headers;
	if (*said != 0)
		return (enum pattern_result)(*said - 1);
	r = header_test_ask(t, m->facts->header);
	*said = (unsigned char)(r + 1);
	return r;
}

/* `header`: one entry holds; `all_headers`: all do.  One that is undecided leaves open what no
 * other settles. */
static void apply_headers(struct match *m, struct outcome *o, unsigned slot)
{
	bool any = (slot & (SLOT_UNLESS - 1)) == KEY_HEADER;
	enum pattern_result settles = any ? PATTERN_YES : PATTERN_NO,
			    all = any ? PATTERN_NO : PATTERN_YES;
	const struct header_test *t = &m->rules->headers[o->rule->headers_from], *decider = NULL;

	if (m->facts->header_state != FACT_KNOWN) {
		o->unknown |= slot_bit(slot);
		o->late |= m->facts->header_state == FACT_UNKNOWN;
		return;
	}
	for (unsigned i = 0; i < o->rule->headers && all != settles; i++, t++) {
		enum pattern_result r;

		if (t->slot != slot)
			continue;
		r = ask_header(m, t);
		if (r == settles || !decider)
			decider = t;
		if (r == settles || r == PATTERN_BROKEN)
			all = r;
	}
	if (all == PATTERN_BROKEN)
		o->unknown |= slot_bit(slot);
	else if (all == PATTERN_YES)
		o->yes |= slot_bit(slot);
	note_decider(m->trace, slot,
	    (struct match_decider){
		.decided = all == PATTERN_YES, .identity = IDENTITY_COUNT, .header = decider});
}

static void apply_fact(struct match *m, struct outcome *o, unsigned slot)
{
	if ((KEYS_OF_HEADERS & 1u << (slot & (SLOT_UNLESS - 1))) != 0)
		apply_headers(m, o, slot);
	else
		apply_words(m, o, slot);
}

/* Criteria on one fact are looked at when the lists leave the rule open; what those of `unless`
 * need is asked for when all criteria hold, or may hold for want of an answer that nobody can give.
 */
static void apply_facts(struct match *m, struct outcome *o)
{
	uint64_t lists = o->rule->keys & KEYS_OF_LISTS;
	unsigned need;

	if (!m->trace && ((lists & ~(o->yes | o->unknown)) != 0 ||
			     (o->yes & (uint64_t)o->rule->unless << SLOT_UNLESS) != 0))
		return;
	for (unsigned key = KEY_LISTS; key < KEY_COUNT; key++)
		if ((o->rule->keys & 1u << key) != 0)
			apply_fact(m, o, key);
	need = o->need;
	for (unsigned key = KEY_LISTS; key < KEY_COUNT; key++)
		if ((o->rule->unless & 1u << key) != 0)
			apply_fact(m, o, SLOT_UNLESS + key);
	if (need != 0)
		o->need = need;
}

static enum truth truth_of(const struct outcome *o, int64_t now)
{
	const struct rule *rule = o->rule;
	uint64_t keys = rule->keys, unless = (uint64_t)rule->unless << SLOT_UNLESS;

	if (rule_expired(rule, now) || (o->yes & unless) != 0)
		return TRUTH_NO;
	if ((keys & ~(o->yes | o->unknown)) != 0)
		return TRUTH_NO;
	return (o->unknown & (keys | unless)) != 0 ? TRUTH_UNKNOWN : TRUTH_YES;
}

/* Evaluates one rule and consumes its members from all cursors. */
static void evaluate(struct match *m, unsigned rule, struct outcome *o)
{
	*o = (struct outcome){.rule = &m->rules->rules[rule]};
	for (unsigned i = 0; i < m->count; i++) {
		struct match_cursor *c = &m->cursors[i];
		for (; c->at < c->end && member_rule(*c->at) == rule; c->at++)
			apply_member(m, o, c);
	}
	if (o->rule->patterns > 0)
		apply_patterns(m, o);
	o->unknown = unknown_slots(m->facts, o->rule->keys, o->rule->in, 0) |
		     unknown_slots(m->facts, o->rule->unless, o->rule->unless_in, SLOT_UNLESS);
	o->unknown &= ~(o->yes | o->no);
	o->late = o->unknown != 0;
	if (o->rule->words || o->rule->headers > 0)
		apply_facts(m, o);
	o->truth = truth_of(o, m->facts->now);
}

static unsigned lowest_rule(const struct match *m)
{
	unsigned lowest = UINT_MAX;

	for (unsigned i = 0; i < m->count; i++) {
		const struct match_cursor *c = &m->cursors[i];
		if (c->at < c->end && member_rule(*c->at) < lowest)
			lowest = member_rule(*c->at);
	}
	if (m->pattern < m->rules->pattern_count && m->rules->patterns[m->pattern].rule < lowest)
		lowest = m->rules->patterns[m->pattern].rule;
	if (m->unlisted < m->rules->unlisted_count && m->rules->unlisted[m->unlisted] < lowest)
		lowest = m->rules->unlisted[m->unlisted];
	return lowest;
}

bool match_next(struct match *m, struct outcome *o)
{
	unsigned rule;

	while ((rule = lowest_rule(m)) != UINT_MAX) {
		evaluate(m, rule, o);
		if (o->rule->patterns > 0)
			m->pattern = o->rule->patterns_from + o->rule->patterns;
		if (m->unlisted < m->rules->unlisted_count &&
		    m->rules->unlisted[m->unlisted] == rule)
			m->unlisted++;
		if (o->truth != TRUTH_NO)
			return true;
	}
	return false;
}

enum truth match_slot_truth(const struct outcome *o, unsigned slot)
{
	if ((o->yes & slot_bit(slot)) != 0)
		return TRUTH_YES;
	return (o->unknown & slot_bit(slot)) != 0 ? TRUTH_UNKNOWN : TRUTH_NO;
}

void match_rule(const struct ruleset *rules, const struct facts *facts, unsigned rule,
    struct outcome *o, struct match_trace *trace)
{
	struct match m;

	*trace = (struct match_trace){.slots = {{.decided = false}}};
	match_start(&m, rules, facts);
	m.trace = trace;
	for (unsigned i = 0; i < m.count; i++)
		while (m.cursors[i].at < m.cursors[i].end && member_rule(*m.cursors[i].at) < rule)
			m.cursors[i].at++;
	evaluate(&m, rule, o);
}
