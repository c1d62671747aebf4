#include "core/history/history_usage.h"

#include "core/change/replay_outcome.h"
#include "core/history/history_set.h"
#include "core/policy/match.h"
#include "core/policy/policy.h"
#include "history_spot.h"

#include <stdlib.h>

/* Of one identity, converted: some times the longest text. */
#define SCRATCH_MAX ((size_t)256 << 10)

/* What is known of an address that was looked up. */
enum client_kind { CLIENT_OF_OTHERS, CLIENT_TRUSTED };

struct history_usage {
	const struct ruleset *rules;
	const struct history_world *world;
	int64_t now;
	struct history_set *seen;    /* values that were looked up: kind and text */
	struct history_set *trusted; /* addresses in trusted_networks */
	struct history_set *used;    /* spots that decided: see struct history_spot */
	bool *patterns;              /* by number of the ruleset's patterns */
	struct arena *scratch;
};

struct history_usage *history_usage_create(const struct ruleset *rules,
    const struct history_seed *seed, const struct history_world *world, int64_t now)
{
	struct history_usage *u = calloc(1, sizeof *u);

	if (!u)
		return NULL;
	*u = (struct history_usage){
	    .rules = rules,
	    .world = world,
	    .now = now,
	    .seen = history_set_create(seed),
	    .trusted = history_set_create(seed),
	    .used = history_set_create(seed),
	    .patterns = calloc((size_t)rules->pattern_count + 1, sizeof *u->patterns),
	    .scratch = arena_create(SCRATCH_MAX),
	};
	if (!u->seen || !u->trusted || !u->used || !u->patterns || !u->scratch)
		history_usage_free(&u);
	return u;
}

void history_usage_free(struct history_usage **usage)
{
	struct history_usage *u = *usage;

	if (!u)
		return;
	history_set_free(&u->seen);
	history_set_free(&u->trusted);
	history_set_free(&u->used);
	free(u->patterns);
	arena_free(&u->scratch);
	free(u);
	*usage = NULL;
}

size_t history_usage_values(const struct history_usage *u)
{
	return history_set_count(u->seen);
}

/* ---- what decides a value ------------------------------------------------------------ */

static bool use(struct history_usage *u, const struct history_spot *s)
{
	bool is_new;

	return history_set_add(u->used, history_spot_bytes(s), &is_new);
}

/* A value on its way through the table. */
struct look {
	struct history_usage *usage;
	struct match match;
	const struct facts *facts;
	enum identity_kind identity; /* IDENTITY_COUNT: the client's address, or the login */
	bool login;
	uint32_t asn, country;
};

static bool use_address(struct look *l, uint32_t member)
{
	const struct prefix p = prefix_of(&l->facts->client, member_depth(member));
	struct history_spot s;

	switch ((enum member_rank)member_rank(member)) {
	case RANK_ASN:
		s = history_spot_of_place(member, l->asn);
		break;
	case RANK_COUNTRY:
		s = history_spot_of_place(member, l->country);
		break;
	default:
		s = history_spot_of_network(member, &p);
		break;
	}
	return use(l->usage, &s);
}

static bool use_name(struct look *l, const struct match_cursor *c, uint32_t member)
{
	const struct identity *id = l->login ? NULL : &l->facts->id[l->identity];
	char spelling[ENTRY_SPELLING_MAX];
	struct history_spot s;

	if (l->login)
		s = history_spot_of_text(
		    member, c->kind, entry_fold_login(l->facts->auth, spelling));
	else if (member_rank(member) == FORM_ADDRESS)
		s = history_spot_of_text(
		    member, c->kind, entry_spell(c->kind, id->local, id->name, spelling));
	else
		s = history_spot_of_text(
		    member, ENTRY_NAME, name_last_labels(id->name, member_depth(member)));
	return use(l->usage, &s);
}

/* Of `domains` the rule may look at other identities only; all else looks at this one. */
static bool looks_at_it(const struct look *l, const struct rule *rule, unsigned slot)
{
	unsigned in = slot >= SLOT_UNLESS ? rule->unless_in : rule->in;

	return (slot & (SLOT_UNLESS - 1)) != KEY_DOMAINS || (in & 1u << l->identity) != 0;
}

