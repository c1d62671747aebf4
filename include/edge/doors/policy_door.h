#ifndef EDGE_DOORS_POLICY_DOOR_H
#define EDGE_DOORS_POLICY_DOOR_H
/*
 * policy_door: Postfix's policy protocol on a socket, for MTAs without milters, too.
 *
 *     Postfix's smtpd, or Exim's ${readsocket}
 *       │ request=smtpd_access_policy …            action=550 5.7.1 …
 *       ▼                                                  ▲
 *     policy_connection: whole requests → core/session/policy_session
 *       ▲
 *     policy_pool: threads that wait on all connections at once
 *
 * Postfix keeps one connection for each of its smtpd processes, mostly idle, and a question may
 * wait 20 s for somebody's DNS.  So a connection has no thread; a request takes one while it is
 * being answered, and while one is there to wait for the next.
 *
 * Like the milter there is one door in a process.  Who connects is the MTA; what may go wrong with
 * others is bounded: connections (the longest idle goes first), threads, octets of a request, and
 * the time to finish one.  Where no thread is left the request is answered as policy.failure says.
 */
#include "core/session/env.h"
#include "edge/table/table.h"

struct policy_door_settings {
	const char *socket;   /* libmilter spelling; "" = no door */
	unsigned socket_mode; /* unix sockets */
	const char *user;     /* owner of a unix socket, who will serve it; "" = stay */
	const char *socket_group;
	unsigned max_requests; /* at the same time, each with a thread */
	const struct env *env; /* must outlive the door */
	struct table *table;
};

enum { POLICY_DOOR_WHY_MAX = 600 };

/* A connection that is there for each thread, and as many that are idle. */
enum { POLICY_CONNECTIONS_A_REQUEST = 2 };

/* Opens the socket, for which root may be needed; nobody is answered yet.  NULL, or the reason. */
const char *policy_door_open(const struct policy_door_settings *, char why[POLICY_DOOR_WHY_MAX]);

/* Answers from now on; false when there is no thread to be had. */
bool policy_door_start(void);

/* Makes the file of a unix socket again when somebody deleted it.  Each second, from one thread. */
void policy_door_restore_socket(void);

/* Nobody can connect any more, and connections without a question are closed; questions that are
 * being answered are finished (policy_door_busy()). */
void policy_door_shut(void);

/* Requests that are being answered now. */
unsigned policy_door_busy(void);

/* Removes the socket of a door that will not open. */
void policy_door_close(void);

/* What passed through, since the start. */
struct policy_counts {
	uint64_t connections, requests, refused; /* answered 4xx or 5xx by a rule */
	uint64_t failed;                         /* answered as policy.failure says */
	uint64_t malformed;                      /* of these no requests: closed */
	uint64_t closed;                         /* idle, slow or unread connections closed */
	unsigned open, busy, threads;            /* now */
};
struct policy_counts policy_door_counts(void);

#endif
