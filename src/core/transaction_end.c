/*
 * The verdict on a message: for each author domain and each recipient, and then one for all, since
 * SMTP has one answer at the end of the message; and the header edits of what is accepted.
 */
#include "core/authres.h"
#include "core/fnv.h"
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

/* A large sender tries again from another host of its network: so much of it is compared. */
enum { SPLIT_NETWORK_V4 = 16, SPLIT_NETWORK_V6 = 32 };

uint64_t transaction_split_key(
    const struct session *s, const struct identity *recipient, bool alone)
{
	const struct ip *client = &s->facts.client;
	struct slice sender = s->facts.id[IDENTITY_SENDER].text;
	struct prefix network =
	    prefix_of(client, client->family == IP_V6 ? SPLIT_NETWORK_V6 : SPLIT_NETWORK_V4);
	uint64_t h = FNV_START;

	h = fnv(h, slice_of((const char *)&network.base.hi, sizeof network.base.hi));
	h = fnv(h, sender);
	h = fnv(h, alone ? SLICE("\1") : SLICE("\0"));
	return fnv(h, recipient->text);
}

static bool same_kind(const struct recipient *a, const struct recipient *b)
{
	return a->exempt == b->exempt && a->switches == b->switches;
}

/* Remembers that these recipients must come apart, and says so. */
static struct answer split(const struct event *e)
{
	struct session *s = e->s;
	bool kinds = false;

	for (struct recipient *r = s->recipients; r; r = r->next)
		kinds |= !same_kind(r, s->recipients);
	for (struct recipient *r = s->recipients; r && s->env->split_note; r = r->next)
		s->env->split_note(s->env->self, transaction_split_key(s, &r->identity, !kinds));
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

/* ---- header edits -------------------------------------------------------------------- */

static struct slice authserv_id(const struct session *s)
{
	struct slice id = s->mail.rules->settings.authserv_id;

	return id.len > 0 ? id : s->mail.mta_name;
}

/* The whitelist entry that withdrew what this family had against the message, or NULL. */
static const struct rule *excuse_for(const struct session *s, enum family family)
{
	for (const struct recipient *r = s->recipients; r; r = r->next) {
		if (family == FAMILY_SPF && r->spf_excuse)
			return r->spf_excuse;
		if ((r->verdict.withdrawn & 1u << family) != 0)
			return r->verdict.rule;
	}
	return NULL;
}

static struct slice spf_comment(struct session *s)
{
	const struct rule *excuse = excuse_for(s, FAMILY_SPF);

	if (!excuse)
		return slice_of(NULL, 0);
	return arena_printf(s->mail_arena, "override=whitelist:%.*s", SLICE_ARG(excuse->name));
}

/* "p=reject dis=none override=whitelist:alumni": what became of a policy here. */
static struct slice dmarc_comment(struct session *s, enum action disposition)
{
	const struct dmarc_result *dmarc = &s->facts.dmarc;
	static const char *const words[ACTION_COUNT] = {
	    [ACTION_ACCEPT] = "none",
	    [ACTION_QUARANTINE] = "quarantine",
	    [ACTION_TEMPFAIL] = "none",
	    [ACTION_REJECT] = "reject",
	};
	const struct rule *excuse = excuse_for(s, FAMILY_DMARC);

