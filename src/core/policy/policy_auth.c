#include "policy_auth.h"

/* ---- SPF (SPEC 4, steps 5 and 7) ----------------------------------------------------- */

static struct verdict authentication_verdict(
    enum family family, enum action action, enum reason reason)
{
	return (struct verdict){
	    .kind = VERDICT_FINAL,
	    .action = action,
	    .family = family,
	    .reason = reason,
	};
}

static struct verdict need(unsigned what)
{
	return (struct verdict){.kind = VERDICT_NEED, .need = what};
}

/* A signature proves its domain, or would perhaps had its key come: an answer that is missing never
 * makes a refusal. */
static bool may_exempt(const struct dkim_signature_result *s)
{
	return dkim_counts(s) || s->result == DKIM_TEMPERROR;
}

/* Whether there is an author domain at all; what a crooked From names is none. */
static bool has_author(const struct facts *facts)
{
	return facts->author_state == FACT_KNOWN &&
	       (facts->author == FROM_ONE || facts->author == FROM_MANY);
}

/* A signature of the author's own domain needs no question to be aligned, nor does one of a domain
 * above it that is below the top.  Without an author no answer could have helped. */
static bool has_author_signature(const struct facts *facts)
{
	const struct identity *from = &facts->id[IDENTITY_FROM];

	if (!has_author(facts) || from->name.len == 0)
		return false;
	if (facts->dkim_state == FACT_FAILED)
		return true;
	for (size_t i = 0; i < facts->dkim.count; i++) {
		const struct dkim_signature_result *s = &facts->dkim.signatures[i];
		bool above = name_labels(s->domain) >= 2 && name_is_within(from->name, s->domain);
		if (may_exempt(s) && (above || slice_equal(from->name, s->domain)))
			return true;
	}
	return false;
}

/* Whether DMARC's tree walk could show a signature to be of the author's organization. */
static bool has_near_signature(const struct facts *facts)
{
	struct slice top = name_last_labels(facts->id[IDENTITY_FROM].name, 1);

	if (!has_author(facts))
		return false;
	for (size_t i = 0; i < facts->dkim.count; i++)
		if (may_exempt(&facts->dkim.signatures[i]) &&
		    name_is_within(facts->dkim.signatures[i].domain, top))
			return true;
	return false;
}

/* What DMARC found: SPF failed, so what is aligned there is a signature. */
static bool has_aligned_signature(const struct facts *facts)
{
	const struct dmarc_result *dmarc = &facts->dmarc;

	return facts->dmarc_state == FACT_FAILED || dmarc->verdict == DMARC_V_PASS ||
	       (dmarc->verdict == DMARC_V_TEMPERROR && dmarc->may_be_aligned);
}

/* SPF decides at RCPT; at the end only where it was not there by then. */
static bool spf_decides(const struct facts *facts, enum phase phase)
{
	return phase == PHASE_RCPT || facts->spf_late;
}

/* A fail is refused at once, or waits for a signature; false: SPF has nothing to say (yet). */
static bool judge_spf_fail(
    const struct facts *facts, enum spf_switch spf, enum phase phase, struct verdict *out)
{
	*out = authentication_verdict(FAMILY_SPF, ACTION_REJECT, REASON_SPF_FAIL);
	out->monitored = spf == SPF_MONITOR;
	/* Through the policy protocol no signature ever comes. */
	if (facts->door == DOOR_POLICY && spf == SPF_UNLESS_DKIM) {
		out->monitored = true;
		return true;
	}
	if (spf != SPF_UNLESS_DKIM || facts->spf.sends_no_mail)
		return spf_decides(facts, phase);
	if (phase == PHASE_RCPT)
		return false;
	if (facts->dkim_state == FACT_UNKNOWN) {
		*out = need(NEED_DKIM);
		return true;
	}
	if (has_author_signature(facts))
		return false;
	if (!has_near_signature(facts))
		return true;
	if (facts->dmarc_state == FACT_UNKNOWN)
		*out = need(NEED_DMARC);
	return facts->dmarc_state == FACT_UNKNOWN || !has_aligned_signature(facts);
}

