#include "core/policy/survey_text.h"

#include <stdarg.h>
#include <stdio.h>

enum { LINE_MAX_BYTES = 512 };

/* Per cent.  What is less is read as next to nothing, not as a power of ten: a /64 of IPv6 is
 * 5.4e-18 of all. */
#define SHARE_SHOWN 0.001

struct line {
	char text[LINE_MAX_BYTES];
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *l, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(l->text + l->len, sizeof l->text - l->len, format, args);
	va_end(args);
	if (n > 0)
		l->len +=
		    (size_t)n < sizeof l->text - l->len ? (size_t)n : sizeof l->text - l->len - 1;
}

/* A share of 0 to 1: "27.778 %", "below 0.001 %", "0 %". */
static void add_share(struct line *l, double share)
{
	if (share > 0 && 100 * share < SHARE_SHOWN)
		add(l, "below %g %%", SHARE_SHOWN);
	else
		add(l, "%.5g %%", 100 * share);
}

/* "1193046528 IPv4 addresses (27.778 %), 0 % of IPv6" */
static void add_space(struct line *l, uint64_t ipv4, double ipv6)
{
	add(l, "%llu IPv4 address%s (", (unsigned long long)ipv4, ipv4 == 1 ? "" : "es");
	add_share(l, (double)ipv4 / SURVEY_IPV4_ALL);
	add(l, "), ");
	add_share(l, ipv6);
	add(l, " of IPv6");
}

static void add_rule(struct line *l, const struct rule *rule, const struct survey_rule *r)
{
	add(l, "  %.*s: ", SLICE_ARG(rule->name));
	if (r->entries > 0)
		add(l, "%zu entr%s (%zu duplicate, %zu covered, %zu dead, %zu shadowed); ",
		    r->entries, r->entries == 1 ? "y" : "ies", r->duplicate, r->covered, r->dead,
		    r->shadowed);
	add_space(l, r->ipv4, r->ipv6);
}

void survey_text(const struct survey *s, const struct ruleset *rules,
    void (*each)(void *context, const char *line), void *context)
{
	const unsigned networks = 1u << KEY_NETWORKS;
	enum family family = FAMILY_NONE;

	for (unsigned i = 0; i < s->rule_count; i++) {
		const struct rule *rule = &rules->rules[i];
		struct line l = {.len = 0};

		if (((rule->keys | rule->excuses) & networks) == 0)
			continue;
		if (rule->family != family) {
			family = rule->family;
			add(&l, "%s: ", family_name(family));
			add_space(&l, s->families[family].ipv4, s->families[family].ipv6);
			each(context, l.text);
			l.len = 0;
		}
		add_rule(&l, rule, &s->rules[i]);
		each(context, l.text);
	}
}

static void add_examples(struct line *l, const struct prefix *list, unsigned count, bool *first)
{
	char text[PREFIX_TEXT_MAX];

	for (unsigned i = 0; i < count; i++) {
		prefix_format(&list[i], text);
		add(l, "%s%s", *first ? ": " : ", ", text);
		*first = false;
	}
}

static bool tell_change(const struct survey_change *c, const char *what,
    void (*each)(void *context, const char *line), void *context)
{
	struct line l = {.len = 0};
	bool first = true;

	if (c->largest_v4_count + c->largest_v6_count == 0)
		return false;
	add(&l, "susranges would %s ", what);
	add_space(&l, c->ipv4, c->ipv6);
	add_examples(&l, c->largest_v4, c->largest_v4_count, &first);
	add_examples(&l, c->largest_v6, c->largest_v6_count, &first);
	each(context, l.text);
	return true;
}

void survey_difference_text(
    const struct survey_difference *d, void (*each)(void *context, const char *line), void *context)
{
	bool refused = tell_change(&d->refused, "newly refuse", each, context);
	bool released = tell_change(&d->released, "no longer refuse", each, context);

	if (!refused && !released)
		each(context, "susranges refuses the same addresses");
}
