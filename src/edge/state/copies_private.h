#ifndef COPIES_PRIVATE_H
#define COPIES_PRIVATE_H
/* copies: what reading (copies.c), the index (copies_index.c) and saving (copies_save.c) share. */
#include "edge/os/statedir.h"
#include "edge/state/copies.h"

#define COPIES_NAME  "copies"
#define COPIES_INDEX "index"

/* Sets that are read and written: a hundred thousand lists and feeds. */
#define COPIES_STRINGS_MAX ((size_t)128 << 20)

/* "18446744073709551615" */
enum { COPY_NAME_MAX = 24 };

/* The name of a copy in its directory; returns out. */
const char *copy_name(uint64_t number, char out[COPY_NAME_MAX]);

/* Empty, with the directory. */
struct copies *copies_create(const char *directory);

/* The index as text, in the arena; empty when out of memory. */
struct slice copies_format(const struct copies *, struct arena *);

/* Fills a set of copies from the text; false when it is damaged. */
bool copies_parse(struct copies *, struct slice text);

#endif
