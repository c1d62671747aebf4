#ifndef CORE_EXPLAIN_QUESTION_H
#define CORE_EXPLAIN_QUESTION_H
/*
 * question: a session told in words → facts → verdict: for `explain`, which asks what would happen.
 *
 *     struct question q;
 *     question_start(&q, now, idna, arena);
 *     question_set(&q, SLICE("client"), SLICE("198.51.100.7"), why);
 *     question_set(&q, SLICE("spf"), SLICE("fail"), why);
 *     question_decide(&q, rules, NULL);
 *     // q.verdict: FINAL reject, family susranges
 *
 * What is not told is unknown.  Where the policy needs it all the same, the source is asked; a
 * fact that it has not got either has failed, as a DNS answer that did not come, and the question
 * is undecided: the verdict is then only what the daemon would do without that answer.
 *
 *     client       an address               client_name, helo   names
 *     sender       an address, "<>" or ""   recipient           an address
 *     from         the author's address, or "" for a message without author
 *     auth         who is logged in
 *     spf, dkim    none pass fail neutral policy softfail temperror permerror, as each knows them;
 *                  dkim is that of one signature by the author's domain
 *     dmarc        none pass fail temperror permerror; "fail" is one under p=reject, others are
 *                  "fail:quarantine" and "fail:none"; "temperror" is one without a record,
 *                  "temperror:reject" one where there is a policy and a proof may be missing
 *     now          seconds since the epoch
 *
 * An empty client_name, helo or auth says that there is none.  With `from` given, a mail that RCPT
 * accepts is judged at its end, too.
 */
#include "core/base/arena.h"
#include "core/policy/policy.h"

enum { QUESTION_WHY_MAX = 160 };

struct question {
	struct facts facts;
	const struct idna *idna;
	struct arena *arena;
	const struct fromheader
	    *from;      /* of a message: all its author domains; NULL: one, in facts */
	unsigned given; /* bits by row of the table of keys */
	struct dkim_signature_result signature;
	bool has_no_policy; /* DMARC found no record, for want of an answer */
	/* after question_decide() */
	struct verdict verdict;
	enum phase phase; /* in which it fell */
	unsigned missing; /* facts that were needed and could not be had: bits of enum need */
};

/* Somebody who can get facts: each state must leave FACT_UNKNOWN, or else becomes FACT_FAILED. */
struct question_source {
	void *self;
	void (*get)(void *self, struct facts *, unsigned need);
};

void question_start(struct question *, int64_t now, const struct idna *, struct arena *);

/* The author domains of a message, which must stay until it is decided. */
void question_set_author(struct question *, const struct fromheader *);

/* NULL, or what is wrong, written to `why`. */
const char *question_set(
    struct question *, struct slice key, struct slice value, char why[QUESTION_WHY_MAX]);

/* The n-th key from 0, NULL behind the last. */
const char *question_key(unsigned n);

/* True when the verdict hangs on a fact that nobody has given. */
bool question_undecided(const struct question *);

/* source may be NULL. */
void question_decide(
    struct question *, const struct ruleset *, const struct question_source *source);

#endif
