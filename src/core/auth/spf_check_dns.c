#include "spf_check_dns.h"

#include "core/auth/dnswire.h"
#include "core/auth/spf_macro.h"
#include "core/name/name.h"

#include <stdlib.h>

/* ---- one question -------------------------------------------------------------------- */

struct slice spf_check_shown(struct spf_check *c, struct slice text)
{
	struct slice copy = arena_copy(
	    c->arena, slice_of(text.ptr, text.len < NAME_MAX_OCTETS ? text.len : NAME_MAX_OCTETS));
	char *at = (char *)copy.ptr;

	for (size_t i = 0; i < copy.len; i++)
		if (at[i] < 0x21 || at[i] > 0x7e)
			at[i] = '?';
	return copy;
}

/* One question more than a check may ask: a permerror, or no explanation. */
static enum dns_status refuse_question(struct spf_check *c)
{
	if (!c->explaining)
		spf_check_stop(c, SPFR_PERMERROR,
		    arena_printf(c->arena, "more than %d DNS questions", SPF_QUESTIONS_MAX));
	return DNS_TEMP;
}

enum dns_status spf_check_ask(
    struct spf_check *c, struct slice name, enum dns_type type, struct dns_answer *out)
{
	if (c->stopped)
		return DNS_TEMP;
	if (c->questions == SPF_QUESTIONS_MAX)
		return refuse_question(c);
	dns_lookup(c->dns, name, type, c->arena, out);
	if (out->status != DNS_BADNAME)
		c->questions++;
	return out->status;
}

static struct slice no_answer_text(struct spf_check *c, struct slice name, enum dns_type type)
{
	return arena_printf(c->arena, "no DNS answer for %s of %.*s", dns_type_name(type),
	    SLICE_ARG(spf_check_shown(c, name)));
}

enum spf_reply spf_check_no_answer(struct spf_check *c, struct slice name, enum dns_type type)
{
	return spf_check_stop(c, SPFR_TEMPERROR, no_answer_text(c, name, type));
}

/* What a status means for a mechanism (5): a missing answer stops the evaluation. */
static enum spf_reply reply_of(
    struct spf_check *c, struct slice name, enum dns_type type, enum dns_status status)
{
	switch (status) {
	case DNS_OK:
		return SPF_REPLY_FOUND;
	case DNS_TEMP:
		return spf_check_no_answer(c, name, type);
	default:
		return SPF_REPLY_NOTHING;
	}
}

/* Notes an answer for spf_check_term_ends(). */
static void hear(struct spf_check *c, enum dns_status status)
{
	if (status == DNS_NODATA || status == DNS_NXDOMAIN)
		c->term_void = true;
	else if (status != DNS_BADNAME)
		c->term_answered = true;
}

/* ---- addresses ----------------------------------------------------------------------- */

enum dns_type spf_check_address_type(const struct spf_check *c)
{
	return c->query->client.family == IP_V6 ? DNS_AAAA : DNS_A;
}

enum spf_reply spf_check_addresses(
    struct spf_check *c, struct slice name, enum dns_type type, struct dns_answer *out)
{
	enum dns_status status = spf_check_ask(c, name, type, out);

	hear(c, status);
	return reply_of(c, name, type, status);
}

enum spf_reply spf_check_host(struct spf_check *c, struct slice host, struct dns_answer *out)
{
	enum dns_type type = spf_check_address_type(c);

	return reply_of(c, host, type, spf_check_ask(c, host, type, out));
}

/* ---- hosts --------------------------------------------------------------------------- */

static int compare_hosts(const void *one, const void *other)
{
	const struct dns_record *a = one, *b = other;

	if (a->preference != b->preference)
		return a->preference < b->preference ? -1 : 1;
	return slice_compare(a->data, b->data);
}

/* MX or PTR, in a stable order: by preference, then by name. */
static enum dns_status ask_hosts(
    struct spf_check *c, struct slice name, enum dns_type type, struct dns_answer *out)
{
	enum dns_status status = spf_check_ask(c, name, type, out);
	struct dns_record *sorted;

	if (status != DNS_OK)
		return status;
	sorted = arena_calloc(c->arena, out->count, sizeof *sorted);
	if (!sorted) {
		spf_check_stop(c, SPFR_TEMPERROR, SLICE("out of memory"));
		return DNS_TEMP;
	}
	memcpy(sorted, out->records, out->count * sizeof *sorted);
	qsort(sorted, out->count, sizeof *sorted, compare_hosts);
	out->records = sorted;
	return DNS_OK;
}

