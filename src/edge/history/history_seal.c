#include "history_seal.h"

#include "history_append.h"
#include "history_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Items of one block: a damaged one takes no more rows with it than these are in. */
enum { ITEMS_BLOCK_BYTES = 1 << 20 };

struct sealing {
	struct history_coder *coder;
	struct history_segment *from;
	const struct history_rewrite *rewrite;
	struct history_rows rows;
	struct history_columns columns;
	struct history_buffer items, out;
	struct history_buffer
	    asked; /* a byte for each item: rows have it as a name or an address */
	struct history_buffer filter;
	struct history_header header;
	int fd;
	uint64_t size;
};

/* Writes what is in s->out; false, and errno says why. */
static bool write_out(struct sealing *s)
{
	if (!history_write_at(s->fd, s->out.bytes, s->out.len, s->size))
		return false;
	s->size += s->out.len;
	s->out.len = 0;
	return true;
}

/* ---- items --------------------------------------------------------------------------- */

/* Appends the item; *found: there is one.  False when out of memory. */
static bool add_item(struct sealing *s, uint64_t number, bool *found)
{
	enum history_item kind;
	struct slice item;

	*found = history_items_get(&s->from->items, number, &kind, &item);
	if (!*found)
		return true;
	if (kind == HISTORY_TEXT && s->rewrite->text)
		item = s->rewrite->text(s->rewrite->context, item);
	return history_item_append(&s->items, kind, item);
}

static bool write_items(struct sealing *s, uint64_t first, uint64_t end)
{
	if (first == end)
		return true;
	if (!history_block_items(s->coder, first, (uint32_t)(end - first),
		slice_of((const char *)s->items.bytes, s->items.len), &s->out)) {
		errno = ENOMEM;
		return false;
	}
	s->items.len = 0;
	return write_out(s);
}

/* Runs of items: a number that is missing ends one, and stays missing. */
static bool copy_items(struct sealing *s)
{
	uint64_t end = s->from->items.end, first = HISTORY_ITEM_FIRST;

	for (uint64_t n = first; n < end; n++) {
		bool found, full;

		if (!add_item(s, n, &found)) {
			errno = ENOMEM;
			return false;
		}
		full = s->items.len >= ITEMS_BLOCK_BYTES;
		if (found && !full)
			continue;
		if (!write_items(s, first, n + found))
			return false;
		first = n + 1;
	}
	return end <= HISTORY_ITEM_FIRST || write_items(s, first, end);
}

/* ---- rows ---------------------------------------------------------------------------- */

static void note_rows(struct sealing *s, size_t count)
{
	struct history_header *h = &s->header;

	for (size_t i = 0; i < count; i++) {
		uint64_t number = s->columns.value[HISTORY_NUMBER][i];
		int64_t time = (int64_t)s->columns.value[HISTORY_TIME][i];

		h->first = h->rows == 0 || number < h->first ? number : h->first;
		h->last = number > h->last ? number : h->last;
		h->min_ms = h->rows == 0 || time < h->min_ms ? time : h->min_ms;
		h->max_ms = time > h->max_ms ? time : h->max_ms;
		h->rows++;
	}
}

static bool write_rows(struct sealing *s, enum history_block_type type)
{
	if (s->columns.count == 0)
		return true;
	if (type == HISTORY_ROWS)
		note_rows(s, s->columns.count);
	if (!history_block_rows(s->coder, &s->columns, 0, s->columns.count, type, &s->out)) {
		errno = ENOMEM;
		return false;
	}
	s->columns.count = 0;
	return write_out(s);
}

/* Notes which items can be asked for. */
static void note_asked(struct sealing *s, const uint64_t *values)
{
	static const enum history_column columns[] = {
	    HISTORY_CLIENT, HISTORY_HELO, HISTORY_SENDER, HISTORY_FROM, HISTORY_RECIPIENT};

	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
		if (values[columns[i]] < s->asked.len)
			s->asked.bytes[values[columns[i]]] = 1;
}

static bool add_rows(struct sealing *s)
{
	for (size_t i = 0; i < s->rows.count; i++) {
		uint64_t values[HISTORY_COLUMNS];
		struct decision_row row;

		history_rows_values(&s->rows, i, values);
		if (!history_row_unpack(&s->from->items, values, &row)) {
			s->from->damage->rows++;
			continue;
		}
		if (!history_columns_add(&s->columns, values)) {
			errno = ENOMEM;
			return false;
		}
		note_asked(s, values);
		if (s->columns.count == HISTORY_BLOCK_ROWS && !write_rows(s, HISTORY_ROWS))
			return false;
	}
	return true;
}

static bool copy_rows(struct sealing *s)
{
	s->columns.columns = HISTORY_COLUMNS;
	for (size_t i = 0; i < s->from->block_count; i++)
		if (s->from->blocks[i].type == HISTORY_ROWS &&
		    history_segment_rows(s->from, i, HISTORY_ALL_COLUMNS, &s->rows) && !add_rows(s))
			return false;
	return write_rows(s, HISTORY_ROWS);
}

