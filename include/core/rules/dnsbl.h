#ifndef CORE_RULES_DNSBL_H
#define CORE_RULES_DNSBL_H
/*
 * dnsbl: an address or name list in the DNS (RFC 5782), or its zone file (SPEC 3.5).
 *
 *     { name = "mxrbl"; zone = "bl.example.net"; of = "client"; answers = [ "127.0.0.2" ]; }
 *
 *     dnsbl_question(list, &facts, name)          → "7.100.51.198.bl.example.net"
 *     dns_lookup(dns, question, DNS_A, arena, &answer);
 *     dnsbl_judge(list, &answer)                  → DNSBL_LISTED, DNSBL_NOT_LISTED, DNSBL_ERROR, …
 *
 * Lists lie: they refuse a public resolver with 127.255.255.254, are dead and list everything, or
 * are parked under an address of somebody's web server.  Only an answer that the configuration
 * declares lists; any other is an error, and an error is no listing.  Two test points tell whether
 * the list is what it was: one that is always listed, and one that never is.
 *
 * A list from a file is looked up in radix trees: no DNS at all.
 */
#include "core/auth/dns.h"
#include "core/name/name_radix.h"
#include "core/net/ip_radix.h"
#include "core/rules/facts.h"

/* As many as verdict.need has bits for. */
enum { DNSBLS_MAX = 24, DNSBL_ANSWERS_MAX = 16 };

struct dnsbl_range {
	struct ip first, last;
};

struct dnsbl {
	struct slice name;
	struct slice zone;     /* empty: from a file */
	enum identity_kind of; /* IDENTITY_COUNT: the client's address */
	struct dnsbl_range answers[DNSBL_ANSWERS_MAX];
	unsigned answer_count;         /* 0, of a file: every entry lists */
	bool has_test;                 /* of a zone */
	struct slice listed, unlisted; /* test points: an address, or a name */
	/* Of a file: trees whose values are 1 where it lists; or NULL. */
	struct ip_radix *networks;
	struct name_radix *names;
	size_t entries;
	uint64_t content; /* the same of the same file and type (core/base/fnv.h); 0: of a zone */
	int64_t modified; /* of the file: seconds since the epoch */
};

/* The need for list number i; all of them. */
#define NEED_LIST(i)   (1u << (8 + (i)))
#define NEEDS_OF_LISTS (~0xffu)

enum { DNSBL_QUESTION_MAX = 512 };

/* The question about these facts; false where they have nothing to ask for. */
bool dnsbl_question(
    const struct dnsbl *, const struct facts *, char room[DNSBL_QUESTION_MAX], struct slice *out);

enum dnsbl_judgement {
	DNSBL_NOT_LISTED,
	DNSBL_LISTED,
	DNSBL_NO_ANSWER, /* time-out, SERVFAIL */
	DNSBL_ERROR,     /* an answer that is not declared */
};
enum dnsbl_judgement dnsbl_judge(const struct dnsbl *, const struct dns_answer *);

/* Whether an address (of an answer) is declared. */
bool dnsbl_declares(const struct dnsbl *, const struct ip *);

/* What both test points say: the list is what it should be, or is not, or no definite answer came,
 * which changes nothing. */
enum dnsbl_health { DNSBL_RIGHT, DNSBL_WRONG, DNSBL_SILENT };
enum dnsbl_health dnsbl_test(const struct dnsbl *, const struct dns *, struct arena *);

/* Of a list from a file: whether it lists what these facts have. */
bool dnsbl_file_lists(const struct dnsbl *, const struct facts *);

/* Another name stands in the place of this identity: what lists said of it is forgotten. */
void dnsbl_forget(const struct dnsbl *lists, unsigned count, enum identity_kind, struct facts *);

void dnsbl_free_trees(struct dnsbl *);

#endif
