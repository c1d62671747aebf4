#ifndef CORE_POLICY_POLICY_H
#define CORE_POLICY_POLICY_H
/*
 * policy: facts + ruleset → verdict.  The one place where mail is judged.
 *
 * Pure: no I/O, no clock, no allocation, no memory of earlier calls; the live milter, `explain`,
 * `explain --batch`, the scenario tests and the fuzzers all call this same function.
 *
 *     v = policy_decide(rules, &facts, PHASE_RCPT);
 *     // the client is in "dialup" (198.51.100.0/24), nobody is authenticated:
 *     // FINAL reject, family susranges, rule dialup, network 198.51.100.0/24
 *
 * An authenticated session is accepted, but for `blocks` that are for it (SPEC 3.5): a caller that
 * asks on after MAIL gets their verdict at RCPT and at the end.
 *
 * SPEC section 4 gives the order.  A rule in monitor mode never hides what an enforced rule behind
 * it says: the first enforced refusal is the verdict, and only without one the first refusal of
 * monitor mode is reported, as `would`.
 *
 * At the end of the message it judges one author domain, that of id[IDENTITY_FROM].  Of several,
 * the caller asks for each, with its own DMARC facts, and takes the strictest.
 */
#include "core/policy/match.h"
#include "core/rules/facts.h"
#include "core/rules/ruleset.h"
#include "core/rules/verdict.h"

enum phase {
	PHASE_MAIL, /* is this mail inbound at all? */
	PHASE_RCPT, /* may this client send to facts.id[IDENTITY_RECIPIENT]? */
	PHASE_END,  /* the same recipient again, now that the message is known */
};

/*
 * FINAL   accept: nothing more is asked about this recipient (at MAIL: about this mail);
 *         reject, tempfail, quarantine: that is the answer, unless `would`.
 * CONTINUE  nothing against it so far; rule and family name a whitelist entry that exempts.
 * NEED    get v.need into the facts (each state must leave FACT_UNKNOWN) and ask again.
 */
struct verdict policy_decide(const struct ruleset *, const struct facts *, enum phase);

/* Whether a rule is asked for this session at all (SPEC 3.5): an authenticated one passes all but
 * exempt recipients and the blocks that are for it. */
bool policy_asks(const struct rule *, const struct facts *);

/*
 * Is there the proof that a whitelist rule by domain needs to exempt (SPEC 3.4)?  Unknown while SPF
 * may still give it, and where its answer did not come: the refusal that the rule could have
 * withdrawn is then 451 (SPEC 3.1).  That is for senders whose domain is in the rule's list; whom
 * no entry names gains nothing by a silent name server.  The outcome is that of a rule that is YES.
 */
enum truth policy_proven(const struct outcome *, const struct facts *);

/*
 * How strict a verdict is, to find the strictest of those that several author domains bring upon a
 * message (SPEC 4.9): enforced ones before those of monitor mode, in the order reject, hold,
 * tempfail, mark; then what the whitelist spared, then accept.
 */
int policy_severity(const struct settings *, const struct verdict *);

/* The action that a verdict has on the mail itself: accept for CONTINUE and for `would`. */
enum action policy_effect(const struct verdict *);

#endif
