#include "edge/history/history_find.h"

#include "history_hits.h"
#include "history_reader.h"
#include "history_scan.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/*
 * Threads of one search: each has some 60 MB, and not all processors of a mail host are for it.
 * They yield to mail: the nice value of a thread is its own on Linux.
 */
enum { THREADS_MAX = 2, NICE = 10 };

/* ---- segments side by side ----------------------------------------------------------- */

struct search {
	struct history_reader *reader;
	struct history_files files; /* by the newest row they may have */
	struct history_keys keys;
	size_t wanted; /* SIZE_MAX: all */
	/* Guards all below it.  Nothing is taken inside. */
	pthread_mutex_t lock;
	size_t next; /* of the files */
	struct history_hits hits;
	struct history_scan *scan;
	struct history_damage damage;
	bool no_memory;
};

/* What one thread has. */
struct scanner {
	struct search *search;
	struct history_coder coder;
	struct history_rows rows;
	struct history_buffer judged;
	struct history_damage damage;
	struct history_hits hits; /* of the segment that is scanned */
	uint64_t segments, scanned;
	bool no_memory;
};

static bool take_hit(void *context, struct history_segment *s, const struct decision_row *row)
{
	struct scanner *scanner = context;

	scanner->no_memory |= !history_hits_add(&scanner->hits, &s->header, row);
	return !scanner->no_memory && scanner->hits.count < scanner->search->wanted;
}

/* No row of the segment is newer. */
static int64_t newest_of(const struct history_file *file)
{
	return file->header.state == HISTORY_OPEN ? INT64_MAX : file->header.max_ms;
}

static int by_newest(const void *a, const void *b)
{
	int64_t one = newest_of(a), other = newest_of(b);

	return (one < other) - (one > other);
}

/* Whether a segment may have a row that is wanted. */
static bool may_have(const struct search *search, const struct history_file *file)
{
	const struct history_hits *hits = &search->hits;
	bool sealed = file->header.state != HISTORY_OPEN;

	if (newest_of(file) < search->keys.since_ms ||
	    (sealed && (file->header.rows == 0 || file->header.min_ms >= search->keys.until_ms)))
		return false;
	return hits->count < search->wanted ||
	       hits->hit[hits->count - 1].row->row.time_ms <= newest_of(file);
}

/* The next segment that is worth a look; NULL when there is none. */
static const struct history_file *next_file(struct search *search)
{
	const struct history_file *file = NULL;

	pthread_mutex_lock(&search->lock);
	while (!file && !search->no_memory && search->next < search->files.count) {
		const struct history_file *next = &search->files.file[search->next++];

		if (may_have(search, next))
			file = next;
	}
	pthread_mutex_unlock(&search->lock);
	return file;
}

static void scan_file(struct scanner *scanner, const struct history_file *file)
{
	struct search *search = scanner->search;
	char why[HISTORY_WHY_MAX];
	struct history_segment *s = history_segment_open(
	    &scanner->coder, search->reader->directory, file->name, &scanner->damage, why);

	/* Removed by its writer meanwhile, or damaged: what is left is shown, and this counted. */
	if (!s) {
		scanner->damage.blocks += errno != ENOENT;
		return;
	}
	scanner->segments++;
	scanner->no_memory |= !history_scan_segment(s, &search->keys, &scanner->judged,
	    &scanner->rows, &scanner->scanned, take_hit, scanner);
	history_segment_close(&s);
	pthread_mutex_lock(&search->lock);
	search->no_memory |=
	    scanner->no_memory || !history_hits_take(&search->hits, &scanner->hits);
	history_hits_limit(&search->hits, search->wanted);
	pthread_mutex_unlock(&search->lock);
}

static void *scan_files(void *context)
{
	struct scanner scanner = {.search = context};
	struct search *search = context;
	const struct history_file *file;

	history_coder_init(&scanner.coder, false);
	scanner.no_memory = !history_rows_create(&scanner.rows);
	while (!scanner.no_memory && (file = next_file(search)))
		scan_file(&scanner, file);
	pthread_mutex_lock(&search->lock);
	search->no_memory |= scanner.no_memory;
	search->scan->rows += scanner.scanned;
	search->scan->segments += scanner.segments;
	history_damage_add(&search->damage, &scanner.damage);
	pthread_mutex_unlock(&search->lock);
	history_coder_free(&scanner.coder);
	history_rows_free(&scanner.rows);
	history_buffer_free(&scanner.judged);
	history_hits_free(&scanner.hits);
	return NULL;
}

static void *scan_files_nicely(void *context)
{
	setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	return scan_files(context);
}

/* A thread that cannot be had is done without. */
static void scan_side_by_side(struct search *search)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t thread[THREADS_MAX];
	size_t count = 0;

	while ((long)count < processors && count < THREADS_MAX && count < search->files.count &&
	       pthread_create(&thread[count], NULL, scan_files_nicely, search) == 0)
		count++;
	if (count == 0)
		scan_files(search);
	while (count > 0)
		pthread_join(thread[--count], NULL);
}

/* ---- newest first -------------------------------------------------------------------- */

/* Shows what was found, with its ids and counts. */
static void give_hits(struct search *search, history_row_fn *each, void *context)
{
	char id[TOKEN_CHARS];

	for (size_t i = 0; i < search->hits.count; i++) {
		const struct history_header *header = &search->hits.hit[i].header;
		struct decision_row *row = &search->hits.hit[i].row->row;

		history_reader_id(search->reader, header, row, id);
		history_reader_count(search->reader, &search->files, header, row);
		if (!each(context, row))
			return;
	}
}

bool history_find(struct history_reader *r, const struct history_query *query, history_row_fn *each,
    void *context, struct history_scan *scan, char why[HISTORY_FIND_WHY_MAX])
{
	struct search search = {.reader = r,
	    .wanted = query->count ? query->count : SIZE_MAX,
	    .lock = PTHREAD_MUTEX_INITIALIZER,
	    .scan = scan};

	*scan = (struct history_scan){.rows = 0};
	if (!history_reader_list(r, &search.files, why))
		return false;
	history_keys_of(query, r->key, &search.keys);
	if (search.files.count > 0)
		qsort(search.files.file, search.files.count, sizeof *search.files.file, by_newest);
	scan_side_by_side(&search);
	if (search.no_memory)
		snprintf(why, HISTORY_FIND_WHY_MAX, "out of memory: ask for fewer, or for less");
	else
		give_hits(&search, each, context);
	history_damage_add(&r->damage, &search.damage);
	history_reader_report(r, &search.files, scan);
	history_hits_free(&search.hits);
	history_files_free(&search.files);
	return !search.no_memory;
}
