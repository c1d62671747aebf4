#include "core/rules/ruleset.h"

#include "core/rules/fact_words.h"
#include "core/rules/survey.h"
#include "ruleset_builder.h"

#include <stdlib.h>

/* Rules, comments and replies: a table of 65,535 rules with a kilobyte of words each. */
#define RULESET_STRINGS_MAX ((size_t)64 << 20)
/* Only exact addresses need a copy: some millions of them. */
#define RULESET_SCRATCH_MAX ((size_t)1 << 30)

struct ruleset_builder *ruleset_builder_create(struct diag *diag)
{
	struct ruleset_builder *b = calloc(1, sizeof *b);

	if (!b)
		return NULL;
	b->diag = diag;
	b->scratch = arena_create(RULESET_SCRATCH_MAX);
	b->rules = calloc(1, sizeof *b->rules);
	if (b->rules) {
		b->rules->arena = arena_create(RULESET_STRINGS_MAX);
		b->rules->sets = member_sets_create();
		b->rules->settings.defaults =
		    (struct switches){.susranges = true, .blocks = true, .spf = SPF_OFF};
	}
	b->newest = calloc(RULES_MAX + 1, sizeof *b->newest);
	if (!b->scratch || !b->rules || !b->rules->arena || !b->rules->sets || !b->newest)
		ruleset_abandon(&b);
	return b;
}

void ruleset_abandon(struct ruleset_builder **builder)
{
	struct ruleset_builder *b = *builder;

	if (!b)
		return;
	for (int key = 0; key < KEY_COUNT; key++)
		free(b->names[key].at);
	for (int i = 0; i < IDENTITY_COUNT; i++)
		free(b->addresses[i].at);
	free(b->domains.at);
	free(b->entries);
	free(b->networks);
	free(b->tallies);
	free(b->layers);
	free(b->newest);
	free(b->marks);
	free(b->keys);
	free(b->members);
	arena_free(&b->scratch);
	ruleset_free(&b->rules);
	free(b);
	*builder = NULL;
}

void ruleset_survey(struct ruleset_builder *b, struct survey *survey)
{
	b->survey = survey;
}

void ruleset_set_settings(struct ruleset_builder *b, const struct settings *settings)
{
	struct ruleset *rules = b->rules;

	rules->settings = *settings;
	rules->settings.help_url = arena_copy(rules->arena, settings->help_url);
	rules->settings.authserv_id = arena_copy(rules->arena, settings->authserv_id);
	rules->settings.headers_results = arena_copy(rules->arena, settings->headers_results);
	rules->settings.headers_verdict = arena_copy(rules->arena, settings->headers_verdict);
}

unsigned ruleset_add_rule(struct ruleset_builder *b, const struct rule *rule)
{
	struct ruleset *rules = b->rules;
	struct rule *copy;

	if (rules->rule_count == RULES_MAX) {
		diag_error(b->diag, rule->where,
		    "more than %d rules: put entries into lists instead", (int)RULES_MAX);
		return RULES_MAX;
	}
	if (!ROOM(b, rules->rules, rules->rule_count, b->rule_capacity))
		return RULES_MAX;
	copy = &rules->rules[rules->rule_count];
	*copy = *rule;
	copy->name = arena_copy(rules->arena, rule->name);
	copy->reply = arena_copy(rules->arena, rule->reply);
	copy->comment = arena_copy(rules->arena, rule->comment);
	copy->owner = arena_copy(rules->arena, rule->owner);
	copy->ticket = arena_copy(rules->arena, rule->ticket);
	copy->override.by = arena_copy(rules->arena, rule->override.by);
	copy->where.file = arena_strdup(rules->arena, slice_str(rule->where.file));
	if (arena_failed(rules->arena))
		return RULES_MAX;
	return rules->rule_count++;
}

