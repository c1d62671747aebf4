#ifndef EDGE_WORKER_WORKER_H
#define EDGE_WORKER_WORKER_H
/*
 * worker: the process that answers mail.  Wiring only: it puts the parts together and takes the
 * supervisor's orders.
 *
 *     worker_run(): load → open sockets → drop privileges → threads → "ready" → serve → drain
 *
 * Threads: libmilter's (a pool, or one for each SMTP connection), those of recorder, reports,
 * resolver, metrics and the control server with its connections, the pulse, the knock, and one that
 * listens to the supervisor.
 */
#include "edge/stats/clients.h"
#include "edge/config/config.h"
#include "edge/stats/counters.h"
#include "edge/auth/dkim.h"
#include "edge/log/recorder.h"
#include "edge/stats/reports.h"
#include "edge/dns/resolver.h"
#include "edge/milter/splits.h"
#include "edge/config/table.h"

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
	struct splits *splits;
	struct dkim_library *dkim;
	/* Guards the pointer: a session is started on a resolver that a reload may replace. */
	pthread_mutex_t resolver_lock;
	struct resolver *resolver; /* NULL: DNS questions fail */
	int64_t resolver_made_for; /* the resolv.conf of that time, nanoseconds since the epoch */
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

/* What worker_run() returns, as the exit status of its process. */
enum { WORKER_ENDED = 0, WORKER_NOT_STARTED = 1, WORKER_FAILED = 2 };

/* Runs until it is told to stop or loses its supervisor.  Unless `foreground` it lets go of
 * standard error once it is ready. */
int worker_run(const char *config_path, int supervisor_fd, uint64_t restarts, bool foreground);

/*
 * Loads the configuration aside and publishes it.  Returns the new generation's number; 0 when the
 * report holds errors and nothing changed.  From any thread; one reload at a time.
 */
uint64_t worker_reload(struct worker *, struct report *);

/* What became of the last one; never waits for one that is under way. */
struct reload_status worker_reload_status(struct worker *);

#endif
