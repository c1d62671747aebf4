#include "spf_check_dns.h"

#include "core/auth/spf_macro.h"

/*
 * What a check may hold: 11 records of 4 KiB made of the shortest terms are under 3 MiB; beyond
 * that the resolver says "no answer", which is a temperror.
 */
enum { CHECK_BYTES = 4 << 20 };

enum spf_reply spf_check_stop(struct spf_check *c, enum spf_result result, struct slice problem)
{
	if (!c->stopped) {
		c->stopped = true;
		c->stop_result = result;
		c->problem = problem;
	}
	return SPF_REPLY_STOP;
}

/* ---- names (4.8) --------------------------------------------------------------------- */

static struct spf_macro_values values_in(const struct spf_check *c, struct slice domain)
{
	return (struct spf_macro_values){
	    .local = c->local,
	    .sender_domain = c->identity,
	    .domain = domain,
	    .client = c->query->client,
	    .client_name = SLICE("unknown"),
	    .helo = c->query->helo,
	    .receiver = c->query->receiver,
	    .now = c->query->now,
	};
}

struct slice spf_check_name(struct spf_check *c, const struct spf_frame *frame, struct slice spec)
{
	struct spf_macro_values values = values_in(c, frame->domain);
	struct slice name;

	if (spec.len == 0)
		return frame->domain;
	if (spf_macro_uses(spec, 'p'))
		values.client_name = spf_check_client_name(c, frame->domain);
	if (c->stopped)
		return slice_of(NULL, 0);
	name = spf_macro_name(spec, &values, c->arena);
	if (!name.ptr)
		spf_check_stop(c, SPFR_TEMPERROR, SLICE("out of memory"));
	return name;
}

bool spf_check_can_match(const struct spf_check *c, const struct spf_term *term)
{
	return slice_is_printable_ascii(c->local) ||
	       !(spf_macro_uses(term->domain, 's') || spf_macro_uses(term->domain, 'l'));
}

/* ---- terms (4.6.4) ------------------------------------------------------------------- */

bool spf_check_term_begins(struct spf_check *c, const struct spf_frame *frame)
{
	c->term_void = c->term_answered = false;
	if (++c->terms <= SPF_TERMS_MAX)
		return true;
	c->terms = SPF_TERMS_MAX;
	spf_check_stop(c, SPFR_PERMERROR,
	    arena_printf(c->arena,
		"more than %d terms that ask the DNS (RFC 7208 4.6.4), reached in the record of "
		"%.*s",
		SPF_TERMS_MAX, SLICE_ARG(spf_check_shown(c, frame->domain))));
	return false;
}

enum spf_reply spf_check_term_ends(
    struct spf_check *c, const struct spf_term *term, enum spf_reply reply)
{
	if (c->stopped || !c->term_void || c->term_answered || ++c->voids <= SPF_VOIDS_MAX)
		return reply;
	return spf_check_stop(c, SPFR_PERMERROR,
	    arena_printf(c->arena,
		"more than %d void lookups (RFC 7208 4.6.4), the last for the term %.*s",
		SPF_VOIDS_MAX, SLICE_ARG(spf_check_shown(c, term->text))));
}

/* ---- records (4.4 to 4.6) ------------------------------------------------------------ */

/* None for the identity (4.5); what an include or a redirect leads to must have one (5.2, 6.1). */
static enum spf_reply no_record(struct spf_check *c, const struct spf_frame *from,
    const struct spf_term *include, struct slice domain)
{
	if (!from)
		return spf_check_stop(c, SPFR_NONE, slice_of(NULL, 0));
	return spf_check_stop(c, SPFR_PERMERROR,
	    arena_printf(c->arena, "%s of %.*s leads to %.*s, which %s",
		include ? "include" : "redirect", SLICE_ARG(spf_check_shown(c, from->domain)),
		SLICE_ARG(spf_check_shown(c, domain)),
		spf_is_domain(domain) ? "has no SPF record" : "is no domain"));
}

static enum spf_reply fetch_text(struct spf_check *c, const struct spf_frame *from,
    const struct spf_term *include, struct slice domain, struct slice *text)
{
	struct dns_answer answer;
	enum dns_status status = DNS_NODATA;
	enum spf_selection selection = SPF_RECORD_ABSENT;

	if (spf_is_domain(domain))
		status = spf_check_ask(c, domain, DNS_TXT, &answer);
	if (status == DNS_TEMP)
		return spf_check_no_answer(c, domain, DNS_TXT);
	if (status == DNS_OK)
		selection = spf_record_select(&answer, text);
	if (selection == SPF_RECORD_ABSENT)
		return no_record(c, from, include, domain);
	if (selection == SPF_RECORD_SEVERAL)
		return spf_check_stop(c, SPFR_PERMERROR,
		    arena_printf(c->arena, "%.*s has more than one SPF record",
			SLICE_ARG(spf_check_shown(c, domain))));
	return SPF_REPLY_FOUND;
}

