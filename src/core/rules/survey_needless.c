/* Whitelist entries that let nobody in whom a rule would refuse: counted, and warned of. */
#include "core/rules/whitelist_need.h"
#include "ruleset_builder.h"
#include "survey_private.h"

/* A whitelist entry by address that lets in; exceptions from it let nobody in. */
static bool lets_in(const struct rule *rule, uint32_t member)
{
	return rule->family == FAMILY_WHITELIST && member_rank(member) == RANK_NETWORK &&
	       member_slot(member) == KEY_NETWORKS && !member_out(member);
}

static void count(struct survey *survey, const struct ruleset_builder *b,
    const struct whitelist_need *need, const struct ip_radix_entry *network)
{
	const struct rule_entry *e = &b->entries[network->tag];
	unsigned number = member_rule(e->member);
	const struct rule *rule = &b->rules->rules[number];
	struct survey_rule *r = &survey->rules[number];
	struct ip last = prefix_last(&network->prefix);

	if (!lets_in(rule, e->member) ||
	    whitelist_need_covers(need, rule->covers, &network->prefix.base, &last))
		return;
	if (r->needless++ == 0 || e->line < r->first_needless.line)
		r->first_needless = (struct origin){b->tallies[e->tally].file, e->line};
}

static void warn(struct survey *survey, const struct ruleset_builder *b,
    const struct whitelist_need *need, unsigned number)
{
	const struct rule *rule = &b->rules->rules[number];
	struct survey_rule *r = &survey->rules[number];

	if (r->needless == 0)
		return;
	r->first_needless.file = arena_strdup(b->rules->arena, slice_str(r->first_needless.file));
	diag_warning(b->diag, r->first_needless,
	    "%zu of %zu entries of \"%.*s\" let in addresses that no rule refuses (first one "
	    "here)%s",
	    r->needless, r->entries, SLICE_ARG(rule->name),
	    whitelist_need_by_name(need, rule->covers)
		? "; only rules on names could refuse these clients"
		: "");
}

bool survey_needless(struct survey *survey, const struct ruleset_builder *b)
{
	struct whitelist_need *need = whitelist_need_create(b->rules, survey->now);

	if (!need)
		return false;
	for (size_t i = 0; i < b->network_count; i++)
		count(survey, b, need, &b->networks[i]);
	for (unsigned i = 0; i < survey->rule_count; i++)
		warn(survey, b, need, i);
	whitelist_need_free(&need);
	return true;
}
