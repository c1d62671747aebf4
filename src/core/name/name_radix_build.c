#include "name_radix_private.h"

#include "core/base/array.h"

#include <stdlib.h>

/* So that numbers of pairs, at most as many as entries, have 32 bits to spare. */
#define ENTRIES_MAX ((size_t)1 << 31)

/* Links have 32 bits. */
#define BYTES_MAX ((size_t)UINT32_MAX)

/* In place of the number of a pair: no stored name ends here. */
#define NO_VALUE UINT32_MAX

/* How many names ahead memory is asked for. */
enum { AHEAD = 12 };

/* A node that is written already. */
struct child {
	size_t place;
	unsigned char branch; /* the byte that leads to it */
};

/* A node that waits for further children.  The stack of these is the path from the root to the name
 * added last: names come in order, so what is not on the path is complete, and written. */
struct level {
	size_t depth;    /* bytes of names from their end to the left end of the node's text */
	size_t children; /* where its children begin in the list; they reach to the next level's */
	uint32_t value;
	uint32_t above; /* the `below` value of the closest stored name above it */
};

struct build {
	struct name_radix *tree;
	const struct name_radix_combine *combine;
	struct level *levels;
	size_t level_count, level_capacity;
	struct child *children;
	size_t child_count, child_capacity;
	unsigned char *bytes;
	size_t used, capacity;
};

static bool push_level(struct build *b, struct level level)
{
	if (!ARRAY_ROOM(b->levels, b->level_capacity, b->level_count + 1))
		return false;
	b->levels[b->level_count++] = level;
	return true;
}

static bool push_child(struct build *b, struct child child)
{
	if (!ARRAY_ROOM(b->children, b->child_capacity, b->child_count + 1))
		return false;
	b->children[b->child_count++] = child;
	return true;
}

/* ---- nodes ---------------------------------------------------------------------------- */

static bool make_bytes(struct build *b, size_t size)
{
	return b->used + size <= BYTES_MAX && ARRAY_ROOM(b->bytes, b->capacity, b->used + size);
}

static void put_bytes(struct build *b, const void *bytes, size_t n)
{
	if (n)
		memcpy(b->bytes + b->used, bytes, n);
	b->used += n;
}

static void put_number(struct build *b, size_t number, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		b->bytes[b->used++] = (unsigned char)(number >> 8 * i);
}

static void put_zeros(struct build *b, size_t n)
{
	memset(b->bytes + b->used, 0, n);
	b->used += n;
}

static unsigned width_of(size_t number)
{
	unsigned width = 1;

	while (width < 4 && number >> 8 * width)
		width++;
	return width;
}

/* What is known of a node before it is written. */
struct shape {
	unsigned links, value; /* widths */
	bool table;
	unsigned count; /* of branches, or of the table */
	size_t size;
};

static struct shape shape_of(
    const struct build *b, size_t text, uint32_t value, const struct child *children, size_t n)
{
	struct shape s = {.count = (unsigned)n, .size = 2 + text};

	if (value != NO_VALUE)
		s.value = value <= UINT16_MAX ? 2 : 4;
	s.size += s.value;
	if (n == 0)
		return s;
	/* The node may have to begin up to a line later. */
	s.links = width_of(b->used + NAME_RADIX_LINE - children[0].place);
	s.table = n > NAME_RADIX_BRANCHES_MAX;
	if (s.table)
		s.count = children[n - 1].branch - children[0].branch + 1u;
	s.size += 1 + (s.table ? 1 : n) + (size_t)s.count * s.links;
	return s;
}

/* What stands behind the text. */
static void put_children(
    struct build *b, size_t place, const struct shape *s, const struct child *children, size_t n)
{
	unsigned byte = children[0].branch;

	if (s->table) {
		put_number(b, byte, 1);
	} else {
		for (size_t i = 0; i < n; i++)
			put_number(b, children[i].branch, 1);
	}
	for (size_t i = 0; i < n; i++, byte++) {
		for (; s->table && byte < children[i].branch; byte++)
			put_number(b, 0, s->links);
		put_number(b, place - children[i].place, s->links);
	}
}

/* Writes a node whose children are those in the list from `from` on, and takes these off it; false
 * when out of memory.  One with children that would lie in two cache lines and fits into one
 * begins with the next. */
static bool write_node(
    struct build *b, struct slice text, uint32_t value, size_t from, size_t *place)
{
	size_t n = b->child_count - from, offset = b->used % NAME_RADIX_LINE;
	const struct child *children = n > 0 ? b->children + from : NULL;
	struct shape s = shape_of(b, text.len, value, children, n);

	if (!make_bytes(b, NAME_RADIX_LINE + s.size + NAME_RADIX_MARGIN))
		return false;
	if (n > 0 && s.size <= NAME_RADIX_LINE && offset + s.size > NAME_RADIX_LINE)
		put_zeros(b, NAME_RADIX_LINE - offset);
	*place = b->used;
	put_number(
	    b, s.links | s.value << NAME_RADIX_VALUE_SHIFT | (s.table ? NAME_RADIX_TABLE : 0), 1);
	put_number(b, text.len, 1);
	put_number(b, value, s.value);
	if (n > 0)
		put_number(b, s.count - 1, 1);
	put_bytes(b, text.ptr, text.len);
	if (n > 0)
		put_children(b, *place, &s, children, n);
	b->child_count = from;
	return true;
}

/* Writes a level with the text that leads to it, in several nodes if it is long. */
static bool write_level(
    struct build *b, const struct level *level, struct slice text, size_t *place)
{
	uint32_t value = level->value;

