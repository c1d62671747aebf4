#include "core/history/history_format.h"

static const unsigned char segment_magic[8] = "SUSHIST";
const unsigned char history_head_magic[4] = {'S', 'U', 'S', 'B'};

/* Places in the header; what is between them is 0. */
enum {
	AT_VERSION = 8,
	AT_HALF = 10,
	AT_STATE = 11,
	AT_NODE = 12,
	AT_RUN = 16,
	AT_PART = 20,
	AT_CREATED = 24,
	AT_ROWS = 32,
	AT_FIRST = 40,
	AT_LAST = 48,
	AT_MIN = 56,
	AT_MAX = 64,
	AT_ITEMS = 72,
	AT_FILTER = 80,
	AT_HEADER_CRC = 88,
};

/* Places in the head of a block, and in an entry of its directory. */
enum {
	HEAD_TYPE = 4,
	HEAD_SECTIONS = 5,
	HEAD_COUNT = 8,
	HEAD_FIRST = 16,
	HEAD_LAST = 24,
	HEAD_MIN = 32,
	HEAD_MAX = 40,
	HEAD_CRC = 48,
	SECTION_COLUMN = 0,
	SECTION_WIDTH = 1,
	SECTION_ENCODING = 2,
	SECTION_STORED = 4,
	SECTION_BASE = 8,
	SECTION_CRC = 16,
};

/* ---- the header of a segment --------------------------------------------------------- */

void history_header_write(const struct crc64 *crc, const struct history_header *h,
    unsigned char out[HISTORY_HEADER_BYTES])
{
	memset(out, 0, HISTORY_HEADER_BYTES);
	memcpy(out, segment_magic, sizeof segment_magic);
	history_put(out + AT_VERSION,
	    h->state == HISTORY_OPEN ? HISTORY_VERSION_OPEN : HISTORY_VERSION_SEALED, 2);
	history_put(out + AT_HALF, h->half, 1);
	history_put(out + AT_STATE, h->state, 1);
	history_put(out + AT_NODE, h->node, 2);
	history_put(out + AT_RUN, h->run, 4);
	history_put(out + AT_PART, h->part, 4);
	history_put(out + AT_CREATED, (uint64_t)h->created_ms, 8);
	history_put(out + AT_ROWS, h->rows, 8);
	history_put(out + AT_FIRST, h->first, 8);
	history_put(out + AT_LAST, h->last, 8);
	history_put(out + AT_MIN, (uint64_t)h->min_ms, 8);
	history_put(out + AT_MAX, (uint64_t)h->max_ms, 8);
	history_put(out + AT_ITEMS, h->items, 8);
	history_put(out + AT_FILTER, h->filter, 8);
	history_put(out + AT_HEADER_CRC, crc64(crc, out, AT_HEADER_CRC), 8);
}

const char *history_header_read(const struct crc64 *crc, unsigned char in[HISTORY_HEADER_BYTES],
    struct history_header *out, uint64_t *repaired)
{
	uint64_t sum = history_get(in + AT_HEADER_CRC, 8), version;

	if (crc64(crc, in, AT_HEADER_CRC) != sum) {
		if (!crc64_repair(crc, in, AT_HEADER_CRC, sum))
			return memcmp(in, segment_magic, sizeof segment_magic) == 0
				   ? "its header is damaged"
				   : "it is not a segment of susmilter's history";
		++*repaired;
	}
	if (memcmp(in, segment_magic, sizeof segment_magic) != 0)
		return "it is not a segment of susmilter's history";
	version = history_get(in + AT_VERSION, 2);
	if (version < HISTORY_VERSION_SEALED || version > HISTORY_VERSION_OPEN)
		return "its format is newer than this susmilter";
	*out = (struct history_header){
	    .half = (enum history_half)in[AT_HALF],
	    .state = (enum history_state)in[AT_STATE],
	    .node = (uint16_t)history_get(in + AT_NODE, 2),
	    .run = (uint32_t)history_get(in + AT_RUN, 4),
	    .part = (uint32_t)history_get(in + AT_PART, 4),
	    .created_ms = (int64_t)history_get(in + AT_CREATED, 8),
	    .rows = history_get(in + AT_ROWS, 8),
	    .first = history_get(in + AT_FIRST, 8),
	    .last = history_get(in + AT_LAST, 8),
	    .min_ms = (int64_t)history_get(in + AT_MIN, 8),
	    .max_ms = (int64_t)history_get(in + AT_MAX, 8),
	    .items = history_get(in + AT_ITEMS, 8),
	    .filter = history_get(in + AT_FILTER, 8),
	};
	if (in[AT_HALF] >= HISTORY_HALVES || in[AT_STATE] >= HISTORY_STATES)
		return "its header has values that no version has";
	return NULL;
}

