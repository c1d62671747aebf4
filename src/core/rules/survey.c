#include "core/rules/survey.h"

#include "survey_private.h"

#include <math.h>
#include <stdlib.h>

struct survey *survey_create(int64_t now)
{
	struct survey *s = calloc(1, sizeof *s);

	if (s)
		s->now = now;
	return s;
}

void survey_free(struct survey **s)
{
	if (!*s)
		return;
	free((*s)->rules);
	free(*s);
	*s = NULL;
}

bool survey_is_unconditional(const struct rule *rule, int64_t now)
{
	return rule->keys == 1u << KEY_NETWORKS && rule->unless == 0 && !rule_monitors(rule, now) &&
	       !rule_expired(rule, now);
}

/* ---- counting addresses -------------------------------------------------------------- */

void survey_add_addresses(
    const struct ip *first, const struct ip *last, uint64_t *ipv4, double *ipv6)
{
	if (first->family == IP_V4) {
		*ipv4 += (last->hi >> 32) - (first->hi >> 32) + 1;
		return;
	}
	*ipv6 += ldexp((double)(last->hi - first->hi), -64) +
		 ldexp((double)last->lo - (double)first->lo + 1, -128);
}

struct coverage {
	const struct ruleset *rules;
	struct survey *survey;
};

static void cover_run(void *context, const struct ip *first, const struct ip *last, uint32_t set)
{
	struct coverage *c = context;
	struct survey *s = c->survey;
	unsigned families = 0;
	size_t n;
	const uint32_t *members = member_sets_get(c->rules->sets, set, &n);

	for (size_t i = 0; i < n; i++) {
		unsigned rule = member_rule(members[i]);
		enum family family = c->rules->rules[rule].family;

		if (member_slot(members[i]) != KEY_NETWORKS || member_out(members[i]))
			continue;
		survey_add_addresses(first, last, &s->rules[rule].ipv4, &s->rules[rule].ipv6);
		if ((families & 1u << family) == 0)
			survey_add_addresses(
			    first, last, &s->families[family].ipv4, &s->families[family].ipv6);
		families |= 1u << family;
	}
}

void survey_address_space(struct survey *s, const struct ruleset *rules)
{
	struct coverage c = {rules, s};

	ip_radix_each_run(rules->networks, cover_run, &c);
}
