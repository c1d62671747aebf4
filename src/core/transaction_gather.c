/*
 * The gather loop: policy says which facts it needs, the outside is asked, policy is asked again.
 * It ends because each fact that was asked for leaves FACT_UNKNOWN here, whatever the outside says.
 */
#include "transaction_state.h"

/* Identifiers that can be handed to DMARC: SPF's, and each signature that is looked at. */
enum { IDENTIFIERS_MAX = 1 + DKIM_VERIFIED_MAX };

struct message *transaction_message(struct session *s)
{
	if (!s->message && s->env->message_start)
		s->message = s->env->message_start(s->env->self, s->mail_arena, s->facts.now);
	return s->message;
}

static struct spf_query spf_query_of(const struct session *s)
{
	const struct identity *sender = &s->facts.id[IDENTITY_SENDER];

	return (struct spf_query){
	    .client = s->facts.client,
	    .helo = s->facts.id[IDENTITY_HELO].text,
	    .local = sender->local,
	    .domain = sender->name,
	    .receiver = s->mail.mta_name,
	    .now = s->facts.now,
	};
}

/* A client without an address, or a sender in an address literal, has no SPF to speak of. */
static bool has_spf(const struct session *s)
{
	const struct identity *sender = &s->facts.id[IDENTITY_SENDER];

	return s->facts.client.family != IP_NONE &&
	       (sender->name.len > 0 || slice_equal(sender->text, SLICE("<>")));
}

static void gather_spf(struct session *s)
{
	struct message *m;
	struct spf_query query = spf_query_of(s);

	if (s->facts.spf_state != FACT_UNKNOWN)
		return;
	s->facts.spf_state = FACT_FAILED;
	if (!has_spf(s)) {
		s->facts.spf = (struct spf_answer){.result = SPFR_NONE};
		s->facts.spf_state = FACT_KNOWN;
	} else if ((m = transaction_message(s))) {
		s->env->spf(m, &query, &s->facts.spf);
		s->facts.spf_state = FACT_KNOWN;
	}
}

static void gather_dkim(struct session *s)
{
	if (s->facts.dkim_state != FACT_UNKNOWN)
		return;
	s->facts.dkim_state = FACT_FAILED;
	if (!s->message || !s->wants_dkim)
		return;
	s->env->dkim_finish(s->message, &s->facts.dkim);
	s->facts.dkim_state = FACT_KNOWN;
}

/* The domain that SPF spoke about as a name: a HELO comes as the client wrote it. */
static struct slice spf_name(struct session *s)
{
	struct spf_query query = spf_query_of(s);
	struct slice name;

	if (name_parse(spf_identity(&query), s->env->idna, s->mail_arena, &name) != NULL)
		return slice_of(NULL, 0);
	return name;
}

static void add_identifier(struct dmarc_identifier *ids, size_t *count, enum dmarc_method method,
    enum dmarc_outcome outcome, struct slice domain)
{
	if (domain.len > 0 && *count < IDENTIFIERS_MAX)
		ids[(*count)++] = (struct dmarc_identifier){method, outcome, domain};
}

/* What SPF and DKIM authenticated, or could not decide for want of an answer. */
static size_t identifiers_of(struct session *s, struct dmarc_identifier *ids)
{
	const struct facts *facts = &s->facts;
	struct slice spf_domain = spf_name(s);
	size_t count = 0;

	if (facts->spf_state == FACT_KNOWN && facts->spf.result == SPFR_PASS)
		add_identifier(ids, &count, DMARC_SPF, DMARC_PASSED, spf_domain);
	else if (facts->spf_state == FACT_FAILED || facts->spf.result == SPFR_TEMPERROR)
		add_identifier(ids, &count, DMARC_SPF, DMARC_TEMPERROR, spf_domain);
	for (size_t i = 0; facts->dkim_state == FACT_KNOWN && i < facts->dkim.count; i++) {
		const struct dkim_signature_result *sig = &facts->dkim.signatures[i];
		if (dkim_counts(sig))
			add_identifier(ids, &count, DMARC_DKIM, DMARC_PASSED, sig->domain);
		else if (sig->result == DKIM_TEMPERROR)
			add_identifier(ids, &count, DMARC_DKIM, DMARC_TEMPERROR, sig->domain);
	}
	return count;
}

static void gather_dmarc(struct session *s)
{
	struct message *m = transaction_message(s);
	struct dmarc_identifier *ids = arena_calloc(s->mail_arena, IDENTIFIERS_MAX, sizeof *ids);
	struct dmarc_query query = {.from_domain = s->facts.id[IDENTITY_FROM].name, .ids = ids};

	if (s->facts.dmarc_state != FACT_UNKNOWN)
		return;
	s->facts.dmarc_state = FACT_FAILED;
	if (!m || !ids)
		return;
	gather_spf(s);
	gather_dkim(s);
	query.count = identifiers_of(s, ids);
	dmarc_evaluate(s->env->dns(m), &query, s->mail_arena, NULL, &s->facts.dmarc);
	s->facts.dmarc_state = FACT_KNOWN;
}

struct verdict transaction_decide(struct session *s, enum phase phase)
{
	struct verdict v;

	while ((v = policy_decide(s->mail.rules, &s->facts, phase)).kind == VERDICT_NEED) {
		if (v.need & NEED_SPF)
			gather_spf(s);
		if (v.need & NEED_DKIM)
			gather_dkim(s);
		if (v.need & NEED_DMARC)
			gather_dmarc(s);
	}
	return v;
}
