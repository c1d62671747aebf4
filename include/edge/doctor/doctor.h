#ifndef EDGE_DOCTOR_DOCTOR_H
#define EDGE_DOCTOR_DOCTOR_H
/*
 * doctor: checks a host, from the configuration of the MTA to an answer of the running daemon.
 *
 *     struct doctor d = {findings, config, rules, arena};
 *     doctor_mtas(&d, NULL, NULL);       // every Postfix instance, or Sendmail
 *     doctor_daemon(&d);                 // connects as an MTA, runs a test session, checks limits
 *     doctor_feeds(&d);                  // lists that programs write
 *     doctor_surroundings(&d);           // databases, DNS, clock
 *
 * Nothing is changed; the test session comes from a loopback address, so that it is neither counted
 * nor recorded as inbound mail.  As root it tries the milter socket as Postfix does: in its chroot,
 * as its user.
 */
#include "core/mta/mtacheck.h"
#include "edge/config/config.h"

#include <pwd.h>
#include <sys/stat.h>

struct doctor {
	struct findings findings;
	const struct config *config;
	const struct ruleset *rules;
	struct arena *arena;
};

/* One finding; the texts are borrowed for the call. */
void doctor_add_finding(struct doctor *, enum finding, const char *change, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* doctor_mta.c: `postfix` and `sendmail` name a configuration directory and a sendmail.cf; NULL:
 * all that the host has. */
void doctor_mtas(struct doctor *, const char *postfix, const char *sendmail);

/* A socket of ours, in libmilter's spelling, as the user of an MTA sees it from its queue
 * directory. */
void doctor_socket(
    struct doctor *, const char *spec, const char *queue, bool chrooted, const char *user);

/* Whether the mode lets this user do what the three bits say. */
bool doctor_allows(const struct stat *, const struct passwd *, unsigned bits);

/* Whether a process listens at a milter socket in Postfix's spelling; true when that cannot be
 * found out. */
bool doctor_listens(void *context, struct slice milter, struct slice queue);

/*
 * doctor_sendmail.c: sendmail.cf, the sendmail.mc that it was made of, and the socket as Sendmail
 * sees it.  False when there is no such file; with `must` that is a finding.
 */
bool doctor_sendmail(struct doctor *, const char *cf, bool must);

/* doctor_daemon.c */
void doctor_daemon(struct doctor *);

/* doctor_policy.c: whether policy.socket answers, where there is one. */
void doctor_policy(struct doctor *);
/* doctor_feeds.c */
void doctor_feeds(struct doctor *);

/* doctor_host.c */
void doctor_surroundings(struct doctor *);

#endif
