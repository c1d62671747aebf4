#include "history_block.h"

#include <stdlib.h>

void history_coder_init(struct history_coder *coder, bool compress)
{
	*coder = (struct history_coder){.compress = compress};
	crc64_init(&coder->crc);
}

void history_coder_free(struct history_coder *coder)
{
	history_zstd_free(&coder->zstd);
	history_buffer_free(&coder->scratch);
	history_buffer_free(&coder->spare_items);
	history_buffer_free(&coder->spare_section);
}

/* ---- rows ---------------------------------------------------------------------------- */

static bool columns_grow(struct history_columns *c)
{
	size_t room = c->room ? c->room * 2 : 256;

	for (unsigned i = 0; i < c->columns; i++) {
		uint64_t *value = realloc(c->value[i], room * sizeof *value);

		if (!value)
			return false;
		c->value[i] = value;
	}
	c->room = room;
	return true;
}

bool history_columns_add(struct history_columns *c, const uint64_t values[])
{
	if (c->count == c->room && !columns_grow(c))
		return false;
	for (unsigned i = 0; i < c->columns; i++)
		c->value[i][c->count] = values[i];
	c->count++;
	return true;
}

void history_columns_free(struct history_columns *c)
{
	for (unsigned i = 0; i < c->columns; i++)
		free(c->value[i]);
	*c = (struct history_columns){.columns = c->columns};
}

/* ---- writing ------------------------------------------------------------------------- */

static unsigned width_of(uint64_t largest)
{
	unsigned width = 0;

	for (; largest > 0; largest >>= 8)
		width++;
	return width;
}

static void find_range(const uint64_t *value, size_t count, uint64_t *least, uint64_t *most)
{
	*least = UINT64_MAX;
	*most = 0;
	for (size_t i = 0; i < count; i++) {
		*least = value[i] < *least ? value[i] : *least;
		*most = value[i] > *most ? value[i] : *most;
	}
}

/* Appends the bytes of a section, and completes its entry of the directory. */
static bool append_section(struct history_coder *coder, const unsigned char *bytes, size_t len,
    struct history_section *s, struct history_buffer *out)
{
	size_t at = out->len;

	s->encoding = HISTORY_RAW;
	if (coder->compress && len > 0 && history_zstd_compress(&coder->zstd, bytes, len, out))
		s->encoding = HISTORY_ZSTD;
	else if (!history_buffer_append(out, bytes, len))
		return false;
	s->stored = (uint32_t)(out->len - at);
	s->crc = crc64(&coder->crc, out->bytes + at, s->stored);
	return true;
}

static bool append_column(struct history_coder *coder, const uint64_t *value, size_t count,
    struct history_section *s, struct history_buffer *out)
{
	unsigned char *at;

	coder->scratch.len = 0;
	at = history_buffer_room(&coder->scratch, count * s->width);
	if (!at)
		return false;
	for (size_t i = 0; i < count; i++, at += s->width)
		history_put(at, value[i] - s->base, s->width);
	return append_section(coder, coder->scratch.bytes, count * s->width, s, out);
}

/* Moves the sections, which stand where head and directory belong, behind these. */
static bool insert_head(struct history_coder *coder, const struct history_head *head, size_t at,
    struct history_buffer *out)
{
	unsigned char bytes[HISTORY_HEAD_MAX];
	size_t n = history_head_write(&coder->crc, head, bytes);

	if (!history_buffer_room(out, n))
		return false;
	memmove(out->bytes + at + n, out->bytes + at, out->len - at);
	memcpy(out->bytes + at, bytes, n);
	out->len += n;
	return true;
}

/* All columns that are not 0 throughout. */
static bool append_columns(struct history_coder *coder, const struct history_columns *c,
    size_t from, struct history_head *head, struct history_buffer *out)
{
	for (unsigned i = 0; i < c->columns; i++) {
		struct history_section *s = &head->section[head->sections];
		uint64_t least, most;

		find_range(c->value[i] + from, head->count, &least, &most);
		if (most == 0)
			continue;
		*s = (struct history_section){
		    .column = (uint8_t)i, .width = (uint8_t)width_of(most - least), .base = least};
		if (!append_column(coder, c->value[i] + from, head->count, s, out))
			return false;
		head->sections++;
	}
	return true;
}

