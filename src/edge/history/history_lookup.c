#include "edge/history/history_find.h"

#include "history_reader.h"

#include <errno.h>
#include <stdio.h>

/* ---- by id --------------------------------------------------------------------------- */

struct lookup {
	struct history_reader *reader;
	const struct history_files *files;
	history_row_fn *each;
	void *context;
	struct history_place place;
	bool found, ended;
};

static void give_row(struct lookup *l, struct history_segment *s, size_t i)
{
	uint64_t values[HISTORY_COLUMNS];
	struct decision_row row;
	char id[TOKEN_CHARS];

	history_rows_values(&l->reader->rows, i, values);
	if (!history_row_unpack(&s->items, values, &row)) {
		s->damage->rows++;
		return;
	}
	history_segment_count(s, &row);
	history_reader_count(l->reader, l->files, &s->header, &row);
	history_reader_id(l->reader, &s->header, &row, id);
	l->found = true;
	l->ended = !l->each(l->context, &row);
}

/* All rows of the number in one segment. */
static bool look_up_in(struct lookup *l, struct history_segment *s)
{
	struct history_rows *rows = &l->reader->rows;

	if (!history_segment_index(s))
		return false;
	for (size_t b = 0; b < s->block_count && !l->ended; b++) {
		const struct history_block *block = &s->blocks[b];

		if (block->type != HISTORY_ROWS || l->place.number < block->first ||
		    l->place.number > block->last ||
		    !history_segment_rows(s, b, 1U << HISTORY_NUMBER, rows))
			continue;
		for (size_t i = 0; i < rows->count && !l->ended; i++) {
			if (rows->value[HISTORY_NUMBER][i] != l->place.number)
				continue;
			if (!history_segment_load(s))
				return false;
			if (history_segment_rows(s, b, HISTORY_ALL_COLUMNS, rows))
				give_row(l, s, i);
		}
	}
	return true;
}

static bool may_hold(const struct history_header *h, const struct history_place *place)
{
	return h->half == place->half && h->run == place->run && h->node == place->node &&
	       (h->state == HISTORY_OPEN ||
		   (h->first <= place->number && place->number <= h->last));
}

static enum history_lookup look_up(
    struct lookup *l, struct history_scan *scan, char why[HISTORY_FIND_WHY_MAX])
{
	struct history_reader *r = l->reader;
	bool ok = true;

	for (size_t i = 0; ok && !l->ended && i < l->files->count; i++) {
		const struct history_file *file = &l->files->file[i];
		struct history_segment *s;

		if (!may_hold(&file->header, &l->place))
			continue;
		s = history_segment_open(&r->coder, r->directory, file->name, &r->damage, why);
		if (!s) {
			r->damage.blocks += errno != ENOENT;
			continue;
		}
		scan->segments++;
		ok = look_up_in(l, s);
		history_segment_close(&s);
	}
	snprintf(why, HISTORY_FIND_WHY_MAX, "%s", ok ? "" : "out of memory");
	return !ok ? HISTORY_BROKEN : l->found ? HISTORY_FOUND : HISTORY_NOT_FOUND;
}

enum history_lookup history_find_decision(struct history_reader *r, struct slice id,
    history_row_fn *each, void *context, struct history_scan *scan, char why[HISTORY_FIND_WHY_MAX])
{
	struct history_files files;
	struct lookup l = {.reader = r, .files = &files, .each = each, .context = context};
	enum history_lookup result;

	*scan = (struct history_scan){.rows = 0};
	if (!r->key) {
		snprintf(why, HISTORY_FIND_WHY_MAX, "ids cannot be read: %s", r->no_key);
		return HISTORY_BROKEN;
	}
	if (!history_id_read(r->key, history_id_of_url(id), &l.place))
		return HISTORY_NO_ID;
	if (!history_reader_list(r, &files, why))
		return HISTORY_BROKEN;
	result = look_up(&l, scan, why);
	history_reader_report(r, &files, scan);
	history_files_free(&files);
	return result;
}
