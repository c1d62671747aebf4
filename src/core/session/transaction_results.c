/*
 * What SPF, DKIM and DMARC said of a message, told once it has ended, whatever became of it: a
 * missing answer that let it in makes no other noise.
 */
#include "transaction_state.h"

static void tell(struct session *s, enum auth_method method, int result)
{
	s->env->authenticated(s->env->self, method, result);
}

static void tell_dkim(struct session *s)
{
	const struct dkim_answer *dkim = &s->facts.dkim;

	if (s->facts.dkim_state == FACT_FAILED)
		tell(s, AUTH_DKIM, DKIM_TEMPERROR);
	if (s->facts.dkim_state != FACT_KNOWN)
		return;
	if (dkim->count == 0)
		tell(s, AUTH_DKIM, DKIM_NONE);
	for (size_t i = 0; i < dkim->count; i++)
		tell(s, AUTH_DKIM, (int)dkim->signatures[i].result);
}

static void tell_dmarc(struct session *s)
{
	for (size_t i = 0; i < s->from.domain_count; i++) {
		const struct author *author = &s->authors[i];

		if (author->dmarc_state == FACT_KNOWN)
			tell(s, AUTH_DMARC, (int)author->dmarc.verdict);
		else if (author->dmarc_state == FACT_FAILED)
			tell(s, AUTH_DMARC, DMARC_V_TEMPERROR);
	}
}

void transaction_tell_results(struct session *s)
{
	const struct facts *f = &s->facts;

	if (!s->inbound || !s->env->authenticated || (s->elsewhere && f->door == DOOR_POLICY))
		return;
	if (f->spf_state == FACT_KNOWN)
		tell(s, AUTH_SPF, (int)f->spf.result);
	else if (f->spf_state == FACT_FAILED)
		tell(s, AUTH_SPF, SPFR_TEMPERROR);
	tell_dkim(s);
	tell_dmarc(s);
}

bool transaction_missed_answer(const struct session *s)
{
	const struct facts *f = &s->facts;

	if (f->spf_state == FACT_KNOWN && f->spf.result == SPFR_TEMPERROR)
		return true;
	for (size_t i = 0; f->dkim_state == FACT_KNOWN && i < f->dkim.count; i++)
		if (f->dkim.signatures[i].result == DKIM_TEMPERROR)
			return true;
	for (size_t i = 0; i < s->from.domain_count; i++)
		if (s->authors[i].dmarc_state == FACT_KNOWN &&
		    s->authors[i].dmarc.verdict == DMARC_V_TEMPERROR)
			return true;
	return false;
}
