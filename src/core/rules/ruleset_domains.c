#include "ruleset_builder.h"

#include <stdio.h>
#include <stdlib.h>

/*
 * Recipient domains (SPEC 3.3).  Each switch is looked up by itself: the most specific name that
 * gives it, then "*", then the global setting.  So every name of the trie stands for a layer: the
 * switches that it and the names above it give.  When all layers are known they are filled up from
 * "*" and the global settings to what transactions see.
 *
 * `forwards = true` cancels susranges = off and blocks = off of names, its own and those above;
 * the "off" of "*" stays, since there the operator decided for all.
 */

static bool switches_equal(const struct switches *a, const struct switches *b)
{
	for (unsigned n = 0; n < SWITCH_COUNT; n++)
		if (switch_value(a, n) != switch_value(b, n))
			return false;
	return true;
}

static bool layers_equal(const struct switch_layer *a, const struct switch_layer *b)
{
	return a->given == b->given && a->on == b->on && switches_equal(&a->value, &b->value);
}

/* 1 + the index of this layer; 0 for the one that gives nothing, and when out of memory. */
static unsigned layer_number(struct ruleset_builder *b, const struct switch_layer *layer)
{
	size_t i = 0;

	if (layer->given == 0)
		return 0;
	while (i < b->layer_count && !layers_equal(&b->layers[i], layer))
		i++;
	if (i == b->layer_count) {
		if (!ROOM(b, b->layers, b->layer_count, b->layer_capacity))
			return 0;
		b->layers[b->layer_count++] = *layer;
	}
	return (unsigned)i + 1;
}

static struct switch_layer layer_of(const struct ruleset_builder *b, unsigned number)
{
	return number > 0 ? b->layers[number - 1] : (struct switch_layer){.given = 0};
}

/* Sets the switches that `given` names, and leaves the others. */
static void copy_switches(struct switches *to, const struct switches *from, unsigned given)
{
	for (unsigned n = 0; n < SWITCH_COUNT; n++)
		if (given >> n & 1)
			switch_set(to, n, switch_value(from, n));
}

/* What one name gives, over what stands above it. */
static struct switch_layer merge(struct switch_layer own, struct switch_layer above)
{
	copy_switches(&above.value, &own.value, own.given);
	above.given |= own.given;
	above.on |= own.on;
	return above;
}

void ruleset_add_domain(struct ruleset_builder *b, enum entry_kind kind, struct slice name,
    const struct switches *switches, unsigned given, struct origin where)
{
	struct switch_layer layer = {.given = given};

	copy_switches(&layer.value, switches, given);
	layer.on = (layer.value.susranges ? SWITCH_SUSRANGES : 0) |
		   (layer.value.blocks ? SWITCH_BLOCKS : 0);
	b->rules->domain_entries++;
	if (name.len > 0) {
		ruleset_add_domain_name(b, kind, name, layer_number(b, &layer), where);
	} else if (b->everywhere_at.file) {
		diag_error(b->diag, where, "the domain * is listed twice (first at %s:%u)",
		    b->everywhere_at.file, b->everywhere_at.line);
	} else {
		b->everywhere = layer;
		b->everywhere_at = where;
	}
}

/* ---- forwards ------------------------------------------------------------------------ */

/* The switches whose "off" is cancelled. */
static unsigned cancelled(const struct ruleset_builder *b, const struct switch_layer *layer)
{
	bool forwards =
	    layer->given & SWITCH_FORWARDS ? layer->value.forwards : b->everywhere.value.forwards;

	if (!forwards)
		return 0;
	return layer->given & ((layer->value.susranges ? 0 : SWITCH_SUSRANGES) |
				  (layer->value.blocks ? 0 : SWITCH_BLOCKS));
}

static void tell_cancelled(struct ruleset_builder *b, const struct switch_layer *own,
    const struct switch_layer *whole, struct slice name, struct origin where)
{
	unsigned off = cancelled(b, whole);
	bool own_forwards = (own->given & SWITCH_FORWARDS) != 0;

	for (unsigned key = SWITCH_SUSRANGES; key <= SWITCH_BLOCKS; key <<= 1) {
		bool own_off = (own->given & key) != 0;

		if ((off & key) == 0 || !(own_off || own_forwards))
			continue;
		diag_warning(b->diag, where,
		    "%.*s: forwards = true%s cancels %s = off%s, since those that it forwards to "
		    "would blame us for what that lets in; take one of the two out",
		    SLICE_ARG(name), own_forwards ? "" : " of a more general name",
		    key == SWITCH_BLOCKS ? "blocks" : "susranges",
		    own_off ? "" : " of a more general name");
	}
}

