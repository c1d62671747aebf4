#ifndef EDGE_DAEMON_WORKER_MAIN_H
#define EDGE_DAEMON_WORKER_MAIN_H
/*
 * worker_main: the life of the process that answers mail.  Wiring only: it puts the parts of
 * edge/worker together and takes the supervisor's orders.
 *
 *     worker_run(): load → open sockets → drop privileges → threads → "ready" → serve → drain
 *
 * Threads: libmilter's (a pool, or one for each SMTP connection), those of recorder, reports,
 * resolver, metrics and the control server with its connections, the watchdog, the wake-up, and one
 * that listens to the supervisor.
 */
#include <stdbool.h>
#include <stdint.h>

/* What worker_run() returns, as the exit status of its process. */
enum { WORKER_ENDED = 0, WORKER_NOT_STARTED = 1, WORKER_FAILED = 2 };

/* Runs until it is told to stop or loses its supervisor.  Unless `foreground` it lets go of
 * standard error once it is ready. */
int worker_run(const char *config_path, int supervisor_fd, uint64_t restarts, bool foreground);

#endif
