#ifndef FAKE_SPF_BOTH_H
#define FAKE_SPF_BOTH_H
/*
 * spf_both: the same check by both evaluators, which have to agree in everything that they say.
 *
 * spf_check() is what the daemon asks: libspf2, unless it is built without it.
 */
#include "core/auth/spf_eval.h"
#include "edge/auth/spf.h"

typedef void spf_evaluator(
    const struct dns *, const struct spf_query *, struct arena *, struct spf_answer *);

enum { SPF_EVALUATORS = 2 };
extern const struct spf_named_evaluator {
	const char *name;
	spf_evaluator *evaluate;
} spf_evaluators[SPF_EVALUATORS];

/* The first member in which two answers differ; NULL when there is none. */
const char *spf_difference(const struct spf_answer *, const struct spf_answer *);

/* spf_check(), against spf_eval(); a difference is printed and ends the program. */
void spf_both(const struct dns *, const struct spf_query *, struct arena *, struct spf_answer *out);

#endif
