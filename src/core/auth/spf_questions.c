/* The questions of one evaluation: asked, counted, and what ends it before its record does. */
#include "spf_private.h"

#include "core/auth/dnswire.h"

enum spf_reply spf_stop(struct spf_session *s, enum spf_result result, struct slice problem)
{
	if (!s->stopped) {
		s->stopped = true;
		s->stop_result = result;
		s->problem = problem;
	}
	return SPF_REPLY_STOP;
}

struct slice spf_shown(struct spf_session *s, struct slice text)
{
	struct slice copy = arena_copy(
	    s->arena, slice_of(text.ptr, text.len < NAME_MAX_OCTETS ? text.len : NAME_MAX_OCTETS));
	char *at = (char *)copy.ptr;

	for (size_t i = 0; i < copy.len; i++)
		if (at[i] < 0x21 || at[i] > 0x7e)
			at[i] = '?';
	return copy;
}

void spf_ask(struct spf_session *s, struct slice name, enum dns_type type, struct dns_answer *out)
{
	dns_lookup(s->dns, name, type, s->arena, out);
	if (out->status != DNS_BADNAME)
		s->questions++;
}

static struct slice no_answer_text(struct spf_session *s, struct slice name, enum dns_type type)
{
	return arena_printf(s->arena, "no DNS answer for %s of %.*s", dns_type_name(type),
	    SLICE_ARG(spf_shown(s, name)));
}

enum spf_reply spf_no_answer(struct spf_session *s, struct slice name, enum dns_type type)
{
	return spf_stop(s, SPFR_TEMPERROR, no_answer_text(s, name, type));
}

void spf_skip_answer(struct spf_session *s, struct slice name, enum dns_type type)
{
	if (!s->explaining && !s->skipped.len)
		s->skipped = no_answer_text(s, name, type);
}

enum dns_status spf_question(
    struct spf_session *s, struct slice name, enum dns_type type, struct dns_answer *out)
{
	if (s->stopped)
		return DNS_TEMP;
	spf_ask(s, name, type, out);
	if (s->explaining || (out->status != DNS_NODATA && out->status != DNS_NXDOMAIN))
		return out->status;
	if (++s->voids <= SPF_VOIDS_MAX)
		return out->status;
	spf_stop(s, SPFR_PERMERROR,
	    arena_printf(s->arena,
		"more than %d look-ups without result (RFC 7208 4.6.4), the last for %s of %.*s",
		SPF_VOIDS_MAX, dns_type_name(type), SLICE_ARG(spf_shown(s, name))));
	return DNS_TEMP;
}

enum spf_reply spf_look_up(
    struct spf_session *s, struct slice name, enum dns_type type, struct dns_answer *out)
{
	switch (spf_question(s, name, type, out)) {
	case DNS_OK:
		return SPF_REPLY_FOUND;
	case DNS_TEMP:
		return spf_no_answer(s, name, type);
	default:
		return SPF_REPLY_NOTHING;
	}
}

enum dns_type spf_address_type(const struct spf_session *s)
{
	return s->query->client.family == IP_V6 ? DNS_AAAA : DNS_A;
}
