/*
 * The verdict on a message: for each author domain and each recipient, and then one for all, since
 * SMTP has one answer at the end of the message.
 */
#include "transaction_state.h"

/* The author domain that is judged from now on, with what DMARC has said of it. */
static void look_at_author(struct session *s, size_t i)
{
	const struct identity author = identity_of_author(&s->from, i);

	transaction_look_at(s, IDENTITY_FROM, &author);
	if (i >= s->from.domain_count)
		return;
	s->facts.dmarc_state = s->authors[i].dmarc_state;
	s->facts.dmarc = s->authors[i].dmarc;
	s->facts.aligned_state = s->authors[i].aligned_state;
	s->facts.aligned = s->authors[i].aligned;
	s->facts.may_be_aligned = s->authors[i].may_be_aligned;
	s->facts.from_dns = s->authors[i].dns;
}

static struct verdict judge_author(struct session *s, size_t i)
{
	struct verdict v;

	look_at_author(s, i);
	v = transaction_decide(s, PHASE_END);
	if (i < s->from.domain_count)
		s->authors[i] = (struct author){
		    .dmarc_state = s->facts.dmarc_state,
		    .dmarc = s->facts.dmarc,
		    .aligned_state = s->facts.aligned_state,
		    .aligned = s->facts.aligned,
		    .may_be_aligned = s->facts.may_be_aligned,
		    .dns = s->facts.from_dns,
		};
	return v;
}

/* The strictest that any author domain brings upon one recipient; the first of equals. */
static void judge_authors(struct session *s, struct recipient *r)
{
	const struct settings *settings = &s->mail.rules->settings;

	r->verdict = judge_author(s, r->author = 0);
	for (size_t i = 1; i < s->from.domain_count; i++) {
		struct verdict v;

		if (policy_effect(&r->verdict) == ACTION_REJECT)
			return;
		v = judge_author(s, i);
		if (policy_severity(settings, &v) > policy_severity(settings, &r->verdict)) {
			r->verdict = v;
			r->author = i;
		}
	}
}

/* ---- recipients that disagree (SPEC 4) ----------------------------------------------- */

/* From mild to strict: accept, hold, tempfail, reject.  What is marked is accepted: the header
 * tells all recipients of the failure, whatever their switches say. */
static int severity_of(const struct settings *settings, const struct verdict *v)
{
	const int order[ACTION_COUNT] = {
	    [ACTION_ACCEPT] = 0,
	    [ACTION_QUARANTINE] = settings->dmarc_hold ? 1 : 0,
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
		transaction_look_at(s, IDENTITY_RECIPIENT, &r->identity);
		judge_authors(s, r);
		transaction_keep_monitored_verdict(s, &r->verdict);
		r->severity = severity_of(&s->mail.rules->settings, &r->verdict);
		if (r->severity < (*mildest)->severity)
			*mildest = r;
		if (r->severity > (*strictest)->severity)
			*strictest = r;
	}
}

static void look_at(struct session *s, const struct recipient *r)
{
	transaction_look_at(s, IDENTITY_RECIPIENT, &r->identity);
	look_at_author(s, r->author);
}

/* Refusals and quarantines are, what the whitelist spared from one, and mail that is accepted while
 * an answer is missing.  What would have been refused at RCPT would not have come here: monitor
 * mode counts it once, there. */
static bool is_worth_a_record(const struct session *s, const struct recipient *r)
{
	const struct verdict *v = &r->verdict;

	if (v->monitored && r->monitored)
		return false;
	return (v->kind == VERDICT_FINAL && v->action != ACTION_ACCEPT) || v->withdrawn != 0 ||
	       v->undecided || transaction_missed_answer(s);
}

/* Gives all the deciding effect and records what was found for each recipient; what another
 * recipient's milder verdict softened is told as `would`. */
static struct answer conclude_all(const struct event *e, const struct recipient *deciding)
{
	struct session *s = e->s;
	const struct verdict all = deciding->verdict;
	struct answer answer = {.kind = ANSWER_CONTINUE};
	bool recorded = false;

	for (struct recipient *r = s->recipients; r; r = r->next) {
		struct answer one;

		if (r->severity < deciding->severity) {
			r->verdict = all;
			r->author = deciding->author;
		} else if (r->severity > deciding->severity)
			r->verdict.monitored = true;
		if (!is_worth_a_record(s, r))
			continue;
		look_at(s, r);
		recorded = true;
		one = transaction_conclude(e, &r->verdict);
		if (one.kind != ANSWER_CONTINUE)
			answer = one;
	}
	if (!recorded) {
		look_at(s, deciding);
		transaction_note_accepted(e, &deciding->verdict);
	}
	if (answer.kind == ANSWER_QUARANTINE && !s->mail.rules->settings.dmarc_hold)
		answer.kind = ANSWER_CONTINUE;
	return answer;
}

/*
 * Each recipient's verdict comes from its own switches, exemptions, covers and rules; where these
 * differ, `mixed` decides, whatever the family.
 */
struct answer transaction_judge(const struct event *e)
{
	struct session *s = e->s;
	struct recipient *mildest, *strictest;

	if (!s->recipients)
		return (struct answer){.kind = ANSWER_CONTINUE};
	judge_recipients(s, &mildest, &strictest);
	/* A mail program cannot send recipients apart. */
	if (s->authenticated || mildest->severity == strictest->severity)
		return conclude_all(e, strictest);
	switch (s->mail.rules->settings.dmarc_mixed) {
	case MIXED_LENIENT:
		return conclude_all(e, mildest);
	case MIXED_STRICT:
		return conclude_all(e, strictest);
	default:
		return split(e);
	}
}
