#include "edge/history/history.h"

#include "core/history/history_fold.h"
#include "core/history/history_queue.h"
#include "edge/history/history_seed.h"
#include "edge/log/log.h"
#include "edge/os/monotonic.h"
#include "history_store.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* How long rows gather before they are taken: waking the thread for each would cost the milter's
 * threads more than all else that a row costs. */
enum { GATHER_MS = 20 };

/* Rows are on the disk after a second; a directory that cannot be used is tried each minute. */
#define WRITE_NS MONOTONIC_SECOND
#define RETRY_NS (60 * MONOTONIC_SECOND)

/* How long a stopping worker waits for a disk that takes no rows. */
enum { STOP_SECONDS = 5 };

/* One text that is to be erased, of whoever waits for it. */
struct erasure {
	struct slice what;
	bool done;
	int rewritten;
	char why[HISTORY_FORGET_WHY_MAX];
};

struct history {
	/* Guards all below it.  Taken for moments only: nothing is written while it is held, and no
	 * other lock is taken inside. */
	pthread_mutex_t lock;
	pthread_cond_t wake, done;
	struct history_queue queue;
	struct history_counts counts;
	uint64_t wanted, written; /* flushes asked for and answered */
	struct history_settings settings;
	char *directory; /* of the settings */
	bool reopen, stop;
	struct erasure *erasure; /* NULL: none */
	/* ids: while there is a directory */
	struct history_key *key; /* NULL: there is none */
	struct history_place next[HISTORY_HALVES];
	struct history_fold *fold;
	/* of whoever stops it alone */
	bool ended;
	/* of the thread alone */
	pthread_t thread;
	struct history_store *store;
	uint32_t run; /* of the store */
	int64_t written_ns, tried_ns;
	bool complained;
};

/* ---- in: the milter's threads -------------------------------------------------------- */

static void new_number(struct history *h, enum history_half half, struct record_number *out)
{
	out->row = h->next[half].number++;
	if (out->row < HISTORY_NUMBER_MAX)
		return;
	/* The last of this run: the thread begins another. */
	h->reopen = true;
	history_key_free(&h->key);
}

/* Rows of one number: a row of its own, or of the one that stands for it. */
static void number_refusal(
    struct history *h, const struct decision_row *row, struct record_number *out)
{
	uint64_t *number;

	switch (history_fold_admit(h->fold, row, h->settings.per_network_minute, &number)) {
	case FOLD_FIRST:
		out->flags = ROW_FOLDED;
		new_number(h, HISTORY_REFUSED, out);
		*number = out->row;
		break;
	case FOLD_NEW:
		new_number(h, HISTORY_REFUSED, out);
		*number = out->row;
		break;
	case FOLD_EXAMPLE:
		out->flags = ROW_EXAMPLE;
		out->row = *number;
		break;
	default:
		out->shared = true;
		out->row = *number;
		break;
	}
}

/* What of a refusal says whether it is a repeat: addresses as they are compared, so that one
 * mailbox in many spellings shares a row. */
static void describe_repeat(
    const struct record *r, struct decision_row_room *room, struct decision_row *row)
{
	static const enum identity_kind addresses[] = {IDENTITY_SENDER, IDENTITY_RECIPIENT};

	decision_row_of(r, room, row);
	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
		const struct identity *id = &r->facts->id[addresses[i]];

		if (id->state == FACT_KNOWN && id->folded.len > 0)
			row->text[addresses[i]] = id->folded;
	}
}

bool history_number(struct history *h, const struct record *r, struct record_number *out)
{
	bool refusal = r->decision.refuses;
	enum history_half half = refusal ? HISTORY_REFUSED : HISTORY_ACCEPTED;
	struct decision_row_room room;
	struct decision_row row;
	struct history_place place;
	bool more;

	if (refusal)
		describe_repeat(r, &room, &row);
	pthread_mutex_lock(&h->lock);
	if (!h->key) {
		pthread_mutex_unlock(&h->lock);
		return false;
	}
	*out = (struct record_number){.row = 0};
	if (refusal)
		number_refusal(h, &row, out);
	else
		new_number(h, half, out);
	place = h->next[half];
	place.number = out->row;
	out->run = place.run;
	more = h->key != NULL;
	if (more)
		history_id_make(h->key, &place, out->token);
	pthread_mutex_unlock(&h->lock);
	return more;
}

