#include "history_segment.h"

#include "history_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is read at a time while blocks are looked for: small blocks stand side by side. */
enum { WINDOW_BYTES = 256 * 1024 };

void history_damage_add(struct history_damage *d, const struct history_damage *other)
{
	d->repaired += other->repaired;
	d->blocks += other->blocks;
	d->rows += other->rows;
	d->torn += other->torn;
}

/* All of the bytes; false at the end of the file, or when the disk fails. */
static bool read_at(int fd, void *out, size_t len, uint64_t at)
{
	unsigned char *bytes = out;

	while (len > 0) {
		ssize_t n = pread(fd, bytes, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return true;
}

/* ---- opening ------------------------------------------------------------------------- */

static bool open_file(struct history_segment *s, int directory, char why[HISTORY_WHY_MAX])
{
	unsigned char header[HISTORY_HEADER_BYTES];
	const char *wrong;
	struct stat st;

	s->fd = openat(directory, s->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (s->fd < 0 || fstat(s->fd, &st) != 0) {
		snprintf(why, HISTORY_WHY_MAX, "%s: %s", s->name, strerror(errno));
		return false;
	}
	s->size = (uint64_t)st.st_size;
	errno = 0;
	wrong = !S_ISREG(st.st_mode) ? "it is not a file"
		: !read_at(s->fd, header, sizeof header, 0)
		    ? (errno ? strerror(errno) : "it is shorter than its header")
		    : history_header_read(&s->coder->crc, header, &s->header, &s->damage->repaired);
	if (wrong)
		snprintf(why, HISTORY_WHY_MAX, "%s: %s", s->name, wrong);
	errno = 0;
	return !wrong;
}

struct history_segment *history_segment_open(struct history_coder *coder, int directory,
    const char *name, struct history_damage *damage, char why[HISTORY_WHY_MAX])
{
	struct history_segment *s = calloc(1, sizeof *s);
	int error;

	if (!s) {
		snprintf(why, HISTORY_WHY_MAX, "out of memory");
		return NULL;
	}
	snprintf(s->name, sizeof s->name, "%s", name);
	s->fd = -1;
	s->coder = coder;
	s->damage = damage;
	history_buffer_move(&s->items.encoded, &coder->spare_items);
	history_buffer_move(&s->section, &coder->spare_section);
	if (open_file(s, directory, why))
		return s;
	error = errno;
	history_segment_close(&s);
	errno = error;
	return NULL;
}

void history_segment_close(struct history_segment **segment)
{
	struct history_segment *s = *segment;

	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	free(s->blocks);
	free(s->counts);
	free(s->results);
	history_buffer_move(&s->coder->spare_items, &s->items.encoded);
	history_buffer_move(&s->coder->spare_section, &s->section);
	history_items_free(&s->items);
	history_buffer_free(&s->filter);
	free(s);
	*segment = NULL;
}

/* ---- finding the blocks -------------------------------------------------------------- */

struct window {
	unsigned char *bytes; /* WINDOW_BYTES of the file, from `from` on */
	uint64_t from;
	size_t len;
};

/* At least a head's bytes from `at` on, or what there is up to the end of the file. */
static struct slice look(struct history_segment *s, struct window *w, uint64_t at)
{
	uint64_t end = w->from + w->len;

	if (at < w->from || (at + HISTORY_HEAD_MAX > end && end < s->size)) {
		w->from = at;
		w->len = s->size - at < WINDOW_BYTES ? (size_t)(s->size - at) : WINDOW_BYTES;
		if (!read_at(s->fd, w->bytes, w->len, at))
			w->len = 0;
	}
	return at < w->from + w->len
		   ? slice_of((char *)w->bytes + (at - w->from), (size_t)(w->from + w->len - at))
		   : slice_of(NULL, 0);
}

static bool add_block(struct history_segment *s, uint64_t at, const struct history_head *head)
{
	size_t room = s->block_room ? s->block_room * 2 : 64;
	struct history_block *blocks = s->blocks;

	if (s->block_count == s->block_room) {
		blocks = realloc(s->blocks, room * sizeof *blocks);
		if (!blocks)
			return false;
		s->blocks = blocks;
		s->block_room = room;
	}
	blocks[s->block_count++] = (struct history_block){
	    at, head->type, head->count, head->first, head->last, head->min_ms, head->max_ms};
	return true;
}

/* Where behind `at` the next whole head stands; the size when there is none. */
static uint64_t find_head(
    struct history_segment *s, struct window *w, uint64_t at, struct history_head *head)
{
	while (at < s->size) {
		struct slice rest = look(s, w, at);
		const char *magic =
		    rest.len >= HISTORY_HEAD_BYTES
			? memmem(rest.ptr, rest.len, history_head_magic, sizeof history_head_magic)
			: NULL;

		if (rest.len < HISTORY_HEAD_BYTES)
			break;
		if (!magic) {
			at += rest.len - sizeof history_head_magic + 1;
			continue;
		}
		at += (size_t)(magic - rest.ptr);
		rest = look(s, w, at);
		if (history_head_read(
			&s->coder->crc, (const unsigned char *)rest.ptr, rest.len, head, NULL) > 0)
			return at;
		at++;
	}
	return s->size;
}

/* All blocks whose head is whole and which end inside the file. */
static bool find_blocks(struct history_segment *s, struct window *w)
{
	uint64_t at = HISTORY_HEADER_BYTES, next;
	struct history_head head;

	while (at < s->size) {
		struct slice rest = look(s, w, at);
		size_t n = history_head_read(&s->coder->crc, (const unsigned char *)rest.ptr,
		    rest.len, &head, &s->damage->repaired);

		if (n == 0) {
			next = find_head(s, w, at + 1, &head);
			s->damage->torn += next - at;
			s->damage->blocks += next < s->size;
			at = next;
			continue;
		}
		next = at + n + history_head_payload(&head);
		if (next > s->size) {
			s->damage->torn += s->size - at;
			break;
		}
		if (!add_block(s, at, &head))
			return false;
		at = next;
	}
	return true;
}

static bool index_blocks(struct history_segment *s)
{
	struct window w = {.bytes = malloc(WINDOW_BYTES)};
	bool ok = w.bytes && find_blocks(s, &w);
	uint64_t rows = 0;

	free(w.bytes);
	s->indexed = ok;
	for (size_t i = 0; i < s->block_count; i++)
		rows += s->blocks[i].type == HISTORY_ROWS ? s->blocks[i].count : 0;
	if (s->header.state != HISTORY_OPEN && rows < s->header.rows)
		s->damage->rows += s->header.rows - rows;
	return ok;
}

bool history_segment_index(struct history_segment *s)
{
	return s->indexed || index_blocks(s);
}

/* ---- the sections of a block --------------------------------------------------------- */

/* The head of a block again, and where its sections begin; 0 when it cannot be read. */
static uint64_t read_head(
    struct history_segment *s, const struct history_block *block, struct history_head *head)
{
	unsigned char bytes[HISTORY_HEAD_MAX];
	uint64_t mended = 0, left = s->size - block->at;
	size_t len = left < sizeof bytes ? (size_t)left : sizeof bytes, n;

	if (!read_at(s->fd, bytes, len, block->at))
		return 0;
	n = history_head_read(&s->coder->crc, bytes, len, head, &mended);
	return n > 0 && head->type == block->type && head->count == block->count ? block->at + n
										 : 0;
}

/* The bytes of a section, mended and restored; NULL when it is damaged. */
static const unsigned char *read_section(
    struct history_segment *s, const struct history_section *section, uint64_t at, size_t raw)
{
	unsigned char *stored;

	s->section.len = 0;
	stored = history_buffer_room(&s->section, section->stored);
	if (!stored || !read_at(s->fd, stored, section->stored, at))
		return NULL;
	return history_section_bytes(s->coder, section, raw, stored, &s->damage->repaired);
}

/* A column; one that the block does not have is 0 throughout. */
static bool read_column(struct history_segment *s, const struct history_head *head, uint64_t at,
    unsigned column, uint64_t *out)
{
	const struct history_section *section = history_head_section(head, column);
	const unsigned char *bytes;
	size_t raw;

	if (!section) {
		memset(out, 0, head->count * sizeof *out);
		return true;
	}
	for (const struct history_section *before = head->section; before < section; before++)
		at += before->stored;
	raw = (size_t)section->width * head->count;
	bytes = read_section(s, section, at, raw);
	if (bytes)
		history_section_values(section, bytes, head->count, out);
	return bytes;
}

/* ---- the filter ---------------------------------------------------------------------- */

/* What cannot be read is passed over: then the segment is looked through. */
static void load_filter(struct history_segment *s)
{
	const struct history_block block = {.at = s->header.filter, .type = HISTORY_FILTER};
	struct history_head head;
	uint64_t at = block.at < s->size ? read_head(s, &block, &head) : 0;
	const unsigned char *bytes =
	    at ? read_section(s, &head.section[0], at, (size_t)head.section[0].base) : NULL;

	s->header.filter = 0;
	if (bytes)
		history_buffer_append(&s->filter, bytes, (size_t)head.section[0].base);
}

bool history_segment_may_have(struct history_segment *s, struct slice key)
{
	if (s->header.filter)
		load_filter(s);
	return history_filter_has(&s->coder->crc, s->filter.bytes, s->filter.len, key);
}

/* ---- items, counts and results ----------------------------------------------------------------
 */

/* Items are restored where they stay. */
static bool load_block_of_items(struct history_segment *s, const struct history_block *block)
{
	struct history_head head;
	uint64_t at = read_head(s, block, &head);
	const struct history_section *section = &head.section[0];
	size_t raw = at ? (size_t)section->base : 0;
	unsigned char *stored, *room = at ? history_items_room(&s->items, raw) : NULL;

	s->section.len = 0;
	stored = room ? history_buffer_room(&s->section, section->stored) : NULL;
	return stored && read_at(s->fd, stored, section->stored, at) &&
	       history_section_restore(
		   s->coder, section, stored, room, raw, &s->damage->repaired) &&
	       history_items_add(&s->items, head.first, head.count, raw);
}

static void load_items(struct history_segment *s, const struct history_block *block)
{
	s->damage->blocks += !load_block_of_items(s, block);
}

static bool load_counts(struct history_segment *s, const struct history_block *block)
{
	uint64_t *value = malloc(HISTORY_COUNT_COLUMNS * sizeof *value * (block->count + 1UL));
	struct history_count *counts =
	    realloc(s->counts, (s->count_count + block->count + 1) * sizeof *counts);
	struct history_head head;
	uint64_t at = value && counts ? read_head(s, block, &head) : 0;
	bool whole = at != 0;

	if (counts)
		s->counts = counts;
	for (unsigned c = 0; whole && c < HISTORY_COUNT_COLUMNS; c++)
		whole = read_column(s, &head, at, c, value + (size_t)c * block->count);
	s->damage->blocks += value && counts && !whole;
	for (size_t i = 0; whole && i < block->count; i++)
		s->counts[s->count_count++] = (struct history_count){
		    value[i], value[block->count + i], (int64_t)value[2UL * block->count + i]};
	free(value);
	return value && counts;
}

static int by_number(const void *a, const void *b)
{
	const struct history_count *one = a, *other = b;

	return (one->number > other->number) - (one->number < other->number);
}

bool history_segment_load_counts(struct history_segment *s)
{
	bool ok = history_segment_index(s);

	for (size_t i = 0; ok && !s->counted && i < s->block_count; i++)
		if (s->blocks[i].type == HISTORY_COUNTS)
			ok = load_counts(s, &s->blocks[i]);
	if (ok && !s->counted && s->count_count > 0)
		qsort(s->counts, s->count_count, sizeof *s->counts, by_number);
	s->counted |= ok;
	return ok;
}

static bool load_results(struct history_segment *s, const struct history_block *block)
{
	uint64_t *value = malloc((block->count + 1UL) * sizeof *value);
	struct history_result *results =
	    realloc(s->results, (s->result_count + block->count + 1) * sizeof *results);
	struct history_head head;
	uint64_t at = value && results ? read_head(s, block, &head) : 0;
	bool whole = at != 0;

	if (results)
		s->results = results;
	for (unsigned c = 0; whole && c < HISTORY_RESULT_COLUMNS; c++) {
		whole = read_column(s, &head, at, c, value);
		for (size_t i = 0; whole && i < block->count; i++)
			results[s->result_count + i].value[c] = value[i];
	}
	s->damage->blocks += value && results && !whole;
	s->result_count += whole ? block->count : 0;
	free(value);
	return value && results;
}

static int by_result_number(const void *a, const void *b)
{
	uint64_t one = ((const struct history_result *)a)->value[HISTORY_RESULT_NUMBER],
		 other = ((const struct history_result *)b)->value[HISTORY_RESULT_NUMBER];

	return (one > other) - (one < other);
}

static bool load_all_results(struct history_segment *s)
{
	for (size_t i = 0; i < s->block_count; i++)
		if (s->blocks[i].type == HISTORY_RESULTS && !load_results(s, &s->blocks[i]))
			return false;
	if (s->result_count > 0)
		qsort(s->results, s->result_count, sizeof *s->results, by_result_number);
	return true;
}

bool history_segment_load(struct history_segment *s)
{
	bool ok = s->loaded || (history_segment_load_counts(s) && load_all_results(s));

	for (size_t i = 0; ok && !s->loaded && i < s->block_count; i++)
		if (s->blocks[i].type == HISTORY_ITEMS)
			load_items(s, &s->blocks[i]);
	s->loaded |= ok;
	return ok;
}

/* The first count of this number or of a higher one. */
static size_t find_count(const struct history_segment *s, uint64_t number)
{
	size_t low = 0, high = s->count_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->counts[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void history_segment_count(const struct history_segment *s, struct decision_row *row)
{
	if (row->flags & ROW_EXAMPLE)
		return;
	for (size_t i = find_count(s, row->number);
	     i < s->count_count && s->counts[i].number == row->number; i++) {
		row->count += s->counts[i].more;
		if (s->counts[i].last_ms > row->last_ms)
			row->last_ms = s->counts[i].last_ms;
	}
}

/* ---- rows ---------------------------------------------------------------------------- */

bool history_rows_create(struct history_rows *rows)
{
	bool ok = true;

	rows->count = 0;
	for (int c = 0; c < HISTORY_COLUMNS; c++) {
		rows->value[c] = malloc(HISTORY_BLOCK_ROWS * sizeof *rows->value[c]);
		ok &= rows->value[c] != NULL;
	}
	if (!ok)
		history_rows_free(rows);
	return ok;
}

void history_rows_free(struct history_rows *rows)
{
	for (int c = 0; c < HISTORY_COLUMNS; c++)
		free(rows->value[c]);
	*rows = (struct history_rows){.count = 0};
}

/* The columns that results are of; a row with results is found by its number. */
enum {
	RESULT_COLUMNS =
	    1 << HISTORY_DKIM | 1 << HISTORY_SPF | 1 << HISTORY_DMARC | 1 << HISTORY_FLAGS
};

static void set_results(
    const struct history_segment *s, unsigned columns, struct history_rows *rows)
{
	static const enum history_column column[HISTORY_RESULT_COLUMNS] = {
	    [HISTORY_RESULT_DKIM] = HISTORY_DKIM,
	    [HISTORY_RESULT_SPF] = HISTORY_SPF,
	    [HISTORY_RESULT_DMARC] = HISTORY_DMARC,
	};

	for (size_t i = 0; i < rows->count; i++) {
		const struct history_result key = {
		    .value[HISTORY_RESULT_NUMBER] = rows->value[HISTORY_NUMBER][i]};
		const struct history_result *found =
		    bsearch(&key, s->results, s->result_count, sizeof key, by_result_number);

		if (!found)
			continue;
		for (unsigned c = HISTORY_RESULT_NUMBER + 1; c < HISTORY_RESULT_COLUMNS; c++)
			if (columns >> column[c] & 1)
				rows->value[column[c]][i] = found->value[c];
		if (columns >> HISTORY_FLAGS & 1)
			rows->value[HISTORY_FLAGS][i] |= ROW_EVALUATED;
	}
}

bool history_segment_rows(
    struct history_segment *s, size_t block, unsigned columns, struct history_rows *rows)
{
	struct history_head head;
	uint64_t at = read_head(s, &s->blocks[block], &head);
	bool whole = at != 0, results = s->result_count > 0 && columns & RESULT_COLUMNS;

	columns |= results ? 1U << HISTORY_NUMBER : 0;
	for (unsigned c = 0; whole && c < HISTORY_COLUMNS; c++)
		if (columns >> c & 1)
			whole = read_column(s, &head, at, c, rows->value[c]);
	rows->count = whole ? head.count : 0;
	if (!whole) {
		s->damage->blocks++;
		s->damage->rows += s->blocks[block].count;
	}
	if (whole && results)
		set_results(s, columns, rows);
	return whole;
}
