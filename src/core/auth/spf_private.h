#ifndef CORE_SPF_PRIVATE_H
#define CORE_SPF_PRIVATE_H
/*
 * spf_private: the inside of a session, for the files src/core/spf_*.c only.
 *
 *     spf_check.c      start and end, the verdict
 *     spf_check_dns.c questions, their counting, void terms, the order of hosts, what ends an
 *                      evaluation
 *     spf_token.c        what stands behind a token: records, addresses, MX hosts
 *     spf_canon.c        record → canonical text and the targets of its tokens
 *     spf_check_ptr.c  the names of the client by PTR: the ptr mechanism and the macro p
 */
#include "core/auth/spf_check.h"
#include "core/auth/spf_macro.h"
#include "core/auth/spf_record.h"

enum {
	/* Each record beyond the first costs a term. */
	FRAMES_MAX = 1 + SPF_TERMS_MAX,
	/* DNS terms of one record that are shown: the first beyond the limit is the permerror. */
	SHOWN_MAX = SPF_TERMS_MAX + 1,
	/* The identity, and for each record its shown terms and a redirect. */
	TARGETS_MAX = 1 + FRAMES_MAX * (SHOWN_MAX + 1),
	MX_HOSTS_MAX = SPF_TERMS_MAX * SPF_HOSTS_MAX,
};

/* One record under evaluation. */
struct frame {
	struct slice domain; /* <domain> of check_host() */
	struct spf_record record;
	const struct spf_term *last; /* all or ip: what holds when no DNS term matches; or NULL */
	struct slice decider;        /* the term that holds as far as the walk has shown */
};

/* What a token t… stands for: a term of a frame, or its redirect (term NULL). */
struct target {
	struct frame *frame;
	const struct spf_term *term;
};

enum validity { NAME_UNKNOWN, NAME_VALID, NAME_INVALID };

struct spf_check {
	const struct dns *dns;
	const struct spf_query *query;
	struct arena *arena; /* the session's own: big answers do not fill the caller's */
	struct slice identity;
	struct slice local;

	struct frame frames[FRAMES_MAX];
	struct target targets[TARGETS_MAX];
	struct slice hosts[MX_HOSTS_MAX];
	size_t frame_count, target_count, host_count;
	struct frame *deciding; /* the identity's record, or where its redirects have led */

	/* The client's PTR names, asked once. */
	bool client_asked;
	enum dns_status client_status;
	size_t client_count;
	struct slice client_names[SPF_HOSTS_MAX];
	enum validity client_valid[SPF_HOSTS_MAX];

	bool stopped; /* stop_result holds */
	enum spf_result stop_result;
	struct slice problem;
	struct slice skipped; /* the first answer that ptr or macro p went on without; or empty */
	unsigned terms, voids, questions;
	bool term_void, term_answered; /* of the term that is asked, see spf_term_heard() */
	bool explaining; /* after the verdict: look-ups no longer count (RFC 7208 4.6.4) */
};

/* Ends the evaluation unless it has ended already; always returns SPF_REPLY_STOP. */
enum spf_reply spf_stop(struct spf_check *, enum spf_result, struct slice problem);

/* Asks one question and counts it; one more than SPF_QUESTIONS_MAX stops the evaluation. */
void spf_ask(struct spf_check *, struct slice name, enum dns_type, struct dns_answer *out);

/* Stops with a temperror that names the question. */
enum spf_reply spf_no_answer(struct spf_check *, struct slice name, enum dns_type);

/* Notes that ptr went on without an answer (RFC 7208 5.5): a fail will be a temperror then. */
void spf_skip_answer(struct spf_check *, struct slice name, enum dns_type);

/*
 * The same unless the evaluation has stopped, which is DNS_TEMP.  A missing answer does not stop
 * it.
 */
enum dns_status spf_question(
    struct spf_check *, struct slice name, enum dns_type, struct dns_answer *out);

/* The same for MX and PTR, with hosts in a stable order: by preference, then by name. */
enum dns_status spf_ask_hosts(
    struct spf_check *, struct slice name, enum dns_type, struct dns_answer *out);

/* What a status means for a mechanism: a missing answer stops the evaluation. */
enum spf_reply spf_reply_of(struct spf_check *, struct slice name, enum dns_type, enum dns_status);

/* spf_question() with that meaning. */
enum spf_reply spf_look_up(
    struct spf_check *, struct slice name, enum dns_type, struct dns_answer *out);

/*
 * Void lookups (RFC 7208 4.6.4) are counted by terms: begins, heard for each answer that counts,
 * ends.  A term is void once, when all that was heard was void; one too many stops the evaluation.
 * Heard are the questions of the term itself and of the macro p: A, AAAA, MX, PTR.  The addresses
 * of MX hosts and of PTR names are not: MX or PTR records make a term that is not void.
 */
void spf_term_begins(struct spf_check *);
void spf_term_heard(struct spf_check *, enum dns_status);
enum spf_reply spf_term_ends(struct spf_check *, struct slice term, enum spf_reply);

/* A or AAAA, by the client's family. */
enum dns_type spf_address_type(const struct spf_check *);

/* The name of a domain-spec within a frame: expanded, or the frame's domain when it is empty.
 * ptr NULL: the evaluation has stopped. */
struct slice spf_target_name(struct spf_check *, const struct frame *, struct slice spec);

/* A copy for a sentence: other bytes than printable ASCII become '?', what is too long is cut. */
struct slice spf_shown(struct spf_check *, struct slice text);

/* The canonical text of a frame; its targets are appended to the session. */
const char *spf_canon(struct spf_check *, struct frame *);

/* The ptr mechanism: has the client a validated name within `domain`? (RFC 7208 5.5) */
enum spf_reply spf_client_within(struct spf_check *, struct slice domain);

/* The macro p: the best validated name, or "unknown" (RFC 7208 7.3). */
struct slice spf_client_name(struct spf_check *, struct slice domain);

#endif
