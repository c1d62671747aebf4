#include "edge/stats/reports.h"

#include "core/stats/tally.h"
#include "edge/log/log.h"
#include "edge/os/monotonic.h"
#include "reports_store.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/*
 * Of one tally.  There are two, and each may become twice as large (core/stats/tally.h): 24 MiB at
 * worst, with what SQLite takes less than the 32 MiB that a flood may cost.
 */
#define TALLY_LIMIT ((size_t)6 << 20)

enum { FLUSH_SECONDS = 60, EXPIRE_SECONDS = 3600 };

struct reports {
	/* Guards all below it.  Nothing is written while it is held, and no lock taken inside. */
	pthread_mutex_t lock;
	pthread_cond_t wake, flushed;
	struct tally *filling;
	struct reports_counts counts; /* bytes: of the tally that is being written */
	uint64_t wanted, done;        /* flushes asked for and answered */
	char *database;               /* "" = none */
	unsigned keep_days;
	size_t max_bytes; /* never changes */
	bool reopen, stop, full;
	/* of the thread alone */
	pthread_t thread;
	struct store *store;
	struct tally *writing; /* not NULL: could not be written yet */
	time_t expired;
	bool complained;
};

/* ---- in: the milter's threads -------------------------------------------------------- */

void reports_add(struct reports *r, const struct refusal *refusal)
{
	pthread_mutex_lock(&r->lock);
	if (r->database[0]) {
		r->counts.counted++;
		tally_count(r->filling, refusal);
		if (!r->full && tally_bytes(r->filling) > TALLY_LIMIT) {
			r->full = true;
			pthread_cond_signal(&r->wake);
		}
	}
	pthread_mutex_unlock(&r->lock);
}

static struct slice rule_of(const struct verdict *v, char *out, size_t size)
{
	int n = v->rule ? snprintf(out, size, "%s %.*s", family_name(v->family),
			      SLICE_ARG(v->rule->name))
			: snprintf(out, size, "%s", family_name(v->family));

	return slice_of(out, n < (int)size ? (size_t)n : size - 1);
}

void reports_count(struct reports *r, const struct record *record)
{
	const struct decision *d = &record->decision;
	const struct verdict *v = d->verdict;
	const struct identity *to = &record->facts->id[IDENTITY_RECIPIENT];
	char client[IP_TEXT_MAX], rule[160];
	struct refusal refusal = {
	    .domain = to->name,
	    .hour = record->time_us / 3600000000,
	    .family = v->family,
	    .monitored = v->monitored,
	};

	if ((d->action != ACTION_REJECT && d->action != ACTION_TEMPFAIL) ||
	    to->state != FACT_KNOWN || to->name.len == 0)
		return;
	refusal.keys[TALLY_RECIPIENTS] = to->folded;
	refusal.keys[TALLY_RULES] = rule_of(v, rule, sizeof rule);
	refusal.keys[TALLY_CLIENTS] = slice_of(client, ip_format(&record->facts->client, client));
	reports_add(r, &refusal);
}

/* ---- out: the thread ----------------------------------------------------------------- */

/* Says it once, until something could be written again. */
static void complain(struct reports *r, const char *why)
{
	if (!r->complained)
		log_error("%s; mail is not affected, refusals wait to be written", why);
	r->complained = true;
}

static void count_lost(struct reports *r, uint64_t n)
{
	pthread_mutex_lock(&r->lock);
	r->counts.lost += n;
	pthread_mutex_unlock(&r->lock);
}

/*
 * The tally that fills is put aside, unless the last one still waits: then it goes on filling, up
 * to its limit, and from there the older one is given up.
 */
static void put_aside(struct reports *r, bool full)
{
	struct tally *fresh;

	if (r->writing && !full)
		return;
	fresh = tally_create(TALLY_LIMIT);
	if (!fresh)
		return;
	if (r->writing)
		count_lost(r, tally_total(r->writing));
	tally_free(&r->writing);
	pthread_mutex_lock(&r->lock);
	r->writing = r->filling;
	r->filling = fresh;
	r->counts.bytes = tally_bytes(r->writing);
	pthread_mutex_unlock(&r->lock);
}

static void expire(struct reports *r, unsigned keep_days)
{
	char why[STORE_WHY_MAX];
	time_t now = time(NULL);

	if (now - r->expired < EXPIRE_SECONDS && now >= r->expired)
		return;
	r->expired = now;
	if (!store_expire(r->store, now / 3600 - (int64_t)keep_days * 24, why) &&
	    !store_is_damaged(r->store))
		complain(r, why);
}

/* A damaged file is renamed, which is said once since the next one is whole; an empty one takes its
 * place with the next try. */
static bool set_aside(struct reports *r, const char *database)
{
	char name[STORE_NAME_MAX], why[STORE_WHY_MAX];

	store_close(&r->store);
	if (!store_set_aside(database, name, why)) {
		complain(r, why);
		return false;
	}
	log_error("reports.database %s is damaged: it was renamed to %s, and reports start again "
		  "with an empty one",
	    database, name);
	return true;
}

static bool open_store(struct reports *r, const char *database)
{
	char why[STORE_WHY_MAX];
	bool damaged = false;

	if (!r->store)
		r->store = store_open(database, r->max_bytes, &damaged, why);
	if (!r->store && damaged && set_aside(r, database))
		r->store = store_open(database, r->max_bytes, &damaged, why);
	if (!r->store && !damaged)
		complain(r, why);
	return r->store;
}

