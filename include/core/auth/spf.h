#ifndef CORE_AUTH_SPF_H
#define CORE_AUTH_SPF_H
/*
 * spf: may this client send for that domain (RFC 7208)?  The question and the answer.
 *
 *     core/auth/spf_record.h  TXT answer → the one record → its terms by the grammar, or permerror
 *     core/auth/spf_macro.h   "%{ir}.%{d2}" → the name to ask
 *     core/auth/spf_check.h   one check: records, questions, the limits of 4.6.4, the verdict
 *     core/auth/spf_eval.h    check_host(): the walk over the terms
 *     edge/auth/spf.h         the same walk by libspf2: what the daemon asks
 *
 *     struct spf_query q = {.client = ip, .helo = SLICE("mx.example.org"), .local = SLICE("a"),
 *         .domain = SLICE("example.org"), .receiver = SLICE("mx.example.net"), .now = 0};
 *     spf_hints(dns, &q);                                  // at MAIL: the record will be needed
 *     spf_check(dns, &q, arena, &answer);                  // edge/auth/spf.h
 *     if (answer.result == SPFR_FAIL) ...
 */
#include "core/auth/dns.h"
#include "core/base/slice.h"
#include "core/net/ip.h"

enum spf_result {
	SPFR_NONE,    /* no domain that could have a record, or no record */
	SPFR_NEUTRAL, /* the domain does not say */
	SPFR_PASS,
	SPFR_FAIL,
	SPFR_SOFTFAIL,
	SPFR_TEMPERROR, /* an answer is missing: never a fail */
	SPFR_PERMERROR, /* the record is wrong or asks for too much */
};

struct spf_query {
	struct ip client;
	struct slice helo;          /* as given; used for %{h} and for the null sender */
	struct slice local, domain; /* the sender in A-label form; domain empty: the null sender */
	struct slice receiver;      /* our own name, for %{r} of an explanation */
	int64_t now;                /* seconds since 1970, for %{t} of an explanation */
	bool explain; /* of a fail, ask for the explanation: a question more, which nobody who only
			 decides should wait for, since a stranger chose where it goes */
};

struct spf_answer {
	enum spf_result result;
	struct slice domain;        /* the identity that was checked: sender's domain or HELO */
	bool null_sender_used_helo; /* it was postmaster@HELO (RFC 7208 2.4) */
	bool sends_no_mail;         /* the record is just "v=spf1 -all", modifiers aside */
	struct slice mechanism;     /* the term that decided, as published; empty: none did */
	struct slice record;        /* the published record of `domain`, any bytes; empty: none */
	struct slice explanation; /* on fail, if it was asked for: what the domain tells the sender,
				     printable ASCII, at most SPF_EXPLANATION_MAX octets */
	struct slice problem;     /* temperror, permerror: what is wrong, printable ASCII */
	unsigned dns_terms, void_lookups, questions; /* what it took; void are whole terms */
};

/* Longer explanations are cut: an SMTP reply has no room for more (RFC 5321 4.5.3.1.5). */
enum { SPF_EXPLANATION_MAX = 400 };

/* "none", "neutral", … as RFC 8601 2.7.2 spells them. */
const char *spf_result_text(enum spf_result);

/* All of them, by enum spf_result; ends in NULL. */
extern const char *const spf_result_words[];

/* A name that can have a record (RFC 7208 4.3): labels of 1 to 63 octets, at least two, 253 octets
 * in all; no address literal.  For any other the result is none. */
bool spf_is_domain(struct slice name);

/* The domain that will be checked: the sender's, or HELO for the null sender; without trailing
 * dot.  Empty when it is no domain. */
struct slice spf_identity(const struct spf_query *);

/* Tells the resolver that the identity's record will be asked for soon.  Never blocks. */
void spf_hints(const struct dns *, const struct spf_query *);

#endif
