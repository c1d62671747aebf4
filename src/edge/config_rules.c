#include "config_load.h"

#include "core/reply.h"
#include "core/rfc3339.h"

#include <stdlib.h>

enum { NAME_LENGTH_MAX = 64 };

/* A rule while its group is read.  Lists are read after its attributes, on which they depend. */
struct draft {
	struct load *load;
	struct rule rule;
	bool may_be_empty;
};

/* ---- attributes
 * ----------------------------------------------------------------------------------------- */

static void take_name(struct draft *d, const config_setting_t *s)
{
	struct slice name = load_string(s);
	bool good = name.len > 0 && name.len <= NAME_LENGTH_MAX;

	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		good &= (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
	}
	if (!good)
		report_error(d->load->report, load_where(d->load, s),
		    "the name \"%.*s\" must be 1 to %d of a-z, 0-9 and -", SLICE_ARG(name),
		    (int)NAME_LENGTH_MAX);
	else if (slice_equal(name, SLICE("managed")))
		report_error(d->load->report, load_where(d->load, s),
		    "the name \"managed\" is that of the whitelist which susmilterctl edits");
	d->rule.name = name;
}

static void take_mode(struct draft *d, const config_setting_t *s)
{
	d->rule.monitor =
	    load_word(d->load, load_string(s), "mode", mode_words, load_where(d->load, s)) == 1;
}

static void take_reply(struct draft *d, const config_setting_t *s)
{
	char why[REPLY_WHY_MAX];
	const char *wrong = reply_check(load_string(s), why);

	if (wrong)
		report_error(d->load->report, load_where(d->load, s), "reply: %s", wrong);
	else if (d->rule.family == FAMILY_WHITELIST)
		report_warning(d->load->report, load_where(d->load, s),
		    "a whitelist refuses nothing: this reply is never given");
	d->rule.reply = load_string(s);
}

static void take_comment(struct draft *d, const config_setting_t *s)
{
	d->rule.comment = load_string(s);
}

static void take_owner(struct draft *d, const config_setting_t *s)
{
	d->rule.owner = load_string(s);
}

static void take_ticket(struct draft *d, const config_setting_t *s)
{
	d->rule.ticket = load_string(s);
}

static void take_expires(struct draft *d, const config_setting_t *s)
{
	struct slice text = load_string(s);
	char shown[RFC3339_TEXT_MAX];

	if (!rfc3339_parse(text, &d->rule.expires)) {
		report_error(d->load->report, load_where(d->load, s),
		    "expires is \"%.*s\" but must be a date such as \"2027-06-30\" (its end, UTC) "
		    "or a "
		    "time such as \"2027-06-30T12:00:00Z\"",
		    SLICE_ARG(text));
		return;
	}
	/* 0 means never */
	d->rule.expires = d->rule.expires > 0 ? d->rule.expires : 1;
	if (!rule_expired(&d->rule, d->load->now))
		return;
	rfc3339_format(d->rule.expires, shown);
	report_warning(d->load->report, load_where(d->load, s),
	    "the rule expired at %s and never matches", shown);
}

static void take_wide(struct draft *d, const config_setting_t *s)
{
	load_bool(d->load, s, &d->rule.wide);
}

static void take_may_be_empty(struct draft *d, const config_setting_t *s)
{
	load_bool(d->load, s, &d->may_be_empty);
}

/* ---- attributes that are lists of words
 * ------------------------------------------------------------------- */

struct words_into {
	struct load *load;
	const struct word *words;
	const char *key;
	unsigned *bits;
};

static void add_word(void *context, struct slice text, struct origin where)
{
	struct words_into *into = context;
	int value = load_word(into->load, text, into->key, into->words, where);

	if (value >= 0)
		*into->bits |= 1u << value;
}

/* The bits 1 << value of the words that the setting lists. */
static unsigned take_words(
    struct load *load, const config_setting_t *s, const char *key, const struct word *words)
{
	unsigned bits = 0;
	struct words_into into = {load, words, key, &bits};
	struct value_walk walk = {add_word, &into, true};

	load_each_value(load, s, &walk);
	if (config_setting_is_aggregate(s) && config_setting_length(s) == 0)
		report_error(load->report, load_where(load, s), "%s is empty", key);
	return bits;
}

static const struct word identity_words[] = {{"client_name", IDENTITY_CLIENT_NAME},
    {"helo", IDENTITY_HELO}, {"sender", IDENTITY_SENDER}, {"from", IDENTITY_FROM},
    {"recipient", IDENTITY_RECIPIENT}, {NULL, 0}};

enum {
	IN_DEFAULT = 1 << IDENTITY_SENDER | 1 << IDENTITY_HELO | 1 << IDENTITY_CLIENT_NAME |
		     1 << IDENTITY_FROM
};

static void take_in(struct draft *d, const config_setting_t *s)
{
	d->rule.in = take_words(d->load, s, "in", identity_words);
	if (d->rule.family == FAMILY_WHITELIST)
		report_error(d->load->report, load_where(d->load, s),
		    "in a whitelist, proof says which identity counts; in has no place here");
	else if (!config_setting_get_member(config_setting_parent(s), "domains"))
		report_error(d->load->report, load_where(d->load, s), "in belongs to domains");
}