/* ---- the head of a block ------------------------------------------------------------- */

static void section_write(const struct history_section *s, unsigned char *out)
{
	memset(out, 0, HISTORY_SECTION_BYTES);
	out[SECTION_COLUMN] = s->column;
	out[SECTION_WIDTH] = s->width;
	out[SECTION_ENCODING] = (unsigned char)s->encoding;
	history_put(out + SECTION_STORED, s->stored, 4);
	history_put(out + SECTION_BASE, s->base, 8);
	history_put(out + SECTION_CRC, s->crc, 8);
}

/* The sum of head and directory, without the place of the sum itself. */
static uint64_t head_crc(const struct crc64 *crc, const unsigned char *head, size_t len)
{
	unsigned char joined[HISTORY_HEAD_MAX];

	memcpy(joined, head, HEAD_CRC);
	memcpy(joined + HEAD_CRC, head + HISTORY_HEAD_BYTES, len - HISTORY_HEAD_BYTES);
	return crc64(crc, joined, len - (HISTORY_HEAD_BYTES - HEAD_CRC));
}

size_t history_head_write(
    const struct crc64 *crc, const struct history_head *h, unsigned char out[HISTORY_HEAD_MAX])
{
	size_t len = HISTORY_HEAD_BYTES + h->sections * (size_t)HISTORY_SECTION_BYTES;

	memset(out, 0, HISTORY_HEAD_BYTES);
	memcpy(out, history_head_magic, sizeof history_head_magic);
	out[HEAD_TYPE] = (unsigned char)h->type;
	out[HEAD_SECTIONS] = (unsigned char)h->sections;
	history_put(out + HEAD_COUNT, h->count, 4);
	history_put(out + HEAD_FIRST, h->first, 8);
	history_put(out + HEAD_LAST, h->last, 8);
	history_put(out + HEAD_MIN, (uint64_t)h->min_ms, 8);
	history_put(out + HEAD_MAX, (uint64_t)h->max_ms, 8);
	for (unsigned i = 0; i < h->sections; i++)
		section_write(&h->section[i], out + HISTORY_HEAD_BYTES + i * HISTORY_SECTION_BYTES);
	history_put(out + HEAD_CRC, head_crc(crc, out, len), 8);
	return len;
}

static unsigned columns_of(enum history_block_type type)
{
	return type == HISTORY_ROWS                              ? HISTORY_COLUMNS
	       : type == HISTORY_COUNTS                          ? HISTORY_COUNT_COLUMNS
	       : type == HISTORY_RESULTS                         ? HISTORY_RESULT_COLUMNS
	       : type == HISTORY_ITEMS || type == HISTORY_FILTER ? 1
								 : 0;
}

/* Whether a section is one that a writer makes. */
static bool is_section(const struct history_section *s, const struct history_head *h)
{
	bool plain = h->type == HISTORY_ITEMS || h->type == HISTORY_FILTER;
	uint64_t raw = plain ? s->base : (uint64_t)s->width * h->count;

	return s->column < columns_of(h->type) && s->width <= 8 &&
	       s->encoding < HISTORY_ENCODINGS && s->stored <= HISTORY_SECTION_MAX &&
	       raw <= HISTORY_SECTION_MAX && (s->encoding != HISTORY_RAW || s->stored == raw);
}

