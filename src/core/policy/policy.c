#include "core/policy/policy.h"

#include "policy_auth.h"

/* What the table says about one transaction, gathered in one pass over the matching rules. */
struct findings {
	const struct rule *exempt;
	const struct rule *trusted;
	struct verdict trusted_verdict;
	unsigned exempted;      /* families, bits 1 << family, that whitelist entries cover */
	unsigned may_be_exempt; /* … that entries would cover if an answer came that is not there */
	unsigned exempt_need[FAMILY_COUNT];        /* … by asking for these: bits of enum need */
	const struct rule *doubtful[FAMILY_COUNT]; /* the first entry whose answer did not come */
	struct verdict whitelisted;                /* the first entry that exempts */
	struct verdict exemptions[2];              /* the first that covers: spf, dmarc */
	struct verdict refused[2];                 /* by family: blocks, susranges */
	struct verdict monitored;                  /* the first refusal of monitor mode */
	struct verdict put_off[2]; /* by monitor mode: the first undecided rule with tempfail */
	unsigned need[2]; /* by monitor mode: what rules before the first refusal hang on */
	const struct rule *undecided; /* the first rule that was passed over */
	bool open;                    /* one of them, or what could excuse, would have effect */
};

static struct verdict verdict_of_rule(
    const struct outcome *o, enum verdict_kind kind, enum action action, enum reason reason)
{
	return (struct verdict){
	    .kind = kind,
	    .action = action,
	    .family = o->rule->family,
	    .reason = reason,
	    .rule = o->rule,
	    .has_network = o->has_network,
	    .network = o->network,
	    .has_identity = o->has_identity,
	    .identity = o->identity,
	    .entry = o->entry,
	};
}

static struct verdict accepted(enum family family, enum reason reason, const struct rule *rule)
{
	return (struct verdict){
	    .kind = VERDICT_FINAL,
	    .action = ACTION_ACCEPT,
	    .family = family,
	    .reason = reason,
	    .rule = rule,
	};
}

/* ---- the whitelist (SPEC 3.4) -------------------------------------------------------- */

/*
 * An entry by domain exempts only with proof: the verified client name is in the list, or the
 * sender's domain is and SPF says pass.  A missing answer of the DNS proves neither way.
 */
enum truth policy_proven(const struct outcome *o, const struct facts *facts)
{
	const struct rule *rule = o->rule;

	if ((rule->keys & 1u << KEY_DOMAINS) == 0)
		return TRUTH_YES;
	if ((rule->proof & PROOF_CLIENT_NAME) && (o->domains & 1u << IDENTITY_CLIENT_NAME))
		return TRUTH_YES;
	if (!(rule->proof & PROOF_SPF) || !(o->domains & 1u << IDENTITY_SENDER))
		return TRUTH_NO;
	if (facts->spf_state != FACT_KNOWN || facts->spf.result == SPFR_TEMPERROR)
		return TRUTH_UNKNOWN;
	return facts->spf.result == SPFR_PASS ? TRUTH_YES : TRUTH_NO;
}

static struct verdict *exemption_from(struct findings *f, enum family family)
{
	return &f->exemptions[family == FAMILY_DMARC];
}

/* An entry that may yet exempt: nothing is looked up for it before something refuses. */
static void note_may_be_exempt(struct findings *f, const struct rule *rule, unsigned need)
{
	f->may_be_exempt |= rule->covers;
	for (int family = 0; family < FAMILY_COUNT; family++)
		if ((rule->covers & 1u << family) != 0) {
			f->exempt_need[family] |= need;
			if (need == 0 && !f->doubtful[family])
				f->doubtful[family] = rule;
		}
}

