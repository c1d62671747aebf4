#include "history_store.h"

#include "edge/log/log.h"
#include "history_append.h"
#include "history_forget.h"
#include "history_retention.h"
#include "history_seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A segment is full at so many bytes: what is rewritten at once, and what a search may skip. */
#define SEGMENT_BYTES ((uint64_t)32 << 20)

/* … or at the end of its day. */
#define DAY_MS INT64_C(86400000)

/* How often sealed segments are looked through: compression, age, size. */
enum { LOOK_MS = 10000 };

/* How long a disk that took no segment is left alone. */
enum { RETRY_MS = 1000 };

enum { DIRECTORY_MODE = 0750 };

struct history_store {
	char *path;
	int directory, lock;
	struct history_coder coder;
	struct history_key *key;
	struct history_settings settings; /* its directory is `path` */
	uint32_t run, part;
	struct history_append *open[HISTORY_HALVES];
	int64_t looked_ms, failed_ms;
	bool complained;
	struct history_counts counts;
	struct history_buffer scratch;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Says it once, until something could be written again. */
static void complain(struct history_store *s, const char *why)
{
	snprintf(s->counts.error, sizeof s->counts.error, "%s", why);
	if (!s->complained)
		log_error("history.directory %s: %s; decisions are not kept", s->path, why);
	s->complained = true;
}

static void count_damage(struct history_store *s, const struct history_damage *d, const char *name)
{
	s->counts.damaged += d->rows;
	s->counts.repaired += d->repaired;
	if (d->rows + d->torn + d->blocks + d->repaired > 0)
		log_warning("history %s/%s was damaged: %llu rows lost, %llu bytes cut off, %llu "
			    "bits mended",
		    s->path, name, (unsigned long long)d->rows, (unsigned long long)d->torn,
		    (unsigned long long)d->repaired);
}

/* ---- open and close ------------------------------------------------------------------ */

static bool take_lock(struct history_store *s, char why[HISTORY_WHY_MAX])
{
	s->lock = openat(s->directory, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock >= 0 && flock(s->lock, LOCK_EX | LOCK_NB) == 0)
		return true;
	snprintf(why, HISTORY_WHY_MAX, "%s",
	    errno == EWOULDBLOCK ? "another susmilter writes to it: give each its own"
				 : strerror(errno));
	return false;
}

/* The run that the lock file names, of the last start; 0 when it names none. */
static int64_t last_run(const struct history_store *s)
{
	char text[16] = "";
	ssize_t n = pread(s->lock, text, sizeof text - 1, 0);
	struct slice rest = slice_of(text, n > 0 ? (size_t)n : 0);
	uint64_t run;

	return slice_to_uint(slice_word(&rest), HISTORY_RUN_MAX, &run) ? (int64_t)run : 0;
}

/* On the disk before the first id of the run is given out. */
static bool remember_run(const struct history_store *s)
{
	char text[16];
	int n = snprintf(text, sizeof text, "%10u \n", s->run);

	return history_write_at(s->lock, text, (size_t)n, 0) && fdatasync(s->lock) == 0;
}

/* Behind all runs of the directory, whatever the clock says, and whatever was written in them: an
 * id may have been given out and its row be lost. */
static bool choose_run(struct history_store *s, char why[HISTORY_WHY_MAX])
{
	struct history_damage damage = {.rows = 0};
	struct history_files files;
	int64_t run = now_ms() / 1000 - HISTORY_RUN_EPOCH, last = last_run(s);

	if (!history_files_list(&s->coder, s->directory, &files, &damage)) {
		snprintf(why, HISTORY_WHY_MAX, "%s", strerror(errno));
		return false;
	}
	for (size_t i = 0; i < files.count; i++)
		if (files.file[i].header.run > last)
			last = (int64_t)files.file[i].header.run;
	history_files_free(&files);
	run = run > last ? run : last + 1;
	s->run = (uint32_t)run;
	snprintf(why, HISTORY_WHY_MAX, "its segments are dated after 2053: check the clock");
	if (run > HISTORY_RUN_MAX)
		return false;
	snprintf(why, HISTORY_WHY_MAX, "its lock file cannot be written");
	return remember_run(s);
}

static bool open_directory(struct history_store *s, char why[HISTORY_WHY_MAX])
{
	/* What kept it from being made tells more than that it is not there. */
	int made = mkdir(s->path, DIRECTORY_MODE) == 0 || errno == EEXIST ? 0 : errno;

	s->directory = history_directory_open(s->path);
	if (s->directory < 0) {
		snprintf(why, HISTORY_WHY_MAX, "%s%s",
		    made ? "it does not exist and cannot be made: " : "",
		    strerror(made ? made : errno));
		return false;
	}
	return take_lock(s, why) && choose_run(s, why) &&
	       (s->key = history_key_open(s->directory, true, why)) != NULL;
}

struct history_store *history_store_open(const struct history_settings *settings,
    const struct history_counts *so_far, uint32_t *run, char why[HISTORY_WHY_MAX])
{
	struct history_store *s = calloc(1, sizeof *s);

	snprintf(why, HISTORY_WHY_MAX, "out of memory");
	if (!s)
		return NULL;
	history_coder_init(&s->coder, false);
	s->directory = s->lock = -1;
	s->path = strdup(settings->directory);
	if (!s->path || !open_directory(s, why)) {
		history_store_close(&s);
		return NULL;
	}
	if (so_far)
		s->counts = *so_far;
	s->counts.error[0] = '\0';
	history_store_configure(s, settings);
	*run = s->run;
	return s;
}

void history_store_close(struct history_store **store)
{
	struct history_store *s = *store;

	if (!s)
		return;
	if (s->key)
		history_store_write(s, true);
	for (int h = 0; h < HISTORY_HALVES; h++)
		history_append_close(&s->open[h]);
	history_key_free(&s->key);
	if (s->lock >= 0)
		close(s->lock);
	if (s->directory >= 0)
		close(s->directory);
	history_coder_free(&s->coder);
	history_buffer_free(&s->scratch);
	free(s->path);
	free(s);
	*store = NULL;
}

void history_store_configure(struct history_store *s, const struct history_settings *settings)
{
	s->settings = *settings;
	s->settings.directory = s->path;
}

struct history_key *history_store_key(const struct history_store *s, char why[HISTORY_WHY_MAX])
{
	return history_key_open(s->directory, false, why);
}

/* ---- rows ---------------------------------------------------------------------------- */

/* The open segment of a half, or a new one; NULL while the disk takes none. */
static struct history_append *segment_of(struct history_store *s, enum history_half half)
{
	struct history_header header = {
	    .half = half,
	    .node = history_key_node(s->key),
	    .run = s->run,
	    .part = s->part + 1,
	    .created_ms = now_ms(),
	};
	char why[HISTORY_WHY_MAX];

