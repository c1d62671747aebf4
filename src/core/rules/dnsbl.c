#include "core/rules/dnsbl.h"

#include <stdio.h>

/* ---- the question -------------------------------------------------------------------- */

/* "7.100.51.198." or the 32 digits of IPv6 (RFC 5782 2.1, 2.4) */
static size_t reversed(const struct ip *ip, char *out, size_t size)
{
	unsigned char bytes[16];
	size_t n = ip_to_bytes(ip, bytes), len = 0;

	for (size_t i = n; i-- > 0;)
		len += (size_t)(n == 4 ? snprintf(out + len, size - len, "%u.", bytes[i])
				       : snprintf(out + len, size - len, "%x.%x.", bytes[i] & 0xf,
					     bytes[i] >> 4));
	return len;
}

static struct slice join(
    const struct dnsbl *list, const struct ip *ip, struct slice name, char room[DNSBL_QUESTION_MAX])
{
	size_t len = 0;

	if (ip->family != IP_NONE)
		len = reversed(ip, room, DNSBL_QUESTION_MAX);
	else
		len = (size_t)snprintf(room, DNSBL_QUESTION_MAX, "%.*s.", SLICE_ARG(name));
	len +=
	    (size_t)snprintf(room + len, DNSBL_QUESTION_MAX - len, "%.*s", SLICE_ARG(list->zone));
	return slice_of(room, len);
}

bool dnsbl_question(const struct dnsbl *list, const struct facts *facts,
    char room[DNSBL_QUESTION_MAX], struct slice *out)
{
	const struct ip none = {.family = IP_NONE};
	bool by_address = list->of == IDENTITY_COUNT;
	struct slice name = by_address ? slice_of(NULL, 0) : facts->id[list->of].name;

	if (by_address ? facts->client.family == IP_NONE : name.len == 0)
		return false;
	*out = join(list, by_address ? &facts->client : &none, name, room);
	return true;
}

/* ---- the answer ---------------------------------------------------------------------- */

bool dnsbl_declares(const struct dnsbl *list, const struct ip *ip)
{
	for (unsigned i = 0; i < list->answer_count; i++)
		if (ip->family == list->answers[i].first.family &&
		    ip_compare(&list->answers[i].first, ip) <= 0 &&
		    ip_compare(ip, &list->answers[i].last) <= 0)
			return true;
	return false;
}

/* What no list says of an entry: refusals, a local address, somebody's host (RFC 5782 2.1). */
static bool is_lie(const struct ip *ip)
{
	unsigned char b[16];

	return ip_to_bytes(ip, b) != 4 || b[0] != 127 || (b[1] == 255 && b[2] == 255) ||
	       (b[1] == 0 && b[2] == 0 && b[3] == 1);
}

enum dnsbl_judgement dnsbl_judge(const struct dnsbl *list, const struct dns_answer *answer)
{
	bool declared = false;

	if (answer->status == DNS_TEMP)
		return DNSBL_NO_ANSWER;
	if (answer->status != DNS_OK)
		return DNSBL_NOT_LISTED;
	for (size_t i = 0; i < answer->count; i++) {
		struct slice data = answer->records[i].data;
		struct ip ip = {.family = IP_NONE};

		if (data.len == 4)
			ip = ip_from_v4((const unsigned char *)data.ptr);
		if (dnsbl_declares(list, &ip))
			declared = true;
		else if (is_lie(&ip))
			return DNSBL_ERROR;
	}
	return declared ? DNSBL_LISTED : DNSBL_ERROR;
}

/* ---- test points --------------------------------------------------------------------- */

static enum dnsbl_judgement ask_point(
    const struct dnsbl *list, struct slice point, const struct dns *dns, struct arena *arena)
{
	char room[DNSBL_QUESTION_MAX];
	struct ip ip = {.family = IP_NONE};
	struct dns_answer answer;

	if (list->of == IDENTITY_COUNT)
		ip_parse(point, &ip);
	dns_lookup(dns, join(list, &ip, point, room), DNS_A, arena, &answer);
	return dnsbl_judge(list, &answer);
}

enum dnsbl_health dnsbl_test(const struct dnsbl *list, const struct dns *dns, struct arena *arena)
{
	enum dnsbl_judgement listed = ask_point(list, list->listed, dns, arena);
	enum dnsbl_judgement unlisted = ask_point(list, list->unlisted, dns, arena);

	if (listed == DNSBL_NOT_LISTED || listed == DNSBL_ERROR || unlisted == DNSBL_LISTED ||
	    unlisted == DNSBL_ERROR)
		return DNSBL_WRONG;
	return listed == DNSBL_LISTED && unlisted == DNSBL_NOT_LISTED ? DNSBL_RIGHT : DNSBL_SILENT;
}

/* ---- files --------------------------------------------------------------------------- */

bool dnsbl_file_lists(const struct dnsbl *list, const struct facts *facts)
{
	if (list->of == IDENTITY_COUNT)
		return list->networks && facts->client.family != IP_NONE &&
		       ip_radix_lookup(list->networks, &facts->client) != 0;
	return list->names && facts->id[list->of].name.len > 0 &&
	       name_radix_lookup(list->names, facts->id[list->of].name) != 0;
}

void dnsbl_forget(
    const struct dnsbl *lists, unsigned count, enum identity_kind of, struct facts *facts)
{
	for (unsigned i = 0; i < count; i++)
		if (lists[i].of == of) {
			facts->lists_asked &= ~(1u << i);
			facts->lists &= ~(1u << i);
			facts->lists_open &= ~(1u << i);
		}
}

void dnsbl_free_trees(struct dnsbl *list)
{
	ip_radix_free(&list->networks);
	name_radix_free(&list->names);
}