static void take_unless(struct draft *d, const config_setting_t *unless)
{
	const config_setting_t *s = config_setting_get_member(unless, "in");

	if (!s)
		return;
	d->rule.unless_in = take_words(d->load, s, "in", identity_words);
	if (!config_setting_get_member(unless, "domains"))
		report_error(d->load->report, load_where(d->load, s), "in belongs to domains");
}

static void take_proof(struct draft *d, const config_setting_t *s)
{
	/* numbers of bits of enum proof */
	static const struct word words[] = {{"spf", 0}, {"client_name", 1}, {NULL, 0}};

	_Static_assert(PROOF_SPF == 1 << 0 && PROOF_CLIENT_NAME == 1 << 1, "bits of proof");
	d->rule.proof = take_words(d->load, s, "proof", words);
	if (!config_setting_get_member(config_setting_parent(s), "domains"))
		report_error(d->load->report, load_where(d->load, s), "proof belongs to domains");
}

static void take_covers(struct draft *d, const config_setting_t *s)
{
	static const struct word words[] = {{"susranges", FAMILY_SUSRANGES},
	    {"blocks", FAMILY_BLOCKS}, {"spf", FAMILY_SPF}, {"dmarc", FAMILY_DMARC}, {NULL, 0}};

	d->rule.covers = take_words(d->load, s, "covers", words);
}

/* ---- the keys of a rule ---------------------------------------------------------------------- */

struct attribute {
	const char *key;
	bool is_string;
	unsigned families; /* bits 1 << family that have it, 0 = all */
	void (*take)(struct draft *, const config_setting_t *);
};

static const struct attribute attributes[] = {
    {"name", true, 0, take_name},
    {"mode", true, 0, take_mode},
    {"reply", true, 0, take_reply},
    {"comment", true, 0, take_comment},
    {"owner", true, 0, take_owner},
    {"ticket", true, 0, take_ticket},
    {"expires", true, 0, take_expires},
    {"wide", false, 0, take_wide},
    {"may_be_empty", false, 0, take_may_be_empty},
    {"in", false, 0, take_in},
    {"proof", false, 1u << FAMILY_WHITELIST, take_proof},
    {"covers", false, 1u << FAMILY_WHITELIST, take_covers},
};

enum { ATTRIBUTES = sizeof attributes / sizeof attributes[0], KEYS_MAX = 32 };

/* All keys that a group may have: a rule, or its `unless`. */
static void check_keys(const struct draft *d, const config_setting_t *group, bool unless)
{
	const char *known[KEYS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < ATTRIBUTES && !unless; i++)
		if (!attributes[i].families || attributes[i].families & 1u << d->rule.family)
			known[n++] = attributes[i].key;
	for (unsigned i = 0; i < CRITERIA; i++)
		known[n++] = load_criteria[i].word;
	known[n++] = unless ? "in" : "unless";
	known[n] = NULL;
	for (unsigned i = 0; i < (unsigned)config_setting_length(group); i++)
		load_unknown_key(d->load, config_setting_get_elem(group, i), known);
}

static void take_attributes(struct draft *d, const config_setting_t *group)
{
	for (unsigned i = 0; i < ATTRIBUTES; i++) {
		const struct attribute *a = &attributes[i];
		const config_setting_t *s = config_setting_get_member(group, a->key);

		if (!s || (a->families && !(a->families & 1u << d->rule.family)))
			continue;
		if (!a->is_string || load_is_string(d->load, s))
			a->take(d, s);
	}
}

/* Bits 1 << key of the criteria that the group has. */
static unsigned criteria_of(const config_setting_t *group)
{
	unsigned keys = 0;

	for (unsigned i = 0; i < CRITERIA; i++)
		if (config_setting_get_member(group, load_criteria[i].word))
			keys |= 1u << load_criteria[i].key;
	return keys;
}

static void add_criteria(
    const struct draft *d, unsigned rule, unsigned shift, const config_setting_t *group)
{
	for (unsigned i = 0; i < CRITERIA; i++) {
		const struct criterion *c = &load_criteria[i];
		const config_setting_t *s = config_setting_get_member(group, c->word);

		if (s)
			load_entries(d->load, c, rule, c->key + shift, s, d->may_be_empty);
	}
}

/* ---- what only the whole rule shows ------------------------------------------------------------
 */

static void check_whitelist(struct draft *d)
{
	struct rule *rule = &d->rule;
	const unsigned alone =
	    1u << KEY_NETWORKS | 1u << KEY_CLIENT_NAME | 1u << KEY_RECIPIENT | 1u << KEY_DOMAINS;

	if (rule->keys & 1u << KEY_DOMAINS && rule->proof == 0)
		report_error(d->load->report, rule->where,
		    "\"%.*s\" excuses by domains, which prove nothing: add proof = [ \"spf\", "
		    "\"client_name\" ] or one of the two",
		    SLICE_ARG(rule->name));
	else if (rule->keys != 0 && (rule->keys & alone) == 0)
		report_error(d->load->report, rule->where,
		    "\"%.*s\" excuses by what a client merely says (sender, helo, from): use "
		    "domains "
		    "with proof, or add networks, asn, country or client_name",
		    SLICE_ARG(rule->name));
	rule->in = (rule->proof & PROOF_SPF ? 1u << IDENTITY_SENDER : 0) |
		   (rule->proof & PROOF_CLIENT_NAME ? 1u << IDENTITY_CLIENT_NAME : 0);
}