/* ---- the trie ------------------------------------------------------------------------ */

/* The layers of one name by form, and where they stand. */
struct forms {
	bool set[FORM_ADDRESS + 1];
	struct switch_layer own[FORM_ADDRESS + 1];
	uint32_t tag[FORM_ADDRESS + 1];
};

static const char *form_sign(unsigned form)
{
	return form == FORM_TREE ? "." : form == FORM_BELOW ? "*." : "";
}

static void take_forms(
    struct ruleset_builder *b, const struct name_radix_entry *entries, size_t n, struct forms *f)
{
	*f = (struct forms){.set = {false}};
	for (size_t i = 0; i < n; i++) {
		uint32_t member = b->entries[entries[i].tag].member;
		unsigned form = member_rank(member);
		struct origin first;

		if (!f->set[form]) {
			f->set[form] = true;
			f->own[form] = layer_of(b, member_rule(member));
			f->tag[form] = entries[i].tag;
			continue;
		}
		first = ruleset_origin(b, f->tag[form]);
		diag_error(b->diag, ruleset_origin(b, entries[i].tag),
		    "the domain %s%.*s is listed twice (first at %s:%u)", form_sign(form),
		    SLICE_ARG(entries[i].name), first.file, first.line);
	}
}

/* Puts the entry of this form, if there is one, over *layer. */
static void put_over(struct ruleset_builder *b, const struct forms *f, enum member_form form,
    struct slice name, struct switch_layer *layer)
{
	char shown[ENTRY_SPELLING_MAX];
	int n;

	if (!f->set[form])
		return;
	*layer = merge(f->own[form], *layer);
	n = snprintf(shown, sizeof shown, "%s%.*s", form_sign(form), SLICE_ARG(name));
	tell_cancelled(
	    b, &f->own[form], layer, slice_of(shown, (size_t)n), ruleset_origin(b, f->tag[form]));
}

struct name_radix_values ruleset_combine_domains(
    void *context, uint32_t above, const struct name_radix_entry *entries, size_t n)
{
	struct ruleset_builder *b = context;
	struct switch_layer self = layer_of(b, above), below;
	struct forms f;

	take_forms(b, entries, n, &f);
	put_over(b, &f, FORM_TREE, entries[0].name, &self);
	below = self;
	put_over(b, &f, FORM_NAME, entries[0].name, &self);
	put_over(b, &f, FORM_BELOW, entries[0].name, &below);
	return (struct name_radix_values){layer_number(b, &self), layer_number(b, &below)};
}

/* ---- what transactions see ----------------------------------------------------------- */

static struct switches fill_up(
    const struct ruleset_builder *b, const struct switch_layer *layer, struct switches defaults)
{
	struct switches s = defaults;
	unsigned off = cancelled(b, layer);

	copy_switches(&s, &layer->value, layer->given & ~off);
	if (off & layer->on & SWITCH_SUSRANGES)
		s.susranges = true;
	if (off & layer->on & SWITCH_BLOCKS)
		s.blocks = true;
	return s;
}

/* Equal switches are one: recipients are compared by where theirs stand. */
static const struct switches *find_switches(const struct ruleset *rules, const struct switches *s)
{
	if (switches_equal(&rules->settings.defaults, s))
		return &rules->settings.defaults;
	for (unsigned i = 0; i < rules->switch_count; i++)
		if (switches_equal(&rules->switches[i], s))
			return &rules->switches[i];
	return NULL;
}

void ruleset_fill_switches(struct ruleset_builder *b)
{
	struct ruleset *rules = b->rules;
	struct switches *defaults = &rules->settings.defaults;

	copy_switches(defaults, &b->everywhere.value, b->everywhere.given);
	rules->switches = calloc(b->layer_count + 1, sizeof *rules->switches);
	rules->layers = calloc(b->layer_count + 1, sizeof *rules->layers);
	if (!rules->switches || !rules->layers) {
		b->failed = true;
		return;
	}
	for (size_t i = 0; i < b->layer_count; i++) {
		struct switches s = fill_up(b, &b->layers[i], *defaults);

		rules->layers[i] = find_switches(rules, &s);
		if (rules->layers[i])
			continue;
		rules->switches[rules->switch_count] = s;
		rules->layers[i] = &rules->switches[rules->switch_count++];
	}
	rules->layer_count = (unsigned)b->layer_count;
}