/* Cursors of one identity come most specific first. */
static bool is_decided_before(const struct look *l, unsigned cursor, uint32_t matcher)
{
	uint32_t member;

	for (unsigned i = 0; i < cursor; i++)
		if (member_sets_find(
			l->usage->rules->sets, l->match.cursors[i].set, matcher, &member))
			return true;
	return false;
}

static bool use_entries(struct look *l, unsigned families)
{
	const struct ruleset *rules = l->usage->rules;

	for (unsigned i = 0; i < l->match.count; i++) {
		const struct match_cursor *c = &l->match.cursors[i];

		for (const uint32_t *m = c->at; m < c->end; m++) {
			const struct rule *rule = &rules->rules[member_rule(*m)];

			if (!(families & 1u << rule->family) || rule_expired(rule, l->usage->now) ||
			    !policy_asks(rule, l->facts) ||
			    !looks_at_it(l, rule, member_slot(*m)) ||
			    is_decided_before(l, i, member_matcher(*m)))
				continue;
			if (!(l->identity == IDENTITY_COUNT && !l->login ? use_address(l, *m)
									 : use_name(l, c, *m)))
				return false;
		}
	}
	return true;
}

static bool fits(const struct look *l, const struct ruleset_pattern *p)
{
	struct slice value = l->login ? l->facts->auth : l->facts->id[l->identity].composed;

	return pattern_match(p->pattern, value) == PATTERN_YES;
}

/*
 * Patterns of one key: only where no entry has decided.  Those that are out decide before those
 * that are in; of several that fit and say the same, each could.
 */
static void use_pattern(struct look *l, unsigned first, unsigned end)
{
	const struct ruleset *rules = l->usage->rules;
	const struct ruleset_pattern *p = &rules->patterns[first];
	bool out = false;

	if (is_decided_before(
		l, l->match.count, member_matcher(member_make(p->rule, p->slot, false, 0, 0))))
		return;
	for (unsigned i = first; i < end && !out; i++)
		out = rules->patterns[i].out && fits(l, &rules->patterns[i]);
	for (unsigned i = first; i < end; i++)
		if (rules->patterns[i].out == out && !l->usage->patterns[i])
			l->usage->patterns[i] = fits(l, &rules->patterns[i]);
}

static void use_patterns(struct look *l)
{
	const struct ruleset *rules = l->usage->rules;
	unsigned end, key = l->login ? KEY_LOGIN : (unsigned)key_of_identity(l->identity);

	for (unsigned i = 0; i < rules->pattern_count; i = end) {
		const struct ruleset_pattern *p = &rules->patterns[i];

		for (end = i; end < rules->pattern_count && rules->patterns[end].rule == p->rule &&
			      rules->patterns[end].slot == p->slot;
		     end++)
			;
		if ((p->slot & (SLOT_UNLESS - 1)) == key &&
		    !rule_expired(&rules->rules[p->rule], l->usage->now) &&
		    policy_asks(&rules->rules[p->rule], l->facts))
			use_pattern(l, i, end);
	}
}

/* ---- values -------------------------------------------------------------------------- */

/* Kinds of values beside those of the identities: each of these again for who is logged in, whom
 * other rules are for. */
enum { VALUE_CLIENT = IDENTITY_COUNT, VALUE_LOGIN, VALUE_AUTHENTICATED = 8 };

/* True when the value was not looked up before, or in *failed that memory is out. */
static bool is_new_value(struct history_usage *u, unsigned kind, struct slice text, bool *failed)
{
	unsigned char bytes[DECISION_TEXT_MAX + 2];
	size_t len = text.len < DECISION_TEXT_MAX + 1 ? text.len : DECISION_TEXT_MAX + 1;
	bool is_new = false;

	bytes[0] = (unsigned char)kind;
	if (len > 0)
		memcpy(bytes + 1, text.ptr, len);
	*failed = !history_set_add(u->seen, slice_of((const char *)bytes, len + 1), &is_new);
	return is_new;
}

