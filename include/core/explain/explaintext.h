#ifndef CORE_EXPLAIN_EXPLAINTEXT_H
#define CORE_EXPLAIN_EXPLAINTEXT_H
/*
 * explaintext: an explanation as lines for people, at most 80 columns where words allow it.
 *
 *     reject: susranges rule "dialup", network 198.51.100.0/24
 *     550 5.7.1 Unauthenticated mail not allowed from this range (198.51.100.0/24, dialup)
 *
 *     client 198.51.100.7, recipient b@example.org
 *     not given: client_name, helo, sender, from, auth, spf, dkim, dmarc
 *
 *     trusted_networks: no rule matches
 *     susranges:
 *       dialup  matches and decides                                susmilter.conf:14
 *         networks  198.51.100.0/24                                lists/dialup.cidr:3
 */
#include "core/explain/explain.h"

/* Calls `line` with each line, NUL-terminated, without newline. */
void explain_text(
    const struct explanation *, void (*line)(void *context, const char *line), void *context);

/* What a criterion found, in words: "198.51.100.0/24", "taken out by !198.51.100.25", … */
enum { EXPLAIN_CRITERION_MAX = 1400 };
void explain_criterion_text(
    const struct explain_criterion *, const struct facts *, char out[EXPLAIN_CRITERION_MAX]);

#endif
