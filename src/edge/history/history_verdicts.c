#include "edge/history/history_find.h"

#include "history_reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	COLUMNS =
	    1 << HISTORY_NUMBER | 1 << HISTORY_TIME | 1 << HISTORY_VERDICT | 1 << HISTORY_FLAGS
};

/* Of one verdict of a segment. */
struct tally {
	uint64_t count;
	int64_t last_ms;
};

struct verdicts {
	struct history_reader *reader;
	const struct history_files *files;
	struct history_segment *segment;
	struct tally *tally; /* by number of the item */
	struct decision_row row;
	history_row_fn *each;
	void *context;
	struct history_scan *scan;
};

/* What a row stands for, where there are counts. */
static void count_row(struct verdicts *v, size_t i)
{
	const struct history_rows *rows = &v->reader->rows;

	v->row.number = rows->value[HISTORY_NUMBER][i];
	v->row.flags = (unsigned)rows->value[HISTORY_FLAGS][i];
	history_segment_count(v->segment, &v->row);
	history_reader_count(v->reader, v->files, &v->segment->header, &v->row);
}

static void tally_rows(struct verdicts *v, bool counts)
{
	const struct history_rows *rows = &v->reader->rows;

	for (size_t i = 0; i < rows->count; i++) {
		uint64_t item = rows->value[HISTORY_VERDICT][i];

		if (item >= v->segment->items.end)
			continue;
		v->row.count = 1;
		v->row.time_ms = v->row.last_ms = (int64_t)rows->value[HISTORY_TIME][i];
		if (counts)
			count_row(v, i);
		v->tally[item].count += v->row.count;
		if (v->row.last_ms > v->tally[item].last_ms)
			v->tally[item].last_ms = v->row.last_ms;
	}
	v->scan->rows += rows->count;
}

static void tally_blocks(struct verdicts *v)
{
	struct history_segment *s = v->segment;

	for (size_t b = 0; b < s->block_count; b++)
		if (s->blocks[b].type == HISTORY_ROWS &&
		    history_segment_rows(s, b, COLUMNS, &v->reader->rows))
			tally_rows(
			    v, s->count_count > 0 || history_reader_counts(v->reader, v->files,
							 &s->header, s->blocks[b].max_ms));
}

/* False: no more are wanted. */
static bool give_verdicts(struct verdicts *v)
{
	struct history_items *items = &v->segment->items;

	for (uint64_t n = HISTORY_ITEM_FIRST; n < items->end; n++) {
		struct decision_row row = {
		    .count = v->tally[n].count, .time_ms = v->tally[n].last_ms};
		enum history_item kind;
		struct slice item;

		if (row.count == 0)
			continue;
		if (!history_items_get(items, n, &kind, &item) || kind != HISTORY_VERDICT_ITEM ||
		    !history_verdict_unpack(items, item, &row))
			v->reader->damage.rows += row.count;
		else if (!v->each(v->context, &row))
			return false;
	}
	return true;
}

/* False when out of memory; *more: the next segment is wanted. */
static bool scan_segment(struct verdicts *v, const char *name, bool *more)
{
	char why[HISTORY_WHY_MAX];
	bool ok = true;

	v->segment = history_segment_open(
	    &v->reader->coder, v->reader->directory, name, &v->reader->damage, why);
	if (!v->segment) {
		v->reader->damage.blocks += errno != ENOENT;
		return true;
	}
	v->tally = NULL;
	if (history_segment_load(v->segment))
		v->tally = calloc(v->segment->items.end + 1, sizeof *v->tally);
	ok = v->tally;
	if (ok) {
		v->scan->segments++;
		tally_blocks(v);
		*more = give_verdicts(v);
	}
	free(v->tally);
	history_segment_close(&v->segment);
	return ok;
}

bool history_verdicts(struct history_reader *r, history_row_fn *each, void *context,
    struct history_scan *scan, char why[HISTORY_FIND_WHY_MAX])
{
	struct history_files files;
	struct verdicts v = {
	    .reader = r, .files = &files, .each = each, .context = context, .scan = scan};
	bool ok = true, more = true;

	*scan = (struct history_scan){.rows = 0};
	if (!history_reader_list(r, &files, why))
		return false;
	for (size_t i = 0; ok && more && i < files.count; i++)
		ok = scan_segment(&v, files.file[i].name, &more);
	if (!ok)
		snprintf(why, HISTORY_FIND_WHY_MAX, "out of memory");
	history_reader_report(r, &files, scan);
	history_files_free(&files);
	return ok;
}
