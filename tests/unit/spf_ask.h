#ifndef TESTS_UNIT_SPF_ASK_H
#define TESTS_UNIT_SPF_ASK_H
/* spf_ask: a zone from text and one check by a DNS, for the tests of whole SPF checks. */
#include "edge/auth/spf.h"
#include "edge/dns/zone.h"

#include <check.h>

static inline struct zone *zone_of(const char *text)
{
	struct zone *z = zone_create();
	char why[ZONE_WHY_MAX];

	ck_assert_msg(!zone_load(z, slice_str(text), why), "%s", why);
	return z;
}

static inline struct spf_answer check_by(const struct dns *dns, struct arena *arena,
    const char *client, const char *helo, const char *sender)
{
	struct spf_query q = {
	    .helo = slice_str(helo), .receiver = SLICE("in.example.net"), .explain = true};
	struct slice from = slice_str(sender);
	struct spf_answer a;

	ck_assert(!*client || ip_parse(slice_str(client), &q.client));
	q.local = slice_of(from.ptr, slice_find_last(from, '@'));
	q.domain = from.len ? slice_skip(from, q.local.len + 1) : from;
	spf_check(dns, &q, arena, &a);
	return a;
}

static inline struct spf_answer check(
    struct zone *z, struct arena *arena, const char *client, const char *helo, const char *sender)
{
	struct dns dns = zone_dns(z);

	return check_by(&dns, arena, client, helo, sender);
}

#endif