static void find_exemption(struct findings *f, const struct outcome *o, const struct facts *facts)
{
	enum truth proof = policy_proven(o, facts);
	unsigned need = o->need;
	struct verdict v;

	if (rule_monitors(o->rule, facts->now) || proof == TRUTH_NO)
		return;
	if (proof == TRUTH_UNKNOWN && facts->spf_state == FACT_UNKNOWN)
		need |= NEED_SPF;
	if (o->truth == TRUTH_UNKNOWN || proof == TRUTH_UNKNOWN) {
		if (!o->late)
			note_may_be_exempt(f, o->rule, need);
		return;
	}
	v = verdict_of_rule(o, VERDICT_CONTINUE, ACTION_ACCEPT, REASON_WHITELISTED);
	f->exempted |= v.rule->covers;
	if (!f->whitelisted.rule)
		f->whitelisted = v;
	if (!exemption_from(f, FAMILY_SPF)->rule && (v.rule->covers & 1u << FAMILY_SPF) != 0)
		*exemption_from(f, FAMILY_SPF) = v;
	if (!exemption_from(f, FAMILY_DMARC)->rule && (v.rule->covers & 1u << FAMILY_DMARC) != 0)
		*exemption_from(f, FAMILY_DMARC) = v;
}

/* ---- blocks and susranges ------------------------------------------------------------ */

/* The action that a rule's own reply asks for: 4xx is a tempfail. */
static enum action action_of_rule(const struct rule *rule)
{
	return rule->reply.len > 0 && rule->reply.ptr[0] == '4' ? ACTION_TEMPFAIL : ACTION_REJECT;
}

/*
 * Undecided (SPEC 3.1): who can be asked is asked, unless a rule before refuses anyway; what only
 * the end of the message can tell is left to it; and where the answer is not to be had, the rule is
 * passed over.
 */
static void find_undecided(struct findings *f, const struct outcome *o, bool monitored)
{
	const struct rule *rule = o->rule;
	struct verdict *put_off = &f->put_off[monitored];

	if (o->late || o->under_way)
		return;
	if (o->need != 0) {
		f->need[monitored] |= o->need;
		return;
	}
	if (!f->undecided)
		f->undecided = rule;
	f->open |= !monitored;
	if (!rule->undecided_tempfail || put_off->rule)
		return;
	*put_off = verdict_of_rule(o, VERDICT_FINAL, ACTION_TEMPFAIL, REASON_UNDECIDED);
	put_off->monitored = monitored;
}

static void find_refusal(struct findings *f, const struct outcome *o, int64_t now)
{
	bool monitored = rule_monitors(o->rule, now);
	struct verdict *first = &f->refused[o->rule->family == FAMILY_SUSRANGES];

	if (f->refused[0].rule || f->refused[1].rule || (monitored && f->monitored.rule))
		return;
	if (o->truth == TRUTH_UNKNOWN) {
		find_undecided(f, o, monitored);
		return;
	}
	if (monitored)
		first = &f->monitored;
	*first = verdict_of_rule(o, VERDICT_FINAL, action_of_rule(o->rule), REASON_RULE);
	first->monitored = monitored;
}

/* Families that this recipient's domain has switched off. */
static unsigned switched_off(const struct switches *s)
{
	return (s->blocks ? 0 : 1u << FAMILY_BLOCKS) | (s->susranges ? 0 : 1u << FAMILY_SUSRANGES);
}

bool policy_asks(const struct rule *rule, const struct facts *facts)
{
	if (!facts_are_authenticated(facts))
		return rule->applies != APPLIES_AUTHENTICATED;
	return rule->family == FAMILY_EXEMPT || rule_is_for_authenticated(rule);
}

/* At the end of the message only rules that wait for it can say anything new, and those whose
 * answer of SPF was under way at RCPT. */
static bool is_asked(const struct rule *rule, const struct facts *facts, enum phase phase)
{
	return phase == PHASE_RCPT || rule->late ||
	       (facts->spf_late && ((rule->keys | rule->unless) & 1u << KEY_SPF) != 0);
}

/*
 * One pass over the matching rules, which come in the order of the families.
 */
static void find(struct findings *f, const struct ruleset *rules, const struct facts *facts,
    enum phase phase, unsigned off)
{
	struct match m;
	struct outcome o;

