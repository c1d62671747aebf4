#ifndef EDGE_AUTH_SPF_H
#define EDGE_AUTH_SPF_H
/*
 * spf: the evaluation of core/auth/spf.h by libspf2.
 *
 *     struct spf_answer answer;
 *     spf_check(&dns, &query, arena, &answer);
 *     // answer.result SPFR_FAIL, answer.mechanism "-all", answer.explanation "…"
 *
 * libspf2 as Debian ships it (1.2.10) can be killed by a TXT record (CVE-2023-42118) and gets 71
 * of the 203 public tests wrong.  So it is used as the walker of core/auth/spf_check.h and
 * nothing else: it evaluates a record that was generated here, and its resolver is a layer of our
 * own that answers tokens.  No byte of a record, a name, a sender or a HELO reaches it.
 *
 * Safe in many threads at once: each check has a server object of its own.  Blocks only in dns.
 */
#include "core/auth/spf.h"

/* Always fills *out; its slices live in the arena.  What fails here is a temperror. */
void spf_check(
    const struct dns *, const struct spf_query *, struct arena *, struct spf_answer *out);

#endif
