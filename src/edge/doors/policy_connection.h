#ifndef POLICY_CONNECTION_H
#define POLICY_CONNECTION_H
/*
 * policy_connection: one connection of an MTA: octets → requests → answers.
 *
 *     while (… readable …)
 *             if (!policy_connection_serve(c, false)) policy_connection_free(&c);
 *
 * Never blocks on the socket; an answer may wait for the DNS.  One thread at a time.  Its buffer is
 * there only while a request is half read, its session until the message is over.
 */
#include "edge/doors/policy_door.h"

/* What its requests came to, to be added to the counts of the door. */
struct policy_served {
	unsigned requests, refused, failed, malformed;
};

struct policy_connection;

/* fd belongs to the connection, which it does when NULL is returned, too: out of memory. */
struct policy_connection *policy_connection_create(int fd, const struct env *, struct table *);

/* Closes it. */
void policy_connection_free(struct policy_connection **);

int policy_connection_fd(const struct policy_connection *);

/*
 * Reads once and answers what is whole.  `full`: there is no time to decide anything, each request
 * is answered as policy.failure says.  False when the connection is to be closed.
 */
bool policy_connection_serve(struct policy_connection *, bool full, struct policy_served *);

/* True while a request is half read. */
bool policy_connection_is_waiting(const struct policy_connection *);

/* True while it holds the rules of a message. */
bool policy_connection_has_message(const struct policy_connection *);

/* Nothing was asked for a while: the generation of the last message is let go. */
void policy_connection_rest(struct policy_connection *);

#endif
