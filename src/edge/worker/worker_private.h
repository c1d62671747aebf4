#ifndef EDGE_WORKER_PRIVATE_H
#define EDGE_WORKER_PRIVATE_H
/* What worker.c (life of the process), worker_reload.c (loads) and worker_status.c (what systemd is
 * told) know of each other. */
#include "edge/os/notify.h"
#include "edge/worker/worker.h"

struct recorder_settings worker_recorder_settings(const struct config *);

/*
 * A resolver for this configuration takes the place of the old one, which its sessions finish on.
 * Without a new one the old stays: mail is better served by yesterday's name servers than by none.
 */
bool worker_replace_resolver(struct worker *, const struct config *);

/* Loads the first generation; false after the errors are said. */
bool worker_first_load(struct worker *);

/* "generation 7, 253458 entries; last reload failed: lists/dialup.cidr:12: …" */
void worker_status_text(struct worker *, char out[NOTIFY_STATUS_MAX]);

/* Sends it to the supervisor; after each load, in their order. */
void worker_tell_status(struct worker *);

#endif
