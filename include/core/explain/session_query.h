#ifndef CORE_EXPLAIN_SESSION_QUERY_H
#define CORE_EXPLAIN_SESSION_QUERY_H
/*
 * session_query: a session told in words → facts → verdict: for `explain`, which asks what would
 * happen.
 *
 *     struct session_query q;
 *     session_query_start(&q, now, idna, arena);
 *     session_query_set(&q, SLICE("client"), SLICE("198.51.100.7"), why);
 *     session_query_set(&q, SLICE("spf"), SLICE("fail"), why);
 *     session_query_decide(&q, rules, NULL);
 *     // q.verdict: FINAL reject, family susranges
 *
 * What is not told is unknown.  Where the policy needs it all the same, the source is asked; a
 * fact that it has not got either has failed, as a DNS answer that did not come, and the query
 * is undecided: the verdict is then only what the daemon would do without that answer.
 *
 *     client       an address               client_name, helo   names
 *     sender       an address, "<>" or ""   recipient           an address
 *     from         the author's address, or "" for a message without author
 *     auth         who is logged in
 *     tls          none, 1.0, 1.1, 1.2 or 1.3
 *     spf, dkim    none pass fail neutral policy softfail temperror permerror, as each knows them;
 *                  dkim is that of one signature by the author's domain
 *     dmarc        none pass fail temperror permerror; "fail" is one under p=reject, others are
 *                  "fail:quarantine" and "fail:none"; "temperror" is one without a record,
 *                  "temperror:reject" one where there is a policy and a proof may be missing
 *     sender_domain, from_domain   exists, missing, null-mx; reverse: confirmed, none, unconfirmed;
 *     helo_resolves                yes, no; for all four: temperror, an answer that does not come
 *     header       fields as in a message, with line ends between them; the author is that of its
 *                  From, unless `from` tells him
 *     listed       names of dnsbls that list it, with blanks; NAME:temperror has no answer
 *     now          seconds since the epoch
 *
 * An empty client_name, helo or auth says that there is none.  With `from` or `header` given, a
 * mail that RCPT accepts is judged at its end, too.
 */
#include "core/base/arena.h"
#include "core/policy/policy.h"

enum { SESSION_QUERY_WHY_MAX = 160 };

struct session_query {
	struct facts facts;
	const struct idna *idna;
	struct arena *arena;
	const struct fromheader
	    *from;      /* of a message: all its author domains; NULL: one, in facts */
	unsigned given; /* bits by row of the table of keys */
	struct dkim_signature_result signature;
	struct slice listed;                 /* as told; ptr NULL: not told */
	bool has_no_policy;                  /* DMARC found no record, for want of an answer */
	struct header_field *header;         /* told; the last first */
	struct slice froms[FROM_FIELDS_MAX]; /* values of its From fields */
	size_t from_count;
	/* after session_query_decide() */
	struct verdict verdict;
	enum phase phase; /* in which it fell */
	unsigned missing; /* facts that were needed and could not be had: bits of enum need */
	bool lacks_header, lacks_tls; /* a rule was passed over for want of it */
};

/* Somebody who can get facts: each state must leave FACT_UNKNOWN, or else becomes FACT_FAILED. */
struct session_query_source {
	void *self;
	void (*get)(void *self, struct facts *, unsigned need);
};

void session_query_start(struct session_query *, int64_t now, const struct idna *, struct arena *);

/* The author domains of a message, which must stay until it is decided. */
void session_query_set_author(struct session_query *, const struct fromheader *);

/* A field of the message, name without colon and value as it stands there; all of them before it is
 * decided, From fields as well. */
void session_query_add_field(struct session_query *, struct slice name, struct slice value);

/* NULL, or what is wrong, written to `why`. */
const char *session_query_set(
    struct session_query *, struct slice key, struct slice value, char why[SESSION_QUERY_WHY_MAX]);

/* The n-th key from 0, NULL behind the last. */
const char *session_query_key(unsigned n);

/* True when the verdict hangs on a fact that nobody has given. */
bool session_query_undecided(const struct session_query *);

/* source may be NULL. */
void session_query_decide(
    struct session_query *, const struct ruleset *, const struct session_query_source *source);

#endif