	if (s->open[half] || header.created_ms - s->failed_ms < RETRY_MS)
		return s->open[half];
	if (history_is_short_of_space(s->directory, s->settings.min_free)) {
		snprintf(why, sizeof why, "its file system has less than min_free = %u per cent",
		    s->settings.min_free);
		s->failed_ms = header.created_ms;
		complain(s, why);
		return NULL;
	}
	s->open[half] = history_append_open(&s->coder, s->directory, &header, why);
	if (s->open[half]) {
		s->part++;
	} else {
		s->failed_ms = header.created_ms;
		complain(s, why);
	}
	return s->open[half];
}

void history_store_row(
    struct history_store *s, enum history_half half, const struct decision_row *row)
{
	struct history_append *open = segment_of(s, half);
	struct decision_row kept = *row;

	if (!open || !history_forget_locals(s->key, s->settings.local_parts, &s->scratch, &kept) ||
	    !history_append_row(open, &kept))
		s->counts.failed++;
}

void history_store_more(
    struct history_store *s, enum history_half half, uint64_t number, int64_t time_ms)
{
	struct history_append *open = segment_of(s, half);

	if (open && history_append_more(open, number, time_ms))
		s->counts.shared++;
	else
		s->counts.failed++;
}

bool history_store_results(
    struct history_store *s, enum history_half half, const struct decision_row *row)
{
	bool added = s->open[half] && history_append_results(s->open[half], row);

