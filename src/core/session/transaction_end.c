/*
 * The verdict on a message: for each author domain and each recipient, and then one for all, since
 * SMTP has one answer at the end of the message.
 */
#include "transaction_state.h"

/* One author domain as the identity that rules look at; the first is the author's address. */
static struct identity author_identity(const struct fromheader *from, size_t i)
{
	if (i == 0 && from->author.text.len > 0)
		return identity_of_address(&from->author);
	return (struct identity){
	    .state = FACT_KNOWN,
	    .text = from->domains[i],
	    .name = from->domains[i],
	};
}

/* The worst that any author domain brings upon one recipient. */
static struct verdict judge_authors(struct session *s)
{
	struct verdict v, worst = {.kind = VERDICT_CONTINUE};
	size_t i = 0;

	do {
		s->facts.id[IDENTITY_FROM] = s->from.domain_count > 0
						 ? author_identity(&s->from, i)
						 : (struct identity){.state = FACT_ABSENT};
		v = transaction_decide(s, PHASE_END);
		if (i == 0 || policy_effect(&v) != ACTION_ACCEPT || (v.would && !worst.would))
			worst = v;
	} while (policy_effect(&worst) == ACTION_ACCEPT && ++i < s->from.domain_count);
	return worst;
}

/* ---- recipients that disagree (SPEC 4) ----------------------------------------------- */

/* From mild to strict.  Quarantined mail bears a mark that all its recipients would see, so that
 * it differs from accepted mail also where it is not held. */
static int severity(const struct verdict *v)
{
	static const int order[ACTION_COUNT] = {
	    [ACTION_ACCEPT] = 0,
	    [ACTION_QUARANTINE] = 1,
	    [ACTION_TEMPFAIL] = 2,
	    [ACTION_REJECT] = 3,
	};

	return order[policy_effect(v)];
}

/* Remembers that these recipients must come apart, and says so. */
static struct answer split(const struct event *e)
{
	transaction_note_split(e->s);
	return transaction_refuse(e, ACTION_TEMPFAIL, REASON_SPLIT);
}

/* ---- one verdict for all ------------------------------------------------------------- */

static void judge_recipients(
    struct session *s, struct recipient **mildest, struct recipient **strictest)
{
	*mildest = *strictest = s->recipients;
	for (struct recipient *r = s->recipients; r; r = r->next) {
		int of_this;
		s->facts.id[IDENTITY_RECIPIENT] = r->identity;
		r->verdict = judge_authors(s);
		transaction_keep_would(s, &r->verdict);
		of_this = severity(&r->verdict);
		if (of_this < severity(&(*mildest)->verdict))
			*mildest = r;
		if (of_this > severity(&(*strictest)->verdict))
			*strictest = r;
	}
}

static void look_at(struct session *s, const struct recipient *r)
{
	s->facts.id[IDENTITY_RECIPIENT] = r->identity;
	if (s->from.domain_count > 0)
		s->facts.id[IDENTITY_FROM] = author_identity(&s->from, 0);
}

/* Refusals and quarantines are, and what the whitelist spared from one. */
static bool is_worth_a_record(const struct verdict *v)
{
	return (v->kind == VERDICT_FINAL && v->action != ACTION_ACCEPT) || v->withdrawn != 0;
}

/* Gives all the deciding effect and records what was found for each recipient; what another
 * recipient's switch softened is told as `would`. */
static struct answer conclude_all(const struct event *e, const struct recipient *deciding)
{
	struct session *s = e->s;
	const struct verdict all = deciding->verdict;
	struct answer answer = {.kind = ANSWER_CONTINUE};

	for (struct recipient *r = s->recipients; r; r = r->next) {
		struct answer one;

		if (severity(&r->verdict) < severity(&all))
			r->verdict = all;
		else if (severity(&r->verdict) > severity(&all))
			r->verdict.would = true;
		if (!is_worth_a_record(&r->verdict))
			continue;
		look_at(s, r);
		one = transaction_conclude(e, &r->verdict);
		if (one.kind != ANSWER_CONTINUE)
			answer = one;
	}
	if (answer.kind == ANSWER_QUARANTINE && !s->mail.rules->settings.dmarc_hold)
		answer.kind = ANSWER_CONTINUE;
	return answer;
}

/*
 * dmarc.mixed speaks of DMARC switches only.  Where a recipient is exempt, or another check refuses
 * for some of them, neither may that exemption open the door for the others nor that refusal shut
 * it: they come apart.
 */
static bool only_dmarc_differs(const struct session *s)
{
	for (const struct recipient *r = s->recipients; r; r = r->next)
		if (r->exempt || (severity(&r->verdict) > 0 && r->verdict.family != FAMILY_DMARC))
			return false;
	return true;
}

struct answer transaction_judge(const struct event *e)
{
	struct session *s = e->s;
	struct recipient *mildest, *strictest;
	enum dmarc_mixed mixed = s->mail.rules->settings.dmarc_mixed;

	if (!s->recipients)
		return (struct answer){.kind = ANSWER_CONTINUE};
	judge_recipients(s, &mildest, &strictest);
	if (severity(&mildest->verdict) == severity(&strictest->verdict))
		return conclude_all(e, strictest);
	if (mixed == MIXED_SPLIT || !only_dmarc_differs(s))
		return split(e);
	return conclude_all(e, mixed == MIXED_LENIENT ? mildest : strictest);
}
