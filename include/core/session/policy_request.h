#ifndef CORE_SESSION_POLICY_REQUEST_H
#define CORE_SESSION_POLICY_REQUEST_H
/*
 * policy_request: a question of Postfix's policy delegation protocol (SMTPD_POLICY_README), and the
 * answer to it.
 *
 *     request=smtpd_access_policy            action=550 5.7.1 Mail from … is not accepted here
 *     protocol_state=RCPT              →
 *     client_address=192.0.2.7
 *     …
 *
 * Each ends with an empty line.  Attributes come in any order; those that no decision needs are
 * read past.  Who asks is the MTA, but much of what it passes on was written by a stranger: so an
 * attribute that is given twice makes a request worthless, since one of the two may be a line break
 * that somebody smuggled into an address.
 *
 *     n = policy_request_length(bytes, 0);           // 0: more has to come
 *     wrong = policy_request_parse(slice_of(bytes.ptr, n), &r);
 *
 * Pure; slices of a request are borrowed from the bytes.
 */
#include "core/session/transaction.h"

/* Postfix cuts lines at 2,048 octets and has about forty attributes, most of them short; the
 * longest, a sender, a recipient and names of a certificate, leave half of this free. */
enum { POLICY_REQUEST_MAX = 16 * 1024 };

/* Empty: not given, or given without a value. */
struct policy_request {
	struct slice request; /* "smtpd_access_policy" */
	struct slice protocol_state;
	struct slice client_address;
	struct slice client_name;
	struct slice client_port;
	struct slice helo_name;
	struct slice sender;
	struct slice recipient;
	struct slice sasl_username;
	struct slice encryption_protocol; /* ptr NULL: not given; empty: no TLS */
	struct slice queue_id;
	struct slice instance; /* the same for all recipients of one message */
};

/* Octets of the first request of `bytes` with its empty line; 0: its end is not there.  The first
 * `looked` octets are known to hold no end. */
size_t policy_request_length(struct slice bytes, size_t looked);

/* NULL, or the sentence that says why it is no request; then nothing is to be made of *out. */
const char *policy_request_parse(struct slice text, struct policy_request *out);

/*
 * Writes the answer, with its empty line, and returns its length.  `tempfail`: what is said where
 * nothing could be decided (answer.broken); otherwise the MTA goes on with its other rules.
 */
enum { POLICY_ANSWER_MAX = REPLY_MAX + REPLY_XCODE_MAX + 32 };
size_t policy_answer(const struct answer *, bool tempfail, char out[POLICY_ANSWER_MAX]);

#endif
