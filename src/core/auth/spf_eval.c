/*
 * Beside RFC 7208:
 *
 *     4.3         initial processing                   spf_check_begin()
 *     4.4 to 4.6  looking up, selecting, and reading   spf_check_record(), spf_record.h
 *                 a record
 *     4.6.2, 4.7  terms from left to right             check_host()
 *     4.6.4       limits                               spf_check.h
 *     4.8, 7      <target-name>, macros                spf_check_name(), spf_macro.h
 *     5           mechanisms                           match()
 *     6.1         redirect                             check_host()
 *     6.2         explanations                         spf_check_finish()
 */
#include "core/auth/spf_eval.h"

static enum spf_reply match(struct spf_check *, const struct spf_frame *, const struct spf_term *);

/*
 * 4: the result, and in *frame what decided.  Called with what leads to the record: nothing for the
 * sender's domain, a frame and its include, or a frame alone for its redirect.
 */
static enum spf_result check_host(struct spf_check *c, const struct spf_frame *from,
    const struct spf_term *include, struct spf_frame *frame)
{
	struct spf_frame source;

	if (spf_check_record(c, from, include, frame) == SPF_REPLY_STOP)
		return c->stop_result;
	for (size_t i = 0; i < frame->record.count; i++) {
		const struct spf_term *term = &frame->record.terms[i];

		/* 4.6.2: the first match decides, and so does an error. */
		switch (match(c, frame, term)) {
		case SPF_REPLY_FOUND:
			frame->decider = term->text;
			return term->qualifier;
		case SPF_REPLY_STOP:
			return c->stop_result;
		default:
			break;
		}
	}
	/* 4.7 */
	if (frame->record.redirect.len == 0)
		return SPFR_NEUTRAL;
	/* 6.1: the result is that of the other record, which also explains it (6.2). */
	source = *frame;
	return check_host(c, &source, NULL, frame);
}

void spf_eval(const struct dns *dns, const struct spf_query *query, struct arena *arena,
    struct spf_answer *out)
{
	struct spf_check *c = spf_check_begin(dns, query, arena, out);
	struct spf_frame frame;
	enum spf_result result;

	if (!c)
		return;
	result = check_host(c, NULL, NULL, &frame);
	spf_check_finish(&c, result, &frame, arena, out);
}

/* ---- 5: mechanisms ------------------------------------------------------------------- */

/* 5.2: its table.  Errors have stopped the check, and so has none, as a permerror. */
static enum spf_reply match_include(
    struct spf_check *c, const struct spf_frame *frame, const struct spf_term *term)
{
	struct spf_frame inner;

	switch (check_host(c, frame, term, &inner)) {
	case SPFR_PASS:
		return SPF_REPLY_FOUND;
	case SPFR_FAIL:
	case SPFR_SOFTFAIL:
	case SPFR_NEUTRAL:
		return SPF_REPLY_NOTHING;
	default:
		return SPF_REPLY_STOP;
	}
}

/* Only the first bits are compared, as many as the CIDR prefix length says. */
static bool equal_bits(const unsigned char *a, const unsigned char *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	return memcmp(a, b, whole) == 0 && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

/* 5.3, 5.4: the client is compared with each address. */
static enum spf_reply compare_addresses(
    const struct spf_check *c, const struct spf_term *term, const struct dns_answer *addresses)
{
	unsigned char client[16];
	unsigned bits = ip_to_bytes(&c->query->client, client) == 4 ? term->bits4 : term->bits6;

	for (size_t i = 0; i < addresses->count; i++)
		if (equal_bits((const unsigned char *)addresses->records[i].data.ptr, client, bits))
			return SPF_REPLY_FOUND;
	return SPF_REPLY_NOTHING;
}

/* 5.3 */
static enum spf_reply match_a(struct spf_check *c, const struct spf_term *term, struct slice name)
{
	struct dns_answer addresses;
	enum spf_reply reply = spf_check_addresses(c, name, spf_check_address_type(c), &addresses);

	return reply == SPF_REPLY_FOUND ? compare_addresses(c, term, &addresses) : reply;
}

/* 5.4 */
static enum spf_reply match_mx(struct spf_check *c, const struct spf_term *term, struct slice name)
{
	struct dns_answer hosts, addresses;
	enum spf_reply reply = spf_check_hosts(c, name, &hosts);

	if (reply != SPF_REPLY_FOUND)
		return reply;
	for (size_t i = 0; i < hosts.count; i++) {
		reply = spf_check_host(c, hosts.records[i].data, &addresses);
		if (reply == SPF_REPLY_FOUND)
			reply = compare_addresses(c, term, &addresses);
		if (reply != SPF_REPLY_NOTHING)
			return reply;
	}
	return SPF_REPLY_NOTHING;
}

/* 5.7: any address will do, and it is asked for A whatever the client's family. */
static enum spf_reply match_exists(struct spf_check *c, struct slice name)
{
	struct dns_answer addresses;

	return spf_check_addresses(c, name, DNS_A, &addresses);
}

enum spf_reply spf_eval_term(
    struct spf_check *c, const struct spf_frame *frame, const struct spf_term *term)
{
	enum spf_reply reply;
	struct slice name;

	if (!spf_check_term_begins(c, frame))
		return SPF_REPLY_STOP;
	name = spf_check_name(c, frame, term->domain);
	if (!name.ptr)
		return SPF_REPLY_STOP;
	switch (term->mechanism) {
	case SPF_MECH_A:
		reply = match_a(c, term, name);
		break;
	case SPF_MECH_MX:
		reply = match_mx(c, term, name);
		break;
	case SPF_MECH_PTR: /* 5.5 */
		reply = spf_check_ptr(c, name);
		break;
	default:
		reply = match_exists(c, name);
		break;
	}
	return spf_check_term_ends(c, term, reply);
}

static enum spf_reply match(
    struct spf_check *c, const struct spf_frame *frame, const struct spf_term *term)
{
	if (!spf_check_can_match(c, term))
		return SPF_REPLY_NOTHING;
	switch (term->mechanism) {
	case SPF_MECH_ALL: /* 5.1 */
		return SPF_REPLY_FOUND;
	case SPF_MECH_INCLUDE:
		return match_include(c, frame, term);
	case SPF_MECH_IP: /* 5.6 */
		return prefix_contains(&term->network, &c->query->client) ? SPF_REPLY_FOUND
									  : SPF_REPLY_NOTHING;
	default:
		return spf_eval_term(c, frame, term);
	}
}