/* The tally of a rule (or RULES_MAX: of the domains) and a file. */
static uint32_t tally_of(struct ruleset_builder *b, unsigned rule, const char *file)
{
	for (uint32_t i = b->newest[rule]; i > 0; i = b->tallies[i - 1].older) {
		const struct tally *t = &b->tallies[i - 1];
		if (t->file == file || strcmp(t->file, file) == 0)
			return i - 1;
	}
	if (!ROOM(b, b->tallies, b->tally_count, b->tally_capacity))
		return 0;
	b->tallies[b->tally_count] =
	    (struct tally){.rule = rule, .file = file, .older = b->newest[rule]};
	b->newest[rule] = (uint32_t)++b->tally_count;
	return b->newest[rule] - 1;
}

/* Notes where a member comes from; the number is the tag in the trie's entries. */
static uint32_t add_origin(
    struct ruleset_builder *b, uint32_t member, uint32_t tally, unsigned line)
{
	if (!ROOM(b, b->entries, b->entry_count, b->entry_capacity))
		return 0;
	b->entries[b->entry_count] = (struct rule_entry){member, tally, line};
	return (uint32_t)b->entry_count++;
}

/* The rule of the list that susmilterctl edits: nobody can set its attributes. */
static bool is_managed(const struct rule *rule)
{
	return slice_equal(rule->name, SLICE("managed"));
}

static void check_width(struct ruleset_builder *b, unsigned number, unsigned slot, bool out,
    const struct prefix *prefix, struct origin where)
{
	const struct rule *rule = &b->rules->rules[number];
	unsigned shortest = rule_shortest_prefix(
	    rule->family, rule_lets_in(rule->family, slot, out), prefix->base.family);
	char text[PREFIX_TEXT_MAX];

	if (rule->wide || prefix->length >= shortest)
		return;
	prefix_format(prefix, text);
	if (is_managed(rule))
		diag_error(b->diag, where,
		    "%s is wider than /%u; if you mean it, use a whitelist rule with wide = true",
		    text, shortest);
	else if (rule->family == FAMILY_TRUSTED)
		diag_error(b->diag, where,
		    "%s is wider than /%u: nothing that comes from there would be checked", text,
		    shortest);
	else
		diag_error(b->diag, where,
		    "%s%s is wider than /%u in \"%.*s\" (%s%s); if you mean it, set wide = true on "
		    "the rule",
		    out ? "!" : "", text, shortest, SLICE_ARG(rule->name),
		    slot >= SLOT_UNLESS ? "unless of " : "", family_name(rule->family));
}

static void add_prefix(struct ruleset_builder *b, uint32_t tag, const struct prefix *prefix)
{
	if (!ROOM(b, b->networks, b->network_count, b->network_capacity))
		return;
	b->networks[b->network_count++] = (struct ip_radix_entry){*prefix, tag};
}

struct range_cut {
	struct ruleset_builder *b;
	unsigned rule, slot;
	bool out;
	uint32_t tally;
	struct origin where;
};

static bool add_piece(void *context, const struct prefix *prefix)
{
	struct range_cut *cut = context;
	uint32_t member = member_make(cut->rule, cut->slot, cut->out, RANK_NETWORK, prefix->length);

	check_width(cut->b, cut->rule, cut->slot, cut->out, prefix, cut->where);
	add_prefix(cut->b, add_origin(cut->b, member, cut->tally, cut->where.line), prefix);
	return !cut->b->failed;
}

static void add_network(struct ruleset_builder *b, unsigned rule, unsigned slot,
    const struct entry *e, uint32_t tally, struct origin where)
{
	struct range_cut cut = {b, rule, slot, e->out, tally, where};

	b->rules->network_entries++;
	if (e->is_range)
		prefix_from_range(&e->first, &e->last, add_piece, &cut);
	else
		add_piece(&cut, &e->prefix);
}

void ruleset_add_geo(struct ruleset_builder *b, unsigned rule, unsigned slot, enum member_rank rank,
    bool out, const struct prefix *prefix)
{
	uint32_t member = member_make(rule, slot, out, rank, prefix->length);
	struct origin where;

	if (rule >= b->rules->rule_count)
		return;
	b->rules->rules[rule].entries++;
	where = b->rules->rules[rule].where;
	add_prefix(b, add_origin(b, member, tally_of(b, rule, where.file), where.line), prefix);
}

