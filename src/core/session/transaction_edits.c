/*
 * What is done to the header of a message that is accepted: forged results go, ours come, and what
 * monitor mode would have refused is told.
 */
#include "core/mail/authres.h"
#include "transaction_state.h"

static struct slice authserv_id(const struct session *s)
{
	struct slice id = s->mail.rules->settings.authserv_id;

	return id.len > 0 ? id : s->mail.mta_name;
}

struct slice transaction_own_field(const struct session *s, enum own_field field)
{
	const struct settings *settings = &s->mail.rules->settings;

	switch (field) {
	case OWN_STANDARD_RESULTS:
		return SLICE("Authentication-Results");
	case OWN_MARK:
		return SLICE("X-Susmilter");
	case OWN_VERDICT:
		return settings->headers_verdict;
	default:
		return settings->headers_results;
	}
}

/* The whitelist entry that withdrew what this family had against the message, or NULL. */
static const struct rule *override_of(const struct session *s, enum family family)
{
	for (const struct recipient *r = s->recipients; r; r = r->next) {
		if (family == FAMILY_SPF && r->spf_override)
			return r->spf_override;
		if ((r->verdict.withdrawn & 1u << family) != 0)
			return r->verdict.rule;
	}
	return NULL;
}

static struct slice spf_comment(struct session *s)
{
	const struct rule *override = override_of(s, FAMILY_SPF);

	if (!override)
		return slice_of(NULL, 0);
	return arena_printf(s->mail_arena, "override=whitelist:%.*s", SLICE_ARG(override->name));
}

/* "p=reject dis=none override=whitelist:alumni": what became of a policy here. */
static struct slice dmarc_comment(
    struct session *s, const struct dmarc_result *dmarc, enum action disposition)
{
	static const char *const words[ACTION_COUNT] = {
	    [ACTION_ACCEPT] = "none",
	    [ACTION_QUARANTINE] = "quarantine",
	    [ACTION_TEMPFAIL] = "none",
	    [ACTION_REJECT] = "reject",
	};
	const struct rule *override = override_of(s, FAMILY_DMARC);

	if (dmarc->policy_domain.len == 0)
		return slice_of(NULL, 0);
	return arena_printf(s->mail_arena, "p=%s dis=%s%s%.*s", dmarc_policy_name(dmarc->published),
	    words[disposition], override ? " override=whitelist:" : "",
	    SLICE_ARG(override ? override->name : slice_of(NULL, 0)));
}

/* The mildest disposition that was applied: what this message got. */
static enum action disposition_of(const struct session *s)
{
	for (const struct recipient *r = s->recipients; r; r = r->next)
		if (r->verdict.family == FAMILY_DMARC &&
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

/* One for each author domain that was judged, a domain of a crooked From among them. */
static size_t dmarc_results(struct session *s, struct authres_dmarc *out)
{
	enum action applied = disposition_of(s);
	size_t n = 0;

	for (size_t i = 0; i < s->from.domain_count && n < AUTHRES_DMARC_MAX; i++) {
		const struct dmarc_result *dmarc = &s->authors[i].dmarc;
		bool has_passed = dmarc->verdict == DMARC_V_PASS;

		if (s->authors[i].dmarc_state != FACT_KNOWN)
			continue;
		out[n] = (struct authres_dmarc){
		    .result = slice_str(dmarc_verdict_name(dmarc->verdict)),
		    .from = s->from.domains[i],
		    .comment = dmarc_comment(s, dmarc, has_passed ? ACTION_ACCEPT : applied),
		};
		if (dmarc->policy_domain.len > 0)
			out[n].policy = slice_str(dmarc_policy_name(dmarc->policy));
		n++;
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
	struct authres_dmarc dmarc[AUTHRES_DMARC_MAX];
	struct authres a = {.id = authserv_id(s), .dkim = dkim, .dmarc = dmarc};

	if (facts->spf.null_sender_used_helo)
		spf.helo = facts->id[IDENTITY_HELO].text;
	else
		spf.mailfrom = sender->composed;
	spf.comment = spf_comment(s);
	if (facts->spf_state == FACT_KNOWN)
		a.spf = &spf;
	a.dkim_count = dkim_results(s, dkim);
	a.dmarc_count = dmarc_results(s, dmarc);
	if (a.id.len == 0 || (!a.spf && a.dkim_count == 0 && a.dmarc_count == 0))
		return slice_of(NULL, 0);
	return authres_write(&a, s->mail_arena);
}

static size_t count_edits(const struct session *s)
{
	size_t n = 3; /* our results, the verdict, and the mark of a quarantine */

	for (const struct forged *f = s->forged; f; f = f->next)
		n++;
	for (const struct monitored_rule *w = s->monitored_rules; w; w = w->next)
		n++;
	return n;
}

static void insert_field(
    struct header_edit *edits, size_t *n, struct slice name, struct slice value)
{
	if (name.len > 0 && value.len > 0)
		edits[(*n)++] = (struct header_edit){.name = name, .value = value};
}

/* "dmarc=quarantine rule=NAME", for filters behind us; empty when there is nothing to say. */
static struct slice verdict_body(struct session *s)
{
	struct slice text =
	    disposition_of(s) == ACTION_QUARANTINE ? SLICE("dmarc=quarantine") : slice_of(NULL, 0);

	for (struct monitored_rule *w = s->monitored_rules; w; w = w->next)
		text = arena_printf(s->mail_arena, "%.*s%srule=%.*s", SLICE_ARG(text),
		    text.len > 0 ? " " : "", SLICE_ARG(w->name));
	return text;
}

void transaction_edits(struct session *s, const struct header_edit **edits, size_t *count)
{
	struct header_edit *made = arena_calloc(s->mail_arena, count_edits(s), sizeof *made);
	struct slice mark = transaction_own_field(s, OWN_MARK);
	struct slice verdict = transaction_own_field(s, OWN_VERDICT);
	size_t n = 0;

	if (!made)
		return;
	for (struct forged *f = s->forged; f; f = f->next)
		made[n++] = (struct header_edit){
		    .remove = true,
		    .name = f->name,
		    .index = f->index,
		};
	for (struct monitored_rule *w = s->monitored_rules; w; w = w->next)
		insert_field(made, &n, mark,
		    arena_printf(s->mail_arena, "rule=%.*s mode=monitor", SLICE_ARG(w->name)));
	if (disposition_of(s) == ACTION_QUARANTINE)
		insert_field(made, &n, mark, SLICE("dmarc=quarantine"));
	if (verdict.len > 0)
		insert_field(made, &n, verdict, verdict_body(s));
	insert_field(made, &n, transaction_own_field(s, OWN_RESULTS), results_body(s));
	*edits = made;
	*count = n;
}
