#include "edge/history/history_find.h"

#include "history_reader.h"

#include <errno.h>
#include <stdio.h>

/* Where one half is: its segments are read one behind the other, and both halves side by side. */
struct cursor {
	struct history_reader *reader;
	const struct history_files *files;
	enum history_half half;
	int64_t since_ms, until_ms;
	struct history_scan *scan;
	size_t file, block, row; /* that come next */
	struct history_segment *segment;
	struct history_rows rows;
	struct decision_row current;
	bool has, no_memory;
};

/* ---- one half ------------------------------------------------------------------------ */

/* The next segment of the half that may have rows of that time; false behind the last. */
static bool next_segment(struct cursor *c)
{
	char why[HISTORY_WHY_MAX];

	history_segment_close(&c->segment);
	for (; !c->segment && c->file < c->files->count; c->file++) {
		const struct history_file *f = &c->files->file[c->file];
		bool sealed = f->header.state != HISTORY_OPEN;

		if (f->header.half != c->half ||
		    (sealed && (f->header.max_ms < c->since_ms || f->header.min_ms >= c->until_ms)))
			continue;
		c->segment = history_segment_open(
		    &c->reader->coder, c->reader->directory, f->name, &c->reader->damage, why);
		if (!c->segment)
			c->reader->damage.blocks += errno != ENOENT;
	}
	c->block = 0;
	c->no_memory |= c->segment && !history_segment_load(c->segment);
	c->scan->segments += c->segment != NULL;
	return c->segment && !c->no_memory;
}

/* The next block of rows of that time. */
static bool next_block(struct cursor *c)
{
	for (;;) {
		const struct history_block *b;

		if (!c->segment || c->block >= c->segment->block_count) {
			if (!next_segment(c))
				return false;
			continue;
		}
		b = &c->segment->blocks[c->block++];
		if (b->type != HISTORY_ROWS || b->max_ms < c->since_ms ||
		    b->min_ms >= c->until_ms ||
		    !history_segment_rows(c->segment, c->block - 1, HISTORY_ALL_COLUMNS, &c->rows))
			continue;
		c->row = 0;
		c->scan->rows += c->rows.count;
		return true;
	}
}

/* The next row; false: none is left. */
static bool next_row(struct cursor *c)
{
	c->has = false;
	while (!c->has) {
		uint64_t values[HISTORY_COLUMNS];

		if (c->row >= c->rows.count && !next_block(c))
			return false;
		if (c->row >= c->rows.count)
			continue;
		history_rows_values(&c->rows, c->row++, values);
		if (!history_row_unpack(&c->segment->items, values, &c->current)) {
			c->reader->damage.rows++;
			continue;
		}
		c->has = c->current.time_ms >= c->since_ms && c->current.time_ms < c->until_ms;
	}
	return true;
}

/* ---- both halves --------------------------------------------------------------------- */

/* Whose row comes first; of one millisecond a refusal, since it is not the end of a message. */
static struct cursor *first_of(struct cursor cursor[HISTORY_HALVES])
{
	struct cursor *refused = &cursor[HISTORY_REFUSED], *accepted = &cursor[HISTORY_ACCEPTED];

	if (refused->has &&
	    (!accepted->has || refused->current.time_ms <= accepted->current.time_ms))
		return refused;
	return accepted->has ? accepted : NULL;
}

static void replay(
    struct cursor cursor[HISTORY_HALVES], bool ids, history_row_fn *each, void *context)
{
	char id[TOKEN_CHARS];
	struct cursor *c;

	for (int h = 0; h < HISTORY_HALVES; h++)
		next_row(&cursor[h]);
	while ((c = first_of(cursor))) {
		const struct history_header *header = &c->segment->header;

		history_segment_count(c->segment, &c->current);
		history_reader_count(c->reader, c->files, header, &c->current);
		c->current.run = header->run;
		if (ids)
			history_reader_id(c->reader, header, &c->current, id);
		if (!each(context, &c->current))
			return;
		next_row(c);
	}
}

bool history_replay(struct history_reader *r, int64_t since_ms, int64_t until_ms, bool ids,
    history_row_fn *each, void *context, struct history_scan *scan, char why[HISTORY_FIND_WHY_MAX])
{
	struct cursor cursor[HISTORY_HALVES] = {{.half = HISTORY_REFUSED}};
	struct history_files files;
	bool ok = true;

	*scan = (struct history_scan){.rows = 0};
	if (!history_reader_list(r, &files, why))
		return false;
	for (int h = 0; h < HISTORY_HALVES; h++) {
		cursor[h] = (struct cursor){.reader = r,
		    .files = &files,
		    .half = (enum history_half)h,
		    .since_ms = since_ms,
		    .until_ms = until_ms ? until_ms : INT64_MAX,
		    .scan = scan};
		ok &= history_rows_create(&cursor[h].rows);
	}
	if (ok)
		replay(cursor, ids, each, context);
	for (int h = 0; h < HISTORY_HALVES; h++) {
		ok &= !cursor[h].no_memory;
		history_segment_close(&cursor[h].segment);
		history_rows_free(&cursor[h].rows);
	}
	if (!ok)
		snprintf(why, HISTORY_FIND_WHY_MAX, "out of memory");
	history_reader_report(r, &files, scan);
	history_files_free(&files);
	return ok;
}
