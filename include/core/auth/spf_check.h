#ifndef CORE_AUTH_SPF_CHECK_H
#define CORE_AUTH_SPF_CHECK_H
/*
 * spf_check: one check_host() (RFC 7208 4), seen from the one who walks the terms.
 *
 * The walker (libspf2 in edge/spf.c) gets every record in canonical form: nothing but terms that
 * can matter for this client, with a token in place of each name, in text that is generated here
 * and always under SPF_CANONICAL_MAX octets.  When the walker wants to know something about a
 * token it asks the session, which expands the macros, asks the DNS, and counts.
 *
 *     start → record(SPF_TOKEN_SENDER) → walk: ask(token) and record(token), any number → finish
 *
 *     published   v=spf1 ip4:198.51.100.0/24 a:mx.%{d}/28 include:_spf.example.com -all
 *     canonical   v=spf1 +a:t1.k/28 +include:t2.k ?exists:m0.k -all
 *     ask("t1.k", DNS_A)    the addresses of mx.example.org; one term
 *     record("t2.k")        the canonical form of the record of _spf.example.com; one term
 *     ask("m0.k", DNS_A)    never found: this mark only tells that all terms before did not match
 *     finish(SPFR_FAIL)     fail, decided by "-all"
 *
 * An ip4 or ip6 term that covers the client becomes the `all` with which it is equivalent; others
 * are left out.  ptr, and a and mx with prefix length 0, become `exists`: the session looks
 * itself and says found or not.  Modifiers other than redirect are not shown.
 *
 * One record, one answer: the order in which the DNS gives its records decides nothing.  MX hosts
 * are asked in the order of their preference, then name, PTR names in the order of their names.  A
 * term is void once, when everything that it asked was void (RFC 7208 4.6.4); an MX or PTR answer
 * with records is not void, whatever addresses its hosts have.  So mx with hosts that have no
 * address of the client's family does not match, and is no error.
 *
 * The first error decides: from then on every call says stop, and finish() returns that error
 * whatever the walker made of it.  ptr goes on without an answer (RFC 7208 5.5), but if the end is
 * then a fail it becomes a temperror: an answer that did not come is never a fail.
 *
 * A session belongs to one thread.
 */
#include "core/auth/spf.h"

struct spf_check;

enum {
	SPF_TERMS_MAX = 10, /* RFC 7208 4.6.4 */
	SPF_VOIDS_MAX = 2,  /* likewise: terms whose questions were all answered without a record */
	SPF_HOSTS_MAX = 10, /* likewise: MX hosts (more: permerror), PTR names (more: ignored) */
	SPF_QUESTIONS_MAX = 100, /* bounds the work: ten mx of ten hosts each would be 111, and what
				    mail needs is a tenth of it */
	SPF_CANONICAL_MAX = 511, /* where libspf2 begins to drop terms */
};

/* The token of the identity that is checked. */
#define SPF_TOKEN_SENDER "t0.k"

/* Dns and query are borrowed until finish.  NULL when out of memory. */
struct spf_check *spf_check_start(const struct dns *, const struct spf_query *);

/* The canonical record behind a token, NUL-terminated, in the session's memory; NULL: stop. */
const char *spf_check_record(struct spf_check *, const char *token);

enum spf_reply { SPF_REPLY_FOUND, SPF_REPLY_NOTHING, SPF_REPLY_STOP };

/*
 * What the DNS has behind a token: A or AAAA records, or for DNS_MX tokens of hosts (as
 * NUL-terminated data) to be asked in turn.  *out is set when something was found.
 */
enum spf_reply spf_check_ask(
    struct spf_check *, const char *token, enum dns_type, struct dns_answer *out);

/*
 * Ends the walk with the walker's result (SPFR_TEMPERROR when it failed), fetches the explanation
 * of a fail if the query wants it, fills *out with everything copied into the arena, and frees the
 * session.
 */
void spf_check_finish(
    struct spf_check **, enum spf_result walked, struct arena *, struct spf_answer *out);

#endif
