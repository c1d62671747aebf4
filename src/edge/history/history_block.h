#ifndef HISTORY_BLOCK_H
#define HISTORY_BLOCK_H
/*
 * history_block: columns of numbers, or items, as the bytes of one block, and back.
 *
 *     struct history_columns c = {0};
 *     history_columns_add(&c, values);                     // a row: one number for each column
 *     history_block_rows(&coder, &c, HISTORY_ROWS, &out);  // head, directory, sections
 *
 * A column that is 0 in all rows is left out, one that is the same in all has no bytes.
 */
#include "core/history/history_format.h"
#include "history_zstd.h"

/* What making and reading blocks needs.  One thread at a time. */
struct history_coder {
	struct crc64 crc;
	struct history_zstd zstd;
	bool compress; /* sections of blocks that are made */
	struct history_buffer scratch;
	/* Of a segment that was closed, for the next: tens of megabytes that would be given back.
	 */
	struct history_buffer spare_items, spare_section;
};

void history_coder_init(struct history_coder *, bool compress);
void history_coder_free(struct history_coder *);

/* Rows, column by column. */
struct history_columns {
	unsigned columns;
	size_t count, room;
	uint64_t *value[HISTORY_COLUMNS];
};

/* False when out of memory; the rows are as they were. */
bool history_columns_add(struct history_columns *, const uint64_t values[]);
void history_columns_free(struct history_columns *);

/*
 * Appends one block with the rows from..from+count; false when out of memory, and *out is as it
 * was.  Of counts the first column is the row's number and the third its last time; of rows the
 * first two; results have no time.
 */
bool history_block_rows(struct history_coder *, const struct history_columns *, size_t from,
    size_t count, enum history_block_type, struct history_buffer *out);

/* The same with items, as the dictionary encodes them. */
bool history_block_items(struct history_coder *, uint64_t first, uint32_t count,
    struct slice encoded, struct history_buffer *out);

/* The same with a filter. */
bool history_block_filter(
    struct history_coder *, const unsigned char *bits, size_t bytes, struct history_buffer *out);

/*
 * The bytes of a section as they were before they were compressed: in `stored` itself or in the
 * coder's scratch.  A flipped bit is mended in `stored`, and counted.  NULL when it is damaged.
 */
const unsigned char *history_section_bytes(struct history_coder *, const struct history_section *,
    size_t raw, unsigned char *stored, uint64_t *repaired);

/* The same, into the caller's `out` of `raw` bytes; false when it is damaged. */
bool history_section_restore(struct history_coder *, const struct history_section *,
    unsigned char *stored, unsigned char *out, size_t raw, uint64_t *repaired);

/* The numbers of a column from such bytes. */
void history_section_values(
    const struct history_section *, const unsigned char *bytes, size_t count, uint64_t *out);

#endif
