#include "config_load.h"

#include "edge/geo/geo.h"
#include "edge/idn/idn.h"
#include "edge/managed/managed.h"

/* ---- one key ------------------------------------------------------------------------- */

/* Entries of one key on their way to who wants them. */
struct key_walk {
	struct load *load;
	const struct criterion *criterion;
	struct config_entry entry; /* what all entries of the key have */
	const struct entry_walk *to;
};

static void give(struct key_walk *k, struct config_entry entry)
{
	k->to->each(k->to->context, &entry);
}

static enum member_rank rank_of(const struct criterion *c)
{
	if (!c->number)
		return RANK_NETWORK;
	return strcmp(c->word, "asn") == 0 ? RANK_ASN : RANK_COUNTRY;
}

/* What does not parse is the business of `check`. */
static void each_text(void *context, struct slice text, struct origin where)
{
	struct key_walk *k = context;
	struct config_entry out = k->entry;
	char why[ENTRY_WHY_MAX];
	struct entry e;

	if (*k->to->stop)
		return;
	out.text = text;
	out.where = where;
	if (k->criterion->number) {
		out.out = slice_starts(text, SLICE("!"));
		if (k->criterion->number(slice_trim(slice_skip(text, out.out)), &out.number))
			give(k, out);
	} else if (entry_parse(text, k->criterion->accept, &idn_uts46, k->load->arena, &e, why) ==
		   NULL) {
		out.out = e.out;
		out.entry = &e;
		give(k, out);
	}
}

/* Where the feed has it today; what its copy alone has stands nowhere. */
static void each_feed(void *context, struct slice named, struct origin where)
{
	struct key_walk *k = context;
	struct feed_terms terms = {.accept = k->criterion->accept,
	    .number = k->criterion->number,
	    .idna = &idn_uts46,
	    .arena = k->load->arena};
	const char *path = config_path(k->load->arena, where.file, named);
	char why[TEXTFILE_WHY_MAX];
	struct feed_reader r;
	struct feed_line l;
	struct slice text;

	if (!path || load_file(k->load, LOADED_FEED, path, &text, why) != TEXTFILE_OK)
		return;
	r = feed_reader(text);
	while (!*k->to->stop && feed_next(&r, &terms, &l)) {
		struct config_entry out = k->entry;

		if (l.fault != FEED_NO_FAULT)
			continue;
		out.text = l.text;
		out.where = (struct origin){path, l.line};
		out.feed = true;
		out.number = l.number;
		out.entry = terms.number ? NULL : &l.entry;
		give(k, out);
	}
}

void load_each_entry(struct load *load, const struct criterion *c, const struct setting *s,
    struct config_entry common, const struct entry_walk *to)
{
	struct key_walk k = {load, c, common, to};
	struct value_walk walk = {each_text, &k, true, each_feed};

	k.entry.key = c->word;
	k.entry.rank = rank_of(c);
	if (s && c->key < KEY_LISTS)
		load_each_value(load, s, &walk);
}

/* ---- the managed whitelist ----------------------------------------------------------- */

struct managed_walk {
	struct load *load;
	struct config_entry common;
	const struct entry_walk *to;
};

static void give_managed(
    const struct managed_walk *m, enum rule_key key, struct slice text, const struct entry *e)
{
	struct config_entry out = m->common;

	out.slot = key;
	out.key = rule_key_name(key);
	out.rank = RANK_NETWORK;
	out.text = text;
	out.entry = e;
	m->to->each(m->to->context, &out);
}

/* sender= or recipient=, which narrow an entry. */
static void give_narrowing(const struct managed_walk *m, enum rule_key key, struct slice text)
{
	char why[ENTRY_WHY_MAX];
	struct entry e;

	if (text.len > 0 &&
	    entry_parse(text, ENTRY_ACCEPT_ADDRESSES, &idn_uts46, m->load->arena, &e, why) == NULL)
		give_managed(m, key, text, &e);
}

static void each_of_managed_line(struct managed_walk *m, struct slice text, struct slice line)
{
	struct managed_line words = {.expires = 0};
	char why[ENTRY_WHY_MAX];
	struct entry e;
	bool network;

	if (managed_parse_words(slice_skip(line, slice_find(line, '#')), &words) != NULL ||
	    managed_parse_entry(text, m->load->arena, &e, why) != NULL)
		return;
	network = e.kind == ENTRY_NETWORK;
	m->common.expires = words.expires;
	give_managed(m, network ? KEY_NETWORKS : KEY_DOMAINS, text, &e);
	give_narrowing(m, network && words.proof ? KEY_DOMAINS : KEY_SENDER, words.sender);
	give_narrowing(m, KEY_RECIPIENT, words.recipient);
}

