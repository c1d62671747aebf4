#include "config_load.h"

#include "core/name/entry.h"
#include "edge/idn/idn.h"

/* A recipient domain while its keys are read. */
struct domain {
	struct load *load;
	struct origin where;
	struct slice name;
	struct switches switches;
	unsigned given; /* bits of enum switch_key */
};

/* The keys of a domain in the configuration. */
static void known_keys(const char *known[SWITCH_COUNT + 2])
{
	*known++ = "name";
	for (unsigned i = 0; i < SWITCH_COUNT; i++)
		*known++ = switch_options[i].name;
	*known = NULL;
}

static void give(struct domain *d, unsigned n, int value)
{
	switch_set(&d->switches, n, value);
	d->given |= 1u << n;
}

static void set_key(struct domain *d, unsigned n, struct slice value)
{
	const struct switch_option *o = &switch_options[n];
	int number = load_word(d->load, value, o->name, o->words, d->where);

	if (number >= 0)
		give(d, n, number);
}

/* To the table that is built, or to who visits the files. */
static void give_domain(struct domain *d, enum entry_kind kind, struct slice name)
{
	const struct config_visitor *v = d->load->visitor;
	struct config_domain domain = {kind, name, d->switches, d->given, d->where};

	if (v)
		v->domain(v->context, &domain);
	else
		ruleset_add_domain(d->load->builder, kind, name, &d->switches, d->given, d->where);
}

static void add_name(struct domain *d)
{
	char why[ENTRY_WHY_MAX];
	struct entry entry;
	const char *wrong =
	    entry_parse(d->name, ENTRY_ACCEPT_NAMES, &idn_uts46, d->load->arena, &entry, why);

	if (!wrong && (entry.out || entry.kind == ENTRY_PATTERN))
		wrong = "a recipient domain is a name such as example.org, .example.org, "
			"*.example.org or *";
	if (wrong) {
		diag_error(d->load->diag, d->where, "%s", wrong);
		return;
	}
	load_note_recipient_domain(d->load, entry.name);
	give_domain(d, entry.kind, entry.name);
}

/* "*" stands for all recipient domains; what it gives counts before the global setting. */
static void add_everywhere(struct domain *d)
{
	static const struct {
		enum switch_key bit;
		const char *key, *global;
	} globals[] = {{SWITCH_SPF, "spf", "spf.fail"}, {SWITCH_DMARC, "dmarc", "dmarc.default"}};

	for (size_t i = 0; i < sizeof globals / sizeof globals[0]; i++) {
		const struct setting *s = setting_at(d->load->root, globals[i].global);
		struct origin at;

		if (!s || !(d->given & globals[i].bit))
			continue;
		at = load_where(d->load, s);
		diag_warning(d->load->diag, d->where,
		    "%s is given for \"*\" and as %s (%s:%u): that of \"*\" counts; take one of "
		    "the two out",
		    globals[i].key, globals[i].global, at.file, at.line);
	}
	give_domain(d, ENTRY_TREE, slice_of(NULL, 0));
}

static void add_domain(struct domain *d)
{
	if (slice_equal(d->name, SLICE("*")))
		add_everywhere(d);
	else
		add_name(d);
}

/* ---- domains = ( { name = "..."; } ) ------------------------------------------------- */

static void group_key(struct domain *d, unsigned n, const struct setting *s)
{
	d->where = load_where(d->load, s);
	if (switch_options[n].words != bool_words) {
		if (load_is_string(d->load, s))
			set_key(d, n, setting_text(s));
	} else {
		bool value;
		if (load_bool(d->load, s, &value))
			give(d, n, value);
	}
}

static void load_domain(struct load *load, const struct setting *group)
{
	const struct setting *name = setting_member(group, "name");
	struct domain d = {.load = load};
	const char *known[SWITCH_COUNT + 2];

	known_keys(known);
	for (unsigned i = 0; i < setting_count(group); i++)
		load_unknown_key(load, setting_element(group, i), known);
	for (unsigned i = 0; i < SWITCH_COUNT; i++) {
		const struct setting *s = setting_member(group, switch_options[i].name);
		if (s)
			group_key(&d, i, s);
	}
	d.where = load_where(load, group);
	if (!name) {
		diag_error(load->diag, d.where, "a recipient domain needs a name");
	} else if (load_is_string(load, name)) {
		d.name = setting_text(name);
		add_domain(&d);
	}
}

void load_domains(struct load *load, const struct setting *section)
{
	if (!section)
		return;
	if (section->type != SETTING_LIST) {
		diag_error(load->diag, load_where(load, section),
		    "domains must be a list: domains = ( { name = \"...\"; }, { } );");
		return;
	}
	for (unsigned i = 0; i < setting_count(section); i++) {
		const struct setting *group = setting_element(section, i);

		if (group->type == SETTING_GROUP)
			load_domain(load, group);
		else
			diag_error(load->diag, load_where(load, group),
			    "a recipient domain is a group: { name = \"...\"; }");
	}
}

/* ---- domains_file: NAME key=value key=value ------------------------------------------ */

/* The number of a switch; SWITCH_COUNT when it is none. */
static unsigned find_key(struct slice word)
{
	unsigned n = 0;

	while (n < SWITCH_COUNT && !slice_equal(slice_str(switch_options[n].name), word))
		n++;
	return n;
}

static void report_unknown_key(struct load *load, struct slice word, struct origin where)
{
	struct slice keys = slice_of(NULL, 0);

	for (unsigned i = 0; i < SWITCH_COUNT; i++) {
		const char *before = i == 0 ? "" : i == SWITCH_COUNT - 1 ? " and " : ", ";
		keys = arena_printf(
		    load->arena, "%.*s%s%s=", SLICE_ARG(keys), before, switch_options[i].name);
	}
	diag_error(load->diag, where, "\"%.*s\" is none of %.*s", SLICE_ARG(word), SLICE_ARG(keys));
}

static void load_domain_line(struct load *load, struct slice line, struct origin where)
{
	struct domain d = {.load = load, .where = where, .name = slice_word(&line)};
	unsigned seen = 0;
	struct slice word;

	while (word = slice_word(&line), word.len > 0) {
		struct slice value = word, name = slice_cut(&value, '=');
		unsigned key = find_key(name);

		if (key == SWITCH_COUNT || !value.ptr) {
			report_unknown_key(load, word, where);
			continue;
		}
		if (seen >> key & 1)
			diag_error(
			    load->diag, where, "%s= is given twice", switch_options[key].name);
		seen |= 1u << key;
		set_key(&d, key, value);
	}
	add_domain(&d);
}

void load_domains_file(struct load *load, const struct setting *section)
{
	struct origin where = {NULL, 0};
	struct slice rest, line;
	char why[TEXTFILE_WHY_MAX];
	bool empty = true;

	if (!section || !load_is_string(load, section) || setting_text(section).len == 0)
		return;
	where = load_where(load, section);
	where.file = config_path(load->arena, where.file, setting_text(section));
	if (load_file(load, LOADED_LIST, where.file, &rest, why) != TEXTFILE_OK) {
		diag_error(load->diag, load_where(load, section), "%s %s", where.file, why);
		return;
	}
	where.line = 0;
	while (entry_next_line(&rest, &where.line, &line)) {
		load_domain_line(load, line, where);
		empty = false;
	}
	if (empty)
		diag_error(load->diag, load_where(load, section),
		    "%s has no domains; if there are none, leave domains_file out", where.file);
}
