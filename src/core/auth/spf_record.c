#include "core/auth/spf_record.h"

#include "core/auth/spf_macro.h"
#include "core/base/text.h"

#include <stdio.h>

const char spf_record_no_memory[] = "out of memory";

static const struct slice version = SLICE_INIT("v=spf1");

enum spf_selection spf_record_select(const struct dns_answer *txt, struct slice *out)
{
	enum spf_selection found = SPF_RECORD_ABSENT;

	for (size_t i = 0; i < txt->count; i++) {
		struct slice text = txt->records[i].data;
		if (!slice_starts_nocase(text, version))
			continue;
		if (text.len > version.len && text.ptr[version.len] != ' ')
			continue;
		if (found == SPF_RECORD_ONE)
			return SPF_RECORD_SEVERAL;
		found = SPF_RECORD_ONE;
		*out = text;
	}
	return found;
}

/* ---- parts of terms ------------------------------------------------------------------ */

/* What a mechanism takes behind its name. */
enum { NO_DOMAIN = 0, MAY_DOMAIN = 1, MUST_DOMAIN = 2, CIDR = 4, NETWORK4 = 8, NETWORK6 = 16 };

static const struct {
	struct slice name;
	enum spf_mechanism mechanism;
	unsigned takes;
} mechanisms[] = {
    {SLICE_INIT("all"), SPF_MECH_ALL, NO_DOMAIN},
    {SLICE_INIT("include"), SPF_MECH_INCLUDE, MUST_DOMAIN},
    {SLICE_INIT("a"), SPF_MECH_A, MAY_DOMAIN | CIDR},
    {SLICE_INIT("mx"), SPF_MECH_MX, MAY_DOMAIN | CIDR},
    {SLICE_INIT("ptr"), SPF_MECH_PTR, MAY_DOMAIN},
    {SLICE_INIT("ip4"), SPF_MECH_IP, NETWORK4},
    {SLICE_INIT("ip6"), SPF_MECH_IP, NETWORK6},
    {SLICE_INIT("exists"), SPF_MECH_EXISTS, MUST_DOMAIN},
};

/*
 * Cuts "/N" (or, with two slashes, "//N") off the end of *rest.  False when the end is something
 * else or N is not 0 to max in its shortest form: the slash is then still there and will be refused
 * as part of a domain or an address.
 */
static bool cut_length(struct slice *rest, bool two_slashes, unsigned max, unsigned *bits)
{
	size_t slash = slice_find_last(*rest, '/');
	struct slice digits = slice_skip(*rest, slash + 1);
	uint64_t value;

	if (slash == rest->len || !slice_to_uint(digits, max, &value))
		return false;
	if (digits.len > 1 && digits.ptr[0] == '0')
		return false;
	if (two_slashes) {
		if (slash == 0 || rest->ptr[slash - 1] != '/')
			return false;
		slash--;
	}
	rest->len = slash;
	*bits = (unsigned)value;
	return true;
}

static const char *parse_cidr(struct slice *rest, struct spf_term *term)
{
	term->bits4 = 32;
	term->bits6 = 128;
	cut_length(rest, true, 128, &term->bits6);
	if (slice_ends(*rest, SLICE("/")))
		return "a prefix length is missing";
	cut_length(rest, false, 32, &term->bits4);
	if (rest->len && rest->ptr[0] == '/')
		return "a prefix length is not 0 to 32, or behind // 0 to 128";
	return NULL;
}

/* ::ffff:0:0/96, as an IPv6 network. */
enum { MAPPED_BITS = 96 };
static const struct ip mapped = {.lo = (uint64_t)0xffff << 32, .family = IP_V6};

/* ":" network [ "/" length ]; host bits below the length are legal and mean nothing (5.6). */
static const char *parse_network(struct slice rest, enum ip_family family, struct spf_term *term)
{
	unsigned bits = ip_bits(family);
	struct ip ip;

	if (rest.len == 0 || rest.ptr[0] != ':')
		return "an address is missing";
	rest = slice_skip(rest, 1);
	cut_length(&rest, false, ip_bits(family), &bits);
	if ((slice_find(rest, ':') < rest.len) != (family == IP_V6) || !ip_parse(rest, &ip))
		return family == IP_V4 ? "not an IPv4 network" : "not an IPv6 network";
	/* IPv4-mapped addresses are IPv4 clients, which ip6 never matches (5); what is left of a
	 * network that is wider than ::ffff:0:0/96 are its other addresses. */
	if (ip.family != family)
		ip = bits < MAPPED_BITS ? mapped : (struct ip){.family = IP_NONE};
	term->network = prefix_of(&ip, bits);
	return NULL;
}

static const char *parse_domain(struct slice rest, unsigned takes, struct spf_term *term)
{
	if (rest.len == 0)
		return takes & MUST_DOMAIN ? "a domain is missing" : NULL;
	if (rest.ptr[0] != ':' || !(takes & (MAY_DOMAIN | MUST_DOMAIN)))
		return "something follows the name of the mechanism that it does not take";
	term->domain = slice_skip(rest, 1);
	return spf_macro_check(term->domain, SPF_MACRO_DOMAIN);
}

