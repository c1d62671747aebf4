#include "core/name/literal_set.h"

#include <stdlib.h>

/* A node is a beginning of some literal.  Those of one depth stand together, and so do the children
 * of one node, sorted by their octet. */
struct node {
	uint32_t fail;   /* its longest end that is a node, too */
	uint32_t report; /* the nearest of itself and these that is a whole literal; 0: none */
	uint32_t child, ids;
	uint32_t id_count; /* of a whole literal: whose it is */
	uint16_t children;
};

struct literal_set {
	struct node *nodes; /* [0] is the root */
	unsigned char *octets;
	uint32_t *ids; /* of literals in sorted order */
	size_t node_count, id_count;
	uint32_t root[256]; /* its children; 0: none */
};

/* ---- building ------------------------------------------------------------------------ */

static int compare(const void *one, const void *other)
{
	const struct literal *a = one, *b = other;
	int order = slice_compare(a->text, b->text);

	return order ? order : (a->id > b->id) - (a->id < b->id);
}

/* The sorted literals that begin as a node says. */
struct span {
	size_t from, to;
};

/* Makes the children of a node out of its literals, which agree in the first `depth` octets. */
static void branch(struct literal_set *s, struct span *spans, const struct literal *literals,
    uint32_t at, size_t depth)
{
	struct node *n = &s->nodes[at];
	size_t i = spans[at].from, to = spans[at].to;

	n->ids = (uint32_t)i;
	while (i < to && literals[i].text.len == depth)
		i++;
	n->id_count = (uint32_t)(i - spans[at].from);
	n->child = (uint32_t)s->node_count;
	while (i < to) {
		unsigned char c = (unsigned char)literals[i].text.ptr[depth];
		size_t from = i;

		while (i < to && (unsigned char)literals[i].text.ptr[depth] == c)
			i++;
		spans[s->node_count] = (struct span){from, i};
		s->octets[s->node_count++] = c;
		n->children++;
	}
}

static uint32_t child_of(const struct literal_set *s, uint32_t at, unsigned char c)
{
	const struct node *n = &s->nodes[at];
	const unsigned char *octets = s->octets + n->child, *found;

	if (at == 0)
		return s->root[c];
	if (n->children == 1)
		return octets[0] == c ? n->child : 0;
	found = n->children ? memchr(octets, c, n->children) : NULL;
	return found ? n->child + (uint32_t)(found - octets) : 0;
}

/* The node to go on with after octet c. */
static uint32_t step(const struct literal_set *s, uint32_t at, unsigned char c)
{
	uint32_t next;

	while ((next = child_of(s, at, c)) == 0 && at != 0)
		at = s->nodes[at].fail;
	return next;
}

static void link_children(struct literal_set *s, uint32_t at)
{
	const struct node *n = &s->nodes[at];

	for (uint32_t i = n->child; i < n->child + n->children; i++) {
		struct node *child = &s->nodes[i];

		child->fail = at == 0 ? 0 : step(s, n->fail, s->octets[i]);
		child->report = child->id_count > 0 ? i : s->nodes[child->fail].report;
	}
}

/* Breadth first, so that what a node fails to is there before it. */
static void build(
    struct literal_set *s, struct span *spans, const struct literal *literals, size_t count)
{
	size_t depth = 0, end_of_depth = 1;

	spans[0] = (struct span){0, count};
	s->node_count = 1;
	for (uint32_t at = 0; at < s->node_count; at++) {
		if (at == end_of_depth) {
			end_of_depth = s->node_count;
			depth++;
		}
		branch(s, spans, literals, at, depth);
	}
	for (uint32_t i = 0; i < s->nodes[0].children; i++)
		s->root[s->octets[s->nodes[0].child + i]] = s->nodes[0].child + i;
	for (uint32_t at = 0; at < s->node_count; at++)
		link_children(s, at);
	for (size_t i = 0; i < count; i++)
		s->ids[i] = literals[i].id;
	s->id_count = count;
}

struct literal_set *literal_set_build(struct literal *literals, size_t count)
{
	struct literal_set *s = calloc(1, sizeof *s);
	struct span *spans;
	size_t most = 1;

	if (!s)
		return NULL;
	for (size_t i = 0; i < count; i++)
		most += literals[i].text.len;
	if (count > 0)
		qsort(literals, count, sizeof *literals, compare);
	spans = calloc(most, sizeof *spans);
	s->nodes = calloc(most, sizeof *s->nodes);
	s->octets = calloc(most, 1);
	s->ids = calloc(count + 1, sizeof *s->ids);
	if (spans && s->nodes && s->octets && s->ids)
		build(s, spans, literals, count);
	else
		literal_set_free(&s);
	free(spans);
	return s;
}

void literal_set_free(struct literal_set **s)
{
	if (!*s)
		return;
	free((*s)->nodes);
	free((*s)->octets);
	free((*s)->ids);
	free(*s);
	*s = NULL;
}

size_t literal_set_bytes(const struct literal_set *s)
{
	return sizeof *s + s->node_count * (sizeof *s->nodes + 1) + s->id_count * sizeof *s->ids;
}

/* ---- looking up ---------------------------------------------------------------------- */

/* The octet that stands for the character at *at, which is stepped over. */
static unsigned char take_octet(struct slice text, size_t *at)
{
	struct slice rest = slice_of(text.ptr + *at, text.len - *at);

	if ((unsigned char)rest.ptr[0] < 0x80) {
		++*at;
		return (unsigned char)slice_lower(rest.ptr[0]);
	}
	if (slice_starts(rest, SLICE("\xc5\xbf"))) {
		*at += 2;
		return 's';
	}
	if (slice_starts(rest, SLICE("\xe2\x84\xaa"))) {
		*at += 3;
		return 'k';
	}
	++*at;
	return (unsigned char)rest.ptr[0];
}

static bool add_id(uint32_t *ids, size_t *count, size_t max, uint32_t id)
{
	for (size_t i = 0; i < *count; i++)
		if (ids[i] == id)
			return true;
	if (*count == max)
		return false;
	ids[(*count)++] = id;
	return true;
}

size_t literal_set_find(const struct literal_set *s, struct slice text, uint32_t *ids, size_t max)
{
	size_t count = 0, i = 0;
	uint32_t at = 0;

	while (i < text.len) {
		at = step(s, at, take_octet(text, &i));
		for (uint32_t n = s->nodes[at].report; n; n = s->nodes[s->nodes[n].fail].report)
			for (uint32_t k = 0; k < s->nodes[n].id_count; k++)
				if (!add_id(ids, &count, max, s->ids[s->nodes[n].ids + k]))
					return max + 1;
	}
	return count;
}
