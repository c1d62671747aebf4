#ifndef CORE_SENDMAILCF_H
#define CORE_SENDMAILCF_H
/*
 * sendmailcf: sendmail.cf as Sendmail reads it, as far as filters go.
 *
 *     struct sendmailcf_filter f;
 *     struct slice rest = cf;
 *     while (sendmailcf_next_filter(&rest, arena, &f)) …
 *
 * The rules, each seen on Sendmail 8.17 (tests/unit/core/mta/sendmail_cases.txt):
 * - A line that begins with a blank or a tab continues the one before; carriage returns go away; a
 *   line that begins with # is a comment with all that continues it, and # ends a line unless it
 *   follows a $ or a backslash.
 * - `O NAME=VALUE`: exactly one blank, the name in any case or cut short as far as it stays
 *   unique, blanks around the sign; the last line of a name counts.  Each DaemonPortOptions is a
 *   port of its own, and `OO` is its old name; values of DontBlameSendmail add up.
 * - `XNAME, EQUATES`: only the first letter of an equate counts, quotes hide a comma, blanks
 *   behind a value belong to it; flags of several F= add up, of several T= the last counts.
 * - Lists of filters are separated by comma or semicolon; blanks in front of a name are skipped,
 *   those behind belong to it; names compare without case.
 */
#include "core/base/arena.h"

enum sendmailcf_option {
	SENDMAILCF_INPUT_MAIL_FILTERS,
	SENDMAILCF_DAEMON_PORT_OPTIONS,
	SENDMAILCF_RUN_AS_USER,
	SENDMAILCF_DONT_BLAME_SENDMAIL,
};

struct sendmailcf_filter {
	struct slice name, socket, flags;
	long answer, end; /* time-outs: T=R: of one answer, T=E: of the end; 0 = none */
};

struct sendmailcf_port {
	struct slice name, filters;
	bool own_filters; /* has InputMailFilters=, which may be empty */
	bool is_smtp;     /* the port of SMTP, where mail from outside comes in */
	bool needs_login; /* M=a */
};

/* The value of the last line of an option; false when there is none. */
bool sendmailcf_last(struct slice cf, struct arena *, enum sendmailcf_option, struct slice *value);

/* The values of all its lines, with commas between them, for an option whose values add up. */
struct slice sendmailcf_all(struct slice cf, struct arena *, enum sendmailcf_option);

bool sendmailcf_next_filter(struct slice *rest, struct arena *, struct sendmailcf_filter *);
bool sendmailcf_next_port(struct slice *rest, struct arena *, struct sendmailcf_port *);

/* The next name of a list of filters. */
bool sendmailcf_next_name(struct slice *list, struct slice *name);

/* Sendmail's convtime(): "1m30s", or seconds. */
long sendmailcf_seconds(struct slice);

#endif