static void check_rule(struct draft *d)
{
	struct rule *rule = &d->rule;

	if (rule->name.len == 0)
		report_error(d->load->report, rule->where, "a rule needs a name");
	if (rule->keys == 0)
		report_error(d->load->report, rule->where,
		    "the rule \"%.*s\" has no criterion and would match everything",
		    SLICE_ARG(rule->name));
	if (rule->family == FAMILY_WHITELIST)
		check_whitelist(d);
}

/* ---- names are unique
 * ---------------------------------------------------------------------------- */

static void note_name(struct load *load, const struct rule *rule)
{
	if (load->name_count == load->name_capacity) {
		size_t capacity = load->name_capacity ? load->name_capacity * 2 : 64;
		void *bigger = realloc(load->names, capacity * sizeof *load->names);

		if (!bigger) {
			report_error(load->report, rule->where, "out of memory");
			return;
		}
		load->names = bigger;
		load->name_capacity = capacity;
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
			report_error(load->report, n->where,
			    "a rule named \"%.*s\" stands at %s:%u already", SLICE_ARG(n->name),
			    f->where.file, f->where.line);
	}
}

/* ---- sections
 * -------------------------------------------------------------------------------------- */

static void load_rule(struct load *load, enum family family, const config_setting_t *group)
{
	struct draft d = {
	    .load = load,
	    .rule = {.family = family,
		.where = load_where(load, group),
		.in = IN_DEFAULT,
		.unless_in = IN_DEFAULT},
	};
	const config_setting_t *unless = config_setting_get_member(group, "unless");
	unsigned number;

	if (family == FAMILY_WHITELIST)
		d.rule.covers = 1u << FAMILY_SUSRANGES | 1u << FAMILY_BLOCKS;
	check_keys(&d, group, false);
	take_attributes(&d, group);
	d.rule.keys = criteria_of(group);
	if (unless && load_is_group(load, unless)) {
		check_keys(&d, unless, true);
		d.rule.excuses = criteria_of(unless);
		take_unless(&d, unless);
	} else {
		unless = NULL;
	}
	check_rule(&d);
	note_name(load, &d.rule);
	number = ruleset_add_rule(load->builder, &d.rule);
	add_criteria(&d, number, 0, group);
	if (unless)
		add_criteria(&d, number, SLOT_UNLESS, unless);
}

static void load_rules(struct load *load, enum family family, const config_setting_t *section)
{
	if (!section)
		return;
	if (!config_setting_is_list(section)) {
		report_error(load->report, load_where(load, section),
		    "%s must be a list of rules: %s = ( { name = \"...\"; }, { } );",
		    config_setting_name(section), config_setting_name(section));
		return;
	}
	for (unsigned i = 0; i < (unsigned)config_setting_length(section); i++) {
		const config_setting_t *group = config_setting_get_elem(section, i);

		if (config_setting_is_group(group))
			load_rule(load, family, group);
		else
			report_error(load->report, load_where(load, group),
			    "a rule is a group: { name = \"...\"; }");
	}
}

void load_whitelist(struct load *load, const config_setting_t *section)
{
	load_rules(load, FAMILY_WHITELIST, section);
	load_managed(load);
}

void load_blocks(struct load *load, const config_setting_t *section)
{
	load_rules(load, FAMILY_BLOCKS, section);
}

void load_susranges(struct load *load, const config_setting_t *section)
{
	load_rules(load, FAMILY_SUSRANGES, section);
}

/* trusted_networks and exempt_recipients: one rule, named after its section, of plain entries. */
static void load_plain(struct load *load, enum family family, const char *criterion,
    const config_setting_t *section, const char *const *fallback)
{
	const struct criterion *c = load_criterion(criterion);
	struct rule rule = {
	    .name = slice_str(family_name(family)),
	    .family = family,
	    .keys = 1u << c->key,
	    .where = section ? load_where(load, section) : (struct origin){load->config->path, 0},
	};
	unsigned number = ruleset_add_rule(load->builder, &rule);

	if (section)
		load_entries(load, c, number, c->key, section, true);
	for (; !section && *fallback; fallback++)
		c->take(load, c, number, c->key, slice_str(*fallback), rule.where);
}

void load_trusted(struct load *load, const config_setting_t *section)
{
	static const char *const fallback[] = {"127.0.0.0/8", "::1", NULL};

	load_plain(load, FAMILY_TRUSTED, "networks", section, fallback);
}

void load_exempt(struct load *load, const config_setting_t *section)
{
	static const char *const fallback[] = {"postmaster@", "abuse@", NULL};

	load_plain(load, FAMILY_EXEMPT, "recipient", section, fallback);
}
