#include "config_load.h"

/* A look through one key of one rule for the line of an entry. */
struct finder {
	struct load load;
	unsigned slot;
	struct slice wanted; /* as core writes it, without "!" */
	bool is_network;
	struct prefix network;
	struct origin exact, alike; /* file NULL: not found */
	bool found;                 /* exact */
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

static void compare(void *context, const struct config_entry *found)
{
	struct finder *f = context;
	const struct entry *e = found->entry;

	if (!e || f->found || found->slot != f->slot)
		return;
	if (e->kind == ENTRY_NETWORK) {
		if (f->is_network && is_network_of(&f->network, e))
			f->exact = found->where;
	} else if (!slice_ends(f->wanted, e->name)) {
		return;
	} else if (slice_equal(spelling_of(f->load.arena, e), f->wanted)) {
		f->exact = found->where;
	} else if (!f->alike.file && slice_equal(e->name, f->wanted)) {
		f->alike = found->where;
	}
	f->found = f->exact.file;
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

static const struct criterion *criterion_of(unsigned slot)
{
	for (unsigned i = 0; i < CRITERIA; i++)
		if (load_criteria[i].key == (slot & (SLOT_UNLESS - 1)))
			return &load_criteria[i];
	return NULL;
}

static void find_in_tree(
    struct finder *f, const struct rule *rule, unsigned slot, const struct entry_walk *to)
{
	const struct setting *s = setting_member(f->load.root, family_name(rule->family));
	const struct criterion *c = criterion_of(slot);

	if (rule->family != FAMILY_TRUSTED && rule->family != FAMILY_EXEMPT) {
		s = find_group(s, rule);
		if (s && slot >= SLOT_UNLESS)
			s = setting_member(s, "unless");
		if (s)
			s = setting_member(s, c->word);
	}
	load_each_entry(&f->load, c, s, (struct config_entry){.slot = slot}, to);
}

struct slice config_find_entry(const struct config *config, const struct rule *rule, unsigned slot,
    struct slice entry, struct arena *arena)
{
	struct finder f = {
	    .load = {.diag = diag_create(),
		.arena = load_arena(),
		.from = config->from,
		.from_set = config->from_set},
	    .slot = slot,
	    .wanted = slice_skip(entry, slice_starts(entry, SLICE("!"))),
	};
	struct slice found = slice_of(NULL, 0);
	struct entry_walk to = {compare, &f, &f.found};
	char why[PREFIX_WHY_MAX];

	f.is_network = prefix_parse(f.wanted, &f.network, why) == NULL;
	if (f.load.diag && f.load.arena) {
		if (slice_equal(rule->name, SLICE("managed")))
			load_each_managed(&f.load, config->managed_whitelist, &to);
		else if (load_tree(&f.load, config->path))
			find_in_tree(&f, rule, slot, &to);
	}
	if (!f.exact.file)
		f.exact = f.alike;
	if (f.exact.file)
		found = arena_printf(arena, "%s:%u", f.exact.file, f.exact.line);
	load_close(&f.load);
	diag_free(&f.load.diag);
	return found;
}