static enum spf_reply parse(struct spf_check *c, struct slice text, struct spf_frame *frame)
{
	char why[SPF_RECORD_WHY_MAX];
	const char *wrong = spf_record_parse(text, c->arena, &frame->record, why);

	if (!wrong)
		return SPF_REPLY_FOUND;
	if (wrong == spf_record_no_memory)
		return spf_check_stop(c, SPFR_TEMPERROR, slice_str(wrong));
	return spf_check_stop(c, SPFR_PERMERROR,
	    arena_printf(c->arena, "the SPF record of %.*s is wrong: %s",
		SLICE_ARG(spf_check_shown(c, frame->domain)), wrong));
}

enum spf_reply spf_check_record(struct spf_check *c, const struct spf_frame *from,
    const struct spf_term *include, struct spf_frame *out)
{
	struct slice domain = c->identity, text;
	enum spf_reply reply;

	if (c->stopped || (from && !spf_check_term_begins(c, from)))
		return SPF_REPLY_STOP;
	if (from)
		domain = spf_check_name(c, from, include ? include->domain : from->record.redirect);
	if (!domain.ptr)
		return SPF_REPLY_STOP;
	*out = (struct spf_frame){.domain = domain};
	if (fetch_text(c, from, include, domain, &text) != SPF_REPLY_FOUND)
		return SPF_REPLY_STOP;
	reply = parse(c, text, out);
	if (!from) {
		c->record = text;
		c->sends_no_mail = out->record.only_fails_all;
	}
	return reply;
}

/* ---- begin and end ------------------------------------------------------------------- */

struct spf_check *spf_check_begin(const struct dns *dns, const struct spf_query *query,
    struct arena *arena, struct spf_answer *out)
{
	struct arena *own = arena_create(CHECK_BYTES);
	struct spf_check *c = own ? arena_calloc(own, 1, sizeof *c) : NULL;

	if (!c) {
		arena_free(&own);
		arena_starve(arena);
		*out = (struct spf_answer){
		    .result = SPFR_TEMPERROR, .problem = SLICE_INIT("out of memory")};
		return NULL;
	}
	c->dns = dns;
	c->query = query;
	c->arena = own;
	c->identity = spf_identity(query);
	c->local = query->domain.len && query->local.len ? query->local : SLICE("postmaster");
	if (c->identity.len == 0 || query->client.family == IP_NONE)
		spf_check_stop(c, SPFR_NONE, slice_of(NULL, 0));
	return c;
}

/* RFC 7208 6.2: exactly one TXT record, by the grammar, in ASCII; else there is no explanation. */
static struct slice explain(struct spf_check *c, const struct spf_frame *frame, struct arena *arena)
{
	struct spf_macro_values values = values_in(c, frame->domain);
	struct dns_answer answer;
	struct slice name, text;

	c->explaining = true;
	if (frame->record.exp.len == 0)
		return slice_of(NULL, 0);
	name = spf_check_name(c, frame, frame->record.exp);
	if (!name.ptr || spf_check_ask(c, name, DNS_TXT, &answer) != DNS_OK || answer.count != 1)
		return slice_of(NULL, 0);
	text = answer.records[0].data;
	if (spf_macro_check(text, SPF_MACRO_EXPLANATION))
		return slice_of(NULL, 0);
	if (spf_macro_uses(text, 'p'))
		values.client_name = spf_check_client_name(c, frame->domain);
	text = spf_macro_explanation(text, &values, arena);
	return slice_is_printable_ascii(text) ? text : slice_of(NULL, 0);
}

static void decide(struct spf_check *c, enum spf_result result, const struct spf_frame *deciding,
    struct arena *arena, struct spf_answer *out)
{
	if (result == SPFR_FAIL && c->skipped.len)
		spf_check_stop(c, SPFR_TEMPERROR, c->skipped);
	if (c->stopped) {
		out->result = c->stop_result;
		out->problem = arena_copy(arena, c->problem);
		return;
	}
	out->result = result;
	out->mechanism = arena_copy(arena, deciding->decider);
	out->sends_no_mail = c->sends_no_mail;
	if (result == SPFR_FAIL && c->query->explain)
		out->explanation = explain(c, deciding, arena);
}

void spf_check_finish(struct spf_check **check, enum spf_result result,
    const struct spf_frame *deciding, struct arena *arena, struct spf_answer *out)
{
	struct spf_check *c = *check;
	struct arena *own = c->arena;

	*out = (struct spf_answer){
	    .domain = arena_copy(arena, c->identity),
	    .null_sender_used_helo = c->query->domain.len == 0,
	};
	if (c->record.len)
		out->record = arena_copy(arena, c->record);
	decide(c, result, deciding, arena, out);
	out->dns_terms = c->terms;
	out->void_lookups = c->voids;
	out->questions = c->questions;
	if (arena_starved(own))
		arena_starve(arena);
	*check = NULL;
	arena_free(&own);
}
