#ifndef CORE_NAME_NAME_RADIX_CURSOR_H
#define CORE_NAME_NAME_RADIX_CURSOR_H
/*
 * name_radix_cursor: iterator over the stored names of a name_radix.
 *
 *     struct name_radix_cursor c = name_radix_cursor_start(tree);
 *     while (name_radix_cursor_next(&c))
 *             ... c.reversed, c.values, c.above ...
 *     name_radix_cursor_end(&c);
 *
 * Names come in the order of their bytes from right to left, so "com", "example.com", "org": two
 * trees are compared by walking both side by side (slice_compare of `reversed`), in time that is
 * linear in their nodes and without a copy of either.
 *
 * Belongs to one thread; the tree must stay until the end.
 */
#include "core/name/name_radix.h"

struct name_radix_frame;

struct name_radix_cursor {
	/* Of the current name: its bytes from the last to the first, until the next step. */
	struct slice reversed;
	struct name_radix_values values;
	uint32_t above; /* the `below` value of its closest stored ancestor */
	bool failed;    /* out of memory: the walk ended early */

	const struct name_radix *tree;
	struct name_radix_frame *frames;
	size_t depth, frame_capacity;
	char *text;
	size_t len, text_capacity;
};

/* In front of the first name; NULL is a tree without names. */
struct name_radix_cursor name_radix_cursor_start(const struct name_radix *);

/* False behind the last name, and when out of memory. */
bool name_radix_cursor_next(struct name_radix_cursor *);

void name_radix_cursor_end(struct name_radix_cursor *);

#endif
