#include "core/rules/refused_runs.h"

#include <stdlib.h>

/* What is known of a set of members. */
enum verdict_of_set { NOT_ASKED, PASSES, REFUSED };

struct walk {
	const struct ruleset *rules;
	const struct refusal_criteria *criteria;
	unsigned char *memo; /* by number of the set: enum verdict_of_set */
	bool pending;        /* first..last is refused and may go on */
	struct ip first, last;
	bool (*each)(void *context, const struct ip *first, const struct ip *last);
	void *context;
	bool ended;
};

static bool set_refuses(const struct walk *w, uint32_t set)
{
	const struct refusal_criteria *c = w->criteria;
	bool refused = false;
	size_t n;
	const uint32_t *members = member_sets_get(w->rules->sets, set, &n);

	for (size_t i = 0; i < n; i++) {
		const struct rule *rule = &w->rules->rules[member_rule(members[i])];

		if (member_slot(members[i]) != KEY_NETWORKS || member_out(members[i]))
			continue;
		if (c->exempts(rule, c->family, c->now))
			return false;
		refused |= c->refuses(rule, c->family, c->now);
	}
	return refused;
}

static void end_run(struct walk *w)
{
	if (w->pending && !w->ended)
		w->ended = !w->each(w->context, &w->first, &w->last);
	w->pending = false;
}

/* The runs of the table come in order and without gaps in a family, so that a refused one goes on
 * with the next or ends. */
static void take_run(void *context, const struct ip *first, const struct ip *last, uint32_t set)
{
	struct walk *w = context;

	if (w->memo[set] == NOT_ASKED)
		w->memo[set] = set_refuses(w, set) ? REFUSED : PASSES;
	if (w->memo[set] == PASSES || (w->pending && w->last.family != first->family))
		end_run(w);
	if (w->memo[set] == PASSES)
		return;
	if (!w->pending)
		w->first = *first;
	w->last = *last;
	w->pending = true;
}

bool refused_runs_each(const struct ruleset *rules, const struct refusal_criteria *criteria,
    bool (*each)(void *context, const struct ip *first, const struct ip *last), void *context)
{
	struct walk w = {
	    .rules = rules,
	    .criteria = criteria,
	    .memo = calloc(member_sets_count(rules->sets), 1),
	    .each = each,
	    .context = context,
	};

	if (!w.memo)
		return false;
	ip_radix_each_run(rules->networks, take_run, &w);
	end_run(&w);
	free(w.memo);
	return !w.ended;
}
