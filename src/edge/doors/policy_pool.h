#ifndef POLICY_POOL_H
#define POLICY_POOL_H
/*
 * policy_pool: the connections of the door, and threads that wait on all of them.
 *
 * One epoll instance has the listener and every connection, each for one event (EPOLLONESHOT): the
 * thread that gets it serves the connection and arms it again, so no connection has two.  Before
 * it begins it sees to it that somebody waits for the next event, by starting a thread if need be.
 * Where it cannot, all are waiting for the DNS: it gives them FULL_MS to come back, and from then
 * on answers without asking anything until one does.  So nobody's DNS holds up another's answer.
 *
 *     policy_pool_start(settings, listener) … policy_pool_listen_again() … policy_pool_shut()
 */
#include "edge/doors/policy_door.h"

/* Threads that wait although the others could do it alone: a start takes longer than a request. */
enum { POLICY_THREADS_IDLE = 4 };

/* What limits of the system leave beside the milter's; but always so many. */
enum { POLICY_THREADS_MIN = 8 };

/* Half a request, or nothing, from whom another connection needs the place. */
enum { POLICY_REQUEST_SECONDS = 10 };

/* A message whose next recipient does not come is over: its generation is let go. */
enum { POLICY_MESSAGE_SECONDS = 10 };

bool policy_pool_start(unsigned max_requests, const struct env *, struct table *, int listener);

/* Another socket was put under the listener's number. */
void policy_pool_listen_again(void);

void policy_pool_shut(void);

struct policy_counts policy_pool_counts(void);

#endif
