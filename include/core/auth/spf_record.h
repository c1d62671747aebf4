#ifndef CORE_AUTH_SPF_RECORD_H
#define CORE_AUTH_SPF_RECORD_H
/*
 * spf_record: from the TXT records of a name to the terms of its policy (RFC 7208 3, 4.5, 4.6.1).
 *
 *     struct dns_answer txt: "v=spf1 ip4:192.0.2.0/24 a:mx.%{d}/28 -all", "google-site-…"
 *     spf_record_select(&txt, &text)              → SPF_RECORD_ONE
 *     spf_record_parse(text, arena, &record, why) → NULL; three terms: IP4, A, ALL
 *
 * The whole record is checked by the grammar before anything of it is used, also what stands
 * behind `all` or would never be reached: a record with one bad term is a permerror (4.6).
 * Text is taken byte by byte with its length, so NUL and 8-bit bytes are seen and refused.
 *
 * Pure functions, safe in any thread.
 */
#include "core/auth/spf.h"
#include "core/net/prefix.h"

enum spf_selection { SPF_RECORD_ABSENT, SPF_RECORD_ONE, SPF_RECORD_SEVERAL };

/* Looks for the records that begin with exactly "v=spf1" and a space or the end (4.5). */
enum spf_selection spf_record_select(const struct dns_answer *txt, struct slice *out);

enum spf_mechanism {
	SPF_MECH_ALL,
	SPF_MECH_INCLUDE,
	SPF_MECH_A,
	SPF_MECH_MX,
	SPF_MECH_PTR,
	SPF_MECH_IP, /* ip4 and ip6 */
	SPF_MECH_EXISTS,
};

struct spf_term {
	enum spf_mechanism mechanism;
	enum spf_result qualifier; /* pass, fail, softfail, neutral: what a match means */
	struct slice text;         /* the term as published */
	struct slice domain;       /* its domain-spec; empty: the domain whose record this is */
	struct prefix network;     /* IP: family IP_NONE when it can match nobody */
	unsigned bits4, bits6;     /* A, MX: prefix lengths, 32 and 128 when not given */
};

struct spf_record {
	struct slice text;
	const struct spf_term *terms; /* in the arena */
	size_t count;
	struct slice redirect; /* domain-spec; empty when absent, or void because of an `all` */
	struct slice exp;      /* domain-spec of the explanation; empty when absent */
	bool only_fails_all;   /* nothing but -all, modifiers aside: the domain sends no mail */
};

/* Longer records are refused (SPEC 8): published ones that work are under 1 KiB. */
enum { SPF_RECORD_MAX = 4096, SPF_RECORD_WHY_MAX = 200 };

/*
 * Parses what spf_record_select() found.  Returns NULL and fills *out, whose slices point into
 * text; or the reason for a permerror, printable ASCII, in why.  Out of memory is reason
 * spf_record_no_memory, the one that must become a temperror.
 */
const char *spf_record_parse(
    struct slice text, struct arena *arena, struct spf_record *out, char why[SPF_RECORD_WHY_MAX]);
extern const char spf_record_no_memory[];

#endif
