#ifndef EDGE_DAEMON_WORKER_MAIN_H
#define EDGE_DAEMON_WORKER_MAIN_H
/*
 * worker_main: the life of the process that answers mail.  Wiring only: it puts the parts of
 * edge/worker together and takes the supervisor's orders.
 *
 *     worker_run(): open sockets → drop privileges → load → threads → "ready" → serve → drain
 *
 * What must be known for the first two steps the supervisor has read once, at its own start
 * (config_load_start()); as root a worker reads no file at all.
 *
 * Threads: libmilter's (a pool, or one for each SMTP connection), those of recorder, reports,
 * resolver, metrics and the control server with its connections, the watchdog, the wake-up, and one
 * that listens to the supervisor.
 */
#include <stdbool.h>
#include <stdint.h>

struct config;

/* What worker_run() returns, as the exit status of its process. */
enum { WORKER_ENDED = 0, WORKER_NOT_STARTED = 1, WORKER_FAILED = 2 };

/* Runs until it is told to stop or loses its supervisor.  `start` NULL: it could not be read; then
 * all that is wrong with the configuration is logged, and nothing runs.  Unless `foreground` it
 * lets go of standard error once it is ready. */
int worker_run(const char *config_path, const struct config *start, int supervisor_fd,
    uint64_t restarts, bool foreground);

#endif
