#include "config_rule_parser.h"

#include "core/base/array.h"
#include "core/rules/fact_words.h"

#include <stdlib.h>

#define LOAD_AUTHENTICATED_CRITERIA "login, sender, sender_domain, from, helo, recipient or header"

/* Bits 1 << key of the criteria that the group has. */
static unsigned criteria_of(const struct setting *group)
{
	unsigned keys = 0;

	for (unsigned i = 0; i < CRITERIA; i++)
		if (setting_member(group, load_criteria[i].word))
			keys |= 1u << load_criteria[i].key;
	return keys;
}

static void add_criteria(
    struct rule_parser *p, unsigned rule, unsigned shift, const struct setting *group)
{
	for (unsigned i = 0; i < CRITERIA; i++) {
		const struct criterion *c = &load_criteria[i];
		const struct setting *s = setting_member(group, c->word);

		if (s)
			p->found[c->key + shift] |=
			    load_entries(p->load, c, &p->rule, rule, c->key + shift, s, p->limits);
	}
}

/* ---- what only the whole rule shows -------------------------------------------------- */

/* Whether each entry of the key is fit for a whitelist; false without the key. */
static bool each_entry(const struct load *load, const struct setting *group, const char *key,
    bool (*is_fit)(const struct load *, struct slice entry))
{
	const struct setting *s = setting_member(group, key);
	unsigned n = s && setting_is_aggregate(s) ? setting_count(s) : 0;
	bool fit = s && (n > 0 || is_fit(load, setting_text(s)));

	for (unsigned i = 0; i < n; i++)
		fit = fit && is_fit(load, setting_text(setting_element(s, i)));
	return fit;
}

static bool is_pass(const struct load *load, struct slice entry)
{
	(void)load;
	return slice_equal(entry, SLICE("pass"));
}

/* A list of clients' addresses is as good as networks. */
static bool is_list_of_clients(const struct load *load, struct slice entry)
{
	const struct dnsbl *list = ruleset_dnsbl(load->builder, entry);

	return list && list->of == IDENTITY_COUNT;
}

/* What a result proves, which is pass alone: whoever says `none` lets every forger in. */
static bool is_proven(const struct rule_parser *p, const struct setting *group)
{
	unsigned keys = p->rule.keys;

	return ((keys & 1u << KEY_SENDER) != 0 && each_entry(p->load, group, "spf", is_pass)) ||
	       ((keys & 1u << KEY_FROM) != 0 &&
		   (each_entry(p->load, group, "dkim", is_pass) ||
		       each_entry(p->load, group, "dmarc", is_pass))) ||
	       each_entry(p->load, group, "listed", is_list_of_clients);
}

static void check_whitelist(struct rule_parser *p, const struct setting *group)
{
	struct rule *rule = &p->rule;
	const unsigned alone =
	    1u << KEY_NETWORKS | 1u << KEY_CLIENT_NAME | 1u << KEY_RECIPIENT | 1u << KEY_DOMAINS;

	if (rule->keys & 1u << KEY_DOMAINS && rule->proof == 0)
		diag_error(p->load->diag, rule->where,
		    "\"%.*s\" exempts by domains, which prove nothing: add proof = [ \"spf\", "
		    "\"client_name\" ] or one of the two",
		    SLICE_ARG(rule->name));
	else if (rule->keys != 0 && (rule->keys & alone) == 0 && !is_proven(p, group))
		diag_error(p->load->diag, rule->where,
		    "\"%.*s\" exempts by what proves nothing: use domains with proof, add "
		    "networks, "
		    "asn, country, client_name or listed (of the client), or spf, dkim or dmarc "
		    "that is pass",
		    SLICE_ARG(rule->name));
	rule->in = (rule->proof & PROOF_SPF ? 1u << IDENTITY_SENDER : 0) |
		   (rule->proof & PROOF_CLIENT_NAME ? 1u << IDENTITY_CLIENT_NAME : 0);
}

/*
 * What rules for authenticated sessions may ask for (SPEC 3.5): who a user's client is, what the
 * DNS says of it, and SPF, DKIM and DMARC have no meaning there.
 */
