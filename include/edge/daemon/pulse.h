#ifndef EDGE_DAEMON_PULSE_H
#define EDGE_DAEMON_PULSE_H
/*
 * pulse: a thread of the worker that proves, again and again, that verdicts are still made.
 *
 * Each beat connects to our own milter socket and negotiates as an MTA would, pins the current
 * generation and asks the policy for a verdict; only when all of it answered in time is a sign of
 * life sent to the supervisor, which feeds systemd's watchdog.  Nothing of it is recorded.
 */
#include "edge/worker/worker.h"

/* Beats every PULSE_SECONDS, far more often than the unit's WatchdogSec asks for: as new
 * connections they also wake libmilter's pool where nobody knocks (edge/milter/knock.h). */
enum { PULSE_SECONDS = 1 };

/* From now on, until the process ends.  False when there is no thread to be had. */
bool pulse_start(struct worker *, int supervisor_fd);

#endif
