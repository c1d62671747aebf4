#ifndef CORE_BASE_WORD_H
#define CORE_BASE_WORD_H
/*
 * word: enumerations as words: the values of an option, as they are written and read.
 *
 *     const struct word modes[] = {{"enforce", 0}, {"monitor", 1}, {NULL, 0}};
 *     word_find(modes, SLICE("monitor"))->value       // 1
 *     word_of(modes, 1)                               // "monitor"
 *
 * A table ends in {NULL, 0} and is searched from its start: for configurations, commands and
 * reports, not for the path of mail.  Safe in any thread.
 */
#include "core/base/slice.h"

struct line;

struct word {
	const char *word;
	int value;
};

/* The row of a word; NULL when the table has none. */
const struct word *word_find(const struct word *words, struct slice text);

/* The word of a value; "" when the table has none.  A static string. */
const char *word_of(const struct word *words, int value);

/* Of words with commas between them the bits 1 << value; 0 when one of them is not in the table. */
unsigned word_bits(const struct word *words, struct slice text);

/* The other way, in the order of the table. */
void word_append_bits(
    struct line *, const struct word *words, unsigned bits, const char *separator);

#endif
