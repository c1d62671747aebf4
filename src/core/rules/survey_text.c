#include "core/rules/survey_text.h"

#include "core/base/line.h"

/* Per cent.  What is less is read as next to nothing, not as a power of ten: a /64 of IPv6 is
 * 5.4e-18 of all. */
#define SHARE_SHOWN 0.001

/* A share of 0 to 1: "27.778 %", "below 0.001 %", "0 %". */
static void add_share(struct line *l, double share)
{
	if (share > 0 && 100 * share < SHARE_SHOWN)
		line_append(l, "below %g %%", SHARE_SHOWN);
	else
		line_append(l, "%.5g %%", 100 * share);
}

void survey_append_space(struct line *l, uint64_t ipv4, double ipv6)
{
	line_append(l, "%llu IPv4 address%s (", (unsigned long long)ipv4, ipv4 == 1 ? "" : "es");
	add_share(l, (double)ipv4 / SURVEY_IPV4_ALL);
	line_append(l, "), ");
	add_share(l, ipv6);
	line_append(l, " of IPv6");
}

static void add_rule(struct line *l, const struct rule *rule, const struct survey_rule *r)
{
	line_append(l, "  %.*s: ", SLICE_ARG(rule->name));
	if (r->entries > 0)
		line_append(l, "%zu entr%s (%zu duplicate, %zu covered, %zu dead, %zu shadowed); ",
		    r->entries, r->entries == 1 ? "y" : "ies", r->duplicate, r->covered, r->dead,
		    r->shadowed);
	survey_append_space(l, r->ipv4, r->ipv6);
}

void survey_text(const struct survey *s, const struct ruleset *rules,
    void (*each)(void *context, const char *line), void *context)
{
	const unsigned networks = 1u << KEY_NETWORKS;
	enum family family = FAMILY_NONE;

	for (unsigned i = 0; i < s->rule_count; i++) {
		const struct rule *rule = &rules->rules[i];
		char text[SURVEY_LINE_MAX];
		struct line l = line_start(text, sizeof text);

		if (((rule->keys | rule->unless) & networks) == 0)
			continue;
		if (rule->family != family) {
			family = rule->family;
			line_append(&l, "%s: ", family_name(family));
			survey_append_space(&l, s->families[family].ipv4, s->families[family].ipv6);
			each(context, text);
			l = line_start(text, sizeof text);
		}
		add_rule(&l, rule, &s->rules[i]);
		each(context, text);
	}
}
