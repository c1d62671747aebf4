#ifndef CORE_MTACHECK_PRIVATE_H
#define CORE_MTACHECK_PRIVATE_H
/* What the checks of both MTAs share. */
#include "core/mta/mtacheck.h"

/*
 * Maximum seconds of an answer to RCPT and of a verdict at the end of a message, DNS included, and
 * the shortest time-outs of an MTA that are enough: a little more.  At the end of a message the MTA
 * gets a progress reply every 4 seconds.
 */
enum { ANSWER_SECONDS = 8, ANSWER_TIMEOUT_MIN = 10, END_SECONDS = 20, END_TIMEOUT_MIN = 25 };

/* printf into the arena, as a string. */
const char *mtacheck_print(struct arena *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Whether this is the loopback host, in any of its spellings. */
bool mtacheck_is_this_host(struct slice);

/* "30s", "5m", "1h", or seconds; -1 when it is none of these. */
long mtacheck_seconds(struct slice);

/* ---- Postfix ------------------------------------------------------------------------- */

struct postfix_check {
	const struct postfix_settings *settings;
	struct slice service; /* of master.cf, with settings of its own; empty: as main.cf says */
	const char *milter;   /* susmilter's socket, in libmilter's spelling */
	struct slice queue;   /* queue_directory */
	bool chrooted;
	struct arena *arena;
	const struct findings *findings;
};

/* The next word between blanks and commas; what stands in braces is one. */
bool mtacheck_next_item(struct slice *rest, struct slice *item);

/* mtacheck_services.c: the next service that takes mail from outside, as "smtp/inet". */
bool mtacheck_next_service(struct slice *lines, struct arena *, struct slice *service);

/* What master.cf says for c->service; false when it leaves the setting to main.cf. */
bool mtacheck_overridden(const struct postfix_check *, const char *name, struct slice *value);

/* The value in effect for c->service. */
struct slice mtacheck_effective(const struct postfix_check *, const char *name);

/* The change to make: a line of main.cf, or the command that changes master.cf. */
const char *mtacheck_change(const struct postfix_check *, const char *name, const char *value);

/* mtacheck_networks.c: are the hosts that may relay trusted? */
void mtacheck_networks(const struct postfix_check *);

/* mtacheck_list.c: the path of unix:PATH, local:PATH or a bare path; empty for a network socket. */
struct slice mtacheck_unix_path(struct slice spec);

/* Below the queue directory, as a path relative to it; empty when it is elsewhere. */
struct slice mtacheck_below_queue(const struct postfix_check *, struct slice path);

/* "/susmilter/milter.sock" for `below`, as it stands in the chroot. */
bool mtacheck_is_inside(const struct postfix_check *, struct slice theirs, struct slice below);

bool mtacheck_is_ours(const struct postfix_check *, struct slice milter);

/* No process listens at this milter's socket. */
bool mtacheck_is_dead(const struct postfix_check *, struct slice milter);

/* The first word of an item, which names the socket. */
struct slice mtacheck_socket_of(struct slice item);

/* Where ours stands in a list; `first` is the milter that stands in front, or empty. */
bool mtacheck_find_ours(
    const struct postfix_check *, struct slice list, struct slice *ours, struct slice *first);

/*
 * The corrected smtpd_milters: susmilter first, with its own settings except `without` (or NULL),
 * then all others, or only those that have a listener.
 */
const char *mtacheck_right_order(const struct postfix_check *, struct slice list, struct slice ours,
    const char *without, bool with_dead);

#endif