static enum spf_result take_qualifier(struct slice *rest)
{
	enum spf_result result = SPFR_PASS;

	switch (rest->ptr[0]) {
	case '-':
		result = SPFR_FAIL;
		break;
	case '~':
		result = SPFR_SOFTFAIL;
		break;
	case '?':
		result = SPFR_NEUTRAL;
		break;
	case '+':
		break;
	default:
		return result;
	}
	*rest = slice_skip(*rest, 1);
	return result;
}

static const char *parse_mechanism(struct slice text, struct spf_term *term)
{
	struct slice rest = text;
	size_t end = 0;

	*term = (struct spf_term){.text = text, .qualifier = take_qualifier(&rest)};
	while (end < rest.len && rest.ptr[end] != ':' && rest.ptr[end] != '/')
		end++;
	for (size_t i = 0; i < sizeof mechanisms / sizeof *mechanisms; i++) {
		unsigned takes = mechanisms[i].takes;
		const char *why;
		if (!slice_equal_nocase(slice_of(rest.ptr, end), mechanisms[i].name))
			continue;
		term->mechanism = mechanisms[i].mechanism;
		rest = slice_skip(rest, end);
		if (takes & (NETWORK4 | NETWORK6))
			return parse_network(rest, takes & NETWORK4 ? IP_V4 : IP_V6, term);
		if ((takes & CIDR) && (why = parse_cidr(&rest, term)))
			return why;
		return parse_domain(rest, takes, term);
	}
	return "unknown mechanism";
}

/* ---- modifiers ----------------------------------------------------------------------- */

/* The length of `name` when the term is `name "=" …`, else 0. */
static size_t modifier_name(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (c == '=')
			return i;
		if (!alpha &&
		    (i == 0 || !((c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.')))
			return 0;
	}
	return 0;
}

static const char *set_once(struct slice value, struct slice *slot)
{
	const char *why = spf_macro_check(value, SPF_MACRO_DOMAIN);

	if (slot->len)
		return "the modifier is there twice";
	*slot = value;
	return why;
}

static const char *parse_modifier(struct slice text, size_t name_len, struct spf_record *out)
{
	struct slice name = slice_of(text.ptr, name_len), value = slice_skip(text, name_len + 1);

	if (slice_equal_nocase(name, SLICE("redirect")))
		return set_once(value, &out->redirect);
	if (slice_equal_nocase(name, SLICE("exp")))
		return set_once(value, &out->exp);
	return spf_macro_check(value, SPF_MACRO_MODIFIER);
}

/* ---- the record ---------------------------------------------------------------------- */

static const char *describe_term(
    char why[SPF_RECORD_WHY_MAX], struct slice term, const char *reason)
{
	enum { SHOWN = 60 };
	char shown[SHOWN + 1];

	snprintf(why, SPF_RECORD_WHY_MAX, "\"%s\": %s", text_shown_ascii(term, shown, sizeof shown),
	    reason);
	return why;
}

static size_t count_terms(struct slice text)
{
	size_t terms = 0;

	for (size_t i = 0; i < text.len; i++)
		terms += text.ptr[i] != ' ' && (i == 0 || text.ptr[i - 1] == ' ');
	return terms;
}

static void settle_record(struct spf_record *record)
{
	bool has_all = false;

	for (size_t i = 0; i < record->count; i++)
		has_all = has_all || record->terms[i].mechanism == SPF_MECH_ALL;
	if (has_all)
		record->redirect = slice_of(NULL, 0);
	record->only_fails_all =
	    record->count == 1 && has_all && record->terms[0].qualifier == SPFR_FAIL;
}

const char *spf_record_parse(
    struct slice text, struct arena *arena, struct spf_record *out, char why[SPF_RECORD_WHY_MAX])
{
	struct slice rest = slice_skip(text, version.len);
	struct spf_term *terms;

	*out = (struct spf_record){.text = text};
	if (text.len > SPF_RECORD_MAX) {
		snprintf(
		    why, SPF_RECORD_WHY_MAX, "the record is longer than %d octets", SPF_RECORD_MAX);
		return why;
	}
	terms = arena_alloc(arena, count_terms(text) * sizeof *terms);
	if (!terms)
		return spf_record_no_memory;
	out->terms = terms;
	while (rest.len) {
		struct slice term = slice_cut(&rest, ' ');
		size_t name_len = modifier_name(term);
		const char *reason = NULL;
		if (term.len == 0)
			continue;
		if (name_len)
			reason = parse_modifier(term, name_len, out);
		else
			reason = parse_mechanism(term, &terms[out->count++]);
		if (reason)
			return describe_term(why, term, reason);
	}
	settle_record(out);
	return NULL;
}
