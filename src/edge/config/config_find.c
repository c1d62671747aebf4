#include "config_load.h"

#include "edge/idn/idn.h"

/* A look through one key of one rule for the line of an entry. */
struct finder {
	struct load load;
	enum entry_accept accept;
	struct slice wanted; /* as core writes it, without "!" */
	bool is_network;
	struct prefix network;
	struct origin exact, alike; /* file NULL: not found */
};

/* The entry of a list as core writes it. */
static struct slice spelling_of(struct arena *arena, const struct entry *e)
{
	char spelling[ENTRY_SPELLING_MAX];

	if (e->kind == ENTRY_PATTERN)
		return arena_printf(arena, "/%.*s/", SLICE_ARG(e->text));
	return arena_copy(arena, entry_spell(e->kind, e->local, e->name, spelling));
}

/* True when the network is the entry, or one of those that core cut a range into. */
static bool is_network_of(const struct prefix *p, const struct entry *e)
{
	struct ip last = prefix_last(p);

	if (!e->is_range)
		return prefix_equal(p, &e->prefix);
	return p->base.family == e->first.family && ip_compare(&e->first, &p->base) <= 0 &&
	       ip_compare(&last, &e->last) <= 0;
}

static void compare(void *context, struct slice text, struct origin where)
{
	struct finder *f = context;
	char why[ENTRY_WHY_MAX];
	struct entry e;

	if (f->exact.file ||
	    entry_parse(text, f->accept, &idn_uts46, f->load.arena, &e, why) != NULL)
		return;
	if (e.kind == ENTRY_NETWORK) {
		if (f->is_network && is_network_of(&f->network, &e))
			f->exact = where;
	} else if (!slice_ends(f->wanted, e.name)) {
		return;
	} else if (slice_equal(spelling_of(f->load.arena, &e), f->wanted)) {
		f->exact = where;
	} else if (!f->alike.file && slice_equal(e.name, f->wanted)) {
		f->alike = where;
	}
}

static void compare_line(struct finder *f, const struct feed_line *l, struct origin where)
{
	for (unsigned i = 0; i < l->piece_count; i++)
		if (f->is_network && prefix_equal(&f->network, &l->pieces[i]))
			f->exact = where;
	if (l->piece_count == 0 && slice_equal(spelling_of(f->load.arena, &l->entry), f->wanted))
		f->exact = where;
}

/* Where the feed has it today; what its copy alone has stands nowhere. */
static void find_in_feed(void *context, struct slice named, struct origin where)
{
	struct finder *f = context;
	struct feed_terms terms = {.accept = f->accept, .idna = &idn_uts46, .arena = f->load.arena};
	const char *path = config_path(f->load.arena, where.file, named);
	char why[TEXTFILE_WHY_MAX];
	struct feed_reader r;
	struct feed_line l;
	struct slice text;

	if (!path || load_file(&f->load, LOADED_FEED, path, &text, why) != TEXTFILE_OK)
		return;
	r = feed_reader(text);
	while (!f->exact.file && feed_next(&r, &terms, &l))
		if (l.fault == FEED_NO_FAULT)
			compare_line(f, &l, (struct origin){path, l.line});
}

/* The group of a rule: an element of its section. */
static const struct setting *find_group(const struct setting *section, const struct rule *rule)
{
	for (unsigned i = 0; section && i < setting_count(section); i++) {
		const struct setting *group = setting_element(section, i), *name;

		name = group->type == SETTING_GROUP ? setting_member(group, "name") : NULL;
		if (name && slice_equal(setting_text(name), rule->name))
			return group;
	}
	return NULL;
}

static void find_in_tree(struct finder *f, const struct rule *rule, unsigned slot)
{
	const struct setting *s = setting_member(f->load.root, family_name(rule->family));
	struct value_walk walk = {compare, f, true, find_in_feed};

	if (rule->family != FAMILY_TRUSTED && rule->family != FAMILY_EXEMPT) {
		s = find_group(s, rule);
		if (s && slot >= SLOT_UNLESS)
			s = setting_member(s, "unless");
		if (s)
			s = setting_member(
			    s, rule_key_name((enum rule_key)(slot & (SLOT_UNLESS - 1))));
	}
	if (s)
		load_each_value(&f->load, s, &walk);
}

static void find_in_managed(struct finder *f, const char *path)
{
	struct origin where = {path, 0};
	struct slice rest, entry;
	char why[TEXTFILE_WHY_MAX];

	if (load_file(&f->load, LOADED_MANAGED, path, &rest, why) == TEXTFILE_OK)
		while (entry_next_line(&rest, &where.line, &entry))
			compare(f, entry, where);
}

static enum entry_accept accept_of(unsigned slot)
{
	unsigned key = slot & (SLOT_UNLESS - 1);

	for (unsigned i = 0; i < CRITERIA; i++)
		if (load_criteria[i].key == key)
			return load_criteria[i].accept;
	return ENTRY_ACCEPT_NAMES;
}

struct slice config_find_entry(const struct config *config, const struct rule *rule, unsigned slot,
    struct slice entry, struct arena *arena)
{
	struct finder f = {
	    .load = {.diag = diag_create(),
		.arena = load_arena(),
		.from = config->from,
		.from_set = config->from_set},
	    .accept = accept_of(slot),
	    .wanted = slice_skip(entry, slice_starts(entry, SLICE("!"))),
	};
	struct slice found = slice_of(NULL, 0);
	char why[PREFIX_WHY_MAX];

	f.is_network = prefix_parse(f.wanted, &f.network, why) == NULL;
	if (f.load.diag && f.load.arena) {
		if (slice_equal(rule->name, SLICE("managed")))
			find_in_managed(&f, config->managed_whitelist);
		else if (load_tree(&f.load, config->path))
			find_in_tree(&f, rule, slot);
	}
	if (!f.exact.file)
		f.exact = f.alike;
	if (f.exact.file)
		found = arena_printf(arena, "%s:%u", f.exact.file, f.exact.line);
	load_close(&f.load);
	diag_free(&f.load.diag);
	return found;
}
