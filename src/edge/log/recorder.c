#include "edge/log/recorder.h"

#include "core/stats/decision_text.h"
#include "edge/log/log.h"
#include "edge/log/log_ratelimit.h"
#include "edge/log/recordfile.h"
#include "edge/log/recordqueue.h"
#include "edge/log/watchers.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <time.h>

/* How long the thread lets lines gather before it takes them: waking it for each would cost the
 * milter's threads more than all else that a record costs. */
enum { GATHER_MS = 5 };

/* How long a stopping worker waits for a log that does not take its lines. */
enum { FLUSH_SECONDS = 5 };

struct recorder {
	/* Guards all below it.  Taken for moments only: nothing is written while it is held, and no
	 * other lock is taken inside. */
	pthread_mutex_t lock;
	pthread_cond_t arrived;
	struct recordqueue queue;
	struct log_ratelimit *ratelimit;
	struct recorder_counts counts;
	char *path; /* "" = no file */
	bool syslog;
	unsigned limit;
	bool reopen;
	bool failing; /* the file took not all of the last lines */
	bool stop;
	bool ended; /* the thread; of who stops it alone */
	/* with a lock of their own */
	struct watchers watchers;
	/* of the thread alone */
	pthread_t thread;
	struct recordfile file;
};

/* ---- in: the milter's threads -------------------------------------------------------- */

static struct recordline *line_of(const struct record *r, bool with_json, bool with_syslog)
{
	char json[RECORD_JSON_MAX], text[RECORD_LINE_MAX];

	return recordline_make(with_json ? record_json(r, json) : SLICE(""),
	    with_syslog ? record_line(r, text) : SLICE(""));
}

/* Takes the line over, under the lock; without room, or without memory for it, it is dropped. */
static void enqueue(struct recorder *rec, struct recordline *line)
{
	if (!recordqueue_put(&rec->queue, line))
		rec->counts.dropped++;
	else if (rec->queue.length == 1)
		pthread_cond_signal(&rec->arrived);
}

unsigned recorder_admit(struct recorder *rec, const struct record *r)
{
	const struct identity *to = &r->facts->id[IDENTITY_RECIPIENT];
	struct slice recipient = to->state == FACT_KNOWN ? to->folded : SLICE("");
	unsigned lines = watchers_count(&rec->watchers) > 0 ? RECORD_JSON : 0;

	pthread_mutex_lock(&rec->lock);
	if (rec->path[0])
		lines |= rec->failing ? RECORD_JSON : RECORD_JSON | RECORD_FILE;
	if (rec->syslog)
		lines |= RECORD_SYSLOG;
	if (lines && rec->queue.length >= RECORDQUEUE_MAX) {
		rec->counts.dropped++;
		lines = 0;
	}
	if (lines && !log_ratelimit_allow(rec->ratelimit, r->time_us / 60000000, recipient,
			 r->decision.cause, rec->limit)) {
		rec->counts.suppressed++;
		lines = 0;
	}
	pthread_mutex_unlock(&rec->lock);
	return lines;
}

void recorder_record(struct recorder *rec, const struct record *r)
{
	struct recordline *line;

	if (!r->number || !r->number->lines)
		return;
	line = line_of(r, r->number->lines & RECORD_JSON, r->number->lines & RECORD_SYSLOG);
	pthread_mutex_lock(&rec->lock);
	enqueue(rec, line);
	pthread_mutex_unlock(&rec->lock);
}

/* One line for what a minute suppressed; called under the lock. */
static void tell_suppressed(
    void *context, struct slice recipient, struct slice rule, uint64_t lines)
{
	struct recorder *rec = context;
	char json[RECORD_JSON_MAX], text[RECORD_LINE_MAX];
	struct suppressed s = {.recipient = recipient, .rule = rule, .lines = lines};
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	s.time_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
	enqueue(rec, recordline_make(suppressed_json(&s, json), suppressed_line(&s, text)));
}

/* ---- out: the recorder's thread ------------------------------------------------------ */

static void open_file(struct recorder *rec, const char *path)
{
	if (!recordfile_open(&rec->file, path))
		log_error("cannot open log.decisions %s: %s", path, strerror(errno));
}

static void count(struct recorder *rec, size_t lines, size_t failed)
{
	pthread_mutex_lock(&rec->lock);
	rec->counts.written += lines - failed;
	rec->counts.failed += failed;
	rec->failing = failed > 0;
	pthread_mutex_unlock(&rec->lock);
}

/* As many lines with one write as may be. */
static void write_file(struct recorder *rec, const struct recordline *lines)
{
	while (lines) {
		struct iovec batch[RECORDFILE_BATCH_MAX];
		size_t n = 0;
		for (; lines && n < RECORDFILE_BATCH_MAX; lines = lines->next)
			if (lines->json_len > 0)
				batch[n++] = (struct iovec){
				    (void *)(uintptr_t)lines->text, lines->json_len + 1};
		count(rec, n, recordfile_write(&rec->file, batch, n));
	}
}

/* Hands all lines to whoever wants them, and frees them. */
static void write_out(struct recorder *rec, struct recordline *lines)
{
	size_t logged = 0;

	if (rec->file.wanted)
		write_file(rec, lines);
	for (const struct recordline *l = lines; l; l = l->next) {
		if (l->json_len > 0)
			watchers_write(&rec->watchers, l->text, l->json_len + 1);
		if (l->syslog_len > 0)
			syslog(LOG_INFO, "%s", recordline_syslog(l));
		logged += l->syslog_len > 0;
	}
	if (!rec->file.wanted)
		count(rec, logged, 0);
	recordline_free_all(&lines);
}