/* The values of head and directory; false when they are not what a writer makes. */
static bool head_values(const unsigned char *in, struct history_head *out)
{
	*out = (struct history_head){
	    .type = (enum history_block_type)in[HEAD_TYPE],
	    .sections = in[HEAD_SECTIONS],
	    .count = (uint32_t)history_get(in + HEAD_COUNT, 4),
	    .first = history_get(in + HEAD_FIRST, 8),
	    .last = history_get(in + HEAD_LAST, 8),
	    .min_ms = (int64_t)history_get(in + HEAD_MIN, 8),
	    .max_ms = (int64_t)history_get(in + HEAD_MAX, 8),
	};
	if (out->sections > columns_of(out->type) || out->first > out->last ||
	    (out->type != HISTORY_ITEMS && out->count > HISTORY_BLOCK_ROWS) ||
	    (out->type == HISTORY_ITEMS &&
		(out->sections != 1 || out->last - out->first + 1 != out->count)) ||
	    (out->type == HISTORY_FILTER && (out->sections != 1 || out->count != 0)))
		return false;
	for (unsigned i = 0; i < out->sections; i++) {
		const unsigned char *at = in + HISTORY_HEAD_BYTES + i * HISTORY_SECTION_BYTES;

		out->section[i] = (struct history_section){
		    .column = at[SECTION_COLUMN],
		    .width = at[SECTION_WIDTH],
		    .encoding = (enum history_encoding)at[SECTION_ENCODING],
		    .stored = (uint32_t)history_get(at + SECTION_STORED, 4),
		    .base = history_get(at + SECTION_BASE, 8),
		    .crc = history_get(at + SECTION_CRC, 8),
		};
		if (!is_section(&out->section[i], out))
			return false;
	}
	return true;
}

/* Mends one bit of head and directory in a copy of them. */
static bool head_repair(const struct crc64 *crc, unsigned char *copy, size_t len)
{
	unsigned char joined[HISTORY_HEAD_MAX];
	size_t n = len - (HISTORY_HEAD_BYTES - HEAD_CRC);

	memcpy(joined, copy, HEAD_CRC);
	memcpy(joined + HEAD_CRC, copy + HISTORY_HEAD_BYTES, len - HISTORY_HEAD_BYTES);
	if (!crc64_repair(crc, joined, n, history_get(copy + HEAD_CRC, 8)))
		return false;
	memcpy(copy, joined, HEAD_CRC);
	memcpy(copy + HISTORY_HEAD_BYTES, joined + HEAD_CRC, len - HISTORY_HEAD_BYTES);
	return true;
}

/* The flipped bit may be one of the number of sections, on which the sum's extent hangs. */
static size_t head_read_repaired(
    const struct crc64 *crc, const unsigned char *in, size_t len, struct history_head *out)
{
	unsigned char copy[HISTORY_HEAD_MAX];

	for (int bit = -1; bit < 8; bit++) {
		unsigned flip = bit < 0 ? 0 : 1U << bit, sections = in[HEAD_SECTIONS] ^ flip;
		size_t n = HISTORY_HEAD_BYTES + sections * (size_t)HISTORY_SECTION_BYTES;

		if (sections > HISTORY_COLUMNS || n > len)
			continue;
		memcpy(copy, in, n);
		copy[HEAD_SECTIONS] = (unsigned char)sections;
		if (flip ? head_crc(crc, copy, n) != history_get(copy + HEAD_CRC, 8)
			 : !head_repair(crc, copy, n))
			continue;
		if (copy[HEAD_SECTIONS] == sections &&
		    memcmp(copy, history_head_magic, sizeof history_head_magic) == 0 &&
		    head_values(copy, out))
			return n;
	}
	return 0;
}

size_t history_head_read(const struct crc64 *crc, const unsigned char *in, size_t len,
    struct history_head *out, uint64_t *repaired)
{
	size_t n;

	if (len < HISTORY_HEAD_BYTES)
		return 0;
	n = HISTORY_HEAD_BYTES + in[HEAD_SECTIONS] * (size_t)HISTORY_SECTION_BYTES;
	if (in[HEAD_SECTIONS] <= HISTORY_COLUMNS && n <= len &&
	    memcmp(in, history_head_magic, sizeof history_head_magic) == 0 &&
	    head_crc(crc, in, n) == history_get(in + HEAD_CRC, 8))
		return head_values(in, out) ? n : 0;
	n = repaired ? head_read_repaired(crc, in, len, out) : 0;
	if (n > 0)
		++*repaired;
	return n;
}

uint64_t history_head_payload(const struct history_head *h)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < h->sections; i++)
		bytes += h->section[i].stored;
	return bytes;
}

const struct history_section *history_head_section(const struct history_head *h, unsigned column)
{
	for (unsigned i = 0; i < h->sections; i++)
		if (h->section[i].column == column)
			return &h->section[i];
	return NULL;
}