/* The counts of one row become one. */
static bool copy_counts(struct sealing *s)
{
	const struct history_count *c = s->from->counts;

	history_columns_free(&s->columns);
	s->columns.columns = HISTORY_COUNT_COLUMNS;
	for (size_t i = 0, n = s->from->count_count; i < n;) {
		uint64_t values[HISTORY_COUNT_COLUMNS] = {c[i].number, 0, 0};

		for (; i < n && c[i].number == values[HISTORY_COUNT_NUMBER]; i++) {
			values[HISTORY_COUNT_MORE] += c[i].more;
			if ((uint64_t)c[i].last_ms > values[HISTORY_COUNT_LAST])
				values[HISTORY_COUNT_LAST] = (uint64_t)c[i].last_ms;
		}
		if (!history_columns_add(&s->columns, values)) {
			errno = ENOMEM;
			return false;
		}
		if (s->columns.count == HISTORY_BLOCK_ROWS && !write_rows(s, HISTORY_COUNTS))
			return false;
	}
	return write_rows(s, HISTORY_COUNTS);
}

/* ---- the filter ---------------------------------------------------------------------- */

/* A client: its address, and its name. */
static void filter_client(struct sealing *s, struct slice item)
{
	struct decision_row row = {.count = 0};
	char text[IP_TEXT_MAX];

	if (!history_client_unpack(&s->from->items, item, &row))
		return;
	history_filter_add(&s->coder->crc, s->filter.bytes, s->filter.len,
	    slice_of(text, ip_format(&row.client, text)));
	if (row.text[ROW_CLIENT_NAME].len > 0)
		history_filter_add(
		    &s->coder->crc, s->filter.bytes, s->filter.len, row.text[ROW_CLIENT_NAME]);
}

static void filter_item(struct sealing *s, uint64_t number)
{
	enum history_item kind;
	struct slice item;

	if (!s->asked.bytes[number] || !history_items_get(&s->from->items, number, &kind, &item))
		return;
	if (kind == HISTORY_CLIENT_ITEM) {
		filter_client(s, item);
		return;
	}
	if (s->rewrite->text)
		item = s->rewrite->text(s->rewrite->context, item);
	history_filter_add(&s->coder->crc, s->filter.bytes, s->filter.len, item);
}

static bool make_room(struct history_buffer *b, size_t bytes)
{
	b->len = 0;
	if (!history_buffer_room(b, bytes)) {
		errno = ENOMEM;
		return false;
	}
	memset(b->bytes, 0, bytes);
	b->len = bytes;
	return true;
}

/* Most addresses have a domain of their own, or a client's name and address: two keys an item. */
static bool write_filter(struct sealing *s)
{
	size_t asked = 0;

	for (uint64_t n = 0; n < s->from->items.end; n++)
		asked += s->asked.bytes[n];
	if (asked == 0)
		return true;
	if (!make_room(&s->filter, history_filter_bytes(asked + asked / 2)))
		return false;
	for (uint64_t n = HISTORY_ITEM_FIRST; n < s->from->items.end; n++)
		filter_item(s, n);
	s->header.filter = s->size;
	if (!history_block_filter(s->coder, s->filter.bytes, s->filter.len, &s->out)) {
		errno = ENOMEM;
		return false;
	}
	return write_out(s);
}

/* ---- the file ------------------------------------------------------------------------ */

static bool write_segment(struct sealing *s)
{
	unsigned char header[HISTORY_HEADER_BYTES];

	s->header = s->from->header;
	s->header.state = s->rewrite->state;
	s->header.rows = s->header.first = s->header.last = 0;
	s->header.items = s->from->items.end;
	s->header.min_ms = s->header.max_ms = 0;
	s->size = sizeof header;
	s->header.filter = 0;
	if (!make_room(&s->asked, s->from->items.end) || !copy_items(s) || !copy_rows(s) ||
	    !copy_counts(s) || !write_filter(s))
		return false;
	history_header_write(&s->coder->crc, &s->header, header);
	return history_write_at(s->fd, header, sizeof header, 0) && fsync(s->fd) == 0;
}

/* The rights of the file are those of the one that it replaces. */
static bool replace(struct sealing *s, int directory, const char *name)
{
	char fresh[HISTORY_NAME_MAX + 8];
	struct stat st;
	bool ok;
	int error;

	snprintf(fresh, sizeof fresh, "%s.new", name);
	unlinkat(directory, fresh, 0);
	s->fd =
	    openat(directory, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->fd < 0)
		return false;
	ok = fstat(s->from->fd, &st) == 0 && fchmod(s->fd, st.st_mode & 0640) == 0 &&
	     (fchown(s->fd, (uid_t)-1, st.st_gid) == 0 || errno == EPERM) && write_segment(s) &&
	     renameat(directory, fresh, directory, name) == 0;
	error = errno;
	close(s->fd);
	if (!ok)
		unlinkat(directory, fresh, 0);
	errno = error;
	return ok;
}

bool history_seal(struct history_coder *coder, int directory, const char *name,
    const struct history_rewrite *rewrite, struct history_damage *damage, char why[HISTORY_WHY_MAX])
{
	struct sealing s = {.coder = coder, .rewrite = rewrite};
	bool ok = false, compress = coder->compress;

	s.from = history_segment_open(coder, directory, name, damage, why);
	if (!s.from)
		return false;
	errno = ENOMEM;
	coder->compress = rewrite->state == HISTORY_COMPRESSED;
	if (history_segment_load(s.from) && history_rows_create(&s.rows))
		ok = replace(&s, directory, name);
	if (!ok)
		snprintf(why, HISTORY_WHY_MAX, "%s: %s", name, strerror(errno));
	coder->compress = compress;
	history_segment_close(&s.from);
	history_rows_free(&s.rows);
	history_columns_free(&s.columns);
	history_buffer_free(&s.items);
	history_buffer_free(&s.out);
	history_buffer_free(&s.asked);
	history_buffer_free(&s.filter);
	return ok;
}
