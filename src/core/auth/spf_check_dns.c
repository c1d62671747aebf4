/* The questions of one evaluation: asked, counted, and what ends it before its record does. */
#include "spf_private.h"

#include "core/auth/dnswire.h"

#include <stdlib.h>

enum spf_reply spf_stop(struct spf_check *s, enum spf_result result, struct slice problem)
{
	if (!s->stopped) {
		s->stopped = true;
		s->stop_result = result;
		s->problem = problem;
	}
	return SPF_REPLY_STOP;
}

struct slice spf_shown(struct spf_check *s, struct slice text)
{
	struct slice copy = arena_copy(
	    s->arena, slice_of(text.ptr, text.len < NAME_MAX_OCTETS ? text.len : NAME_MAX_OCTETS));
	char *at = (char *)copy.ptr;

	for (size_t i = 0; i < copy.len; i++)
		if (at[i] < 0x21 || at[i] > 0x7e)
			at[i] = '?';
	return copy;
}

/* One question more than a check may ask: a permerror, or no explanation. */
static void refuse_question(struct spf_check *s, struct dns_answer *out)
{
	*out = (struct dns_answer){.status = DNS_TEMP};
	if (!s->explaining)
		spf_stop(s, SPFR_PERMERROR,
		    arena_printf(s->arena, "more than %d DNS questions", SPF_QUESTIONS_MAX));
}

void spf_ask(struct spf_check *s, struct slice name, enum dns_type type, struct dns_answer *out)
{
	if (s->questions == SPF_QUESTIONS_MAX) {
		refuse_question(s, out);
		return;
	}
	dns_lookup(s->dns, name, type, s->arena, out);
	if (out->status != DNS_BADNAME)
		s->questions++;
}

static struct slice no_answer_text(struct spf_check *s, struct slice name, enum dns_type type)
{
	return arena_printf(s->arena, "no DNS answer for %s of %.*s", dns_type_name(type),
	    SLICE_ARG(spf_shown(s, name)));
}

enum spf_reply spf_no_answer(struct spf_check *s, struct slice name, enum dns_type type)
{
	return spf_stop(s, SPFR_TEMPERROR, no_answer_text(s, name, type));
}

void spf_skip_answer(struct spf_check *s, struct slice name, enum dns_type type)
{
	if (!s->explaining && !s->skipped.len)
		s->skipped = no_answer_text(s, name, type);
}

enum dns_status spf_question(
    struct spf_check *s, struct slice name, enum dns_type type, struct dns_answer *out)
{
	if (s->stopped)
		return DNS_TEMP;
	spf_ask(s, name, type, out);
	return s->stopped ? DNS_TEMP : out->status;
}

/* ---- void terms ---------------------------------------------------------------------- */

void spf_term_begins(struct spf_check *s)
{
	s->term_void = s->term_answered = false;
}

void spf_term_heard(struct spf_check *s, enum dns_status status)
{
	if (status == DNS_NODATA || status == DNS_NXDOMAIN)
		s->term_void = true;
	else if (status != DNS_BADNAME)
		s->term_answered = true;
}

enum spf_reply spf_term_ends(struct spf_check *s, struct slice term, enum spf_reply reply)
{
	if (s->stopped || !s->term_void || s->term_answered || ++s->voids <= SPF_VOIDS_MAX)
		return reply;
	return spf_stop(s, SPFR_PERMERROR,
	    arena_printf(s->arena,
		"more than %d void lookups (RFC 7208 4.6.4), the last for the term %.*s",
		SPF_VOIDS_MAX, SLICE_ARG(spf_shown(s, term))));
}

/* ---- hosts --------------------------------------------------------------------------- */

static int compare_bytes(struct slice a, struct slice b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int order = common ? memcmp(a.ptr, b.ptr, common) : 0;

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_hosts(const void *one, const void *other)
{
	const struct dns_record *a = one, *b = other;

	if (a->preference != b->preference)
		return a->preference < b->preference ? -1 : 1;
	return compare_bytes(a->data, b->data);
}

enum dns_status spf_ask_hosts(
    struct spf_check *s, struct slice name, enum dns_type type, struct dns_answer *out)
{
	enum dns_status status = spf_question(s, name, type, out);
	struct dns_record *sorted;

	if (status != DNS_OK)
		return status;
	sorted = arena_calloc(s->arena, out->count, sizeof *sorted);
	if (!sorted) {
		spf_stop(s, SPFR_TEMPERROR, SLICE("out of memory"));
		return DNS_TEMP;
	}
	memcpy(sorted, out->records, out->count * sizeof *sorted);
	qsort(sorted, out->count, sizeof *sorted, compare_hosts);
	out->records = sorted;
	return DNS_OK;
}

/* ---- look-ups of mechanisms ---------------------------------------------------------- */

enum spf_reply spf_reply_of(
    struct spf_check *s, struct slice name, enum dns_type type, enum dns_status status)
{
	switch (status) {
	case DNS_OK:
		return SPF_REPLY_FOUND;
	case DNS_TEMP:
		return spf_no_answer(s, name, type);
	default:
		return SPF_REPLY_NOTHING;
	}
}

enum spf_reply spf_look_up(
    struct spf_check *s, struct slice name, enum dns_type type, struct dns_answer *out)
{
	return spf_reply_of(s, name, type, spf_question(s, name, type, out));
}

enum dns_type spf_address_type(const struct spf_check *s)
{
	return s->query->client.family == IP_V6 ? DNS_AAAA : DNS_A;
}