	*f = (struct findings){.exempted = off};
	match_start(&m, rules, facts);
	while (match_next(&m, &o)) {
		enum family family = o.rule->family;

		if (!policy_asks(o.rule, facts) ||
		    (o.truth != TRUTH_YES && (phase == PHASE_MAIL || family < FAMILY_WHITELIST)))
			continue;
		if (family == FAMILY_TRUSTED) {
			f->trusted = o.rule;
			f->trusted_verdict =
			    verdict_of_rule(&o, VERDICT_FINAL, ACTION_ACCEPT, REASON_TRUSTED);
			return;
		}
		if (phase == PHASE_MAIL)
			return;
		if (family == FAMILY_EXEMPT) {
			f->exempt = o.rule;
			return;
		}
		if (family == FAMILY_WHITELIST)
			find_exemption(f, &o, facts);
		else if ((f->exempted & 1u << family) == 0 && is_asked(o.rule, facts, phase))
			find_refusal(f, &o, facts->now);
	}
}

/* A verdict that a whitelist entry could withdraw hangs on an answer that is not there. */
static bool needs_proof(const struct findings *f, const struct verdict *refusal)
{
	return (f->may_be_exempt & 1u << refusal->family) != 0;
}

/*
 * Undecided (SPEC 3.1): what the entry needs is asked for; where the answer is under way or did not
 * come, a refusal becomes another try.  A quarantine refuses nobody and stays.
 */
static struct verdict without_proof(struct findings *f, const struct verdict *found)
{
	const struct rule *doubtful = f->doubtful[found->family];
	struct verdict v = *found;

	if (f->exempt_need[v.family] != 0)
		return (struct verdict){.kind = VERDICT_NEED, .need = f->exempt_need[v.family]};
	if (v.action != ACTION_QUARANTINE) {
		v.action = ACTION_TEMPFAIL;
		v.reason = doubtful->words ? REASON_UNDECIDED : REASON_SPF_TEMPERROR;
	}
	/* Of several it is the one that the refusal became another try for. */
	if (!f->undecided || !found->monitored)
		f->undecided = doubtful;
	f->open |= !found->monitored;
	return v;
}

/* In the order in which they count: enforced before monitored, refusals before what is put off. */
static bool judge_rules(struct findings *f, struct verdict *out)
{
	const struct verdict *found[] = {
	    &f->refused[0], &f->refused[1], &f->put_off[false], &f->monitored, &f->put_off[true]};
	bool enforced = f->refused[0].rule || f->refused[1].rule;
	unsigned need = f->need[false] | (enforced ? 0 : f->need[true]);

	if (need != 0) {
		*out = (struct verdict){.kind = VERDICT_NEED, .need = need};
		return true;
	}
	for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
		if (!found[i]->rule)
			continue;
		*out = *found[i];
		if (needs_proof(f, out))
			*out = without_proof(f, out);
		return true;
	}
	return false;
}

/* ---- the phases ---------------------------------------------------------------------- */

static bool is_inbound(const struct facts *facts, const struct findings *f, struct verdict *out)
{
	if (facts->not_smtp)
		*out = accepted(FAMILY_NONE, REASON_NOT_SMTP, NULL);
	else if (f->trusted)
		*out = f->trusted_verdict;
	else
		return true;
	return false;
}

/*
 * An authentication verdict stands unless a whitelist entry covers its family; one that may do so
 * is asked for its proof first: not every verdict has asked for SPF itself.  A refusal that is
 * withdrawn is told in *whitelisted.
 */
static bool stands(struct findings *f, struct verdict *v, struct verdict *whitelisted)
{
	unsigned withdrawn = whitelisted->withdrawn;

	if (v->kind == VERDICT_NEED)
		return true;
	if ((f->exempted & 1u << v->family) == 0) {
		if (needs_proof(f, v))
			*v = without_proof(f, v);
		return true;
	}
	if (!v->monitored) {
		*whitelisted = *exemption_from(f, v->family);
		whitelisted->withdrawn = withdrawn | 1u << v->family;
	}
	return false;
}

