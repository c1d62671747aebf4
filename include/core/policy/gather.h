#ifndef CORE_POLICY_GATHER_H
#define CORE_POLICY_GATHER_H
/*
 * gather: facts on demand: what the policy says it needs is asked of the outside, once.
 *
 *     while ((v = policy_decide(rules, &facts, phase)).kind == VERDICT_NEED)
 *             gather_facts(&g, v.need);
 *
 * The loop ends because each fact that was asked for leaves FACT_UNKNOWN here, whatever the
 * outside says: an answer that did not come is FACT_FAILED.  DMARC is judged by core itself, from
 * what SPF and DKIM said, which are gathered first.  Signatures that nobody could look at might
 * have passed: a failure is then a temperror, with the policy that was found.
 */
#include "core/rules/facts.h"
#include "core/rules/ruleset.h"

struct gather {
	struct facts *facts;
	struct arena *arena;             /* answers live here */
	const struct idna *idna;         /* may be NULL */
	struct slice receiver;           /* our own name, for SPF's explanations */
	const struct dmarc_trace *trace; /* may be NULL */
	void *env;
	/* NULL when there is no resolver: every question has failed then.  DMARC takes it once for
	 * each author domain, which can so be given a budget of its own. */
	const struct dns *(*dns)(void *env);
	/* False: not yet, it is under way and there will be more time for it. */
	bool (*spf)(void *env, const struct spf_query *, struct spf_answer *out);
	/* Lists of `rules` that are asked for; NULL: the table has none, or nobody watches them. */
	const struct ruleset *rules;
	bool (*list_in_use)(void *env, const struct dnsbl *);
	void (*list_error)(void *env, const struct dnsbl *);
	/* False: the signatures could not be looked at. */
	bool (*dkim)(void *env, struct dkim_answer *out);
};

/* need: bits of enum need. */
void gather_facts(const struct gather *, unsigned need);

/*
 * Tells the resolver at the end of the header what DMARC will ask: for each author domain its walk
 * and whether it exists, and the walk from the domain that SPF speaks for where that may be aligned
 * with one of them and SPF has not denied it.  (Those of signatures: core/auth/dkim_verifier.h.)
 * So all are under way side by side, before any is waited for: at most 9 questions for an author
 * and 8 for SPF, which with five signatures and eight authors makes some 130 a message.
 */
void gather_dmarc_hints(const struct gather *, const struct slice *authors, size_t count);

/* The question that SPF is asked about these facts; also good for spf_hints(). */
struct spf_query gather_spf_query(const struct facts *, struct slice receiver);

#endif
