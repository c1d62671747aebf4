#ifndef EDGE_WORKER_WORKER_H
#define EDGE_WORKER_WORKER_H
/*
 * worker: the parts of the process that answers mail, as its threads share them.  How they are put
 * together, run and stopped is edge/daemon/worker_main.h; here is what commands, metrics and doctor
 * may ask of them: a reload, and its outcome.
 */
#include "edge/auth/dkim_library.h"
#include "edge/config/config.h"
#include "edge/dns/resolvconf.h"
#include "edge/dns/resolver.h"
#include "edge/doors/both_doors.h"
#include "edge/history/history.h"
#include "edge/log/recorder.h"
#include "edge/milter/split_memory.h"
#include "edge/os/notify.h"
#include "edge/stats/clients.h"
#include "edge/stats/counters.h"
#include "edge/stats/reports.h"
#include "edge/table/table.h"
#include "edge/worker/evaluator.h"

#include <pthread.h>

/* What became of the last reload, for `status`, metrics and the log. */
struct reload_status {
	int64_t at_us; /* 0: there was none */
	bool ok;
	uint64_t generation; /* the one that runs since, or still */
	size_t errors, warnings;
	uint64_t refused;      /* how many were, since the worker started */
	char first_error[512]; /* "" when ok */
	/* why the files of the running generation have no copy; "" when they have */
	char copies_why[COPIES_WHY_MAX];
};

/* Which files a reload reads. */
enum reload_files {
	RELOAD_FILES,      /* as they are */
	RELOAD_IF_CHANGED, /* the same, when one of them is another than it was; else nothing is
			      read */
	RELOAD_PREVIOUS,   /* the copies of those of the generation before */
	/* those that run, files or copies, beside a managed whitelist that has changed */
	RELOAD_SAME,
};

struct reload_order {
	enum reload_files files;
	const char *take; /* the rule whose shrunken feeds are taken; NULL: none */
};

enum reload_result { RELOAD_LIVE, RELOAD_REFUSED, RELOAD_UNCHANGED };

struct worker {
	const char *config_path;
	int supervisor_fd;
	struct table *table;
	struct counters *counters;
	struct clients *clients;
	struct recorder *recorder;
	struct reports *reports;
	struct history *history;
	struct evaluator *evaluator;
	struct split_memory *splits;
	struct both_doors *both_doors; /* NULL: there is no door but the milter */
	struct dnsbl_watch *dnsbls;    /* NULL: no list is in use */
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
	/* Of the files that run and ran; under the lock of reloads. */
	struct copies *copies;
	/* What the last reload read if it was refused for that, else NULL: until a file of these
	 * changes, reading them again would end the same.  Under the lock of reloads. */
	struct loaded *refused;
	/* While copies run: the files that they took the place of, whose change ends that.  Under
	 * the lock of reloads. */
	struct loaded *undone;
	/* Guards `reload`; nothing is taken inside. */
	pthread_mutex_t status_lock;
	struct reload_status reload;
	/* What the supervisor read at its start: sockets, user, limits; only a restart of it
	 * changes them.  It stays as long as the process. */
	const struct config *start;
};

/* Orders and answers on the socket between supervisor and worker, one byte each; a line behind
 * WORKER_STATUS, and with WORKER_PARSE a descriptor for config_parser_child(). */
enum {
	ORDER_RELOAD = 'r',
	ORDER_REOPEN = 'o',
	ORDER_STOP = 's',
	WORKER_READY = 'R',
	WORKER_ALIVE = 'A',
	WORKER_STATUS = 'S',
	WORKER_PARSE = 'P',
};

/* Descriptors: an MTA's connection with what a verdict may open for it, and all else that a worker
 * has: files, DNS, its own threads. */
enum { WORKER_FILES_A_SESSION = 2, WORKER_FILES_BESIDES = 600 };

/* How many this configuration may need, its policy door included. */
unsigned worker_files(const struct config *);

/*
 * Loads the configuration aside and publishes it.  *number is the generation that runs then: the
 * new one, or, when the report holds errors or nothing was to be read, the old.  From any thread;
 * one reload at a time.
 *
 * The undo (RELOAD_PREVIOUS) lasts until an administrator's file changes or an ordinary reload is
 * asked for, also across a restart: a worker that crashes, or a timer that reloads when something
 * changed, must not bring back what somebody has just undone.
 */
enum reload_result worker_reload(
    struct worker *, const struct reload_order *, struct diag *, uint64_t *number);

/* What became of the last one; never waits for one that is under way. */
struct reload_status worker_reload_status(struct worker *);

struct recorder_settings worker_recorder_settings(const struct config *);
struct history_settings worker_history_settings(const struct config *);

/* One connection in so many is evaluated: none without a history. */
unsigned worker_evaluate(const struct config *);

/* Loads the first generation; false after the errors are said. */
bool worker_first_load(struct worker *);

/* Keeps its files, when privileges are dropped: the copies belong to the daemon's user. */
void worker_first_copies(struct worker *);

/* ---- worker_copies.c: the copies of files, for worker_reload.c; under the lock of reloads ---- */

/* Reads what the state directory has, and says what is wrong with it.  False: out of memory. */
bool worker_copies_open(struct worker *, const struct config *);

/* True when nothing that the running generation was made of has changed. */
bool worker_files_unchanged(struct worker *, const struct config *running);

/* Fills the request for the copies that are asked for; false, and an error, when there are none:
 * then no reload was tried. */
bool worker_copies_request(struct worker *, const struct config *running, enum reload_files,
    struct config_request *, struct diag *);

/* Notes that the generation runs, and what before it did, and writes its files; `why` is "" or
 * says why they could not be written. */
void worker_copies_note(struct worker *, const struct config *before, const struct config *now,
    struct diag *, char why[COPIES_WHY_MAX]);

/* "generation 7, 253458 entries; last reload failed: lists/dialup.cidr:12: …" */
void worker_status_text(struct worker *, char out[NOTIFY_STATUS_MAX]);

/* Sends it to the supervisor; after each load, in their order. */
void worker_tell_status(struct worker *);

#endif
