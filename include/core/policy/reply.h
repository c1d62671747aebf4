#ifndef CORE_POLICY_REPLY_H
#define CORE_POLICY_REPLY_H
/*
 * reply: the line that the client sees, safe to hand to any MTA.
 *
 * One line "550 5.7.1 text", printable ASCII only, at most REPLY_MAX octets (RFC 5321 4.5.3.1.5
 * allows 512 with CRLF; Sendmail and Postfix add words of their own).  A rule's own `reply` or
 * the default for the reason is a template with %{variables}; every byte that a client chose is
 * made printable when it is put in.
 *
 *     "550 5.7.1 Unauthenticated mail not allowed from this range (%{network}, %{rule})"
 *     550 5.7.1 Unauthenticated mail not allowed from this range (198.51.100.0/24, dialup)
 */
#include "core/rules/facts.h"
#include "core/rules/ruleset.h"

enum { REPLY_MAX = 480, REPLY_XCODE_MAX = 12 };

struct reply {
	unsigned code;               /* 250, 4xx or 5xx */
	char xcode[REPLY_XCODE_MAX]; /* "5.7.1" (RFC 3463), NUL-terminated */
	char text[REPLY_MAX];        /* what follows, NUL-terminated */
};

/*
 * The reply to a verdict that refuses (reject or tempfail; of a `would`: what would have been
 * said).  `token` is the id of the decision, appended behind the help URL when there is one.
 */
void reply_make(const struct ruleset *, const struct facts *, const struct verdict *,
    struct slice token, struct reply *out);

/*
 * Checks a template of the configuration: "5xx|4xx [x.y.z] text", known variables, class of the
 * two codes the same, ASCII.  NULL, or the reason, written to `why`.
 */
enum { REPLY_WHY_MAX = 200 };
const char *reply_check(struct slice template, char why[REPLY_WHY_MAX]);

#endif
