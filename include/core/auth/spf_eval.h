#ifndef CORE_AUTH_SPF_EVAL_H
#define CORE_AUTH_SPF_EVAL_H
/*
 * spf_eval: check_host() of RFC 7208, section 4, over plain values.
 *
 *     spf_eval(&dns, &query, arena, &answer);
 *     // answer.result SPFR_FAIL, answer.mechanism "-all", answer.explanation "…"
 *
 * The evaluator that needs no library: what the daemon runs when it is built without libspf2
 * (edge/auth/spf.h), and what the tests hold libspf2's results against in every build.
 *
 * Safe in many threads at once.  Blocks only in dns.
 */
#include "core/auth/spf_check.h"

/* Always fills *out; its slices live in the arena.  What fails here is a temperror. */
void spf_eval(const struct dns *, const struct spf_query *, struct arena *, struct spf_answer *out);

/* One term that asks the DNS, other than include: a, mx, ptr, exists; counted, void or not. */
enum spf_reply spf_eval_term(struct spf_check *, const struct spf_frame *, const struct spf_term *);

#endif