bool policy_judge_spf(const struct settings *settings, const struct facts *facts,
    enum spf_switch spf, enum phase phase, struct verdict *out)
{
	if (spf == SPF_OFF || facts->spf_state == FACT_UNDER_WAY)
		return false;
	if (facts->spf_state == FACT_UNKNOWN) {
		*out = need(NEED_SPF);
		return true;
	}
	if (facts->spf_state == FACT_KNOWN && facts->spf.result == SPFR_FAIL)
		return judge_spf_fail(facts, spf, phase, out);
	if (!spf_decides(facts, phase))
		return false;
	if (facts->spf_state == FACT_FAILED || facts->spf.result == SPFR_TEMPERROR) {
		*out = authentication_verdict(FAMILY_SPF, ACTION_TEMPFAIL, REASON_SPF_TEMPERROR);
		out->monitored = spf == SPF_MONITOR;
		return settings->spf_temperror_tempfail;
	}
	*out = authentication_verdict(FAMILY_SPF, ACTION_REJECT, REASON_SPF_PERMERROR);
	out->monitored = spf == SPF_MONITOR;
	return facts->spf.result == SPFR_PERMERROR && settings->spf_permerror_reject;
}

/* ---- DMARC (SPEC 4, steps 8 and 9) --------------------------------------------------- */

/* What a failure under this policy brings where the recipient's domain has this switch. */
static enum action dmarc_action(enum dmarc_switch dmarc, enum dmarc_policy policy)
{
	if (policy == DMARC_P_NONE)
		return ACTION_ACCEPT;
	if (dmarc == DMARC_STRICT)
		return ACTION_REJECT;
	if (dmarc == DMARC_QUARANTINE || policy == DMARC_P_QUARANTINE)
		return ACTION_QUARANTINE;
	return ACTION_REJECT;
}

/* No author domain, or none that every reader agrees on: a failure by itself (SPEC 4.9). */
static bool judge_no_author(
    const struct settings *settings, enum dmarc_switch dmarc, struct verdict *out)
{
	enum action action = dmarc == DMARC_QUARANTINE         ? ACTION_QUARANTINE
			     : settings->dmarc_bad_from_accept ? ACTION_ACCEPT
							       : ACTION_REJECT;

	*out = authentication_verdict(FAMILY_DMARC, action, REASON_BAD_FROM);
	out->monitored = dmarc == DMARC_MONITOR;
	return action != ACTION_ACCEPT;
}

/* What a crooked From names with a dot is judged for the record and the header, too. */
static bool is_judged(const struct facts *facts)
{
	const struct identity *from = &facts->id[IDENTITY_FROM];

	if (has_author(facts))
		return true;
	return from->state == FACT_KNOWN && name_labels(from->name) >= 2;
}

/*
 * Mail that nothing proves, while an answer that could is missing (SPEC 4.8 "Temporary DNS
 * failure").  Where a policy is known, what a failure would bring is put off, or accepted where so
 * set; a quarantine needs no second try.
 */
static bool judge_unproven(const struct settings *settings, const struct facts *facts,
    enum dmarc_switch dmarc, struct verdict *out)
{
	bool has_policy = facts->dmarc_state == FACT_KNOWN && facts->dmarc.policy_domain.len > 0;
	enum action action = ACTION_TEMPFAIL;

	if (!has_policy) {
		*out =
		    authentication_verdict(FAMILY_DMARC, ACTION_TEMPFAIL, REASON_DMARC_TEMPERROR);
		out->monitored = dmarc == DMARC_MONITOR;
		return settings->dmarc_temperror_tempfail;
	}
	action = dmarc_action(dmarc, facts->dmarc.policy);
	if (action == ACTION_REJECT)
		action = settings->dmarc_unproven_accept ? ACTION_ACCEPT : ACTION_TEMPFAIL;
	*out = authentication_verdict(FAMILY_DMARC, action, REASON_DMARC_UNPROVEN);
	out->monitored = dmarc == DMARC_MONITOR;
	return action != ACTION_ACCEPT;
}

bool policy_judge_dmarc(const struct settings *settings, const struct facts *facts,
    enum dmarc_switch dmarc, struct verdict *out)
{
	enum action action;

	if (dmarc == DMARC_OFF || facts->author_state != FACT_KNOWN)
		return false;
	if (is_judged(facts) && facts->dmarc_state == FACT_UNKNOWN) {
		*out = need(NEED_DMARC);
		return true;
	}
	if (!has_author(facts))
		return judge_no_author(settings, dmarc, out);
	if (facts->dmarc_state == FACT_FAILED || facts->dmarc.verdict == DMARC_V_TEMPERROR)
		return judge_unproven(settings, facts, dmarc, out);
	if (facts->dmarc.verdict != DMARC_V_FAIL)
		return false;
	action = dmarc_action(dmarc, facts->dmarc.policy);
	*out = authentication_verdict(FAMILY_DMARC, action, REASON_DMARC_FAIL);
	out->monitored = dmarc == DMARC_MONITOR;
	return action != ACTION_ACCEPT;
}