/* A copy for the thread; NULL when out of memory. */
static struct queued *queued_of(const struct record *r)
{
	struct decision_row_room room;
	struct decision_row row;
	struct queued *q;

	decision_row_of(r, &room, &row);
	row.number = r->number->row;
	row.flags |= r->number->flags;
	q = history_queued(&row);
	if (q) {
		q->refused = decision_row_is_refusal(&row);
		q->run = r->number->run;
	}
	return q;
}

/* False when it had no room, and is gone. */
static bool enqueue(struct history *h, struct queued *q)
{
	bool ok;

	pthread_mutex_lock(&h->lock);
	ok = history_queue_put(&h->queue, q);
	if (ok && h->queue.length == 1)
		pthread_cond_signal(&h->wake);
	pthread_mutex_unlock(&h->lock);
	return ok;
}

void history_record(struct history *h, const struct record *r)
{
	bool numbered = r->number && r->number->row != 0;
	struct queued *q = numbered ? queued_of(r) : NULL;

	if (q)
		q->what = r->number->shared ? QUEUED_MORE : QUEUED_ROW;
	if (numbered && enqueue(h, q))
		return;
	pthread_mutex_lock(&h->lock);
	h->counts.dropped += numbered || h->directory[0] != '\0';
	pthread_mutex_unlock(&h->lock);
}

void history_results(struct history *h, const struct record *r)
{
	struct queued *q = queued_of(r);

	if (q)
		q->what = QUEUED_RESULTS;
	if (enqueue(h, q))
		return;
	pthread_mutex_lock(&h->lock);
	h->counts.unevaluated++;
	pthread_mutex_unlock(&h->lock);
}

/* ---- out: the thread ----------------------------------------------------------------- */

/* A run begins: ids are given out from now on. */
static void begin_run(struct history *h, uint32_t run, struct history_key *key)
{
	struct history_seed seed[2];

	pthread_mutex_lock(&h->lock);
	h->key = key;
	for (int i = 0; i < HISTORY_HALVES; i++)
		h->next[i] = (struct history_place){
		    .half = (enum history_half)i,
		    .node = history_key_node(key),
		    .run = run,
		    .number = 1,
		};
	history_fold_free(&h->fold);
	h->fold = history_seed_draw(&seed[0]) && history_seed_draw(&seed[1])
		      ? history_fold_create(seed)
		      : NULL;
	if (!h->fold)
		history_key_free(&h->key);
	h->counts.running = true;
	h->counts.error[0] = '\0';
	pthread_mutex_unlock(&h->lock);
}

static void end_run(struct history *h)
{
	pthread_mutex_lock(&h->lock);
	history_key_free(&h->key);
	pthread_mutex_unlock(&h->lock);
	history_store_close(&h->store);
}

static void open_store(struct history *h, const struct history_settings *settings)
{
	char why[HISTORY_WHY_MAX];
	uint32_t run;
	struct history_counts so_far = history_counts(h);
	struct history_store *store = history_store_open(settings, &so_far, &run, why);
	struct history_key *key = store ? history_store_key(store, why) : NULL;

	h->tried_ns = monotonic_now();
	if (key) {
		h->store = store;
		h->run = run;
		h->complained = false;
		begin_run(h, run, key);
		return;
	}
	history_store_close(&store);
	if (!h->complained)
		log_error(
		    "history.directory %s: %s; decisions are not kept", settings->directory, why);
	h->complained = true;
	pthread_mutex_lock(&h->lock);
	snprintf(h->counts.error, sizeof h->counts.error, "%s", why);
	pthread_mutex_unlock(&h->lock);
}

