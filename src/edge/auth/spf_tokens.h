#ifndef EDGE_AUTH_SPF_TOKENS_H
#define EDGE_AUTH_SPF_TOKENS_H
/*
 * spf_tokens: what libspf2 is shown of a check, for spf_libspf2.c only.
 *
 * It gets every record in canonical form: nothing but terms that can matter for this client, with a
 * token in place of each name, in text that is generated here and always under SPF_CANONICAL_MAX
 * octets.  When it wants to know something about a token it asks, and the check behind it expands
 * the macros, asks the DNS, and counts.
 *
 *     published   v=spf1 ip4:198.51.100.0/24 a:mx.%{d}/28 include:_spf.example.com -all
 *     canonical   v=spf1 +a:t1.k/28 +include:t2.k ?exists:m0.k -all
 *     ask("t1.k")           the addresses of mx.example.org; one term
 *     record("t2.k")        the canonical form of the record of _spf.example.com; one term
 *     ask("m0.k")           never found: this mark only tells that all terms before did not match
 *
 * An ip4 or ip6 term that covers the client becomes the `all` with which it is equivalent; others
 * are left out.  What libspf2 gets wrong, ptr and prefix length 0 of a and mx, becomes `exists`:
 * core evaluates that term, and found or not is the answer.  Modifiers other than redirect are not
 * shown.
 *
 * Belongs to the thread of its check, in whose memory it lives.
 */
#include "core/auth/spf_check.h"

struct spf_tokens;

/* Where libspf2 begins to drop terms. */
enum { SPF_CANONICAL_MAX = 511 };

/* The token of the identity that is checked. */
#define SPF_TOKEN_SENDER "t0.k"

/* NULL when out of memory. */
struct spf_tokens *spf_tokens_create(struct spf_check *);

/* The canonical record behind a token, NUL-terminated; NULL: stop. */
const char *spf_tokens_record(struct spf_tokens *, const char *token);

/*
 * What the DNS has behind a token: the addresses of the client's family; for exists any; for mx
 * tokens of hosts (as NUL-terminated data) to be asked in turn.  *out is set when something was
 * found.
 */
enum spf_reply spf_tokens_ask(struct spf_tokens *, const char *token, struct dns_answer *out);

/* The frame for spf_check_finish(), of a check that had no error. */
const struct spf_frame *spf_tokens_deciding(const struct spf_tokens *);

#endif
