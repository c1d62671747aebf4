#include "history_append.h"
#include "edge/history/history_seed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of owner and group; others may not know who writes to whom. */
enum { SEGMENT_MODE = 0640 };

struct history_append {
	char name[HISTORY_NAME_MAX];
	int fd;
	uint64_t size, rows;
	uint64_t lowest; /* number of a row */
	bool broken;
	struct history_header header;
	struct history_coder *coder;
	struct history_dictionary *dictionary;
	struct history_columns pending, more, results;
	struct history_buffer scratch, out;
};

/* ---- names --------------------------------------------------------------------------- */

static const char *const half_names[HISTORY_HALVES] = {
    [HISTORY_REFUSED] = "refused",
    [HISTORY_ACCEPTED] = "accepted",
};

void history_segment_name(const struct history_header *h, char out[HISTORY_NAME_MAX])
{
	snprintf(out, HISTORY_NAME_MAX, "%s-%010u-%06u.sus", half_names[h->half], h->run, h->part);
}

bool history_is_segment_name(const char *name)
{
	struct slice s = slice_str(name);

	return s.len < HISTORY_NAME_MAX && slice_ends(s, SLICE(".sus")) &&
	       (slice_starts(s, SLICE("refused-")) || slice_starts(s, SLICE("accepted-")));
}

/* ---- life ---------------------------------------------------------------------------- */

