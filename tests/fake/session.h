#ifndef FAKE_SESSION_H
#define FAKE_SESSION_H
/*
 * session: the facts of a client and an envelope, given as text.
 *
 *     struct facts f = session_facts(&(struct session){.client = "192.0.2.7", .helo = "x"}, arena);
 *
 * NULL: absent, and SESSION_UNKNOWN: not known yet.  Not authenticated, from SMTP; SPF, DKIM and
 * DMARC are unknown.
 */
#include "core/rules/facts.h"

#define SESSION_UNKNOWN "?"

struct session {
	const char *client, *name, *helo, *sender, *from, *recipient;
};

struct facts session_facts(const struct session *, struct arena *);

#endif
