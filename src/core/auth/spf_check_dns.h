#ifndef CORE_AUTH_SPF_CHECK_DNS_H
#define CORE_AUTH_SPF_CHECK_DNS_H
/*
 * spf_check_dns: the questions of a check, for the two files of core/auth/spf_check.h only.
 *
 *     spf_check.c      begin and end, records, names, the explanation
 *     spf_check_dns.c  questions, their counting, void terms, the order of hosts, the names of the
 *                      client by PTR
 */
#include "core/auth/spf_check.h"

/* Asks one question and counts it; one more than SPF_QUESTIONS_MAX stops the evaluation.  A missing
 * answer does not; stopped is DNS_TEMP, too. */
enum dns_status spf_check_ask(
    struct spf_check *, struct slice name, enum dns_type, struct dns_answer *out);

/* Stops with a temperror that names the question. */
enum spf_reply spf_check_no_answer(struct spf_check *, struct slice name, enum dns_type);

/* A copy for a sentence: other bytes than printable ASCII become '?', what is too long is cut. */
struct slice spf_check_shown(struct spf_check *, struct slice text);

/* The macro p: the best validated name of the client, or "unknown" (RFC 7208 7.3). */
struct slice spf_check_client_name(struct spf_check *, struct slice domain);

#endif
