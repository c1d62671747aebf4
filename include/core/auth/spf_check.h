#ifndef CORE_AUTH_SPF_CHECK_H
#define CORE_AUTH_SPF_CHECK_H
/*
 * spf_check: one SPF check under way: its records, its questions and their limits, its verdict.
 *
 * Who walks the terms is one of two evaluators: check_host() in core/auth/spf_eval.h, or libspf2 in
 * edge/auth.  Both get every record, name and answer from here, so that what is counted, what is an
 * error and what an answer says does not depend on who walks:
 *
 *     check = spf_check_begin(dns, &query, arena, &answer);
 *     spf_check_record(check, NULL, NULL, &frame);            the record of the sender's domain
 *     spf_check_term_begins(check, &frame);                   a:mx.%{d}: the first of ten terms
 *     name = spf_check_name(check, &frame, term->domain);     mx.example.org
 *     reply = spf_check_addresses(check, name, DNS_A, &addresses);
 *     reply = spf_check_term_ends(check, term, reply);        void, if nothing was found
 *     spf_check_finish(&check, SPFR_FAIL, &frame, arena, &answer);
 *
 * One record, one answer: the order in which the DNS gives its records decides nothing.  MX hosts
 * are asked in the order of their preference, then name, PTR names in the order of their names.  A
 * term is void once, when everything that it asked was void (RFC 7208 4.6.4); an MX or PTR answer
 * with records is not void, whatever addresses its hosts have.  So mx with hosts that have no
 * address of the client's family does not match, and is no error.
 *
 * The first error decides: from then on every call says stop, and spf_check_finish() gives that
 * error whatever result it is told.  ptr goes on without an answer (RFC 7208 5.5), but if the end
 * is then a fail it becomes a temperror: an answer that did not come is never a fail.
 *
 * A check belongs to one thread.
 */
#include "core/auth/spf_record.h"

enum {
	SPF_TERMS_MAX = 10, /* RFC 7208 4.6.4 */
	SPF_VOIDS_MAX = 2,  /* likewise: terms whose questions were all answered without a record */
	SPF_HOSTS_MAX = 10, /* likewise: MX hosts (more: permerror), PTR names (more: ignored) */
	SPF_QUESTIONS_MAX = 100, /* bounds the work: ten mx of ten hosts each would be 111, and what
				    mail needs is a tenth of it */
};

/* One call of check_host() (RFC 7208 4.1): its <domain>, the record, and the term that decided. */
struct spf_frame {
	struct slice domain;
	struct spf_record record;
	struct slice decider; /* as published; empty: no term did */
};

enum spf_validity { SPF_NAME_UNKNOWN, SPF_NAME_VALID, SPF_NAME_INVALID };

struct spf_check {
	const struct dns *dns;         /* borrowed until the end, as the query is */
	const struct spf_query *query; /* whose client has an address */
	struct arena *arena;           /* its own: big answers do not fill the caller's */
	struct slice identity, local;  /* <domain> and the local part of <sender> */

	struct slice record; /* of the identity, as published; empty: none was found */
	bool sends_no_mail;  /* and it is nothing but -all */

	/* The first error, which decides. */
	bool stopped;
	enum spf_result stop_result;
	struct slice problem;
	struct slice skipped; /* the first answer that ptr or macro p went on without; or empty */

	unsigned terms, voids, questions;
	bool term_void, term_answered; /* of the term that is asked, see spf_check_term_begins() */
	bool explaining; /* after the verdict: look-ups no longer count (RFC 7208 4.6.4) */

	/* The client's PTR names, asked once. */
	bool client_asked;
	enum dns_status client_status;
	size_t client_count;
	struct slice client_names[SPF_HOSTS_MAX];
	enum spf_validity client_valid[SPF_HOSTS_MAX];
};

/* Of a look-up: records or none.  Of a mechanism: match or not match (RFC 7208 4.6.2). */
enum spf_reply { SPF_REPLY_FOUND, SPF_REPLY_NOTHING, SPF_REPLY_STOP };

/* ---- begin and end -------------------------------------------------------------------- */

/* Stopped with none when there is nobody to check (4.3).  NULL when out of memory: *out is a
 * temperror then, and the arena is starved. */
struct spf_check *spf_check_begin(
    const struct dns *, const struct spf_query *, struct arena *, struct spf_answer *out);

/*
 * Ends the check with the evaluator's result, which counts if there was no error.  `deciding` is
 * then the frame of the identity, or that to which its redirects have led: it names the term, and
 * its explanation is fetched for a fail if the query wants it (6.2).  Fills *out, everything copied
 * into the arena, which is starved where memory was short, and frees the check.
 */
void spf_check_finish(struct spf_check **, enum spf_result, const struct spf_frame *deciding,
    struct arena *, struct spf_answer *out);

/* Ends the evaluation unless it has ended already; always returns SPF_REPLY_STOP. */
enum spf_reply spf_check_stop(struct spf_check *, enum spf_result, struct slice problem);

/* ---- records -------------------------------------------------------------------------- */

/*
 * Starts a frame with its record, found and parsed (4.4 to 4.6): that of the identity (`from`
 * NULL), that to which a term of a frame leads (`include`) or, with `include` NULL, its redirect.
 * The latter two count as terms.  SPF_REPLY_FOUND, or SPF_REPLY_STOP.
 */
enum spf_reply spf_check_record(struct spf_check *, const struct spf_frame *from,
    const struct spf_term *include, struct spf_frame *out);

/* ---- terms that ask the DNS ------------------------------------------------------------- */

/*
 * False for a term that matches nobody in this check, and so is not evaluated: a local part that is
 * not ASCII cannot be in a name (RFC 8616 4).
 */
bool spf_check_can_match(const struct spf_check *, const struct spf_term *);

/*
 * Counts a term of a frame, other than include; false when it is one too many.  Then come the name
 * and the look-ups, then the end, which counts the term as void when all that was heard was void.
 * Heard are the questions of the term itself and of the macro p: A, AAAA, MX, PTR.  The addresses
 * of MX hosts and of PTR names are not: MX or PTR records make a term that is not void.
 */
bool spf_check_term_begins(struct spf_check *, const struct spf_frame *);

/* Gives the reply, or stops at one void term too many. */
enum spf_reply spf_check_term_ends(
    struct spf_check *, const struct spf_term *, enum spf_reply reply);

/* The <target-name> of a domain-spec (4.8): expanded, or the frame's domain when it is empty.  ptr
 * NULL: the evaluation has stopped. */
struct slice spf_check_name(struct spf_check *, const struct spf_frame *, struct slice spec);

/* A or AAAA, by the client's family. */
enum dns_type spf_check_address_type(const struct spf_check *);

/* The addresses of a term's name, of one type. */
enum spf_reply spf_check_addresses(
    struct spf_check *, struct slice name, enum dns_type, struct dns_answer *out);

/* The MX hosts of a term's name, at most ten, in their order. */
enum spf_reply spf_check_hosts(struct spf_check *, struct slice name, struct dns_answer *out);

/* The addresses of such a host. */
enum spf_reply spf_check_host(struct spf_check *, struct slice host, struct dns_answer *out);

/* ptr: has the client a validated name within `domain`? (5.5) */
enum spf_reply spf_check_ptr(struct spf_check *, struct slice domain);

#endif
