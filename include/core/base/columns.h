#ifndef CORE_BASE_COLUMNS_H
#define CORE_BASE_COLUMNS_H
/*
 * columns: a table of text that is as wide as its content, and never wider than the screen.
 *
 *     struct column c[] = {{"RULE", .min = 8, .shrink = 1}, {"/s", .right = true}};
 *     for each cell: columns_measure(&c[i], cell);
 *     columns_fit(c, 2, 80);
 *     columns_row(c, 2, cells, line);             // "dialup        12"
 *
 * A column begins as wide as its head and its longest cell.  When all together are too wide,
 * columns shrink to their min, those of `shrink` 1 first, then 2; where that would not do, columns
 * that may be left out go, the last of them first.  Then those of 3 and above shrink (0: never),
 * and at last all that may, to one.  Cells that are too long are cut, with a '~' at the end. Widths
 * count characters of UTF-8, each as one column.
 */
#include <stdbool.h>
#include <stddef.h>

struct column {
	const char *head;
	unsigned min, shrink;
	bool right;     /* numbers */
	bool optional;  /* may be left out */
	bool hidden;    /* is left out */
	unsigned width; /* 0 after columns_fit(): it is left out */
};

/* Makes the column wide enough for the cell. */
void columns_measure(struct column *, const char *cell);

/* Heads are measured here. */
void columns_fit(struct column *, size_t n, unsigned width);

/* Writes one row, without blanks at its end; cells NULL: the heads.  Returns line. */
enum { COLUMNS_LINE_MAX = 4096 };
const char *columns_row(
    const struct column *, size_t n, const char *const *cells, char line[COLUMNS_LINE_MAX]);

/* Characters of UTF-8. */
size_t columns_length(const char *text);

#endif