static bool is_trusted(const struct look *l)
{
	const struct match_cursor *c = l->match.cursors;

	for (const uint32_t *m = c->at; l->match.count > 0 && m < c->end; m++)
		if (l->usage->rules->rules[member_rule(*m)].family == FAMILY_TRUSTED &&
		    member_slot(*m) == KEY_NETWORKS && !member_out(*m))
			return true;
	return false;
}

static struct slice client_bytes(const struct ip *ip, unsigned char room[17])
{
	room[0] = (unsigned char)ip->family;
	return slice_of((const char *)room, 1 + ip_to_bytes(ip, room + 1));
}

static bool add_client(
    struct history_usage *u, const struct decision_row *row, enum client_kind *kind)
{
	struct facts facts = {.client = row->client};
	struct look l = {.usage = u, .facts = &facts, .identity = IDENTITY_COUNT};
	unsigned char room[17];
	struct slice bytes = client_bytes(&row->client, room);
	bool failed, is_new = is_new_value(u, VALUE_CLIENT, bytes, &failed);

	*kind = history_set_has(u->trusted, bytes) ? CLIENT_TRUSTED : CLIENT_OF_OTHERS;
	if (failed || !is_new)
		return !failed;
	u->world->place(u->world->context, &row->client, &l.asn, &l.country);
	match_start(&l.match, u->rules, &facts);
	if (!is_trusted(&l))
		return use_entries(&l, ~0u);
	*kind = CLIENT_TRUSTED;
	return history_set_add(u->trusted, bytes, &is_new) && use_entries(&l, 1u << FAMILY_TRUSTED);
}

static struct identity identity_of(
    const struct history_usage *u, enum identity_kind kind, struct slice text)
{
	bool host = kind == IDENTITY_CLIENT_NAME || kind == IDENTITY_HELO;
	bool domain = kind == IDENTITY_FROM && slice_find_last(text, '@') == text.len;

	return host || domain ? identity_of_name(text, u->world->idna, u->scratch)
			      : replay_address(FACT_KNOWN, text, u->world->idna, u->scratch);
}

static bool add_identity(
    struct history_usage *u, const struct decision_row *row, enum identity_kind kind)
{
	struct slice text = row->text[(enum decision_text)kind];
	struct facts facts = {.client.family = IP_NONE, .auth_state = row->auth_state};
	struct look l = {.usage = u, .facts = &facts, .identity = kind};
	unsigned of = facts_are_authenticated(&facts) ? VALUE_AUTHENTICATED : 0;
	bool failed;

	if (row->state[kind] != FACT_KNOWN)
		return true;
	if (!is_new_value(u, of | kind, text, &failed))
		return !failed;
	arena_reset(u->scratch);
	facts.id[kind] = identity_of(u, kind, text);
	if (arena_failed(u->scratch))
		return false;
	match_start(&l.match, u->rules, &facts);
	use_patterns(&l);
	return use_entries(&l, ~0u);
}

static bool add_login(struct history_usage *u, const struct decision_row *row)
{
	struct facts facts = {
	    .client.family = IP_NONE, .auth_state = FACT_KNOWN, .auth = row->text[ROW_AUTH]};
	struct look l = {.usage = u, .facts = &facts, .identity = IDENTITY_COUNT, .login = true};
	bool failed;

	if (!is_new_value(u, VALUE_LOGIN, facts.auth, &failed))
		return !failed;
	match_start(&l.match, u->rules, &facts);
	use_patterns(&l);
	return use_entries(&l, ~0u);
}

/* Rules for authenticated sessions look at no client. */
static bool add_authenticated(struct history_usage *u, const struct decision_row *row)
{
	if (!add_login(u, row))
		return false;
	for (int i = 0; i < IDENTITY_COUNT; i++)
		if (!add_identity(u, row, (enum identity_kind)i))
			return false;
	return true;
}

