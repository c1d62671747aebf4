#include "spf_private.h"

/* The number in "t12.k"; SIZE_MAX when the letter is another or the number not in use. */
static size_t token_number(const char *token, char letter, size_t in_use)
{
	struct slice rest = slice_str(token);
	uint64_t number;

	if (rest.len < 2 || rest.ptr[0] != letter)
		return SIZE_MAX;
	rest = slice_skip(rest, 1);
	if (!slice_to_uint(slice_cut(&rest, '.'), TARGETS_MAX, &number) || number >= in_use)
		return SIZE_MAX;
	return (size_t)number;
}

/* Counts a term that asks the DNS; false when it is one too many. */
static bool count_term(struct spf_check *s, const struct target *target)
{
	if (++s->terms <= SPF_TERMS_MAX)
		return true;
	s->terms = SPF_TERMS_MAX;
	spf_stop(s, SPFR_PERMERROR,
	    arena_printf(s->arena,
		"more than %d terms that ask the DNS (RFC 7208 4.6.4), reached in the record of "
		"%.*s",
		SPF_TERMS_MAX, SLICE_ARG(spf_shown(s, target->frame->domain))));
	return false;
}

/* ---- records ------------------------------------------------------------------------- */

static enum spf_reply no_record(
    struct spf_check *s, const struct target *target, struct slice domain)
{
	if (!target->frame)
		return spf_stop(s, SPFR_NONE, slice_of(NULL, 0));
	return spf_stop(s, SPFR_PERMERROR,
	    arena_printf(s->arena, "%s of %.*s leads to %.*s, which %s",
		target->term ? "include" : "redirect",
		SLICE_ARG(spf_shown(s, target->frame->domain)), SLICE_ARG(spf_shown(s, domain)),
		spf_is_domain(domain) ? "has no SPF record" : "is no domain"));
}

static enum spf_reply fetch_text(
    struct spf_check *s, const struct target *target, struct slice domain, struct slice *text)
{
	struct dns_answer answer;

	if (!spf_is_domain(domain))
		return no_record(s, target, domain);
	spf_ask(s, domain, DNS_TXT, &answer);
	if (answer.status == DNS_TEMP)
		return spf_no_answer(s, domain, DNS_TXT);
	if (answer.status != DNS_OK)
		return no_record(s, target, domain);
	switch (spf_record_select(&answer, text)) {
	case SPF_RECORD_ONE:
		return SPF_REPLY_FOUND;
	case SPF_RECORD_ABSENT:
		return no_record(s, target, domain);
	default:
		return spf_stop(s, SPFR_PERMERROR,
		    arena_printf(s->arena, "%.*s has more than one SPF record",
			SLICE_ARG(spf_shown(s, domain))));
	}
}

static enum spf_reply load(
    struct spf_check *s, const struct target *target, struct slice domain, struct frame *frame)
{
	char why[SPF_RECORD_WHY_MAX];
	const char *wrong;
	struct slice text;

	*frame = (struct frame){.domain = domain};
	if (fetch_text(s, target, domain, &text) != SPF_REPLY_FOUND)
		return SPF_REPLY_STOP;
	wrong = spf_record_parse(text, s->arena, &frame->record, why);
	if (wrong == spf_record_no_memory)
		return spf_stop(s, SPFR_TEMPERROR, slice_str(wrong));
	if (wrong)
		return spf_stop(s, SPFR_PERMERROR,
		    arena_printf(s->arena, "the SPF record of %.*s is wrong: %s",
			SLICE_ARG(spf_shown(s, domain)), wrong));
	return SPF_REPLY_FOUND;
}

/* The name that the record of a target is asked for; counts the term. */
static struct slice record_name(struct spf_check *s, const struct target *target)
{
	struct slice spec;

	if (!target->frame)
		return s->identity;
	if (!count_term(s, target))
		return slice_of(NULL, 0);
	target->frame->decider = target->term ? target->term->text : slice_of(NULL, 0);
	spec = target->term ? target->term->domain : target->frame->record.redirect;
	return spf_target_name(s, target->frame, spec);
}

const char *spf_check_record(struct spf_check *s, const char *token)
{
	size_t number = token_number(token, 't', s->target_count);
	const struct target *target = number == SIZE_MAX ? NULL : &s->targets[number];
	struct frame *frame;
	struct slice domain;

	if (s->stopped || !target)
		return NULL;
	domain = record_name(s, target);
	if (!domain.ptr || s->frame_count == FRAMES_MAX)
		return NULL;
	frame = &s->frames[s->frame_count++];
	if (load(s, target, domain, frame) != SPF_REPLY_FOUND)
		return NULL;
	if (!target->term && target->frame == s->deciding)
		s->deciding = frame;
	return spf_canon(s, frame);
}

/* ---- what stands behind a term ------------------------------------------------------- */

static const char found_anything[4]; /* exists only wants to know that there is an address */

static enum spf_reply found(struct dns_answer *out)
{
	static const struct dns_record record = {.data = {found_anything, sizeof found_anything}};

	*out = (struct dns_answer){.status = DNS_OK, .count = 1, .records = &record};
	return SPF_REPLY_FOUND;
}