static bool suits_authenticated(const char *word)
{
	static const char *const words[] = {"login", "sender", "sender_domain", "from", "helo",
	    "recipient", "header", "all_headers"};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

/* Criteria of a rule, or of its unless, that do not go with the sessions that it is for. */
static void check_sessions(const struct rule_parser *p, const struct setting *group, const char *of)
{
	const struct rule *rule = &p->rule;
	bool authenticated = rule_is_for_authenticated(rule);

	for (unsigned i = 0; i < CRITERIA; i++) {
		const struct criterion *c = &load_criteria[i];
		const struct setting *s = setting_member(group, c->word);

		if (s && !authenticated && c->key == KEY_LOGIN)
			diag_error(p->load->diag, load_where(p->load, s),
			    "login belongs to rules of blocks with applies = \"authenticated\" or "
			    "\"both\": nobody is logged in where mail is inbound");
		else if (s && authenticated && !suits_authenticated(c->word))
			diag_error(p->load->diag, load_where(p->load, s),
			    "%s cannot be used in%s \"%.*s\", which is for authenticated sessions: "
			    "use " LOAD_AUTHENTICATED_CRITERIA,
			    c->word, of, SLICE_ARG(rule->name));
	}
}

static void check_rule(struct rule_parser *p, const struct setting *group)
{
	struct rule *rule = &p->rule;

	if (rule->name.len == 0)
		diag_error(p->load->diag, rule->where, "a rule needs a name");
	if (rule->keys == 0)
		diag_error(p->load->diag, rule->where,
		    "the rule \"%.*s\" has no criterion and would match everything",
		    SLICE_ARG(rule->name));
	if (rule->family == FAMILY_WHITELIST)
		check_whitelist(p, group);
}

/* ---- names are unique ---------------------------------------------------------------- */

static void note_name(struct load *load, const struct rule *rule)
{
	if (!ARRAY_ROOM(load->names, load->name_capacity, load->name_count + 1)) {
		diag_error(load->diag, rule->where, "out of memory");
		return;
	}
	load->names[load->name_count] =
	    (struct rule_name){rule->name, rule->where, load->name_count};
	load->name_count++;
}

static int compare_names(const void *one, const void *other)
{
	const struct rule_name *a = one, *b = other;
	int order = slice_compare(a->name, b->name);

	return order ? order : (a->number > b->number) - (a->number < b->number);
}

void load_check_names(struct load *load)
{
	size_t first = 0;

	if (load->name_count > 0)
		qsort(load->names, load->name_count, sizeof *load->names, compare_names);
	for (size_t i = 1; i < load->name_count; i++) {
		const struct rule_name *n = &load->names[i], *f = &load->names[first];

		if (n->name.len == 0 || !slice_equal(n->name, f->name))
			first = i;
		else
			diag_error(load->diag, n->where,
			    "a rule named \"%.*s\" is already at %s:%u", SLICE_ARG(n->name),
			    f->where.file, f->where.line);
	}
}

/* ---- sections ------------------------------------------------------------------------ */

/* Whether RCPT knows too little of what the rule looks at, `domains` of its `unless` aside. */
static bool waits_for_the_end(const struct rule *rule)
{
	unsigned keys = rule->keys | rule->unless;

	for (unsigned key = KEY_LISTS; key < KEY_COUNT; key++)
		if ((keys & 1u << key) != 0 && fact_words_row(key) && fact_words_row(key)->late)
			return true;
	return (keys & (1u << KEY_FROM | KEYS_OF_HEADERS)) != 0 ||
	       ((rule->keys & 1u << KEY_DOMAINS) != 0 && rule->in == 1u << IDENTITY_FROM);
}

static void load_rule(struct load *load, enum family family, const struct setting *group)
{
	struct rule_parser p = {
	    .load = load,
	    .rule = {.family = family,
		.where = load_where(load, group),
		.in = IN_DEFAULT,
		.unless_in = IN_AT_RCPT},
	    .limits = {.max_shrink = FEED_MAX_SHRINK},
	};
	const struct setting *unless = setting_member(group, "unless");
	size_t errors = diag_errors(load->diag);
	unsigned number;

	if (family == FAMILY_WHITELIST)
		p.rule.covers = 1u << FAMILY_SUSRANGES | 1u << FAMILY_BLOCKS;
	rule_parser_check_keys(&p, group, false);
	rule_parser_attributes(&p, group);
	p.rule.keys = criteria_of(group);
	if (unless && load_is_group(load, unless)) {
		rule_parser_check_keys(&p, unless, true);
		p.rule.unless = criteria_of(unless);
		if (p.rule.unless == 0)
			diag_error(load->diag, load_where(load, unless),
			    "unless is empty: name what exempts from this rule");
		if (waits_for_the_end(&p.rule))
			p.rule.unless_in = IN_DEFAULT;
		rule_parser_unless(&p, unless);
	} else {
		unless = NULL;
	}
	check_rule(&p, group);
	check_sessions(&p, group, "");
	if (unless)
		check_sessions(&p, unless, " unless of");
	load_rule_mode(load, &p.rule);
	note_name(load, &p.rule);
	number = ruleset_add_rule(load->builder, &p.rule);
	add_criteria(&p, number, 0, group);
	if (unless)
		add_criteria(&p, number, SLOT_UNLESS, unless);
	if (diag_errors(load->diag) == errors)
		rule_parser_warn(&p);
}

static void load_rules(struct load *load, enum family family, const struct setting *section)
{
	if (!section)
		return;
	if (section->type != SETTING_LIST) {
		diag_error(load->diag, load_where(load, section),
		    "%s must be a list of rules: %s = ( { name = \"...\"; }, { } );", section->name,
		    section->name);
		return;
	}
	for (unsigned i = 0; i < setting_count(section); i++) {
		const struct setting *group = setting_element(section, i);

		if (group->type == SETTING_GROUP)
			load_rule(load, family, group);
		else
			diag_error(load->diag, load_where(load, group),
			    "a rule is a group: { name = \"...\"; }");
	}
}

void load_whitelist(struct load *load, const struct setting *section)
{
	load_rules(load, FAMILY_WHITELIST, section);
	load_managed(load);
}

void load_blocks(struct load *load, const struct setting *section)
{
	load_rules(load, FAMILY_BLOCKS, section);
}

void load_susranges(struct load *load, const struct setting *section)
{
	load_rules(load, FAMILY_SUSRANGES, section);
}

const char *const *load_plain_default(enum family family)
{
	static const char *const trusted[] = {"127.0.0.0/8", "::1", NULL};
	static const char *const exempt[] = {"postmaster@", "abuse@", NULL};

	return family == FAMILY_TRUSTED ? trusted : exempt;
}

/* trusted_networks and exempt_recipients: one rule, named after its section, of plain entries. */
static void load_plain(
    struct load *load, enum family family, const char *criterion, const struct setting *section)
{
	const char *const *fallback = load_plain_default(family);
	const struct criterion *c = load_criterion(criterion);
	struct rule rule = {
	    .name = slice_str(family_name(family)),
	    .family = family,
	    .keys = 1u << c->key,
	    .where = section ? load_where(load, section) : (struct origin){load->config->path, 0},
	};
	unsigned number = ruleset_add_rule(load->builder, &rule);

	if (section && !(setting_is_aggregate(section) && setting_count(section) == 0))
		load_entries(load, c, &rule, number, c->key, section,
		    (struct list_limits){.max_shrink = FEED_MAX_SHRINK});
	for (; !section && *fallback; fallback++)
		c->take(load, c, number, c->key, slice_str(*fallback), rule.where);
}

void load_trusted(struct load *load, const struct setting *section)
{
	load_plain(load, FAMILY_TRUSTED, "networks", section);
}

void load_exempt(struct load *load, const struct setting *section)
{
	load_plain(load, FAMILY_EXEMPT, "recipient", section);
}