/* The entry that refused the many clients for which the row stands. */
static bool add_folded(struct history_usage *u, const struct decision_row *row)
{
	if (!row->has_network)
		return true;
	for (unsigned i = 0; i < u->rules->rule_count; i++) {
		const struct rule *rule = &u->rules->rules[i];
		struct history_spot s;

		if (rule->family != row->family || !slice_equal(rule->name, row->text[ROW_RULE]) ||
		    rule_expired(rule, u->now))
			continue;
		s = history_spot_of_network(
		    member_make(i, KEY_NETWORKS, false, RANK_NETWORK, row->network.length),
		    &row->network);
		if (!use(u, &s))
			return false;
	}
	return true;
}

bool history_usage_add(struct history_usage *u, const struct decision_row *row)
{
	enum client_kind kind = CLIENT_OF_OTHERS;

	if (row->client.family == IP_NONE)
		return true;
	if (row->auth_state == FACT_KNOWN)
		return add_authenticated(u, row);
	if ((row->flags & ROW_FOLDED) != 0 && !add_folded(u, row))
		return false;
	if (!add_client(u, row, &kind))
		return false;
	for (int i = 0; i < IDENTITY_COUNT && kind == CLIENT_OF_OTHERS; i++)
		if (!add_identity(u, row, (enum identity_kind)i))
			return false;
	return true;
}

/* ---- questions ----------------------------------------------------------------------- */

struct range_question {
	const struct history_usage *usage;
	unsigned rule, slot;
	bool out, found;
};

static bool has_network(void *context, const struct prefix *p)
{
	struct range_question *q = context;
	struct history_spot s = history_spot_of_network(
	    member_make(q->rule, q->slot, q->out, RANK_NETWORK, p->length), p);

	q->found = history_set_has(q->usage->used, history_spot_bytes(&s));
	return !q->found;
}

static bool has_pattern(
    const struct history_usage *u, unsigned rule, unsigned slot, const struct entry *e)
{
	for (unsigned i = 0; i < u->rules->pattern_count; i++) {
		const struct ruleset_pattern *p = &u->rules->patterns[i];

		if (p->rule == rule && p->slot == slot && p->out == e->out && u->patterns[i] &&
		    slice_equal(p->text, e->text))
			return true;
	}
	return false;
}

static bool has_text(
    const struct history_usage *u, unsigned rule, unsigned slot, const struct entry *e)
{
	char spelling[ENTRY_SPELLING_MAX];
	unsigned depth = name_labels(e->name);
	enum member_form form = FORM_ADDRESS;
	struct history_spot s;

	if (e->kind == ENTRY_NAME || e->kind == ENTRY_TREE || e->kind == ENTRY_BELOW)
		form = e->kind == ENTRY_NAME   ? FORM_NAME
		       : e->kind == ENTRY_TREE ? FORM_TREE
					       : FORM_BELOW;
	s = form == FORM_ADDRESS
		? history_spot_of_text(member_make(rule, slot, e->out, form, depth), e->kind,
		      entry_spell(e->kind, e->local, e->name, spelling))
		: history_spot_of_text(
		      member_make(rule, slot, e->out, form, depth), ENTRY_NAME, e->name);
	return history_set_has(u->used, history_spot_bytes(&s));
}

bool history_usage_has(
    const struct history_usage *u, unsigned rule, unsigned slot, const struct entry *e)
{
	struct range_question q = {u, rule, slot, e->out, false};

	if (e->kind == ENTRY_PATTERN)
		return has_pattern(u, rule, slot, e);
	if (e->kind != ENTRY_NETWORK)
		return has_text(u, rule, slot, e);
	if (e->is_range)
		prefix_from_range(&e->first, &e->last, has_network, &q);
	else
		has_network(&q, &e->prefix);
	return q.found;
}

bool history_usage_has_place(const struct history_usage *u, unsigned rule, unsigned slot,
    enum member_rank rank, uint32_t number, bool out)
{
	struct history_spot s =
	    history_spot_of_place(member_make(rule, slot, out, (unsigned)rank, 0), number);

	return history_set_has(u->used, history_spot_bytes(&s));
}
