#include "core/base/line.h"
#include "core/change/rules_diff.h"

/* The longest attributes, twice, or ten long names; what is longer is cut. */
enum { LINE_TEXT_MAX = 8192 };

/* Names of rules that came or went, and rules told one by one, before the rest is counted. */
enum { NAMES_SHOWN = 20, RULES_SHOWN = 100 };

struct writer {
	void (*each)(void *context, const char *line);
	void *context;
	size_t lines;
};

static void write_line(struct writer *w, const char *line)
{
	w->each(w->context, line);
	w->lines++;
}

static void append_value(struct line *l, struct slice value)
{
	if (value.len == 0)
		line_append(l, "none");
	else
		line_append(l, "%.*s", SLICE_ARG(value));
}

static void append_change(struct line *l, const struct rules_diff_change *c)
{
	line_append(l, "%s ", c->what);
	append_value(l, c->before);
	line_append(l, " → ");
	append_value(l, c->after);
}

static void append_rule(struct line *l, const struct rules_diff_rule *r)
{
	line_append(l, "%s", family_name(r->family));
	if (!slice_equal(r->name, slice_str(family_name(r->family))))
		line_append(l, " %.*s", SLICE_ARG(r->name));
}

/* What turns enforcement on or off; rule: NULL for settings. */
static void write_enforcement(
    struct writer *w, const struct rules_diff_change *list, const struct rules_diff_rule *rule)
{
	char text[LINE_TEXT_MAX];

	for (const struct rules_diff_change *c = list; c; c = c->next) {
		struct line l = line_start(text, sizeof text);

		if (c->enforcement == ENFORCEMENT_SAME)
			continue;
		line_append(
		    &l, "enforcement %s: ", c->enforcement == ENFORCEMENT_ON ? "on" : "off");
		if (rule)
			append_rule(&l, rule);
		line_append(&l, "%s", rule ? ": " : "");
		append_change(&l, c);
		write_line(w, text);
	}
}

static void write_settings(struct writer *w, const struct rules_diff *d)
{
	char text[LINE_TEXT_MAX];

	for (const struct rules_diff_change *c = d->settings; c; c = c->next) {
		struct line l = line_start(text, sizeof text);

		if (c->enforcement != ENFORCEMENT_SAME)
			continue;
		line_append(&l, "setting ");
		append_change(&l, c);
		write_line(w, text);
	}
}

static void write_names(
    struct writer *w, const struct rules_diff *d, const char *title, enum rules_diff_kind kind)
{
	char text[LINE_TEXT_MAX];
	struct line l = line_start(text, sizeof text);
	size_t found = 0;

	line_append(&l, "%s:", title);
	for (size_t i = 0; i < d->rule_count; i++) {
		const struct rules_diff_rule *r = &d->rules[i];

		if (r->kind != kind || found++ >= NAMES_SHOWN)
			continue;
		line_append(&l, " %.*s%s", SLICE_ARG(r->name),
		    kind == RULE_ADDED && r->monitor ? " (monitor)" : "");
	}
	if (found > NAMES_SHOWN)
		line_append(&l, " and %zu more", found - NAMES_SHOWN);
	if (found > 0)
		write_line(w, text);
}

/* "3 in: 192.0.2.0/24, …" */
static void append_side(
    struct line *l, const char *before, const struct rules_diff_side *side, const char *what)
{
	if (side->count == 0)
		return;
	line_append(l, "%s%zu %s", before, side->count, what);
	for (unsigned i = 0; i < side->example_count; i++)
		line_append(l, "%s%.*s", i == 0 ? ": " : ", ", SLICE_ARG(side->examples[i]));
	if (side->count > side->example_count)
		line_append(l, ", …");
}

static void write_entries(
    struct writer *w, const struct rules_diff_rule *r, const struct rules_diff_key *k)
{
	char text[LINE_TEXT_MAX];
	struct line l = line_start(text, sizeof text);

	append_rule(&l, r);
	line_append(&l, ": %s%s ", k->unless ? "unless." : "", k->name);
	append_side(&l, "", &k->in, "in");
	append_side(&l, k->in.count > 0 ? "; " : "", &k->out, "out");
	write_line(w, text);
}

static void write_rule(struct writer *w, const struct rules_diff_rule *r)
{
	char text[LINE_TEXT_MAX];

	for (const struct rules_diff_change *c = r->changes; c; c = c->next) {
		struct line l = line_start(text, sizeof text);

		if (c->enforcement != ENFORCEMENT_SAME)
			continue;
		append_rule(&l, r);
		line_append(&l, ": ");
		append_change(&l, c);
		write_line(w, text);
	}
	for (const struct rules_diff_key *k = r->keys; k; k = k->next)
		write_entries(w, r, k);
}

static void write_rules(struct writer *w, const struct rules_diff *d)
{
	char text[LINE_TEXT_MAX];
	struct line l = line_start(text, sizeof text);
	size_t found = 0;

	for (size_t i = 0; i < d->rule_count; i++)
		if ((d->rules[i].changes || d->rules[i].keys) && found++ < RULES_SHOWN)
			write_rule(w, &d->rules[i]);
	if (found <= RULES_SHOWN)
		return;
	line_append(&l, "%zu more rules changed (--json has them)", found - RULES_SHOWN);
	write_line(w, text);
}

static void write_domains(struct writer *w, const struct rules_diff *d)
{
	char text[LINE_TEXT_MAX];
	struct line l = line_start(text, sizeof text);
	const char *before = "recipient domains: ";

	append_side(&l, before, &d->domains_added, "added");
	append_side(&l, l.len > 0 ? "; " : before, &d->domains_removed, "removed");
	append_side(&l, l.len > 0 ? "; " : before, &d->domains_changed, "changed");
	if (l.len > 0)
		write_line(w, text);
}

void rules_diff_text(
    const struct rules_diff *d, void (*each)(void *context, const char *line), void *context)
{
	struct writer w = {each, context, 0};

	write_enforcement(&w, d->settings, NULL);
	for (size_t i = 0; i < d->rule_count; i++)
		write_enforcement(&w, d->rules[i].changes, &d->rules[i]);
	write_settings(&w, d);
	write_names(&w, d, "new rules", RULE_ADDED);
	write_names(&w, d, "removed rules", RULE_REMOVED);
	write_rules(&w, d);
	write_domains(&w, d);
	if (w.lines == 0)
		write_line(&w, "same settings, rules and entries");
}
