#include "spf_private.h"

/*
 * What a check may hold: 11 records of 4 KiB made of the shortest terms are under 3 MiB; beyond
 * that the resolver says "no answer", which is a temperror.
 */
enum { CHECK_BYTES = 4 << 20 };

/* ---- names --------------------------------------------------------------------------- */

static struct spf_macro_values values_in(struct spf_check *s, struct slice domain)
{
	return (struct spf_macro_values){
	    .local = s->local,
	    .sender_domain = s->identity,
	    .domain = domain,
	    .client = s->query->client,
	    .client_name = SLICE("unknown"),
	    .helo = s->query->helo,
	    .receiver = s->query->receiver,
	    .now = s->query->now,
	};
}

struct slice spf_target_name(struct spf_check *s, const struct frame *frame, struct slice spec)
{
	struct spf_macro_values values = values_in(s, frame->domain);
	struct slice name;

	if (spec.len == 0)
		return frame->domain;
	if (spf_macro_uses(spec, 'p'))
		values.client_name = spf_client_name(s, frame->domain);
	if (s->stopped && !s->explaining)
		return slice_of(NULL, 0);
	name = spf_macro_name(spec, &values, s->arena);
	if (!name.ptr)
		spf_stop(s, SPFR_TEMPERROR, SLICE("out of memory"));
	return name;
}

/* ---- start and end ------------------------------------------------------------------- */

struct spf_check *spf_check_start(const struct dns *dns, const struct spf_query *query)
{
	struct arena *arena = arena_create(CHECK_BYTES);
	struct spf_check *s = arena ? arena_calloc(arena, 1, sizeof *s) : NULL;

	if (!s) {
		if (arena)
			arena_free(&arena);
		return NULL;
	}
	s->dns = dns;
	s->query = query;
	s->arena = arena;
	s->identity = spf_identity(query);
	s->local = query->domain.len && query->local.len ? query->local : SLICE("postmaster");
	s->targets[s->target_count++] = (struct target){.frame = NULL};
	if (s->identity.len == 0 || query->client.family == IP_NONE)
		spf_stop(s, SPFR_NONE, slice_of(NULL, 0));
	return s;
}

/* RFC 7208 6.2: exactly one TXT record, by the grammar, in ASCII; else there is no explanation. */
static struct slice explain(struct spf_check *s, struct arena *arena)
{
	const struct frame *frame = s->deciding;
	struct spf_macro_values values = values_in(s, frame->domain);
	struct dns_answer answer;
	struct slice name, text;

	s->explaining = true;
	if (frame->record.exp.len == 0)
		return slice_of(NULL, 0);
	name = spf_target_name(s, frame, frame->record.exp);
	if (!name.ptr || spf_question(s, name, DNS_TXT, &answer) != DNS_OK || answer.count != 1)
		return slice_of(NULL, 0);
	text = answer.records[0].data;
	if (spf_macro_check(text, SPF_MACRO_EXPLANATION))
		return slice_of(NULL, 0);
	if (spf_macro_uses(text, 'p'))
		values.client_name = spf_client_name(s, frame->domain);
	text = spf_macro_explanation(text, &values, arena);
	return slice_is_printable_ascii(text) ? text : slice_of(NULL, 0);
}

static void decide(
    struct spf_check *s, enum spf_result walked, struct arena *arena, struct spf_answer *out)
{
	if (!s->stopped && (!s->deciding || walked == SPFR_NONE || walked == SPFR_TEMPERROR ||
			       walked == SPFR_PERMERROR))
		spf_stop(s, SPFR_TEMPERROR, SLICE("libspf2 ended without a result"));
	if (walked == SPFR_FAIL && s->skipped.len)
		spf_stop(s, SPFR_TEMPERROR, s->skipped);
	if (s->stopped) {
		out->result = s->stop_result;
		out->problem = arena_copy(arena, s->problem);
		return;
	}
	out->result = walked;
	out->mechanism = arena_copy(arena, s->deciding->decider);
	if (walked == SPFR_FAIL && s->query->explain)
		out->explanation = explain(s, arena);
}

void spf_check_finish(
    struct spf_check **session, enum spf_result walked, struct arena *arena, struct spf_answer *out)
{
	struct spf_check *s = *session;
	struct arena *own = s->arena;
	const struct slice none = {NULL, 0};

	*out = (struct spf_answer){
	    .domain = arena_copy(arena, s->identity),
	    .null_sender_used_helo = s->query->domain.len == 0,
	};
	decide(s, walked, arena, out);
	if (s->frame_count) {
		out->record = s->frames[0].record.text.len
				  ? arena_copy(arena, s->frames[0].record.text)
				  : none;
		out->sends_no_mail = !s->stopped && s->frames[0].record.only_fails_all;
	}
	out->dns_terms = s->terms;
	out->void_lookups = s->voids;
	out->questions = s->questions;
	*session = NULL;
	arena_free(&own);
}
