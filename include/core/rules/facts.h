#ifndef CORE_RULES_FACTS_H
#define CORE_RULES_FACTS_H
/*
 * facts: what is known of this client and this transaction, each with its state.
 *
 * Every fact is unknown, known, absent, failed or under way.  "Unknown" may still be had, by the
 * next SMTP command or by asking the DNS; what was asked for is never unknown again, which is why
 * the gather loop of core/session/transaction.h ends.  A DNS failure is a fact ("failed"), not an
 * exception.
 *
 * Slices are borrowed from the arenas of the connection and the transaction.
 */
#include "core/auth/dkim_result.h"
#include "core/auth/dmarc.h"
#include "core/auth/spf.h"
#include "core/mail/fromheader.h"
#include "core/name/address.h"
#include "core/net/ip.h"
#include "core/rules/header_tests.h"
#include "core/rules/verdict.h"

enum fact_state {
	FACT_UNKNOWN,
	FACT_KNOWN,
	FACT_ABSENT,
	FACT_FAILED,
	FACT_UNDER_WAY, /* spf_state at RCPT: its time there is over, the end of the message has
			   more */
};

/* How the session is encrypted, as {tls_version} says.  An MTA gives none without TLS; so does one
 * that does not give it at all. */
enum tls_version {
	TLS_UNKNOWN, /* not given, and never was by this MTA; or a text that says nothing */
	TLS_NONE,
	TLS_1_0, /* or SSL, which is older */
	TLS_1_1,
	TLS_1_2,
	TLS_1_3, /* or newer */
	TLS_COUNT
};

/*
 * Which patterns of a table match one identity, by their number: remembered as long as the value
 * stands, which for HELO and client name is the whole session.  Written by core/policy/match.c, by
 * one thread at a time; of another table, whoever changes it says that it is not known.
 */
enum { PATTERN_HITS_MAX = 32 };
struct pattern_hits {
	bool known;
	unsigned count; /* PATTERN_HITS_MAX + 1: more than are kept */
	uint32_t hit[PATTERN_HITS_MAX];
};

/*
 * One of the five identities.  For a client name or HELO that is no domain name (an address
 * literal, junk) name is empty and it can be matched by patterns alone.
 *
 * The whole identity, as "user@example.com", "<>" or "mx.example.com", in three forms: records and
 * replies keep what was sent (of host names the canonical form); what is remembered, counted or
 * limited by it goes by the folded form, in which one mailbox has one spelling; patterns look at
 * the composed one (core/name/address.h).
 */
struct identity {
	enum fact_state state;
	struct slice text;         /* as it was sent */
	struct slice folded;       /* as it is compared */
	struct slice composed;     /* as patterns look at it */
	struct slice name;         /* its canonical domain name, or empty */
	struct slice local;        /* its local part as it is compared, or empty */
	struct slice sent;         /* its local part as it was sent, or empty */
	struct pattern_hits *hits; /* of this value; NULL: nothing is remembered */
};

/* How an MTA asked. */
enum door {
	DOOR_MILTER,
	DOOR_POLICY, /* Postfix's policy protocol: nothing of the message is ever known */
};

/* What the DNS says of a name or an address, as words (core/policy/dns_facts.h). */
struct word_fact {
	enum fact_state state; /* known, unknown, or failed: there is no resolver */
	unsigned are, unknown; /* bits of the words that hold, and of those without an answer */
};

/* The words, by bit. */
enum domain_word { DOMAIN_MISSING, DOMAIN_NULL_MX };
enum reverse_word { REVERSE_NONE, REVERSE_UNCONFIRMED };
enum helo_word { HELO_ADDRESS, HELO_OURS, HELO_SINGLE_LABEL, HELO_UNRESOLVABLE };

struct facts {
	int64_t now; /* seconds since the epoch, UTC: time is an input */
	enum door door;
	bool not_smtp; /* did not come by SMTP from another host: a pipe, or simulated by the MTA */
	struct ip client;     /* IP_NONE: not known, or none (then not_smtp) */
	uint16_t client_port; /* 0: the MTA does not tell it */
	enum fact_state auth_state;
	struct slice auth; /* {auth_authen} */
	enum tls_version tls;
	struct identity id[IDENTITY_COUNT];
	enum fact_state spf_state;
	bool spf_late; /* it was under way at RCPT: the end of the message decides by it */
	struct spf_answer spf;
	enum fact_state dkim_state;
	struct dkim_answer dkim;
	enum fact_state author_state; /* the From header as a whole */
	enum from_kind author;        /* FROM_BAD also for more domains than are judged */
	struct slice author_why;      /* FROM_NONE and FROM_BAD: what is wrong */
	enum fact_state header_state; /* failed: it was not looked at to its end */
	const struct header_field
	    *header; /* the fields that rules ask for; others may be missing */
	/* Of each header test of the ruleset 1 + what it said of this header, 0 = not asked: a
	 * message has many recipients and one header.  NULL: nobody remembers. */
	unsigned char *header_said;
	enum fact_state dmarc_state; /* of the author domain in id[IDENTITY_FROM] */
	struct dmarc_result dmarc;
	/* Which signatures are aligned with the domain in id[IDENTITY_FROM], beyond those of that
	 * very domain: bits of signatures that are, and of those that may be. */
	enum fact_state aligned_state;
	unsigned aligned, may_be_aligned;
	struct word_fact sender_dns, from_dns, reverse, helo_dns;
	/* By lists of the table, bits 1 << number: that were asked for, that list it, that gave no
	 * answer to rely on (core/rules/dnsbl.h). */
	unsigned lists_asked, lists, lists_open;
	struct slice mta_name; /* canonical; empty: not known */
	uint32_t asn;          /* 0 = not known; for replies and records only */
	char country[3];       /* "" = not known; for records only */
};

/* given: {tls_version}, such as "TLSv1.3"; empty where it is not there, which says that there is no
 * TLS only where this MTA has given it before. */
enum tls_version tls_version_of(struct slice given, bool was_given_before);

/* "none", "1.0", … "1.3"; "unknown". */
const char *tls_version_name(enum tls_version);

/* Whether the message comes by SMTP from somebody who has logged in. */
bool facts_are_authenticated(const struct facts *);
/* The DNS' word on one need, a single bit of NEEDS_OF_DNS. */
struct word_fact *facts_of_dns(struct facts *, unsigned need);

/* The identity made of an envelope address or a From address. */
struct identity identity_of_address(const struct address *);

/*
 * What a message says of its author: kind and reason; more author domains than FROM_DOMAINS_MAX are
 * a crooked From.  Each of its domains is then judged as the identity identity_of_author().
 */
void facts_set_author(struct facts *, const struct fromheader *);

/* The i-th author domain as the identity that rules look at: the first is the author's address
 * where that is known.  Absent behind the last. */
struct identity identity_of_author(const struct fromheader *, size_t i);

/* The identity made of a HELO or client name: canonical where it is a name.  idna may be NULL.
 * Empty text is absent. */
struct identity identity_of_name(struct slice text, const struct idna *, struct arena *);

#endif