/*
 * Keeps the first refusal of monitor mode in *would and goes on, so that it never hides what a
 * later family enforces; true when *v is the answer.
 */
static bool settles(const struct verdict *v, struct verdict *monitored)
{
	if (v->kind == VERDICT_NEED || !v->monitored)
		return true;
	if (!monitored->monitored)
		*monitored = *v;
	return false;
}

/* Asks each family in turn. */
static struct verdict judge(const struct ruleset *rules, const struct facts *facts,
    enum phase phase, const struct switches *switches, struct findings *f)
{
	const struct settings *settings = &rules->settings;
	struct verdict v, monitored = {.kind = VERDICT_CONTINUE}, whitelisted = f->whitelisted;

	if (judge_rules(f, &v) && settles(&v, &monitored))
		return v;
	if (policy_judge_spf(settings, facts, switches->spf, phase, &v) &&
	    stands(f, &v, &whitelisted) && settles(&v, &monitored))
		return v;
	if (phase == PHASE_END && policy_judge_dmarc(settings, facts, switches->dmarc, &v) &&
	    stands(f, &v, &whitelisted) && settles(&v, &monitored))
		return v;
	return monitored.monitored ? monitored : whitelisted;
}

/* An authenticated session: whitelist, switches, SPF and DMARC say nothing of it, and nothing is
 * put off for want of an answer. */
static struct verdict judge_authenticated(struct findings *f)
{
	struct verdict v;

	if (f->exempt)
		return accepted(FAMILY_EXEMPT, REASON_EXEMPT, f->exempt);
	memset(f->put_off, 0, sizeof f->put_off);
	if (!judge_rules(f, &v))
		v = accepted(FAMILY_NONE, REASON_AUTHENTICATED, NULL);
	v.undecided = f->undecided;
	v.open = f->open;
	return v;
}

static struct verdict decide(
    const struct ruleset *rules, const struct facts *facts, enum phase phase)
{
	const struct switches *switches =
	    ruleset_switches(rules, facts->id[IDENTITY_RECIPIENT].name);
	bool authenticated = facts_are_authenticated(facts);
	struct findings f;
	struct verdict v = {.kind = VERDICT_CONTINUE};

	if (authenticated && phase == PHASE_MAIL)
		return accepted(FAMILY_NONE, REASON_AUTHENTICATED, NULL);
	find(&f, rules, facts, phase, authenticated ? 0 : switched_off(switches));
	if (authenticated)
		return judge_authenticated(&f);
	if (!is_inbound(facts, &f, &v) || phase == PHASE_MAIL)
		return v;
	if (f.exempt)
		return accepted(FAMILY_EXEMPT, REASON_EXEMPT, f.exempt);
	v = judge(rules, facts, phase, switches, &f);
	v.undecided = f.undecided;
	v.open = f.open;
	return v;
}

struct verdict policy_decide(
    const struct ruleset *rules, const struct facts *facts, enum phase phase)
{
	struct verdict v = decide(rules, facts, phase);

	if (!rules->settings.monitor)
		return v;
	v.open = false;
	if (v.kind == VERDICT_FINAL && v.action != ACTION_ACCEPT)
		v.monitored = true;
	return v;
}

enum action policy_effect(const struct verdict *v)
{
	return v->kind == VERDICT_FINAL && !v->monitored ? v->action : ACTION_ACCEPT;
}

int policy_severity(const struct settings *settings, const struct verdict *v)
{
	enum { WITHDRAWN = 1, MONITORED = 10, ENFORCED = 20 };
	const int order[ACTION_COUNT] = {
	    [ACTION_QUARANTINE] = settings->dmarc_hold ? 3 : 1,
	    [ACTION_TEMPFAIL] = 2,
	    [ACTION_REJECT] = 4,
	};

	if (v->kind != VERDICT_FINAL || v->action == ACTION_ACCEPT)
		return v->withdrawn != 0 ? WITHDRAWN : 0;
	return (v->monitored ? MONITORED : ENFORCED) + order[v->action];
}
