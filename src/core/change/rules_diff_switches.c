/*
 * Recipient domains and their switches.  A name of the tree leads to what its recipients see, with
 * what names above it and the defaults give.  A switch that follows the default in both tables is
 * told as a setting once, not again for each domain.
 */
#include "core/base/line.h"
#include "core/name/name_radix_cursor.h"
#include "rules_diff_private.h"

/* The longest name, and five switches. */
enum { DOMAIN_TEXT_MAX = ENTRY_SPELLING_MAX + 200 };

struct domain {
	const struct switches *self, *below;
	bool has_self, has_below; /* given by the name itself */
};

static const struct switches *switches_at(const struct ruleset *rules, uint32_t value)
{
	return value == 0 ? &rules->settings.defaults : rules->layers[value - 1];
}

static struct domain domain_at(const struct ruleset *rules, const struct name_radix_cursor *c)
{
	bool has_below = c->values.below != c->above || c->values.self == c->above;

	return (struct domain){
	    .self = switches_at(rules, c->values.self),
	    .below = switches_at(rules, c->values.below),
	    .has_self = c->values.self != c->above || c->values.below == c->above,
	    .has_below = has_below,
	};
}

static const struct switches *shown_switches(const struct domain *d)
{
	return d->has_self ? d->self : d->below;
}

static struct line start_text(
    char text[DOMAIN_TEXT_MAX], const struct domain *d, struct slice reversed)
{
	struct line l = line_start(text, DOMAIN_TEXT_MAX);

	line_append(&l, "%s", !d->has_self ? "*." : d->has_below ? "." : "");
	for (size_t i = reversed.len; i > 0; i--)
		line_append(&l, "%c", reversed.ptr[i - 1]);
	return l;
}

/* A domain of one table alone, with what it has beside the defaults. */
static void tell_one(struct rules_diff *diff, struct rules_diff_side *side, const struct domain *d,
    const struct switches *defaults, struct slice reversed)
{
	char text[DOMAIN_TEXT_MAX];
	const struct switches *s = shown_switches(d);
	const char *before = " (";
	struct line l;

	if (!rules_diff_count(side))
		return;
	l = start_text(text, d, reversed);
	for (unsigned key = 0; key < SWITCH_COUNT; key++) {
		if (switch_value(s, key) == switch_value(defaults, key))
			continue;
		line_append(&l, "%s%s %s", before, switch_options[key].name, switch_word(s, key));
		before = ", ";
	}
	line_append(&l, "%s", before[0] == ',' ? ")" : "");
	rules_diff_add_example(diff, side, slice_of(text, l.len));
}

/* Switches, as bits of enum switch_key, that a domain has of itself and that changed. */
static unsigned changed_switches(
    const struct rules_pair *p, const struct switches *a, const struct switches *b)
{
	const struct switches *old = &p->before->settings.defaults;
	const struct switches *fresh = &p->after->settings.defaults;
	unsigned changed = 0;

	for (unsigned key = 0; key < SWITCH_COUNT; key++) {
		int x = switch_value(a, key), y = switch_value(b, key);

		if (x != y && (x != switch_value(old, key) || y != switch_value(fresh, key)))
			changed |= 1u << key;
	}
	return changed;
}

static void tell_both(const struct rules_pair *p, const struct domain *a, const struct domain *b,
    struct slice reversed)
{
	struct rules_diff_side *side = &p->diff->domains_changed;
	bool self = a->has_self || b->has_self;
	unsigned changed = self ? changed_switches(p, a->self, b->self) : 0;
	const struct switches *x = a->self, *y = b->self;
	char text[DOMAIN_TEXT_MAX];
	const char *before = " (";
	struct line l;

	if (!changed && (a->has_below || b->has_below)) {
		x = a->below;
		y = b->below;
		changed = changed_switches(p, x, y);
	}
	if (!changed || !rules_diff_count(side))
		return;
	l = start_text(text, b, reversed);
	for (unsigned key = 0; key < SWITCH_COUNT; key++) {
		if (!(changed >> key & 1))
			continue;
		line_append(&l, "%s%s %s → %s", before, switch_options[key].name,
		    switch_word(x, key), switch_word(y, key));
		before = ", ";
	}
	line_append(&l, ")");
	rules_diff_add_example(p->diff, side, slice_of(text, l.len));
}

bool rules_diff_switches(const struct rules_pair *p)
{
	struct rules_diff *diff = p->diff;
	struct name_radix_cursor a = name_radix_cursor_start(p->before->domains);
	struct name_radix_cursor b = name_radix_cursor_start(p->after->domains);
	bool has_a = name_radix_cursor_next(&a), has_b = name_radix_cursor_next(&b);

	while (has_a || has_b) {
		int order = !has_a ? 1 : !has_b ? -1 : slice_compare(a.reversed, b.reversed);
		struct domain old, fresh;

		if (order <= 0)
			old = domain_at(p->before, &a);
		if (order >= 0)
			fresh = domain_at(p->after, &b);
		if (order < 0)
			tell_one(diff, &diff->domains_removed, &old, &p->before->settings.defaults,
			    a.reversed);
		else if (order > 0)
			tell_one(diff, &diff->domains_added, &fresh, &p->after->settings.defaults,
			    b.reversed);
		else
			tell_both(p, &old, &fresh, b.reversed);
		has_a = order <= 0 ? name_radix_cursor_next(&a) : has_a;
		has_b = order >= 0 ? name_radix_cursor_next(&b) : has_b;
	}
	name_radix_cursor_end(&a);
	name_radix_cursor_end(&b);
	return !a.failed && !b.failed;
}
