#ifndef EDGE_DAEMON_WATCHDOG_H
#define EDGE_DAEMON_WATCHDOG_H
/*
 * watchdog: a thread of the worker that proves once a second that the policy still responds.
 *
 * It connects to our own milter socket and negotiates as an MTA would, pins the current generation
 * and asks the policy for a verdict.  Only when all of it answered in time is a heartbeat sent to
 * the supervisor, which feeds systemd's watchdog.  Nothing of it is recorded.
 */
#include "edge/worker/worker.h"

/* Far more often than the unit's WatchdogSec asks for: as new connections the heartbeats also wake
 * libmilter's pool (edge/milter/milter_wakeup.h). */
enum { WATCHDOG_SECONDS = 1 };

/* From now on, until the process ends.  False when there is no thread to be had. */
bool watchdog_start(struct worker *, int supervisor_fd);

#endif
