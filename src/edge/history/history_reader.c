#include "history_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Rows are shared within a minute; clocks and threads may add another. */
enum { SHARED_MS = 120000 };

/* Those of open segments that were read before may have grown. */
static void forget_counts(struct history_reader *r)
{
	for (int i = 0; i < HISTORY_LATER_MAX; i++)
		history_segment_close(&r->later[i]);
	r->counted = (struct history_header){.run = 0};
}

struct history_reader *history_reader_open(const char *directory, char why[HISTORY_FIND_WHY_MAX])
{
	struct history_reader *r = calloc(1, sizeof *r);

	snprintf(why, HISTORY_FIND_WHY_MAX, "out of memory");
	if (!r)
		return NULL;
	history_coder_init(&r->coder, false);
	r->directory = history_directory_open(directory);
	if (r->directory < 0)
		snprintf(why, HISTORY_FIND_WHY_MAX, "%s: %s", directory, strerror(errno));
	if (r->directory < 0 || !history_rows_create(&r->rows)) {
		history_reader_free(&r);
		return NULL;
	}
	r->key = history_key_open(r->directory, false, r->no_key);
	return r;
}

struct history_reader *history_reader_share(const struct history_reader *other)
{
	struct history_reader *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	history_coder_init(&r->coder, false);
	r->directory = fcntl(other->directory, F_DUPFD_CLOEXEC, 0);
	if (r->directory < 0)
		history_reader_free(&r);
	return r;
}

void history_reader_free(struct history_reader **reader)
{
	struct history_reader *r = *reader;

	if (!r)
		return;
	/* Segments give their buffers back to the coder. */
	forget_counts(r);
	if (r->directory >= 0)
		close(r->directory);
	history_key_free(&r->key);
	history_coder_free(&r->coder);
	history_rows_free(&r->rows);
	free(r);
	*reader = NULL;
}

bool history_reader_list(
    struct history_reader *r, struct history_files *files, char why[HISTORY_FIND_WHY_MAX])
{
	r->damage = (struct history_damage){.rows = 0};
	forget_counts(r);
	if (history_files_list(&r->coder, r->directory, files, &r->damage))
		return true;
	snprintf(why, HISTORY_FIND_WHY_MAX, "%s", strerror(errno));
	return false;
}

bool history_reader_has_key(const struct history_reader *r, char why[HISTORY_FIND_WHY_MAX])
{
	snprintf(why, HISTORY_FIND_WHY_MAX, "%s", r->key ? "" : r->no_key);
	return r->key;
}

void history_reader_report(
    const struct history_reader *r, const struct history_files *files, struct history_scan *scan)
{
	scan->damaged_rows = r->damage.rows;
	scan->damaged_blocks = r->damage.blocks;
	scan->repaired_bits = r->damage.repaired;
	scan->oldest_ms = 0;
	for (size_t i = 0; i < files->count; i++) {
		const struct history_header *h = &files->file[i].header;
		int64_t oldest = h->state == HISTORY_OPEN ? h->created_ms : h->min_ms;

		if (scan->oldest_ms == 0 || oldest < scan->oldest_ms)
			scan->oldest_ms = oldest;
	}
}

void history_reader_id(struct history_reader *r, const struct history_header *header,
    struct decision_row *row, char room[TOKEN_CHARS])
{
	const struct history_place place = {header->half, header->node, header->run, row->number};

	row->id = slice_of(NULL, 0);
	row->run = header->run;
	if (!r->key)
		return;
	history_id_make(r->key, &place, room);
	row->id = slice_of(room, TOKEN_CHARS);
}

/* The counts of a segment; NULL when they cannot be read. */
static struct history_segment *later_segment(struct history_reader *r, const char *name)
{
	struct history_segment **place = &r->later[r->next_later];
	char why[HISTORY_WHY_MAX];

	for (int i = 0; i < HISTORY_LATER_MAX; i++)
		if (r->later[i] && strcmp(r->later[i]->name, name) == 0)
			return r->later[i];
	history_segment_close(place);
	*place = history_segment_open(&r->coder, r->directory, name, &r->damage, why);
	if (*place && !history_segment_load_counts(*place))
		history_segment_close(place);
	r->next_later = (r->next_later + 1) % HISTORY_LATER_MAX;
	return *place;
}

static bool is_behind(const struct history_header *later, const struct history_header *header)
{
	return later->half == header->half && later->run == header->run &&
	       later->part > header->part;
}

/* When the first segment behind this one began. */
static int64_t begin_of_later(struct history_reader *r, const struct history_files *files,
    const struct history_header *header)
{
	if (r->counted.run == header->run && r->counted.part == header->part &&
	    r->counted.half == header->half)
		return r->later_ms;
	r->counted = *header;
	r->later_ms = INT64_MAX;
	for (size_t i = 0; i < files->count; i++) {
		const struct history_header *later = &files->file[i].header;

		if (is_behind(later, header) && later->created_ms < r->later_ms)
			r->later_ms = later->created_ms;
	}
	return r->later_ms;
}

bool history_row_id(
    struct history_reader *r, bool refused, uint32_t run, uint64_t number, char out[TOKEN_CHARS])
{
	struct history_place place = {
	    .half = refused ? HISTORY_REFUSED : HISTORY_ACCEPTED, .run = run, .number = number};

	if (!r->key)
		return false;
	place.node = history_key_node(r->key);
	history_id_make(r->key, &place, out);
	return true;
}

/* Nearly all rows are older than that. */
bool history_reader_counts(struct history_reader *r, const struct history_files *files,
    const struct history_header *header, int64_t max_ms)
{
	return header->half == HISTORY_REFUSED &&
	       begin_of_later(r, files, header) <= max_ms + SHARED_MS;
}

void history_reader_count(struct history_reader *r, const struct history_files *files,
    const struct history_header *header, struct decision_row *row)
{
	if (!history_reader_counts(r, files, header, row->time_ms))
		return;
	for (size_t i = 0; i < files->count; i++) {
		const struct history_header *later = &files->file[i].header;
		const struct history_segment *s;

		if (!is_behind(later, header) || later->created_ms > row->time_ms + SHARED_MS)
			continue;
		s = later_segment(r, files->file[i].name);
		if (s)
			history_segment_count(s, row);
	}
}
