#include "core/change/decision_row.h"

#include "decision_reply.h"

#include <stdio.h>

/* ---- record to row ------------------------------------------------------------------- */

/* "pass:example.org fail:example.net" */
static struct slice dkim_text(const struct dkim_answer *dkim, char out[DECISION_DKIM_MAX])
{
	size_t len = 0;

	for (size_t i = 0; i < dkim->count; i++) {
		const struct dkim_signature_result *s = &dkim->signatures[i];
		const char *partly = s->result == DKIM_PASS && !s->body_covered ? "~" : "";
		int n = snprintf(out + len, DECISION_DKIM_MAX - len, "%s%s%s:%.*s", i ? " " : "",
		    dkim_result_name(s->result), partly, SLICE_ARG(s->domain));
		if (n < 0 || (size_t)n >= DECISION_DKIM_MAX - len)
			break;
		len += (size_t)n;
	}
	return slice_of(out, len);
}

static void take_facts(
    const struct facts *f, struct decision_row_room *room, struct decision_row *row)
{
	row->client = f->client;
	row->asn = f->asn;
	memcpy(row->country, f->country, sizeof row->country);
	for (int i = 0; i < IDENTITY_COUNT; i++) {
		row->state[i] = f->id[i].state;
		if (f->id[i].state == FACT_KNOWN)
			row->text[i] = f->id[i].text;
	}
	row->tls = f->tls;
	row->auth_state = f->auth_state;
	if (f->auth_state == FACT_KNOWN)
		row->text[ROW_AUTH] = f->auth;
	row->spf_state = f->spf_state;
	row->spf_late = f->spf_late;
	row->spf = f->spf.result;
	row->spf_sends_no_mail = f->spf.sends_no_mail;
	row->dkim_state = f->dkim_state;
	if (f->dkim_state == FACT_KNOWN)
		row->text[ROW_DKIM] = dkim_text(&f->dkim, room->dkim);
	row->author_state = f->author_state;
	row->author = f->author;
	if (f->author_state == FACT_KNOWN)
		row->text[ROW_AUTHOR_WHY] = f->author_why;
	row->dmarc_state = f->dmarc_state;
	row->dmarc = f->dmarc.verdict;
	row->dmarc_published = f->dmarc.published;
	row->dmarc_policy = f->dmarc.policy;
	row->dmarc_may_be_aligned = f->dmarc.may_be_aligned;
}

static void take_verdict(const struct verdict *v, struct decision_row *row)
{
	row->final = v->kind == VERDICT_FINAL;
	row->action = v->action;
	row->monitored = v->monitored;
	row->family = v->family;
	row->reason = v->reason;
	row->withdrawn = v->withdrawn;
	row->has_network = v->has_network;
	row->network = v->network;
	row->has_identity = v->has_identity;
	row->identity = v->identity;
	if (v->has_identity)
		row->text[ROW_ENTRY] = v->entry;
	if (v->rule)
		row->text[ROW_RULE] = v->rule->name;
}

static void cut_texts(struct decision_row *row)
{
	for (int i = 0; i < ROW_TEXTS; i++)
		if (row->text[i].len > DECISION_TEXT_MAX) {
			row->text[i].len = DECISION_TEXT_MAX;
			row->flags |= ROW_CUT;
		}
}

void decision_row_of(
    const struct record *r, struct decision_row_room *room, struct decision_row *row)
{
	*row = (struct decision_row){
	    .time_ms = r->time_us / 1000,
	    .took_us = r->took_us < 0            ? 0
		       : r->took_us > UINT32_MAX ? UINT32_MAX
						 : (uint32_t)r->took_us,
	    .count = 1,
	    .stage = r->stage,
	    .transaction = r->transaction,
	    .generation = r->generation,
	    .id = r->token,
	    .flags = r->facts->door == DOOR_POLICY ? ROW_POLICY : 0,
	};
	row->text[ROW_SESSION] = r->session;
	row->text[ROW_QUEUE_ID] = r->queue_id;
	take_facts(r->facts, room, row);
	take_verdict(r->decision.verdict, row);
	if (r->reply) {
		row->code = r->reply->code;
		row->text[ROW_REPLY] = decision_reply_template(row, r->reply, room->reply);
	}
	cut_texts(row);
}

/* ---- row to record ------------------------------------------------------------------- */

static enum dkim_result dkim_result_of(struct slice word)
{
	enum dkim_result result = DKIM_PERMERROR;

	for (int i = 0; i <= DKIM_PERMERROR; i++)
		if (slice_equal(word, slice_str(dkim_result_name((enum dkim_result)i))))
			result = (enum dkim_result)i;
	return result;
}

static void give_dkim(const struct decision_row *row, struct dkim_signature_result *signatures,
    struct dkim_answer *dkim)
{
	struct slice rest = row->text[ROW_DKIM];

