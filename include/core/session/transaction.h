#ifndef CORE_SESSION_TRANSACTION_H
#define CORE_SESSION_TRANSACTION_H
/*
 * transaction: SMTP events in order → facts → verdict, reply and header edits.
 *
 * A transaction is one message of a session (core/session/session.h), from MAIL to the end of the
 * message; a session has at most one at a time:
 *
 *     session_connect → session_helo → (transaction_mail → transaction_rcpt × n
 *         → transaction_header × n → transaction_end_of_headers → transaction_body × n
 *         → transaction_end) × n
 *
 * session_helo may come again; transaction_mail ends whatever transaction was open, and so does
 * transaction_abort.  Events that can be refused return the answer for the MTA.  One transaction is
 * decided by the ruleset given to transaction_mail, which must stay until the transaction ends.
 *
 * Time: RCPT waits for SPF as long as core/auth/dns.h says, all RCPTs of a message together.  What
 * is under way then refuses nobody there; a refusal that it may still withdraw is a 451.  The end
 * of the message goes on with it, and decides by it for each recipient as RCPT would have done.
 *
 * One thread at a time (libmilter does not overlap callbacks of a connection).
 */
#include "core/policy/policy.h"
#include "core/session/session.h"

enum answer_kind {
	ANSWER_CONTINUE,   /* go on */
	ANSWER_DONE,       /* accept this mail and tell no more of it (at MAIL: not inbound) */
	ANSWER_REJECT,     /* 5xx with reply */
	ANSWER_TEMPFAIL,   /* 4xx with reply */
	ANSWER_QUARANTINE, /* at the end: accept into the hold queue; reply.text says why */
};

struct answer {
	enum answer_kind kind;
	bool broken;        /* TEMPFAIL for want of memory of ours: nothing was decided */
	struct reply reply; /* REJECT, TEMPFAIL and QUARANTINE */
};

/* A change to the header of accepted mail, in the order in which it must be made. */
struct header_edit {
	bool remove; /* the index-th field `name` (from 1); otherwise insert on top */
	struct slice name;
	unsigned index;
	struct slice value;
};

/* The header of one message (SPEC 8): beyond it 552 5.3.4. */
enum { HEADER_BYTES_MAX = 256 * 1024, HEADER_FIELDS_MAX = 1000 };

/* What the MTA knows at MAIL beside the sender. */
struct mail_event {
	const struct ruleset *rules;
	uint64_t generation;
	struct slice sender;     /* as given, with or without <> */
	struct slice mta_sender; /* {mail_addr}, how the MTA reads it; may be empty */
	struct slice auth;       /* {auth_authen}, empty when not authenticated */
	struct slice tls;        /* {tls_version}, empty where the MTA does not give it */
	bool gives_tls;          /* this MTA has given it in some session */
	struct slice queue_id;   /* may be empty */
	struct slice mta_name;   /* macro j, the default authserv-id; empty: env.host_name */
	bool sees_headers;       /* the connection was negotiated with header fields */
	bool sees_body;          /* … and with the body */
};

/* The 421 for a session that is one too many for us, recorded; nothing of it is judged. */
struct answer transaction_one_too_many(struct session *);

struct answer transaction_mail(struct session *, const struct mail_event *);
/* mta_recipient: {rcpt_addr}, how the MTA reads it; may be empty. */
struct answer transaction_rcpt(
    struct session *, struct slice recipient, struct slice mta_recipient);

/* The queue id, once it is known. */
void transaction_queue_id(struct session *, struct slice queue_id);

/* True when header fields must be shown: otherwise the caller may leave them out. */
bool transaction_wants_headers(const struct session *);

/* name without colon, value with its leading blank as it stands on the wire (RFC 6376 3.4.1). */
struct answer transaction_header(struct session *, struct slice name, struct slice value);

/* In the place of an event for which the caller has no memory. */
struct answer transaction_no_memory(struct session *);

/* The header is whole: the author is known and the questions of DKIM and DMARC start. */
void transaction_end_of_headers(struct session *);

/* A part of the body; false when no more of it is needed. */
bool transaction_body(struct session *, const char *bytes, size_t len);

/* The verdict on the message; then *edits (in the transaction's arena) are to be made in order. */
struct answer transaction_end(struct session *, const struct header_edit **edits, size_t *count);

/* Ends the transaction, if one is open; the arena is empty afterwards. */
void transaction_abort(struct session *);

#endif