/* False when it could not be written; *damaged: because of the file. */
static bool try_write(struct reports *r, unsigned keep_days, bool *damaged)
{
	char why[STORE_WHY_MAX];

	expire(r, keep_days);
	while (r->writing && tally_total(r->writing) > 0 && !store_add(r->store, r->writing, why))
		if ((*damaged = store_is_damaged(r->store)) || !store_make_room(r->store)) {
			if (!*damaged)
				complain(r, why);
			return false;
		}
	return true;
}

static void write_aside(struct reports *r, const char *database, unsigned keep_days)
{
	uint64_t n = r->writing ? tally_total(r->writing) : 0;
	bool damaged = false, written;

	if (!open_store(r, database))
		return;
	written = try_write(r, keep_days, &damaged);
	if (!written && damaged && set_aside(r, database) && open_store(r, database))
		written = try_write(r, keep_days, &damaged);
	if (!written) {
		/* The file may have been replaced, or the disk be full: begin anew next time. */
		store_close(&r->store);
		return;
	}
	tally_free(&r->writing);
	r->complained = false;
	pthread_mutex_lock(&r->lock);
	r->counts.written += n;
	r->counts.bytes = 0;
	pthread_mutex_unlock(&r->lock);
}

/* Waits for a minute to pass, or for a reason to be quicker; called under the lock. */
static void wait_for_reason(struct reports *r)
{
	struct timespec until =
	    monotonic_timespec(monotonic_now() + FLUSH_SECONDS * MONOTONIC_SECOND);

	while (!r->stop && !r->full && r->wanted == r->done && !r->reopen)
		if (pthread_cond_timedwait(&r->wake, &r->lock, &until) == ETIMEDOUT)
			break;
}

static void *work(void *context)
{
	struct reports *r = context;
	bool stop = false;

	while (!stop) {
		char *database;
		unsigned keep_days;
		uint64_t wanted;
		bool full;

		pthread_mutex_lock(&r->lock);
		wait_for_reason(r);
		stop = r->stop;
		full = r->full;
		r->full = false;
		wanted = r->wanted;
		keep_days = r->keep_days;
		database = strdup(r->database);
		if (r->reopen)
			store_close(&r->store);
		r->reopen = false;
		pthread_mutex_unlock(&r->lock);
		/* What was put aside before comes first, so that nothing is given up early. */
		if (database && database[0] && r->writing)
			write_aside(r, database, keep_days);
		put_aside(r, full);
		if (database && database[0])
			write_aside(r, database, keep_days);
		free(database);
		pthread_mutex_lock(&r->lock);
		r->done = wanted;
		pthread_cond_broadcast(&r->flushed);
		pthread_mutex_unlock(&r->lock);
	}
	return NULL;
}

/* ---- life ---------------------------------------------------------------------------- */

static void free_parts(struct reports *r)
{
	tally_free(&r->filling);
	tally_free(&r->writing);
	store_close(&r->store);
	free(r->database);
	free(r);
}

struct reports *reports_create(const struct reports_settings *settings)
{
	struct reports *r = calloc(1, sizeof *r);
	pthread_condattr_t monotonic;

	if (!r)
		return NULL;
	r->filling = tally_create(TALLY_LIMIT);
	r->database = strdup(settings->database);
	r->keep_days = settings->keep_days;
	r->max_bytes = settings->max_bytes ? settings->max_bytes : REPORTS_BYTES_MAX;
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&r->wake, &monotonic);
	pthread_cond_init(&r->flushed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (r->filling && r->database && pthread_create(&r->thread, NULL, work, r) == 0)
		return r;
	free_parts(r);
	return NULL;
}

void reports_free(struct reports **reports)
{
	struct reports *r = *reports;

	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	pthread_cond_destroy(&r->wake);
	pthread_cond_destroy(&r->flushed);
	pthread_mutex_destroy(&r->lock);
	free_parts(r);
	*reports = NULL;
}

void reports_configure(struct reports *r, const struct reports_settings *settings)
{
	char *database = strdup(settings->database);

	pthread_mutex_lock(&r->lock);
	r->keep_days = settings->keep_days;
	if (database && strcmp(database, r->database) != 0) {
		char *old = r->database;
		r->database = database;
		database = old;
		r->reopen = true;
		pthread_cond_signal(&r->wake);
	}
	pthread_mutex_unlock(&r->lock);
	free(database);
}

void reports_flush(struct reports *r, int timeout_ms)
{
	struct timespec until = monotonic_timespec(monotonic_now() + timeout_ms * MONOTONIC_MS);
	uint64_t mine;

	pthread_mutex_lock(&r->lock);
	mine = ++r->wanted;
	pthread_cond_signal(&r->wake);
	while (r->done < mine)
		if (pthread_cond_timedwait(&r->flushed, &r->lock, &until) == ETIMEDOUT)
			break;
	pthread_mutex_unlock(&r->lock);
}

struct reports_counts reports_counts(struct reports *r)
{
	struct reports_counts counts;

	pthread_mutex_lock(&r->lock);
	counts = r->counts;
	counts.bytes += tally_bytes(r->filling);
	pthread_mutex_unlock(&r->lock);
	return counts;
}

uint64_t reports_waiting(const struct reports_counts *counts)
{
	return counts->counted - counts->written - counts->lost;
}