	dkim->signatures = signatures;
	while (rest.len > 0 && dkim->count < DKIM_VERIFIED_MAX) {
		struct slice domain = slice_word(&rest), result = slice_cut(&domain, ':');
		bool partly = slice_ends(result, SLICE("~"));

		result.len -= partly;
		signatures[dkim->count++] = (struct dkim_signature_result){
		    .result = dkim_result_of(result),
		    .domain = domain,
		    .body_covered = !partly,
		};
	}
}

void decision_row_facts(
    const struct decision_row *row, struct dkim_signature_result *signatures, struct facts *f)
{
	*f = (struct facts){
	    .now = row->time_ms / 1000,
	    .door = (row->flags & ROW_POLICY) != 0 ? DOOR_POLICY : DOOR_MILTER,
	    .client = row->client,
	    .asn = row->asn,
	    .auth_state = row->auth_state,
	    .auth = row->text[ROW_AUTH],
	    .tls = row->tls,
	    .spf_state = row->spf_state,
	    .spf_late = row->spf_late,
	    .spf = {.result = row->spf, .sends_no_mail = row->spf_sends_no_mail},
	    .dkim_state = row->dkim_state,
	    .author_state = row->author_state,
	    .author = row->author,
	    .author_why = row->text[ROW_AUTHOR_WHY],
	    .dmarc_state = row->dmarc_state,
	    .dmarc = {.verdict = row->dmarc,
		.published = row->dmarc_published,
		.policy = row->dmarc_policy,
		.may_be_aligned = row->dmarc_may_be_aligned},
	};
	memcpy(f->country, row->country, sizeof f->country);
	for (int i = 0; i < IDENTITY_COUNT; i++)
		f->id[i] = (struct identity){.state = row->state[i], .text = row->text[i]};
	give_dkim(row, signatures, &f->dkim);
}

static void give_verdict(const struct decision_row *row, struct decision_record_room *room)
{
	room->rule = (struct rule){.name = row->text[ROW_RULE], .family = row->family};
	room->verdict = (struct verdict){
	    .kind = row->final ? VERDICT_FINAL : VERDICT_CONTINUE,
	    .action = row->action,
	    .monitored = row->monitored,
	    .family = row->family,
	    .reason = row->reason,
	    .withdrawn = row->withdrawn,
	    .rule = row->text[ROW_RULE].len > 0 ? &room->rule : NULL,
	    .has_network = row->has_network,
	    .network = row->network,
	    .has_identity = row->has_identity,
	    .identity = row->identity,
	    .entry = row->text[ROW_ENTRY],
	};
}

void decision_row_record(
    const struct decision_row *row, struct decision_record_room *room, struct record *out)
{
	decision_row_facts(row, room->signatures, &room->facts);
	give_verdict(row, room);
	*out = (struct record){
	    .time_us = row->time_ms * 1000,
	    .took_us = row->took_us,
	    .token = row->id,
	    .session = row->text[ROW_SESSION],
	    .queue_id = row->text[ROW_QUEUE_ID],
	    .transaction = row->transaction,
	    .generation = row->generation,
	    .stage = row->stage,
	    .facts = &room->facts,
	    .decision = decision_of(&room->verdict),
	};
	if (row->code == 0)
		return;
	decision_reply_expand(row, &room->reply);
	out->reply = &room->reply;
}

/* ---- questions ----------------------------------------------------------------------- */

const char *decision_row_action(const struct decision_row *row)
{
	return action_word(row->final ? row->action : ACTION_ACCEPT, row->monitored);
}

bool decision_row_is_refusal(const struct decision_row *row)
{
	return row->final && !row->monitored &&
	       (row->action == ACTION_REJECT || row->action == ACTION_TEMPFAIL);
}

/* The domain of an address; an empty slice when there is none. */
static struct slice domain_of(struct slice address)
{
	size_t at = slice_find_last(address, '@');

	return at < address.len ? slice_skip(address, at + 1) : slice_of(NULL, 0);
}

static bool has_signature_of(struct slice dkim, struct slice domain)
{
	while (dkim.len > 0) {
		struct slice signature = slice_word(&dkim), result = slice_cut(&signature, ':');

		if (slice_equal(result, SLICE("pass")) && slice_equal_nocase(signature, domain))
			return true;
	}
	return false;
}

bool decision_row_is_proven(const struct decision_row *row)
{
	struct slice from = domain_of(row->text[ROW_FROM]);

	if (row->dmarc_state != FACT_KNOWN)
		return false;
	if (row->dmarc != DMARC_V_NONE)
		return row->dmarc == DMARC_V_PASS;
	return from.len > 0 && ((row->spf_state == FACT_KNOWN && row->spf == SPFR_PASS &&
				    slice_equal_nocase(domain_of(row->text[ROW_SENDER]), from)) ||
				   has_signature_of(row->text[ROW_DKIM], from));
}