	s->counts.evaluated += added;
	return added;
}

static void write_half(struct history_store *s, struct history_append **open, bool sync)
{
	size_t pending = history_append_pending(*open);
	char why[HISTORY_WHY_MAX];

	if (history_append_write(*open) && (!sync || history_append_sync(*open))) {
		s->counts.rows += pending;
		if (s->complained && pending > 0)
			log_info("history.directory %s: decisions are kept again", s->path);
		if (pending > 0) {
			s->complained = false;
			s->counts.error[0] = '\0';
		}
		return;
	}
	snprintf(why, sizeof why, "%s", strerror(errno));
	complain(s, why);
	s->counts.failed += pending;
	s->failed_ms = now_ms();
	history_append_close(open);
	s->looked_ms = 0; /* to seal what is left of it */
}

void history_store_write(struct history_store *s, bool sync)
{
	for (int h = 0; h < HISTORY_HALVES; h++)
		if (s->open[h])
			write_half(s, &s->open[h], sync);
}

/* ---- maintenance --------------------------------------------------------------------- */

static bool is_open_here(const struct history_store *s, const char *name)
{
	for (int h = 0; h < HISTORY_HALVES; h++)
		if (s->open[h] && strcmp(history_append_name(s->open[h]), name) == 0)
			return true;
	return false;
}

static bool rewrite(struct history_store *s, const char *name, enum history_state state)
{
	const struct history_rewrite as = {.state = state};
	struct history_damage damage = {.rows = 0};
	char why[HISTORY_WHY_MAX];
	bool ok = history_seal(&s->coder, s->directory, name, &as, &damage, why);

	if (ok)
		count_damage(s, &damage, name);
	else
		complain(s, why);
	return ok;
}

/* Full, or of another day: the next row begins a new one. */
static void seal_full(struct history_store *s, int64_t now)
{
	for (int h = 0; h < HISTORY_HALVES; h++) {
		struct history_append **open = &s->open[h];
		char name[HISTORY_NAME_MAX];

		if (!*open || history_append_rows(*open) == 0 ||
		    (history_append_bytes(*open) < SEGMENT_BYTES &&
			history_append_header(*open)->created_ms / DAY_MS == now / DAY_MS))
			continue;
		snprintf(name, sizeof name, "%s", history_append_name(*open));
		write_half(s, open, true);
		history_append_close(open);
		rewrite(s, name, HISTORY_SEALED);
	}
}

/* What an earlier run or a full disk left open, and what is a day old: one at a time, so that rows
 * do not wait for many; false: there may be more. */
static bool rewrite_one(struct history_store *s, const struct history_files *files, int64_t now)
{
	for (size_t i = 0; i < files->count; i++) {
		const struct history_file *f = &files->file[i];

		if (f->header.state == HISTORY_OPEN && !is_open_here(s, f->name))
			return !rewrite(s, f->name, HISTORY_SEALED);
		if (f->header.state == HISTORY_SEALED && f->header.max_ms < now - DAY_MS)
			return !rewrite(s, f->name, HISTORY_COMPRESSED);
	}
	return true;
}

static void count_files(struct history_store *s, const struct history_files *files)
{
	s->counts.segments = files->count;
	s->counts.bytes = 0;
	s->counts.oldest_ms = 0;
	for (size_t i = 0; i < files->count; i++) {
		const struct history_header *h = &files->file[i].header;
		int64_t oldest = h->state == HISTORY_OPEN ? h->created_ms : h->min_ms;

		s->counts.bytes += files->file[i].bytes;
		if (s->counts.oldest_ms == 0 || oldest < s->counts.oldest_ms)
			s->counts.oldest_ms = oldest;
	}
}

void history_store_maintain(struct history_store *s, int64_t now)
{
	struct history_damage damage = {.rows = 0};
	struct history_removed removed = {.rows = 0};
	struct history_files files;

	seal_full(s, now);
	if (now - s->looked_ms < LOOK_MS && now >= s->looked_ms)
		return;
	if (!history_files_list(&s->coder, s->directory, &files, &damage))
		return;
	s->looked_ms = rewrite_one(s, &files, now) ? now : 0;
	history_files_free(&files);
	if (!history_files_list(&s->coder, s->directory, &files, &damage))
		return;
	history_retention(s->directory, &files, &s->settings, now, &removed);
	s->counts.expired += removed.rows;
	count_files(s, &files);
	history_files_free(&files);
}

int history_store_forget(struct history_store *s, struct slice what, char why[HISTORY_WHY_MAX])
{
	const struct history_pattern pattern = history_pattern_of(what, s->key);
	int rewritten;

	/* What is open is sealed: only whole segments are written once more. */
	history_store_write(s, true);
	for (int h = 0; h < HISTORY_HALVES; h++)
		history_append_close(&s->open[h]);
	do {
		s->looked_ms = 0;
		history_store_maintain(s, now_ms());
	} while (s->looked_ms == 0);
	rewritten = history_forget_files(&s->coder, s->directory, &pattern, why);
	return rewritten;
}

void history_store_counts(const struct history_store *s, struct history_counts *out)
{
	uint64_t dropped = out->dropped, queued = out->queued, unevaluated = out->unevaluated;

	*out = s->counts;
	out->dropped = dropped;
	out->queued = queued;
	out->unevaluated = unevaluated;
	out->running = !s->complained;
}