void load_each_managed(struct load *load, const char *path, const struct entry_walk *to)
{
	struct managed_walk m = {
	    load, {.family = FAMILY_WHITELIST, .name = SLICE("managed"), .where = {path, 0}}, to};
	struct slice rest, text, line;
	char why[TEXTFILE_WHY_MAX];

	if (path[0] == '\0' || load_file(load, LOADED_MANAGED, path, &rest, why) != TEXTFILE_OK)
		return;
	for (line = rest; !*to->stop && entry_next_line(&rest, &m.common.where.line, &text);
	     line = rest) {
		line = slice_of(text.ptr, (size_t)(line.ptr + line.len - text.ptr));
		line.len = slice_find(line, '\n');
		line.len = slice_find(line, '\r');
		each_of_managed_line(&m, text, line);
	}
}

/* ---- all rules ----------------------------------------------------------------------- */

/* The rule of the running table with this name: rules come in the order of the file, so it is
 * mostly the next. */
static const struct rule *next_rule(
    const struct ruleset *rules, unsigned *at, enum family family, struct slice name)
{
	for (unsigned n = 0; n < rules->rule_count; n++) {
		unsigned i = (*at + n) % rules->rule_count;
		const struct rule *rule = &rules->rules[i];

		if (rule->family == family && slice_equal(rule->name, name)) {
			*at = i + 1;
			return rule;
		}
	}
	return NULL;
}

static void each_of_group(struct load *load, const struct setting *group,
    struct config_entry common, const struct entry_walk *to)
{
	const struct setting *unless = setting_member(group, "unless");

	for (unsigned i = 0; i < CRITERIA && !*to->stop; i++) {
		const struct criterion *c = &load_criteria[i];

		common.slot = c->key;
		load_each_entry(load, c, setting_member(group, c->word), common, to);
		common.slot = SLOT_UNLESS + c->key;
		if (unless)
			load_each_entry(load, c, setting_member(unless, c->word), common, to);
	}
}

static void each_of_section(struct load *load, enum family family, const struct ruleset *rules,
    unsigned *at, const struct entry_walk *to)
{
	const struct setting *section = setting_member(load->root, family_name(family));

	for (unsigned i = 0; section && i < setting_count(section); i++) {
		const struct setting *group = setting_element(section, i);
		const struct setting *name = setting_member(group, "name");
		struct config_entry common = {.family = family};

		if (!name)
			continue;
		common.name = setting_text(name);
		common.rule = next_rule(rules, at, family, common.name);
		common.expires = common.rule ? common.rule->expires : 0;
		each_of_group(load, group, common, to);
	}
}

/* trusted_networks and exempt_recipients; what they have by default stands in line 0. */
static void each_plain(struct load *load, const char *path, enum family family,
    const char *criterion, const struct ruleset *rules, const struct entry_walk *to)
{
	const struct criterion *c = load_criterion(criterion);
	const struct setting *section = setting_member(load->root, family_name(family));
	struct config_entry common = {
	    .family = family, .name = slice_str(family_name(family)), .slot = c->key};
	struct key_walk k;
	unsigned at = 0;

	common.key = c->word;
	common.rank = RANK_NETWORK;
	common.rule = next_rule(rules, &at, family, common.name);
	k = (struct key_walk){load, c, common, to};
	load_each_entry(load, c, section, common, to);
	for (const char *const *text = load_plain_default(family); !section && *text; text++)
		each_text(&k, slice_str(*text), (struct origin){path, 0});
}

static void each_entry(struct load *load, const struct config *config, const struct ruleset *rules,
    const struct entry_walk *to)
{
	unsigned at = 0;

	each_plain(load, config->path, FAMILY_TRUSTED, "networks", rules, to);
	each_plain(load, config->path, FAMILY_EXEMPT, "recipient", rules, to);
	each_of_section(load, FAMILY_WHITELIST, rules, &at, to);
	load_each_managed(load, config->managed_whitelist, to);
	each_of_section(load, FAMILY_BLOCKS, rules, &at, to);
	each_of_section(load, FAMILY_SUSRANGES, rules, &at, to);
}

bool config_each_entry(const struct config *config, const struct ruleset *rules,
    const struct config_visitor *v, struct diag *diag)
{
	static const bool never;
	struct load load = {.diag = diag,
	    .arena = load_arena(),
	    .from = config->from,
	    .from_set = config->from_set,
	    .visitor = v};
	struct entry_walk to = {v->entry, v->context, &never};

	if (!load.arena)
		diag_error(diag, (struct origin){config->path, 0}, "out of memory");
	else if (load_tree(&load, config->path))
		each_entry(&load, config, rules, &to);
	if (load.root && v->domain) {
		load_domains(&load, setting_member(load.root, "domains"));
		load_domains_file(&load, setting_member(load.root, "domains_file"));
	}
	if (load.arena && arena_failed(load.arena))
		diag_error(diag, (struct origin){config->path, 0}, "out of memory");
	load_close(&load);
	return diag_errors(diag) == 0;
}

bool config_entry_is_of(const struct config_entry *e, const struct geo_place *place)
{
	if (e->rank == RANK_ASN)
		return e->number == place->asn;
	return place->country[0] && e->number == config_country_number(place);
}

uint32_t config_country_number(const struct geo_place *place)
{
	return place->country[0] ? load_country_number(place->country) : 0;
}
