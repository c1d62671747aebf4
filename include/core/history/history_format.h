#ifndef CORE_HISTORY_HISTORY_FORMAT_H
#define CORE_HISTORY_HISTORY_FORMAT_H
/*
 * history_format: what a segment of the history is made of, versions 1 and 2; susmilter-history(5)
 * is the same for people.
 *
 *     segment   header, then blocks
 *     block     head, a directory of sections, then the sections
 *     section   one column of the block's rows; or items of the dictionary
 *
 * All numbers are little endian.  A column is fixed-width: the bytes that its largest value needs
 * above the smallest one, which stands in the directory as `base`.  Strings, clients and verdicts
 * are items of the segment's dictionary, and columns hold their numbers, so that a scan judges each
 * of them once.  Header, heads and sections each have a CRC-64, by which a reader knows what is
 * damaged and mends a flipped bit.
 *
 * A segment is written block by block while it is open.  Sealed, it has the same items and rows in
 * few large blocks, later compressed with zstd.
 *
 * Version 2 has results: SPF, DKIM and DMARC of rows that stand in the file already, found after
 * they were written.  They are in open segments alone: sealed, they stand in their rows, so that a
 * sealed segment is one of version 1, whatever wrote it.
 *
 * Pure functions over bytes.
 */
#include "core/base/crc64.h"
#include "core/base/slice.h"

enum { HISTORY_VERSION_SEALED = 1, HISTORY_VERSION_OPEN = 2 };

/* Rows of refusals and rows of accepted mail have segments of their own. */
enum history_half { HISTORY_REFUSED, HISTORY_ACCEPTED, HISTORY_HALVES };

enum history_state { HISTORY_OPEN, HISTORY_SEALED, HISTORY_COMPRESSED, HISTORY_STATES };

enum history_block_type {
	HISTORY_ITEMS = 1,
	HISTORY_ROWS = 2,
	HISTORY_COUNTS = 3,
	HISTORY_FILTER = 4, /* what can be asked for (history_filter.h) */
	HISTORY_RESULTS = 5,
};

enum history_encoding { HISTORY_RAW, HISTORY_ZSTD, HISTORY_ENCODINGS };

/* The columns of a row.  Numbers of items are below HISTORY_ITEM_FIRST where there is no text, and
 * are then a fact_state. */
enum history_column {
	HISTORY_NUMBER, /* of the row in its run */
	HISTORY_TIME,   /* milliseconds since the epoch */
	HISTORY_SESSION,
	HISTORY_QUEUE_ID,
	HISTORY_CLIENT, /* an item of client, its place and its name */
	HISTORY_HELO,
	HISTORY_SENDER,
	HISTORY_FROM,
	HISTORY_RECIPIENT,
	HISTORY_VERDICT, /* an item of verdict and reply */
	HISTORY_AUTH,
	HISTORY_DKIM,
	HISTORY_AUTHOR_WHY,
	HISTORY_SPF,
	HISTORY_AUTHOR,
	HISTORY_DMARC,
	HISTORY_TLS,
	HISTORY_FLAGS,
	HISTORY_TOOK,        /* microseconds */
	HISTORY_TRANSACTION, /* of the session, from 1 */
	HISTORY_COLUMNS
};

/* The columns of a block of counts: rows that stand for more decisions than themselves. */
enum { HISTORY_COUNT_NUMBER, HISTORY_COUNT_MORE, HISTORY_COUNT_LAST, HISTORY_COUNT_COLUMNS };

/* The columns of a block of results: a row's number, and what then stands in its columns of the
 * same names; its flags have ROW_EVALUATED beside. */
enum {
	HISTORY_RESULT_NUMBER,
	HISTORY_RESULT_DKIM,
	HISTORY_RESULT_SPF,
	HISTORY_RESULT_DMARC,
	HISTORY_RESULT_COLUMNS
};

enum { HISTORY_ITEM_FIRST = 8 };

enum history_item {
	HISTORY_TEXT,
	HISTORY_CLIENT_ITEM,
	HISTORY_VERDICT_ITEM,
	HISTORY_ID_ITEM, /* of a session or in a queue: a text that no search looks at */
	HISTORY_ITEM_KINDS
};

/* What a reader takes: more rows or bytes in one block are damage. */
enum { HISTORY_BLOCK_ROWS = 65536 };
#define HISTORY_SECTION_MAX ((size_t)16 << 20)

enum { HISTORY_HEADER_BYTES = 96, HISTORY_HEAD_BYTES = 56, HISTORY_SECTION_BYTES = 24 };
enum { HISTORY_HEAD_MAX = HISTORY_HEAD_BYTES + HISTORY_COLUMNS * HISTORY_SECTION_BYTES };

struct history_header {
	enum history_half half;
	enum history_state state;
	uint16_t node;
	uint32_t run;  /* which start of the writer, in seconds: HISTORY_RUN_EPOCH */
	uint32_t part; /* of the run, from 1 */
	int64_t created_ms;
	/* Of a segment that is sealed, otherwise 0. */
	uint64_t rows;
	uint64_t first, last; /* row numbers */
	int64_t min_ms, max_ms;
	uint64_t items;  /* the number behind the last one */
	uint64_t filter; /* where its block stands; 0: nowhere */
};

struct history_section {
	uint8_t column, width;
	enum history_encoding encoding;
	uint32_t stored; /* bytes in the file */
	uint64_t base;   /* of items and filters: bytes when not compressed */
	uint64_t crc;    /* of the stored bytes */
};

struct history_head {
	enum history_block_type type;
	unsigned sections;
	uint32_t count; /* rows or items */
	uint64_t first; /* the lowest row number, or the first item's */
	uint64_t last;
	int64_t min_ms, max_ms;
	struct history_section section[HISTORY_COLUMNS];
};

static inline void history_put(unsigned char *at, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		at[i] = (unsigned char)(value >> (8 * i));
}

static inline uint64_t history_get(const unsigned char *at, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}

void history_header_write(
    const struct crc64 *, const struct history_header *, unsigned char out[HISTORY_HEADER_BYTES]);

/* NULL, or what is wrong; a flipped bit is mended in the bytes, and *repaired counted. */
const char *history_header_read(const struct crc64 *, unsigned char in[HISTORY_HEADER_BYTES],
    struct history_header *out, uint64_t *repaired);

/* Returns the bytes written. */
size_t history_head_write(
    const struct crc64 *, const struct history_head *, unsigned char out[HISTORY_HEAD_MAX]);

/* The head at in[len]; 0 when there is none, else its bytes.  repaired NULL: nothing is mended. */
size_t history_head_read(const struct crc64 *, const unsigned char *in, size_t len,
    struct history_head *out, uint64_t *repaired);

/* Bytes of the sections behind a head. */
uint64_t history_head_payload(const struct history_head *);

/* The section of this column, or NULL: all its values are 0. */
const struct history_section *history_head_section(const struct history_head *, unsigned column);

/* The first bytes of every head, by which it is found behind damage. */
extern const unsigned char history_head_magic[4];

#endif
