#ifndef EDGE_AUTH_SPF_H
#define EDGE_AUTH_SPF_H
/*
 * spf: the SPF check that the daemon asks for.
 *
 *     struct spf_answer answer;
 *     spf_check(&dns, &query, arena, &answer);
 *     // answer.result SPFR_FAIL, answer.mechanism "-all", answer.explanation "…"
 *
 * Who evaluates is chosen when it is built: libspf2 (spf_libspf2.c), or with `make SPF=native`,
 * where the library is not to be had, core's check_host() (spf_native.c).  They agree in every
 * result, explanation and count; the tests hold them against each other.
 *
 * Safe in many threads at once.  Blocks only in dns.
 */
#include "core/auth/spf.h"

/* Always fills *out; its slices live in the arena.  What fails here is a temperror. */
void spf_check(
    const struct dns *, const struct spf_query *, struct arena *, struct spf_answer *out);

#endif
