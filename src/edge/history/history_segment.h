#ifndef HISTORY_SEGMENT_H
#define HISTORY_SEGMENT_H
/*
 * history_segment: one segment as a reader has it, whoever writes it meanwhile.
 *
 *     s = history_segment_open(&coder, directory, name, &damage, why);   // its header
 *     history_segment_load(s)                                            // its blocks and items
 *     for (i = 0; i < s->block_count; i++)
 *             if (s->blocks[i].type == HISTORY_ROWS && history_segment_rows(s, i, columns, &rows))
 *                     ... rows.value[HISTORY_SENDER][0 … rows.count - 1] ...
 *
 * Files are read, not mapped: a file that somebody cuts short, or a disk that fails, is then an
 * error, where a mapping would end the process that answers mail.
 *
 * What is damaged is left out, mended where it is a flipped bit, and counted; behind it the reader
 * goes on with the next block that is whole.  One thread at a time.
 */
#include "core/history/history_row.h"
#include "history_block.h"

struct history_damage {
	uint64_t repaired; /* flipped bits */
	uint64_t blocks;   /* of rows, items or counts that could not be read */
	uint64_t rows;     /* lost with them, or since an item that they need is lost */
	uint64_t torn;     /* bytes that are no block: the end of a write that was cut off */
};

/* Adds what another reader has found. */
void history_damage_add(struct history_damage *, const struct history_damage *other);

struct history_block {
	uint64_t at; /* in the file, of its head */
	enum history_block_type type;
	uint32_t count;
	uint64_t first, last;
	int64_t min_ms, max_ms;
};

/* The columns of one block; all have room for HISTORY_BLOCK_ROWS. */
struct history_rows {
	size_t count;
	uint64_t *value[HISTORY_COLUMNS];
};

enum { HISTORY_NAME_MAX = 64, HISTORY_WHY_MAX = 320 };

struct history_segment {
	char name[HISTORY_NAME_MAX];
	int fd;
	uint64_t size;
	struct history_header header;
	bool indexed, counted, loaded;
	struct history_block *blocks;
	size_t block_count, block_room;
	struct history_items items;
	/* of counts: by number, sorted */
	struct history_count *counts;
	size_t count_count;
	/* of results: by number, sorted */
	struct history_result *results;
	size_t result_count;
	struct history_coder *coder;
	struct history_damage *damage;
	struct history_buffer section; /* the one that is read */
	struct history_buffer filter;  /* empty: not read, or none */
};

struct history_count {
	uint64_t number, more;
	int64_t last_ms;
};

/* What stands in the columns of a row instead. */
struct history_result {
	uint64_t value[HISTORY_RESULT_COLUMNS];
};

/* NULL, and the reason in why[]; errno is ENOENT when it was removed meanwhile. */
struct history_segment *history_segment_open(struct history_coder *, int directory,
    const char *name, struct history_damage *, char why[HISTORY_WHY_MAX]);
void history_segment_close(struct history_segment **);

/* Finds all blocks, reads items, counts and results; once.  False when out of memory. */
bool history_segment_load(struct history_segment *);

/* Finds the blocks and reads counts only, for history_segment_count(). */
bool history_segment_load_counts(struct history_segment *);

/* Whether rows with this name, address or client may be there: false only where a filter says so.
 */
bool history_segment_may_have(struct history_segment *, struct slice key);

/* Finds the blocks only, without items: for a look at numbers. */
bool history_segment_index(struct history_segment *);

/* The columns (bits 1 << history_column) of a block of rows, once it is loaded with the results
 * that were found later; false when one is damaged.  Where there are such, the number is read, too.
 */
bool history_segment_rows(
    struct history_segment *, size_t block, unsigned columns, struct history_rows *);

/* Adds to a row what it stands for beside itself; one that is an example stands for itself. */
void history_segment_count(const struct history_segment *, struct decision_row *);

/* All columns of row i as history_row_unpack() takes them. */
static inline void history_rows_values(
    const struct history_rows *rows, size_t i, uint64_t values[HISTORY_COLUMNS])
{
	for (int c = 0; c < HISTORY_COLUMNS; c++)
		values[c] = rows->value[c][i];
}

enum { HISTORY_ALL_COLUMNS = (1 << HISTORY_COLUMNS) - 1 };

/* False when out of memory. */
bool history_rows_create(struct history_rows *);
void history_rows_free(struct history_rows *);

#endif