bool history_write_at(int fd, const void *bytes, size_t len, uint64_t at)
{
	const unsigned char *next = bytes;

	while (len > 0) {
		ssize_t n = pwrite(fd, next, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		next += n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return true;
}

static bool make_file(struct history_append *a, int directory)
{
	unsigned char header[HISTORY_HEADER_BYTES];
	int error;

	a->fd = openat(
	    directory, a->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, SEGMENT_MODE);
	if (a->fd < 0)
		return false;
	history_header_write(&a->coder->crc, &a->header, header);
	a->size = sizeof header;
	if (fchmod(a->fd, SEGMENT_MODE) == 0 && history_write_at(a->fd, header, sizeof header, 0))
		return true;
	error = errno;
	unlinkat(directory, a->name, 0);
	errno = error;
	return false;
}

struct history_append *history_append_open(struct history_coder *coder, int directory,
    const struct history_header *header, char why[HISTORY_WHY_MAX])
{
	struct history_append *a = calloc(1, sizeof *a);
	struct history_seed seed;

	errno = ENOMEM;
	if (a) {
		*a = (struct history_append){.fd = -1, .header = *header, .coder = coder};
		a->pending.columns = HISTORY_COLUMNS;
		a->more.columns = HISTORY_COUNT_COLUMNS;
		a->results.columns = HISTORY_RESULT_COLUMNS;
		a->lowest = UINT64_MAX;
		history_segment_name(header, a->name);
		a->dictionary = history_seed_draw(&seed) ? history_dictionary_create(&seed) : NULL;
	}
	if (a && a->dictionary && make_file(a, directory))
		return a;
	snprintf(why, HISTORY_WHY_MAX, "%s: %s", a ? a->name : "segment", strerror(errno));
	history_append_close(&a);
	return NULL;
}

void history_append_close(struct history_append **append)
{
	struct history_append *a = *append;

	if (!a)
		return;
	if (a->fd >= 0)
		close(a->fd);
	history_dictionary_free(&a->dictionary);
	history_columns_free(&a->pending);
	history_columns_free(&a->more);
	history_columns_free(&a->results);
	history_buffer_free(&a->scratch);
	history_buffer_free(&a->out);
	free(a);
	*append = NULL;
}

/* ---- adding -------------------------------------------------------------------------- */

bool history_append_row(struct history_append *a, const struct decision_row *row)
{
	uint64_t values[HISTORY_COLUMNS];

	if (a->broken || !history_row_pack(a->dictionary, &a->scratch, row, values) ||
	    !history_columns_add(&a->pending, values))
		return false;
	a->rows++;
	a->lowest = row->number < a->lowest ? row->number : a->lowest;
	return true;
}

/* Of one row in one second there are many: they follow each other. */
bool history_append_more(struct history_append *a, uint64_t number, int64_t time_ms)
{
	const uint64_t values[HISTORY_COUNT_COLUMNS] = {number, 1, (uint64_t)time_ms};
	uint64_t **value = a->more.value;

	if (a->broken)
		return false;
	for (size_t back = 1; back <= a->more.count && back <= 16; back++) {
		size_t i = a->more.count - back;

		if (value[HISTORY_COUNT_NUMBER][i] != number)
			continue;
		value[HISTORY_COUNT_MORE][i]++;
		value[HISTORY_COUNT_LAST][i] = (uint64_t)time_ms;
		return true;
	}
	return history_columns_add(&a->more, values);
}

bool history_append_results(struct history_append *a, const struct decision_row *row)
{
	uint64_t values[HISTORY_RESULT_COLUMNS];

	return !a->broken && row->number >= a->lowest &&
	       history_row_pack_results(a->dictionary, row, values) &&
	       history_columns_add(&a->results, values);
}

/* ---- writing ------------------------------------------------------------------------- */

/* Appends all rows of one kind to a->out, in as many blocks as they need. */
static bool make_rows(
    struct history_append *a, const struct history_columns *c, enum history_block_type type)
{
	for (size_t at = 0, n; at < c->count; at += n) {
		n = c->count - at;
		n = n < HISTORY_BLOCK_ROWS ? n : HISTORY_BLOCK_ROWS;
		if (!history_block_rows(a->coder, c, at, n, type, &a->out))
			return false;
	}
	return true;
}

/* All blocks of what was added, in a->out. */
static bool make_blocks(struct history_append *a)
{
	uint64_t first;
	uint32_t count;
	struct slice items = history_dictionary_pending(a->dictionary, &first, &count);

	a->out.len = 0;
	if (count > 0 && !history_block_items(a->coder, first, count, items, &a->out))
		return false;
	return make_rows(a, &a->pending, HISTORY_ROWS) && make_rows(a, &a->more, HISTORY_COUNTS) &&
	       make_rows(a, &a->results, HISTORY_RESULTS);
}

/* Somebody may have deleted the file: what is written to it then is lost. */
static bool is_deleted(const struct history_append *a)
{
	struct stat st;

	return fstat(a->fd, &st) == 0 && st.st_nlink == 0;
}

bool history_append_write(struct history_append *a)
{
	int error = ENOMEM;

	if (a->broken || a->pending.count + a->more.count + a->results.count == 0)
		return !a->broken;
	if (is_deleted(a)) {
		error = ENOENT;
	} else if (make_blocks(a)) {
		if (history_write_at(a->fd, a->out.bytes, a->out.len, a->size)) {
			a->size += a->out.len;
			a->pending.count = a->more.count = a->results.count = 0;
			history_dictionary_written(a->dictionary);
			return true;
		}
		error = errno;
		/* Otherwise half a block would stand there, which readers can live with. */
		if (ftruncate(a->fd, (off_t)a->size) != 0)
			error = errno;
	}
	a->broken = true;
	errno = error;
	return false;
}

bool history_append_sync(struct history_append *a)
{
	if (!a->broken && fdatasync(a->fd) == 0)
		return true;
	a->broken = true;
	return false;
}

/* ---- what it is ---------------------------------------------------------------------- */

size_t history_append_pending(const struct history_append *a)
{
	return a->pending.count;
}

uint64_t history_append_rows(const struct history_append *a)
{
	return a->rows;
}

uint64_t history_append_bytes(const struct history_append *a)
{
	return a->size;
}

const char *history_append_name(const struct history_append *a)
{
	return a->name;
}

const struct history_header *history_append_header(const struct history_append *a)
{
	return &a->header;
}
