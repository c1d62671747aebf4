#include "core/name/name_radix_cursor.h"

#include "core/base/array.h"
#include "name_radix_private.h"

#include <stdlib.h>

/* One node of the path from the root; its children are `next` to `count`. */
struct name_radix_frame {
	const unsigned char *node;
	const unsigned char *children; /* behind the text */
	unsigned next, count;
	size_t len; /* of the text from the root through this node */
	bool stored;
	struct name_radix_values values;
};

struct name_radix_cursor name_radix_cursor_start(const struct name_radix *tree)
{
	return (struct name_radix_cursor){.tree = tree};
}

void name_radix_cursor_end(struct name_radix_cursor *c)
{
	free(c->frames);
	free(c->text);
	*c = (struct name_radix_cursor){.failed = c->failed};
}

static uint32_t number_at(const unsigned char *p, unsigned width)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < width; i++)
		n |= (uint32_t)p[i] << 8 * i;
	return n;
}

/* Room for one more frame and `more` bytes of text. */
static bool make_room(struct name_radix_cursor *c, size_t more)
{
	c->failed = !ARRAY_ROOM(c->frames, c->frame_capacity, c->depth + 1) ||
		    !ARRAY_ROOM(c->text, c->text_capacity, c->len + more);
	return !c->failed;
}

/* Goes down to a node; its text is put behind what is there. */
static bool push(struct name_radix_cursor *c, const unsigned char *node)
{
	unsigned head = node[0], length = node[1];
	unsigned width = (head & NAME_RADIX_VALUE) >> NAME_RADIX_VALUE_SHIFT;
	const unsigned char *p = node + 2 + width;
	bool has_children = (head & NAME_RADIX_LINKS) != 0;
	struct name_radix_frame *f;

	if (!make_room(c, length + 1u))
		return false;
	f = &c->frames[c->depth++];
	*f = (struct name_radix_frame){.node = node, .count = has_children ? 1u + *p : 0};
	p += has_children;
	for (unsigned i = length; i > 0; i--)
		c->text[c->len++] = (char)p[i - 1];
	f->children = p + length;
	f->len = c->len;
	f->stored = width > 0;
	if (f->stored)
		f->values = c->tree->pairs.list[number_at(node + 2, width)];
	return true;
}

/* The next child of the deepest node, and the byte that leads to it; NULL behind the last. */
static const unsigned char *next_child(struct name_radix_frame *f, char *byte)
{
	unsigned head = f->node[0], width = head & NAME_RADIX_LINKS;
	bool table = (head & NAME_RADIX_TABLE) != 0;
	const unsigned char *links = f->children + (table ? 1 : f->count);

	while (f->next < f->count) {
		unsigned i = f->next++;
		uint32_t link = number_at(links + i * width, width);

		if (link == 0)
			continue;
		*byte = (char)(table ? f->children[0] + i : f->children[i]);
		return f->node - link;
	}
	return NULL;
}

/* Names above are those that end in front of a '.'. */
static uint32_t value_above(const struct name_radix_cursor *c)
{
	for (size_t i = c->depth - 1; i > 0; i--) {
		const struct name_radix_frame *f = &c->frames[i - 1];

		if (f->stored && f->len < c->len && c->text[f->len] == '.')
			return f->values.below;
	}
	return c->tree->none;
}

static bool is_at_name(struct name_radix_cursor *c)
{
	const struct name_radix_frame *f = &c->frames[c->depth - 1];

	if (!f->stored)
		return false;
	c->reversed = slice_of(c->text, c->len);
	c->values = f->values;
	c->above = value_above(c);
	return true;
}

bool name_radix_cursor_next(struct name_radix_cursor *c)
{
	if (!c->tree || !c->tree->root || c->failed)
		return false;
	if (!c->frames) {
		if (!push(c, c->tree->root))
			return false;
		if (is_at_name(c))
			return true;
	}
	while (c->depth > 0) {
		struct name_radix_frame *f = &c->frames[c->depth - 1];
		const unsigned char *child;
		char byte;

		c->len = f->len;
		child = next_child(f, &byte);
		if (!child) {
			c->depth--;
			continue;
		}
		/* push() left room for this byte. */
		c->text[c->len++] = byte;
		if (!push(c, child))
			return false;
		if (is_at_name(c))
			return true;
	}
	return false;
}