/* Waits for lines, at most until a minute may be over.  Under the lock, which is given up. */
static void await_lines(struct recorder *rec, const struct timespec *until)
{
	if (!rec->queue.first && !rec->stop && !rec->reopen)
		pthread_cond_timedwait(&rec->arrived, &rec->lock, until);
	if (!rec->queue.first || rec->stop || rec->reopen)
		return;
	pthread_mutex_unlock(&rec->lock);
	poll(NULL, 0, GATHER_MS);
	pthread_mutex_lock(&rec->lock);
}

/* Waits, and takes all lines that have come.  Under the lock. */
static struct recordline *take_lines(struct recorder *rec)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec++;
	await_lines(rec, &until);
	log_ratelimit_flush(rec->ratelimit, rec->stop ? INT64_MAX : (int64_t)until.tv_sec / 60,
	    tell_suppressed, rec);
	return recordqueue_take(&rec->queue);
}

/* A watcher that is gone is EPIPE, not the end of the process. */
static void ignore_broken_pipes(void)
{
	sigset_t pipes;

	sigemptyset(&pipes);
	sigaddset(&pipes, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipes, NULL);
}

static void *write_lines(void *context)
{
	struct recorder *rec = context;
	bool stop = false;

	ignore_broken_pipes();
	while (!stop) {
		struct recordline *lines;
		char *path = NULL;

		pthread_mutex_lock(&rec->lock);
		lines = take_lines(rec);
		stop = rec->stop && !lines;
		if (rec->reopen)
			path = strdup(rec->path);
		rec->reopen = false;
		pthread_mutex_unlock(&rec->lock);
		write_out(rec, lines);
		/* What was decided before it was to be opened again belongs into the old one. */
		if (path)
			open_file(rec, path);
		free(path);
	}
	return NULL;
}

/* ---- life ---------------------------------------------------------------------------- */

static void destroy(struct recorder *rec)
{
	struct recordline *lines = recordqueue_take(&rec->queue);

	recordfile_close(&rec->file);
	recordline_free_all(&lines);
	watchers_close(&rec->watchers);
	log_ratelimit_free(&rec->ratelimit);
	free(rec->path);
	pthread_cond_destroy(&rec->arrived);
	pthread_mutex_destroy(&rec->lock);
	free(rec);
}

static struct recorder *prepare(const struct recorder_settings *settings)
{
	struct recorder *rec = calloc(1, sizeof *rec);

	if (!rec)
		return NULL;
	pthread_mutex_init(&rec->lock, NULL);
	pthread_cond_init(&rec->arrived, NULL);
	recordqueue_init(&rec->queue);
	rec->file.fd = -1;
	watchers_init(&rec->watchers);
	rec->path = strdup(settings->decisions);
	rec->syslog = settings->syslog;
	rec->limit = settings->per_recipient_minute;
	rec->ratelimit = log_ratelimit_create();
	if (rec->path && rec->ratelimit)
		return rec;
	destroy(rec);
	return NULL;
}

struct recorder *recorder_create(
    const struct recorder_settings *settings, char why[RECORDER_WHY_MAX])
{
	struct recorder *rec = prepare(settings);

	if (!rec) {
		snprintf(why, RECORDER_WHY_MAX, "out of memory for the decision log");
		return NULL;
	}
	if (!recordfile_open(&rec->file, rec->path)) {
		snprintf(why, RECORDER_WHY_MAX, "cannot open log.decisions %s: %s", rec->path,
		    strerror(errno));
		destroy(rec);
		return NULL;
	}
	if (pthread_create(&rec->thread, NULL, write_lines, rec) != 0) {
		snprintf(why, RECORDER_WHY_MAX, "cannot start the thread of the decision log");
		destroy(rec);
		return NULL;
	}
	return rec;
}

bool recorder_stop(struct recorder *rec)
{
	struct timespec until;

	if (rec->ended)
		return true;
	pthread_mutex_lock(&rec->lock);
	rec->stop = true;
	pthread_cond_signal(&rec->arrived);
	pthread_mutex_unlock(&rec->lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += FLUSH_SECONDS;
	rec->ended = pthread_timedjoin_np(rec->thread, NULL, &until) == 0;
	if (!rec->ended)
		log_warning("the last lines of the decision log could not be written and are lost");
	return rec->ended;
}

void recorder_free(struct recorder **recorder)
{
	if (*recorder && recorder_stop(*recorder))
		destroy(*recorder);
	*recorder = NULL;
}

void recorder_reopen(struct recorder *rec)
{
	pthread_mutex_lock(&rec->lock);
	rec->reopen = true;
	pthread_cond_signal(&rec->arrived);
	pthread_mutex_unlock(&rec->lock);
}

void recorder_configure(struct recorder *rec, const struct recorder_settings *settings)
{
	char *path = strdup(settings->decisions), *old = NULL;

	pthread_mutex_lock(&rec->lock);
	if (path && strcmp(path, rec->path) != 0) {
		old = rec->path;
		rec->path = path;
		path = NULL;
		rec->reopen = true;
	}
	rec->syslog = settings->syslog;
	rec->limit = settings->per_recipient_minute;
	pthread_cond_signal(&rec->arrived);
	pthread_mutex_unlock(&rec->lock);
	free(path);
	free(old);
}

int recorder_watch(struct recorder *rec)
{
	return watchers_add(&rec->watchers);
}

struct recorder_counts recorder_counts(struct recorder *rec)
{
	struct recorder_counts counts;

	pthread_mutex_lock(&rec->lock);
	counts = rec->counts;
	counts.queued = rec->queue.length;
	pthread_mutex_unlock(&rec->lock);
	return counts;
}