/* The MX hosts of a name; more than ten are a permerror (RFC 7208 4.6.4). */
static enum spf_reply ask_hosts(struct spf_check *s, struct slice name, struct dns_answer *out)
{
	enum dns_status status = spf_ask_hosts(s, name, DNS_MX, out);
	enum spf_reply reply = spf_reply_of(s, name, DNS_MX, status);

	spf_term_heard(s, status);
	if (reply == SPF_REPLY_FOUND && out->count > SPF_HOSTS_MAX)
		return spf_stop(s, SPFR_PERMERROR,
		    arena_printf(s->arena, "%.*s has more than %d MX hosts (RFC 7208 4.6.4)",
			SLICE_ARG(spf_shown(s, name)), SPF_HOSTS_MAX));
	return reply;
}

/* mx, native: each host becomes a token. */
static enum spf_reply ask_host_tokens(
    struct spf_check *s, struct slice name, struct dns_answer *out)
{
	enum spf_reply reply = ask_hosts(s, name, out);
	struct dns_record *tokens;

	if (reply != SPF_REPLY_FOUND)
		return reply;
	tokens = arena_calloc(s->arena, out->count, sizeof *tokens);
	for (size_t i = 0; i < out->count && tokens && s->host_count < MX_HOSTS_MAX; i++) {
		tokens[i].data = arena_printf(s->arena, "h%zu.k", s->host_count);
		s->hosts[s->host_count++] = out->records[i].data;
	}
	if (arena_failed(s->arena))
		return spf_stop(s, SPFR_TEMPERROR, SLICE("out of memory"));
	out->records = tokens;
	return SPF_REPLY_FOUND;
}

/* mx with prefix length 0: any address of any host matches. */
static enum spf_reply any_host_has_address(
    struct spf_check *s, struct slice name, struct dns_answer *out)
{
	struct dns_answer hosts;
	enum spf_reply reply = ask_hosts(s, name, &hosts);

	if (reply != SPF_REPLY_FOUND)
		return reply;
	for (size_t i = 0; i < hosts.count; i++) {
		reply = spf_look_up(s, hosts.records[i].data, spf_address_type(s), out);
		if (reply != SPF_REPLY_NOTHING)
			return reply == SPF_REPLY_FOUND ? found(out) : reply;
	}
	return SPF_REPLY_NOTHING;
}

/* a, exists: one question. */
static enum spf_reply ask_addresses(
    struct spf_check *s, struct slice name, enum dns_type type, struct dns_answer *out)
{
	enum dns_status status = spf_question(s, name, type, out);

	spf_term_heard(s, status);
	return spf_reply_of(s, name, type, status);
}

static enum spf_reply ask_mechanism(struct spf_check *s, const struct spf_term *term,
    struct slice name, enum dns_type type, struct dns_answer *out)
{
	enum spf_reply reply;

	switch (term->mechanism) {
	case SPF_MECH_MX:
		return type == DNS_MX ? ask_host_tokens(s, name, out)
				      : any_host_has_address(s, name, out);
	case SPF_MECH_PTR:
		reply = spf_client_within(s, name);
		return reply == SPF_REPLY_FOUND ? found(out) : reply;
	case SPF_MECH_A:
		/* With prefix length 0 it came as exists, which always asks for A: any address of
		 * the client's family will do. */
		reply = ask_addresses(s, name, spf_address_type(s), out);
		return reply == SPF_REPLY_FOUND && type != spf_address_type(s) ? found(out) : reply;
	default:
		return ask_addresses(s, name, DNS_A, out);
	}
}

static enum spf_reply ask_term(
    struct spf_check *s, const struct target *target, enum dns_type type, struct dns_answer *out)
{
	enum spf_reply reply;
	struct slice name;

	if (!count_term(s, target))
		return SPF_REPLY_STOP;
	target->frame->decider = target->term->text;
	spf_term_begins(s);
	name = spf_target_name(s, target->frame, target->term->domain);
	if (!name.ptr)
		return SPF_REPLY_STOP;
	reply = ask_mechanism(s, target->term, name, type, out);
	return spf_term_ends(s, target->term->text, reply);
}

enum spf_reply spf_check_ask(
    struct spf_check *s, const char *token, enum dns_type type, struct dns_answer *out)
{
	size_t mark = token_number(token, 'm', s->frame_count);
	size_t host = token_number(token, 'h', s->host_count);
	size_t term = token_number(token, 't', s->target_count);

	*out = (struct dns_answer){.status = DNS_NODATA};
	if (s->stopped)
		return SPF_REPLY_STOP;
	if (mark != SIZE_MAX) {
		struct frame *frame = &s->frames[mark];
		frame->decider = frame->last ? frame->last->text : slice_of(NULL, 0);
		return SPF_REPLY_NOTHING;
	}
	if (host != SIZE_MAX)
		return spf_look_up(s, s->hosts[host], spf_address_type(s), out);
	if (term != SIZE_MAX && s->targets[term].term)
		return ask_term(s, &s->targets[term], type, out);
	return SPF_REPLY_NOTHING;
}