	while (text.len > NAME_RADIX_TEXT_MAX) {
		struct child rest = {.branch = (unsigned char)text.ptr[NAME_RADIX_TEXT_MAX]};

		if (!write_node(b, slice_of(text.ptr, NAME_RADIX_TEXT_MAX), value, level->children,
			&rest.place) ||
		    !push_child(b, rest))
			return false;
		value = NO_VALUE;
		text = slice_skip(text, NAME_RADIX_TEXT_MAX + 1);
	}
	return write_node(b, text, value, level->children, place);
}

/* ---- the path ------------------------------------------------------------------------- */

/* How many bytes two names have in common at their ends. */
static size_t common(struct slice a, struct slice b)
{
	size_t most = a.len < b.len ? a.len : b.len, n = 0;

	for (; most - n >= 8; n += 8) {
		uint64_t differ = name_radix_word(a, a.len - n) ^ name_radix_word(b, b.len - n);

		if (differ)
			return n + (unsigned)__builtin_clzll(differ) / 8;
	}
	while (n < most && a.ptr[a.len - n - 1] == b.ptr[b.len - n - 1])
		n++;
	return n;
}

/* Writes the levels of the path to `name` that are deeper than `depth`, the deepest first, and
 * leaves a level of this depth on top; false when out of memory. */
static bool close_levels(struct build *b, struct slice name, size_t depth)
{
	while (b->levels[b->level_count - 1].depth > depth) {
		struct level *level = &b->levels[b->level_count - 1];
		size_t parent = level[-1].depth > depth ? level[-1].depth : depth;
		struct slice text =
		    slice_of(name.ptr + name.len - level->depth, level->depth - parent - 1);
		struct child child = {.branch = (unsigned char)text.ptr[text.len]};

		if (!write_level(b, level, text, &child.place))
			return false;
		if (level[-1].depth < depth) {
			level->depth = depth;
			level->value = NO_VALUE;
		} else {
			b->level_count--;
		}
		if (!push_child(b, child))
			return false;
	}
	return true;
}

/* Adds the name of entries[0..n), which comes behind all names added before. */
static bool add_name(struct build *b, const struct name_radix_entry *entries, size_t n)
{
	struct slice name = entries->name;
	const struct level *parent = &b->levels[b->level_count - 1];
	struct level own = {name.len, b->child_count, NO_VALUE, parent->above};

	if (parent->value != NO_VALUE && name.ptr[name.len - parent->depth - 1] == '.')
		own.above = b->tree->pairs.list[parent->value].below;
	return name_radix_pairs_number(&b->tree->pairs,
		   b->combine->value(b->combine->context, own.above, entries, n), &own.value) &&
	       push_level(b, own);
}

/* Adds the names one after the other and writes what is below the root. */
static bool add_names(struct build *b, const struct name_radix_entry *sorted, size_t n)
{
	for (size_t from = 0, to = 1; to <= n; to++) {
		struct slice name = sorted[from].name;
		size_t shared = 0;

		if (to + AHEAD < n)
			__builtin_prefetch(sorted[to + AHEAD].name.ptr);
		if (to < n)
			shared = common(name, sorted[to].name);
		if (to < n && shared == name.len && shared == sorted[to].name.len)
			continue;
		if (!add_name(b, sorted + from, to - from) || !close_levels(b, name, shared))
			return false;
		from = to;
	}
	return true;
}

/* Moves the nodes to memory of their size that begins with a cache line. */
static bool keep_nodes(struct build *b, size_t root)
{
	size_t size = b->used + NAME_RADIX_MARGIN;
	struct name_radix *t = b->tree;

	t->bytes = (size + NAME_RADIX_LINE - 1) / NAME_RADIX_LINE * NAME_RADIX_LINE;
	t->memory = aligned_alloc(NAME_RADIX_LINE, t->bytes);
	if (!t->memory)
		return false;
	memcpy(t->memory, b->bytes, b->used);
	memset(t->memory + b->used, 0, t->bytes - b->used);
	t->root = t->memory + root;
	return true;
}

static bool build(struct build *b, const struct name_radix_entry *sorted, size_t n)
{
	struct level root = {.value = NO_VALUE, .above = b->combine->none};
	size_t place;

	if (!make_bytes(b, NAME_RADIX_MARGIN) || !push_level(b, root))
		return false;
	put_zeros(b, NAME_RADIX_MARGIN);
	return add_names(b, sorted, n) && write_level(b, &root, slice_of(NULL, 0), &place) &&
	       keep_nodes(b, place);
}

/* Moves the entries that have a name to the front, in order; their number. */
static size_t drop_empty(struct name_radix_entry *entries, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (entries[i].name.len != 0)
			entries[kept++] = entries[i];
	return kept;
}

struct name_radix *name_radix_build(
    struct name_radix_entry *entries, size_t n, const struct name_radix_combine *combine)
{
	struct build b = {.combine = combine};
	struct name_radix_entry *sorted = NULL;

	n = drop_empty(entries, n);
	if (n > ENTRIES_MAX)
		return NULL;
	b.tree = calloc(1, sizeof *b.tree);
	if (!b.tree)
		return NULL;
	b.tree->none = combine->none;
	if (n > 0)
		sorted = name_radix_sorted(entries, n);
	if (n == 0 || (sorted && build(&b, sorted, n)))
		name_radix_pairs_trim(&b.tree->pairs);
	else
		name_radix_free(&b.tree);
	free(sorted);
	free(b.levels);
	free(b.children);
	free(b.bytes);
	return b.tree;
}