static void add_name(
    struct ruleset_builder *b, struct names_in *in, uint32_t tag, struct slice name)
{
	if (ROOM(b, in->at, in->count, in->capacity))
		in->at[in->count++] = (struct name_radix_entry){name, tag};
}

static enum member_form form_of(enum entry_kind kind)
{
	switch (kind) {
	case ENTRY_NAME:
		return FORM_NAME;
	case ENTRY_TREE:
		return FORM_TREE;
	case ENTRY_BELOW:
		return FORM_BELOW;
	default:
		return FORM_ADDRESS;
	}
}

static void add_pattern(struct ruleset_builder *b, unsigned rule, unsigned slot,
    const struct entry *e, uint32_t tally, struct origin where)
{
	struct ruleset *rules = b->rules;
	char why[PATTERN_WHY_MAX], shown[EXCERPT_MAX];
	struct pattern *pattern = pattern_compile(e->text, why);
	uint32_t tag;

	if (!pattern) {
		diag_error(b->diag, where, "/%s/: %s", slice_excerpt(e->text, shown), why);
		return;
	}
	if (!ROOM(b, rules->patterns, rules->pattern_count, b->pattern_capacity)) {
		pattern_free(&pattern);
		return;
	}
	tag = add_origin(b, member_make(rule, slot, e->out, FORM_NAME, 0), tally, where.line);
	rules->patterns[rules->pattern_count++] = (struct ruleset_pattern){
	    rule, slot, e->out, tag, pattern, arena_copy(rules->arena, e->text)};
}

unsigned ruleset_add_dnsbl(struct ruleset_builder *b, const struct dnsbl *list, struct origin where)
{
	struct ruleset *rules = b->rules;
	struct dnsbl *copy;

	if (rules->dnsbl_count == DNSBLS_MAX) {
		diag_error(b->diag, where, "more than %d dnsbls", (int)DNSBLS_MAX);
		return DNSBLS_MAX;
	}
	if (!rules->dnsbls)
		rules->dnsbls = calloc(DNSBLS_MAX, sizeof *rules->dnsbls);
	b->failed |= !rules->dnsbls;
	if (!rules->dnsbls)
		return DNSBLS_MAX;
	copy = &rules->dnsbls[rules->dnsbl_count];
	*copy = *list;
	copy->name = arena_copy(rules->arena, list->name);
	copy->zone = arena_copy(rules->arena, list->zone);
	copy->listed = arena_copy(rules->arena, list->listed);
	copy->unlisted = arena_copy(rules->arena, list->unlisted);
	return rules->dnsbl_count++;
}

unsigned ruleset_find_dnsbl(const struct ruleset_builder *b, struct slice name)
{
	for (unsigned i = 0; i < b->rules->dnsbl_count; i++)
		if (slice_equal(b->rules->dnsbls[i].name, name))
			return i;
	return DNSBLS_MAX;
}

const struct dnsbl *ruleset_dnsbl(const struct ruleset_builder *b, struct slice name)
{
	unsigned number = ruleset_find_dnsbl(b, name);

	return number < DNSBLS_MAX ? &b->rules->dnsbls[number] : NULL;
}

void ruleset_add_word(struct ruleset_builder *b, unsigned rule, unsigned slot, unsigned word,
    bool out, struct origin where)
{
	unsigned key = slot & (SLOT_UNLESS - 1), at = key - KEY_LISTS;
	bool unless = slot >= SLOT_UNLESS;
	uint64_t bit = UINT64_C(1) << word;
	struct fact_words *words;

	if (rule >= b->rules->rule_count)
		return;
	words = b->rules->rules[rule].words;
	if (!words)
		words = arena_calloc(b->rules->arena, 1, sizeof *words);
	b->rules->rules[rule].words = words;
	if (!words)
		return;
	if ((words->in[unless][at] | words->out[unless][at]) & bit &&
	    ((words->out[unless][at] & bit) != 0) != out)
		diag_error(b->diag, where,
		    "\"%.*s\" is both in and out of \"%.*s\"; keep one of the two",
		    SLICE_ARG(fact_word(b->rules, key, word)),
		    SLICE_ARG(b->rules->rules[rule].name));
	*(out ? &words->out[unless][at] : &words->in[unless][at]) |= bit;
}