	if (dmarc->policy_domain.len == 0)
		return slice_of(NULL, 0);
	return arena_printf(s->mail_arena, "p=%s dis=%s%s%.*s", dmarc_policy_name(dmarc->published),
	    words[disposition], excuse ? " override=whitelist:" : "",
	    SLICE_ARG(excuse ? excuse->name : slice_of(NULL, 0)));
}

/* The mildest disposition that was applied: what this message got. */
static enum action disposition_of(const struct session *s)
{
	for (const struct recipient *r = s->recipients; r; r = r->next)
		if (r->verdict.reason == REASON_DMARC_FAIL &&
		    policy_effect(&r->verdict) == ACTION_QUARANTINE)
			return ACTION_QUARANTINE;
	return ACTION_ACCEPT;
}

static size_t dkim_results(const struct session *s, struct authres_dkim *out)
{
	const struct dkim_answer *dkim = &s->facts.dkim;
	size_t n = 0;

	if (s->facts.dkim_state != FACT_KNOWN)
		return 0;
	if (dkim->count == 0)
		out[n++] = (struct authres_dkim){.result = SLICE("none")};
	for (size_t i = 0; i < dkim->count && n < AUTHRES_DKIM_MAX; i++) {
		const struct dkim_signature_result *sig = &dkim->signatures[i];
		out[n++] = (struct authres_dkim){
		    .result = slice_str(dkim_result_name(sig->result)),
		    .domain = sig->domain,
		    .identity = sig->identity,
		    .selector = sig->selector,
		    .algorithm = sig->algorithm,
		    .signature = sig->b_prefix,
		    .reason = sig->reason,
		};
	}
	return n;
}

/* Our Authentication-Results; empty when nothing was evaluated. */
static struct slice results_body(struct session *s)
{
	const struct facts *facts = &s->facts;
	const struct identity *sender = &facts->id[IDENTITY_SENDER];
	struct authres_dkim dkim[AUTHRES_DKIM_MAX];
	struct authres_spf spf = {.result = slice_str(spf_result_text(facts->spf.result))};
	struct authres_dmarc dmarc = {
	    .result = slice_str(dmarc_verdict_name(facts->dmarc.verdict)),
	    .from = facts->id[IDENTITY_FROM].name,
	};
	struct authres a = {.id = authserv_id(s), .dkim = dkim};

	if (facts->spf.null_sender_used_helo)
		spf.helo = facts->id[IDENTITY_HELO].text;
	else
		spf.mailfrom = sender->text;
	spf.comment = spf_comment(s);
	if (facts->spf_state == FACT_KNOWN)
		a.spf = &spf;
	a.dkim_count = dkim_results(s, dkim);
	if (facts->dmarc_state == FACT_KNOWN) {
		dmarc.comment = dmarc_comment(s, disposition_of(s));
		if (facts->dmarc.policy_domain.len > 0)
			dmarc.policy = slice_str(dmarc_policy_name(facts->dmarc.policy));
		a.dmarc = &dmarc;
	}
	if (a.id.len == 0 || (!a.spf && a.dkim_count == 0 && !a.dmarc))
		return slice_of(NULL, 0);
	return authres_write(&a, s->mail_arena);
}

static size_t count_edits(const struct session *s)
{
	size_t n = 2; /* our results, and the mark of a quarantine */

	for (const struct forged *f = s->forged; f; f = f->next)
		n++;
	for (const struct would *w = s->woulds; w; w = w->next)
		n++;
	return n;
}

static void insert_field(
    struct header_edit *edits, size_t *n, struct slice name, struct slice value)
{
	if (value.len > 0)
		edits[(*n)++] = (struct header_edit){.name = name, .value = value};
}

void transaction_edits(struct session *s, const struct header_edit **edits, size_t *count)
{
	struct header_edit *made = arena_calloc(s->mail_arena, count_edits(s), sizeof *made);
	size_t n = 0;

	if (!made)
		return;
	for (struct forged *f = s->forged; f; f = f->next)
		made[n++] = (struct header_edit){
		    .remove = true,
		    .name = SLICE("Authentication-Results"),
		    .index = f->index,
		};
	for (struct would *w = s->woulds; w; w = w->next)
		insert_field(made, &n, SLICE("X-Susmilter"),
		    arena_printf(s->mail_arena, "rule=%.*s mode=monitor", SLICE_ARG(w->name)));
	if (disposition_of(s) == ACTION_QUARANTINE)
		insert_field(made, &n, SLICE("X-Susmilter"), SLICE("dmarc=quarantine"));
	insert_field(made, &n, SLICE("Authentication-Results"), results_body(s));
	*edits = made;
	*count = n;
}