/* Puts rows into their segments, in memory, and frees them; without a store they are lost. */
static void add_rows(struct history *h, struct queued *q)
{
	uint64_t lost = 0, unevaluated = 0;

	while (q) {
		struct queued *next = q->next;
		enum history_half half = q->refused ? HISTORY_REFUSED : HISTORY_ACCEPTED;
		bool kept = h->store && q->run == h->run;

		if (q->what == QUEUED_RESULTS)
			unevaluated += !kept || !history_store_results(h->store, half, &q->row);
		else if (!kept)
			lost++;
		else if (q->what == QUEUED_MORE)
			history_store_more(h->store, half, q->row.number, q->row.time_ms);
		else
			history_store_row(h->store, half, &q->row);
		free(q);
		q = next;
	}
	pthread_mutex_lock(&h->lock);
	h->counts.dropped += lost;
	h->counts.unevaluated += unevaluated;
	pthread_mutex_unlock(&h->lock);
}

static void write_rows(struct history *h, bool now)
{
	struct timespec ts;

	if (!h->store || (!now && monotonic_now() - h->written_ns < WRITE_NS))
		return;
	clock_gettime(CLOCK_REALTIME, &ts);
	h->written_ns = monotonic_now();
	history_store_write(h->store, true);
	history_store_maintain(h->store, (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
	pthread_mutex_lock(&h->lock);
	history_store_counts(h->store, &h->counts);
	pthread_mutex_unlock(&h->lock);
}

static void erase(struct history *h, struct erasure *e)
{
	if (!e)
		return;
	e->rewritten = -1;
	snprintf(e->why, sizeof e->why, "no history is kept now");
	if (h->store)
		e->rewritten = history_store_forget(h->store, e->what, e->why);
	pthread_mutex_lock(&h->lock);
	e->done = true;
	h->erasure = NULL;
	pthread_cond_broadcast(&h->done);
	pthread_mutex_unlock(&h->lock);
}

/* Waits for rows or for something to do, at most a second.  Under the lock, which is given up. */
static void await_rows(struct history *h)
{
	struct timespec until = monotonic_timespec(monotonic_now() + WRITE_NS);

	if (!h->queue.first && !h->stop && !h->reopen && h->wanted == h->written && !h->erasure)
		pthread_cond_timedwait(&h->wake, &h->lock, &until);
	if (!h->queue.first || h->stop || h->wanted != h->written)
		return;
	pthread_mutex_unlock(&h->lock);
	poll(NULL, 0, GATHER_MS);
	pthread_mutex_lock(&h->lock);
}

/* The store as the settings want it.  `reopen`: another directory, or none. */
static void follow_settings(struct history *h, struct history_settings *settings, bool reopen)
{
	if (reopen)
		end_run(h);
	if (h->store)
		history_store_configure(h->store, settings);
	else if (settings->directory[0] && (reopen || monotonic_now() - h->tried_ns > RETRY_NS))
		open_store(h, settings);
}

static void *keep_rows(void *context)
{
	struct history *h = context;
	bool stop = false;

	while (!stop) {
		struct history_settings settings;
		struct erasure *erasure;
		struct queued *rows;
		char *directory;
		uint64_t wanted;
		bool reopen;

		pthread_mutex_lock(&h->lock);
		await_rows(h);
		stop = h->stop;
		reopen = h->reopen;
		h->reopen = false;
		wanted = h->wanted;
		erasure = h->erasure;
		settings = h->settings;
		directory = strdup(h->directory);
		rows = history_queue_take(&h->queue);
		pthread_mutex_unlock(&h->lock);
		settings.directory = directory ? directory : "";
		add_rows(h, rows);
		follow_settings(h, &settings, reopen);
		write_rows(h, stop || wanted != h->written || erasure);
		erase(h, erasure);
		free(directory);
		pthread_mutex_lock(&h->lock);
		h->written = wanted;
		pthread_cond_broadcast(&h->done);
		pthread_mutex_unlock(&h->lock);
	}
	end_run(h);
	return NULL;
}

/* ---- life ---------------------------------------------------------------------------- */

static void destroy(struct history *h)
{
	struct queued *next;

	for (struct queued *q = history_queue_take(&h->queue); q; q = next) {
		next = q->next;
		free(q);
	}
	history_key_free(&h->key);
	history_fold_free(&h->fold);
	free(h->directory);
	pthread_cond_destroy(&h->wake);
	pthread_cond_destroy(&h->done);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

static void init_locks(struct history *h)
{
	pthread_condattr_t monotonic;

	pthread_mutex_init(&h->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&h->wake, &monotonic);
	pthread_cond_init(&h->done, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

struct history *history_create(const struct history_settings *settings)
{
	struct history *h = calloc(1, sizeof *h);

	if (!h)
		return NULL;
	init_locks(h);
	history_queue_init(&h->queue);
	h->settings = *settings;
	h->directory = strdup(settings->directory);
	if (!h->directory) {
		destroy(h);
		return NULL;
	}
	h->settings.directory = NULL;
	/* The first mail's id has a row already. */
	if (h->directory[0])
		open_store(h, settings);
	if (pthread_create(&h->thread, NULL, keep_rows, h) == 0)
		return h;
	end_run(h);
	destroy(h);
	return NULL;
}

bool history_stop(struct history *h)
{
	struct timespec until;

	if (h->ended)
		return true;
	pthread_mutex_lock(&h->lock);
	h->stop = true;
	pthread_cond_signal(&h->wake);
	pthread_mutex_unlock(&h->lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_SECONDS;
	h->ended = pthread_timedjoin_np(h->thread, NULL, &until) == 0;
	if (!h->ended)
		log_warning("the history does not take its last rows; they are lost");
	return h->ended;
}

void history_free(struct history **history)
{
	if (*history && history_stop(*history))
		destroy(*history);
	*history = NULL;
}

void history_configure(struct history *h, const struct history_settings *settings)
{
	char *directory = strdup(settings->directory);

	pthread_mutex_lock(&h->lock);
	if (directory && strcmp(directory, h->directory) != 0) {
		char *old = h->directory;

		h->directory = directory;
		directory = old;
		h->reopen = true;
	}
	h->settings = *settings;
	h->settings.directory = NULL;
	pthread_cond_signal(&h->wake);
	pthread_mutex_unlock(&h->lock);
	free(directory);
}

void history_flush(struct history *h, int timeout_ms)
{
	struct timespec until = monotonic_timespec(monotonic_now() + timeout_ms * MONOTONIC_MS);
	uint64_t mine;

	pthread_mutex_lock(&h->lock);
	mine = ++h->wanted;
	pthread_cond_signal(&h->wake);
	while (h->written < mine)
		if (pthread_cond_timedwait(&h->done, &h->lock, &until) == ETIMEDOUT)
			break;
	pthread_mutex_unlock(&h->lock);
}

int history_forget(struct history *h, struct slice what, char why[HISTORY_FORGET_WHY_MAX])
{
	struct erasure mine = {.what = what};

	pthread_mutex_lock(&h->lock);
	while (h->erasure)
		pthread_cond_wait(&h->done, &h->lock);
	if (h->stop) {
		mine = (struct erasure){.done = true, .rewritten = -1, .why = "it ends"};
	} else {
		/* It is taken off h before this returns. */
		// cppcheck-suppress autoVariables
		h->erasure = &mine;
		pthread_cond_signal(&h->wake);
	}
	while (!mine.done)
		pthread_cond_wait(&h->done, &h->lock);
	pthread_mutex_unlock(&h->lock);
	snprintf(why, HISTORY_FORGET_WHY_MAX, "%s", mine.why);
	return mine.rewritten;
}

struct history_counts history_counts(struct history *h)
{
	struct history_counts counts;

	pthread_mutex_lock(&h->lock);
	counts = h->counts;
	counts.queued = h->queue.length;
	counts.running &= h->key != NULL;
	pthread_mutex_unlock(&h->lock);
	return counts;
}