static struct pattern *header_pattern(
    struct ruleset_builder *b, struct slice text, struct origin where)
{
	char why[PATTERN_WHY_MAX], shown[EXCERPT_MAX];
	struct pattern *pattern = pattern_compile(text, why);

	if (!pattern)
		diag_error(b->diag, where, "/%s/: %s", slice_excerpt(text, shown), why);
	return pattern;
}

void ruleset_add_header(struct ruleset_builder *b, unsigned rule, unsigned slot,
    const struct header_entry *e, struct origin where)
{
	struct ruleset *rules = b->rules;
	char folded[HEADER_NAME_MAX];
	struct header_test t = {.rule = rule, .slot = slot, .absent = e->absent};

	if (rule >= rules->rule_count)
		return;
	if (e->pattern.len > 0 && !(t.pattern = header_pattern(b, e->pattern, where)))
		return;
	if (!ROOM(b, rules->headers, rules->header_count, b->header_capacity)) {
		pattern_free(&t.pattern);
		return;
	}
	t.name = arena_copy(rules->arena, header_name_fold(e->name, folded));
	t.text = arena_copy(rules->arena, e->text);
	rules->rules[rule].entries++;
	rules->headers[rules->header_count++] = t;
}

/* The names of a whole top-level domain are as much as the widest of networks. */
static void check_breadth(struct ruleset_builder *b, const struct rule *rule, unsigned slot,
    const struct entry *e, struct origin where)
{
	if (rule->family != FAMILY_WHITELIST || slot != KEY_DOMAINS || e->out || rule->wide ||
	    e->kind == ENTRY_NAME || name_labels(e->name) != 1)
		return;
	diag_warning(b->diag, where, "\"%.*s\" exempts all names below %.*s%s",
	    SLICE_ARG(rule->name), SLICE_ARG(e->name),
	    is_managed(rule) ? "" : "; if you mean it, set wide = true");
}

static bool has_addresses(unsigned key)
{
	return key == KEY_SENDER || key == KEY_FROM || key == KEY_RECIPIENT;
}

void ruleset_add_entry(struct ruleset_builder *b, unsigned rule, unsigned slot,
    const struct entry *e, struct origin where)
{
	unsigned key = slot & (SLOT_UNLESS - 1);
	enum member_form form = form_of(e->kind);
	unsigned depth = name_labels(e->name);
	struct names_in *in = &b->names[key];
	struct slice name = e->name;
	char spelling[ENTRY_SPELLING_MAX];
	uint32_t tally;

	if (rule >= b->rules->rule_count)
		return;
	b->rules->rules[rule].entries++;
	tally = tally_of(b, rule, where.file);
	if (tally < b->tally_count)
		b->tallies[tally].entries++;
	if (e->kind == ENTRY_NETWORK) {
		add_network(b, rule, slot, e, tally, where);
		return;
	}
	b->rules->name_entries++;
	if (e->kind == ENTRY_PATTERN) {
		add_pattern(b, rule, slot, e, tally, where);
		return;
	}
	check_breadth(b, &b->rules->rules[rule], slot, e, where);
	if (form == FORM_ADDRESS)
		name = arena_copy(b->scratch, entry_spell(e->kind, e->local, e->name, spelling));
	if (form == FORM_ADDRESS && has_addresses(key))
		in = &b->addresses[key - KEY_CLIENT_NAME];
	add_name(b, in,
	    add_origin(b, member_make(rule, slot, e->out, form, depth), tally, where.line), name);
}

void ruleset_add_domain_name(struct ruleset_builder *b, enum entry_kind kind, struct slice name,
    unsigned layer, struct origin where)
{
	add_name(b, &b->domains,
	    add_origin(b, member_make(layer, 0, false, form_of(kind), 0),
		tally_of(b, RULES_MAX, where.file), where.line),
	    name);
}