enum spf_reply spf_check_hosts(struct spf_check *c, struct slice name, struct dns_answer *out)
{
	enum dns_status status = ask_hosts(c, name, DNS_MX, out);
	enum spf_reply reply = reply_of(c, name, DNS_MX, status);

	hear(c, status);
	if (reply == SPF_REPLY_FOUND && out->count > SPF_HOSTS_MAX)
		return spf_check_stop(c, SPFR_PERMERROR,
		    arena_printf(c->arena, "%.*s has more than %d MX hosts (RFC 7208 4.6.4)",
			SLICE_ARG(spf_check_shown(c, name)), SPF_HOSTS_MAX));
	return reply;
}

/* ---- the client's names (5.5) -------------------------------------------------------- */

/* ptr goes on without an answer; if the end is then a fail, it is a temperror. */
static void skip_answer(struct spf_check *c, struct slice name, enum dns_type type)
{
	if (!c->explaining && !c->skipped.len)
		c->skipped = no_answer_text(c, name, type);
}

/* SPF_HOSTS_MAX of the names that the client's PTR records give; a missing answer is no name. */
static enum dns_status look_up_names(struct spf_check *c)
{
	struct spf_macro_values values = {.client = c->query->client};
	struct slice reverse = spf_macro_name(SLICE("%{ir}.%{v}.arpa"), &values, c->arena);
	struct dns_answer answer;
	enum dns_status status;

	if (!reverse.ptr)
		return DNS_TEMP;
	status = ask_hosts(c, reverse, DNS_PTR, &answer);
	if (status == DNS_TEMP)
		skip_answer(c, reverse, DNS_PTR);
	for (size_t i = 0; status == DNS_OK && i < answer.count && i < SPF_HOSTS_MAX; i++)
		c->client_names[c->client_count++] = answer.records[i].data;
	return status;
}

/* Asks once; each term that needs the names has had that answer. */
static void ask_names(struct spf_check *c)
{
	if (!c->client_asked)
		c->client_status = look_up_names(c);
	c->client_asked = true;
	hear(c, c->client_status);
}

/* Validated: the client is among the addresses of the name.  A missing answer skips the name. */
static bool is_valid(struct spf_check *c, size_t i)
{
	unsigned char client[16];
	size_t len = ip_to_bytes(&c->query->client, client);
	struct slice wanted = slice_of((const char *)client, len);
	struct dns_answer answer;
	enum dns_status status;

	if (c->client_valid[i] != SPF_NAME_UNKNOWN)
		return c->client_valid[i] == SPF_NAME_VALID;
	c->client_valid[i] = SPF_NAME_INVALID;
	status = spf_check_ask(c, c->client_names[i], spf_check_address_type(c), &answer);
	if (status == DNS_TEMP)
		skip_answer(c, c->client_names[i], spf_check_address_type(c));
	if (status != DNS_OK)
		return false;
	for (size_t k = 0; k < answer.count; k++)
		if (slice_equal(answer.records[k].data, wanted))
			c->client_valid[i] = SPF_NAME_VALID;
	return c->client_valid[i] == SPF_NAME_VALID;
}

enum spf_reply spf_check_ptr(struct spf_check *c, struct slice domain)
{
	ask_names(c);
	for (size_t i = 0; i < c->client_count && domain.len && !c->stopped; i++)
		if (name_is_within(c->client_names[i], domain) && is_valid(c, i))
			return SPF_REPLY_FOUND;
	return c->stopped ? SPF_REPLY_STOP : SPF_REPLY_NOTHING;
}

struct slice spf_check_client_name(struct spf_check *c, struct slice domain)
{
	ask_names(c);
	/* The domain itself, else a name below it, else any. */
	for (int rank = 0; rank < 3; rank++) {
		for (size_t i = 0; i < c->client_count && !c->stopped; i++) {
			struct slice name = c->client_names[i];
			bool fits = rank == 2 || (rank == 1 && name_is_within(name, domain)) ||
				    slice_equal_nocase(name, domain);
			if (fits && is_valid(c, i))
				return name;
		}
	}
	return SLICE("unknown");
}
