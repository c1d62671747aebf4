#include "core/policy/dns_facts.h"

#include <stdio.h>

/* "7.100.51.198.in-addr.arpa", or 32 digits and "ip6.arpa" */
enum { REVERSE_MAX = 80 };

static struct slice reverse_name(const struct ip *client, char out[REVERSE_MAX])
{
	unsigned char bytes[16];
	size_t n = ip_to_bytes(client, bytes), len = 0;

	for (size_t i = n; i-- > 0 && n == 4;)
		len += (size_t)snprintf(out + len, REVERSE_MAX - len, "%u.", bytes[i]);
	for (size_t i = n; i-- > 0 && n == 16;)
		len += (size_t)snprintf(
		    out + len, REVERSE_MAX - len, "%x.%x.", bytes[i] & 0xf, bytes[i] >> 4);
	len += (size_t)snprintf(
	    out + len, REVERSE_MAX - len, "%s", n == 4 ? "in-addr.arpa" : "ip6.arpa");
	return slice_of(out, len);
}

static struct slice name_of(const struct facts *facts, unsigned need, char room[REVERSE_MAX])
{
	switch (need) {
	case NEED_SENDER_DOMAIN:
		return facts->id[IDENTITY_SENDER].name;
	case NEED_FROM_DOMAIN:
		return facts->id[IDENTITY_FROM].name;
	case NEED_REVERSE:
		return reverse_name(&facts->client, room);
	default:
		return facts->id[IDENTITY_HELO].name;
	}
}

void dns_facts_hint(const struct dns *dns, const struct facts *facts, unsigned need)
{
	for (unsigned bit = 1; bit <= NEEDS_OF_DNS; bit <<= 1) {
		char room[REVERSE_MAX];
		struct slice name;

		if ((need & NEEDS_OF_DNS & bit) == 0)
			continue;
		name = name_of(facts, bit, room);
		if (bit == NEED_REVERSE) {
			dns_hint(dns, name, DNS_PTR);
			continue;
		}
		dns_hint(dns, name, DNS_MX);
		dns_hint(dns, name, DNS_A);
		dns_hint(dns, name, DNS_AAAA);
	}
}

/* ---- one name ------------------------------------------------------------------------ */

/* Whether a name has records of any of some types: at the first that it has, or where it does not
 * exist, nothing more is asked. */
struct presence {
	bool has, missed; /* … or an answer did not come */
};

static struct presence look_for(const struct dns *dns, struct slice name,
    const enum dns_type *types, size_t count, struct arena *arena, struct dns_answer *first)
{
	struct presence p = {.has = false};

	for (size_t i = 0; i < count && !p.has; i++) {
		struct dns_answer answer;

		dns_lookup(dns, name, types[i], arena, &answer);
		if (i == 0)
			*first = answer;
		if (answer.status == DNS_NXDOMAIN || answer.status == DNS_BADNAME)
			return (struct presence){.has = false};
		p.has = answer.status == DNS_OK;
		p.missed |= answer.status == DNS_TEMP;
	}
	return p;
}

static unsigned word(bool is, unsigned bit)
{
	return is ? 1u << bit : 0;
}

/* One record with an empty name, which is the root (RFC 7505 3). */
static bool is_null_mx(const struct dns_answer *mx)
{
	return mx->status == DNS_OK && mx->count == 1 && mx->records[0].data.len == 0;
}

static struct word_fact look_at_domain(
    const struct dns *dns, struct slice name, struct arena *arena)
{
	static const enum dns_type types[] = {DNS_MX, DNS_A, DNS_AAAA};
	struct dns_answer mx;
	struct presence p = look_for(dns, name, types, 3, arena, &mx);

	return (struct word_fact){
	    .state = FACT_KNOWN,
	    .are =
		word(!p.has && !p.missed, DOMAIN_MISSING) | word(is_null_mx(&mx), DOMAIN_NULL_MX),
	    .unknown = word(!p.has && p.missed, DOMAIN_MISSING) |
		       word(mx.status == DNS_TEMP, DOMAIN_NULL_MX),
	};
}

static struct word_fact look_at_helo(const struct dns *dns, struct slice name, struct arena *arena)
{
	static const enum dns_type types[] = {DNS_A, DNS_AAAA, DNS_MX};
	struct dns_answer a;
	struct presence p = look_for(dns, name, types, 3, arena, &a);

	return (struct word_fact){
	    .state = FACT_KNOWN,
	    .are = word(!p.has && !p.missed, HELO_UNRESOLVABLE),
	    .unknown = word(!p.has && p.missed, HELO_UNRESOLVABLE),
	};
}

/* ---- the client's address ------------------------------------------------------------ */

static bool has_address(const struct dns_answer *answer, struct slice wanted)
{
	for (size_t i = 0; i < answer->count; i++)
		if (slice_equal(answer->records[i].data, wanted))
			return true;
	return false;
}

/* A name that leads back confirms; one whose answer is missing might. */
static struct word_fact look_at_names(const struct dns *dns, const struct dns_answer *names,
    const struct ip *client, struct arena *arena)
{
	unsigned char bytes[16];
	struct slice wanted = slice_of((const char *)bytes, ip_to_bytes(client, bytes));
	enum dns_type type = client->family == IP_V6 ? DNS_AAAA : DNS_A;
	size_t count = names->count < DNS_FACTS_NAMES_MAX ? names->count : DNS_FACTS_NAMES_MAX;
	bool missed = false;

	for (size_t i = 0; i < count; i++)
		dns_hint(dns, names->records[i].data, type);
	for (size_t i = 0; i < count; i++) {
		struct dns_answer answer;

		dns_lookup(dns, names->records[i].data, type, arena, &answer);
		if (answer.status == DNS_OK && has_address(&answer, wanted))
			return (struct word_fact){.state = FACT_KNOWN};
		missed |= answer.status == DNS_TEMP;
	}
	return (struct word_fact){
	    .state = FACT_KNOWN,
	    .are = word(!missed, REVERSE_UNCONFIRMED),
	    .unknown = word(missed, REVERSE_UNCONFIRMED),
	};
}

static struct word_fact look_at_reverse(
    const struct dns *dns, const struct ip *client, struct arena *arena)
{
	const unsigned all = 1u << REVERSE_NONE | 1u << REVERSE_UNCONFIRMED;
	char room[REVERSE_MAX];
	struct dns_answer names;

	dns_lookup(dns, reverse_name(client, room), DNS_PTR, arena, &names);
	if (names.status == DNS_TEMP)
		return (struct word_fact){.state = FACT_KNOWN, .unknown = all};
	if (names.status != DNS_OK)
		return (struct word_fact){.state = FACT_KNOWN, .are = 1u << REVERSE_NONE};
	return look_at_names(dns, &names, client, arena);
}

struct word_fact dns_facts_look(
    const struct dns *dns, const struct facts *facts, unsigned need, struct arena *arena)
{
	char room[REVERSE_MAX];

	switch (need) {
	case NEED_REVERSE:
		return look_at_reverse(dns, &facts->client, arena);
	case NEED_HELO:
		return look_at_helo(dns, name_of(facts, need, room), arena);
	default:
		return look_at_domain(dns, name_of(facts, need, room), arena);
	}
}
