#ifndef EDGE_WORKER_WORKER_H
#define EDGE_WORKER_WORKER_H
/*
 * worker: the parts of the process that answers mail, as its threads share them.  How they are put
 * together, run and stopped is edge/daemon/worker_main.h; here is what commands, metrics and doctor
 * may ask of them: a reload, and its outcome.
 */
#include "edge/auth/dkim_library.h"
#include "edge/config/config.h"
#include "edge/config/table.h"
#include "edge/dns/resolvconf.h"
#include "edge/dns/resolver.h"
#include "edge/log/recorder.h"
#include "edge/milter/split_memory.h"
#include "edge/os/notify.h"
#include "edge/stats/clients.h"
#include "edge/stats/counters.h"
#include "edge/stats/reports.h"

#include <pthread.h>

/* What became of the last reload, for `status`, metrics and the log. */
struct reload_status {
	int64_t at_us; /* 0: there was none */
	bool ok;
	uint64_t generation; /* the one that runs since, or still */
	size_t errors, warnings;
	char first_error[512]; /* "" when ok */
};

struct worker {
	const char *config_path;
	int supervisor_fd;
	struct table *table;
	struct counters *counters;
	struct clients *clients;
	struct recorder *recorder;
	struct reports *reports;
	struct split_memory *splits;
	struct dkim_crypto *dkim;
	/* Guards the pointer: a session is started on a resolver that a reload may replace. */
	pthread_mutex_t resolver_lock;
	struct resolver *resolver; /* NULL: DNS questions fail */
	/* What resolv.conf named then; changed under both locks, read under either. */
	struct resolvconf resolver_made_for;
	struct env env;
	int64_t started_us;
	uint64_t restarts; /* workers before this one */
	/* Guards the act of reloading, which may take seconds.  Inside, any other lock may be
	 * taken: whoever only asks waits for none of them. */
	pthread_mutex_t reload_lock;
	/* Guards `reload`; nothing is taken inside. */
	pthread_mutex_t status_lock;
	struct reload_status reload;
	/* Of the first configuration what only a restart changes, in copies that are never freed;
	 * the other fields are empty.  Set before any thread starts. */
	struct config started_with;
};

/* Orders and answers on the socket between supervisor and worker, one byte each; a line behind
 * WORKER_STATUS. */
enum {
	ORDER_RELOAD = 'r',
	ORDER_REOPEN = 'o',
	ORDER_STOP = 's',
	WORKER_READY = 'R',
	WORKER_ALIVE = 'A',
	WORKER_STATUS = 'S',
};

/* Descriptors: an MTA's connection with what a verdict may open for it, and all else that a worker
 * has: files, DNS, its own threads. */
enum { WORKER_FILES_A_SESSION = 2, WORKER_FILES_BESIDES = 600 };

/*
 * Loads the configuration aside and publishes it.  Returns the new generation's number; 0 when the
 * report holds errors and nothing changed.  From any thread; one reload at a time.
 */
uint64_t worker_reload(struct worker *, struct diag *);

/* What became of the last one; never waits for one that is under way. */
struct reload_status worker_reload_status(struct worker *);

struct recorder_settings worker_recorder_settings(const struct config *);

/* Loads the first generation; false after the errors are said. */
bool worker_first_load(struct worker *);

/* "generation 7, 253458 entries; last reload failed: lists/dialup.cidr:12: …" */
void worker_status_text(struct worker *, char out[NOTIFY_STATUS_MAX]);

/* Sends it to the supervisor; after each load, in their order. */
void worker_tell_status(struct worker *);

#endif
