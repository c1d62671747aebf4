#ifndef CORE_MTA_MTACHECK_H
#define CORE_MTA_MTACHECK_H
/*
 * mtacheck: checks an MTA's configuration: does it list this milter, first, and with time-outs that
 * are long enough?
 *
 *     struct findings f = {add, context};
 *     mtacheck_postfix(&settings, "unix:/var/spool/postfix/susmilter/milter.sock", &f);
 *     //  wrong  "smtpd_milters lists inet:localhost:12301 before …"
 *     //         "smtpd_milters = unix:susmilter/milter.sock, inet:localhost:12301"
 *
 * For Postfix, the services that accept inbound mail are checked, each with main.cf and its
 * overrides in master.cf.
 *
 * Each finding is one line for the administrator and, where something is wrong, the line to write
 * instead.  Pure: the texts are what `postconf` prints, or sendmail.cf.
 */
#include "core/base/arena.h"
#include "core/net/ip.h"

enum finding { FINDING_GOOD, FINDING_NOTE, FINDING_WRONG };

struct findings {
	/* `change` is NULL when there is nothing to change. */
	void (*add)(void *context, enum finding, const char *what, const char *change);
	void *context;
};

struct postfix_settings {
	struct slice main;      /* postconf -x: NAME = VALUE, a line each */
	struct slice services;  /* postconf -M: master.cf */
	struct slice overrides; /* postconf -Px: SERVICE/TYPE/NAME = VALUE */
	/* The directory of this instance, for commands: with none, postconf changes another's. */
	struct slice directory;
	/* Whether a process listens at a milter socket in Postfix's spelling; NULL: not checked. */
	bool (*listens)(void *context, struct slice milter, struct slice queue);
	/* Whether an address is in trusted_networks; NULL: mynetworks is not compared. */
	bool (*trusts)(void *context, const struct ip *);
	void *context;
	bool rules_ask_tls;   /* some rule has the criterion tls */
	bool rules_ask_users; /* some rule is for authenticated sessions */
};

/* The value of a setting; empty when it is not there. */
struct slice mtacheck_setting(struct slice lines, const char *name);

/* False when no smtpd listens on the network: an instance that only sends. */
bool mtacheck_takes_mail(const struct postfix_settings *);

/* True when some smtpd that listens on the network, or behind postscreen, runs in a chroot. */
bool mtacheck_is_chrooted(const struct postfix_settings *);

/* `milter` is our socket in libmilter's spelling, an absolute path where it is a path. */
void mtacheck_postfix(
    const struct postfix_settings *, const char *milter, struct arena *, const struct findings *);
/* The same for restriction lists and our policy socket (mtacheck_policy.c); true when one of them
 * asks it. */
bool mtacheck_policy(
    const struct postfix_settings *, const char *socket, struct arena *, const struct findings *);
void mtacheck_sendmail(
    struct slice cf, const char *milter, struct arena *, const struct findings *);

/* RunAsUser and DontBlameSendmail, which decide whether Sendmail considers a socket safe; or empty.
 */
void mtacheck_sendmail_trust(
    struct slice cf, struct arena *, struct slice *user, struct slice *lenient);

#endif