bool history_block_rows(struct history_coder *coder, const struct history_columns *c, size_t from,
    size_t count, enum history_block_type type, struct history_buffer *out)
{
	unsigned time = type == HISTORY_ROWS ? HISTORY_TIME : HISTORY_COUNT_LAST;
	struct history_head head = {.type = type, .count = (uint32_t)count};
	size_t at = out->len;
	uint64_t least = 0, most = 0;

	find_range(c->value[0] + from, count, &head.first, &head.last);
	if (type != HISTORY_RESULTS)
		find_range(c->value[time] + from, count, &least, &most);
	head.min_ms = (int64_t)least;
	head.max_ms = (int64_t)most;
	if (append_columns(coder, c, from, &head, out) && insert_head(coder, &head, at, out))
		return true;
	out->len = at;
	return false;
}

/* A block of one section that is no column. */
static bool append_plain(struct history_coder *coder, struct history_head *head, struct slice bytes,
    struct history_buffer *out)
{
	size_t at = out->len;

	head->sections = 1;
	head->section[0] = (struct history_section){.base = bytes.len};
	if (append_section(
		coder, (const unsigned char *)bytes.ptr, bytes.len, &head->section[0], out) &&
	    insert_head(coder, head, at, out))
		return true;
	out->len = at;
	return false;
}

bool history_block_items(struct history_coder *coder, uint64_t first, uint32_t count,
    struct slice encoded, struct history_buffer *out)
{
	struct history_head head = {
	    .type = HISTORY_ITEMS, .count = count, .first = first, .last = first + count - 1};

	return append_plain(coder, &head, encoded, out);
}

bool history_block_filter(struct history_coder *coder, const unsigned char *bits, size_t bytes,
    struct history_buffer *out)
{
	struct history_head head = {.type = HISTORY_FILTER};

	return append_plain(coder, &head, slice_of((const char *)bits, bytes), out);
}

/* ---- reading ------------------------------------------------------------------------- */

/* Mends a flipped bit of the stored bytes; false when more is wrong with them. */
static bool is_whole(struct history_coder *coder, const struct history_section *s,
    unsigned char *stored, uint64_t *repaired)
{
	if (crc64(&coder->crc, stored, s->stored) == s->crc)
		return true;
	if (!crc64_repair(&coder->crc, stored, s->stored, s->crc))
		return false;
	++*repaired;
	return true;
}

const unsigned char *history_section_bytes(struct history_coder *coder,
    const struct history_section *s, size_t raw, unsigned char *stored, uint64_t *repaired)
{
	unsigned char *out;

	if (!is_whole(coder, s, stored, repaired))
		return NULL;
	if (s->encoding == HISTORY_RAW)
		return stored;
	coder->scratch.len = 0;
	out = history_buffer_room(&coder->scratch, raw);
	return out && history_zstd_restore(&coder->zstd, stored, s->stored, out, raw) ? out : NULL;
}

bool history_section_restore(struct history_coder *coder, const struct history_section *s,
    unsigned char *stored, unsigned char *out, size_t raw, uint64_t *repaired)
{
	if (!is_whole(coder, s, stored, repaired))
		return false;
	if (s->encoding == HISTORY_ZSTD)
		return history_zstd_restore(&coder->zstd, stored, s->stored, out, raw);
	memcpy(out, stored, raw);
	return true;
}

/* One loop for each width, which the compiler unrolls. */
#define VALUES_OF(bytes_each)                                                                      \
	case bytes_each:                                                                           \
		for (size_t i = 0; i < count; i++)                                                 \
			out[i] = s->base + history_get(bytes + i * bytes_each, bytes_each);        \
		break

void history_section_values(
    const struct history_section *s, const unsigned char *bytes, size_t count, uint64_t *out)
{
	switch (s->width) {
		VALUES_OF(1);
		VALUES_OF(2);
		VALUES_OF(3);
		VALUES_OF(4);
		VALUES_OF(5);
		VALUES_OF(6);
		VALUES_OF(7);
		VALUES_OF(8);
	default:
		for (size_t i = 0; i < count; i++)
			out[i] = s->base;
	}
}
