#include "bench/triedump.h"

#include <stdio.h>
#include <stdlib.h>

/* The runs of one family, as the tree is made from them. */
struct run {
	struct ip first;
	uint32_t value;
};

struct tree {
	struct run *runs;
	size_t n, room;
	enum ip_family family;
	uint32_t (*nodes)[2];
	uint32_t nodes_n, nodes_room;
	uint32_t none;
	size_t at; /* the run that the next part of the tree begins in */
};

/* In nodes, before their number is known: a link to a value instead of a node. */
#define IS_VALUE 0x80000000U
#define NOTHING  UINT32_MAX

static void *grown(void *list, size_t room, size_t size)
{
	list = realloc(list, room * size);
	if (!list) {
		fputs("triedump: out of memory\n", stderr);
		exit(EXIT_FAILURE);
	}
	return list;
}

static void collect(void *context, const struct ip *first, const struct ip *last, uint32_t value)
{
	struct tree *t = context;

	(void)last;
	if (first->family != t->family)
		return;
	if (t->n == t->room) {
		t->room = t->room ? 2 * t->room : 1024;
		t->runs = grown(t->runs, t->room, sizeof *t->runs);
	}
	t->runs[t->n++] = (struct run){*first, value};
}

/* The link to the part of the tree for one network. */
static uint32_t make(struct tree *t, const struct prefix *p)
{
	struct ip last = prefix_last(p);
	uint32_t node;

	while (t->at + 1 < t->n && ip_compare(&t->runs[t->at + 1].first, &p->base) <= 0)
		t->at++;
	if (t->at + 1 == t->n || ip_compare(&t->runs[t->at + 1].first, &last) > 0)
		return t->runs[t->at].value == t->none ? NOTHING : IS_VALUE | t->runs[t->at].value;
	if (t->nodes_n == t->nodes_room) {
		t->nodes_room = t->nodes_room ? 2 * t->nodes_room : 1024;
		t->nodes = grown(t->nodes, t->nodes_room, sizeof *t->nodes);
	}
	node = t->nodes_n++;
	for (unsigned bit = 0; bit < 2; bit++) {
		struct ip base = p->base;
		struct prefix half;
		uint32_t link;

		if (bit && p->length < 64)
			base.hi |= (uint64_t)1 << (63 - p->length);
		else if (bit)
			base.lo |= (uint64_t)1 << (127 - p->length);
		half = prefix_of(&base, p->length + 1);
		link = make(t, &half);
		t->nodes[node][bit] = link;
	}
	return node;
}

/* ---- bytes --------------------------------------------------------------------------- */

static void put_number(FILE *f, uint64_t value, unsigned bytes)
{
	while (bytes-- > 0)
		fputc((int)(value >> (8 * bytes) & 0xff), f);
}

/* Every value is stored in as many bytes, so that it is found without a list of places. */
enum { VALUE_BYTES = 5, SEPARATOR = 16 };

/* Types of the data section. */
enum { TYPE_STRING = 2 << 5, TYPE_U16 = 5 << 5, TYPE_U32 = 6 << 5, TYPE_MAP = 7 << 5 };
enum { EXTENDED_U64 = 9 - 7, EXTENDED_ARRAY = 11 - 7 };

static void put_string(FILE *f, const char *s)
{
	fputc(TYPE_STRING | (int)strlen(s), f);
	fputs(s, f);
}

static void put_u16(FILE *f, const char *key, unsigned value)
{
	put_string(f, key);
	fputc(TYPE_U16 | 2, f);
	put_number(f, value, 2);
}

static void put_metadata(FILE *f, const struct tree *t, unsigned record_bits)
{
	fputs("\xab\xcd\xefMaxMind.com", f);
	fputc(TYPE_MAP | 9, f);
	put_u16(f, "binary_format_major_version", 2);
	put_u16(f, "binary_format_minor_version", 0);
	put_u16(f, "record_size", record_bits);
	put_u16(f, "ip_version", t->family == IP_V4 ? 4 : 6);
	put_string(f, "node_count");
	fputc(TYPE_U32 | 4, f);
	put_number(f, t->nodes_n, 4);
	put_string(f, "build_epoch");
	fputc(8, f);
	fputc(EXTENDED_U64, f);
	put_number(f, 1, 8);
	put_string(f, "database_type");
	put_string(f, "bench");
	put_string(f, "languages");
	fputc(0, f);
	fputc(EXTENDED_ARRAY, f);
	put_string(f, "description");
	fputc(TYPE_MAP | 0, f);
}

static uint32_t record_of(const struct tree *t, uint32_t link)
{
	if (link == NOTHING)
		return t->nodes_n;
	if (link & IS_VALUE)
		return t->nodes_n + SEPARATOR + (link & ~IS_VALUE) * VALUE_BYTES;
	return link;
}

static void put_tree(FILE *f, const struct tree *t, unsigned record_bits)
{
	for (uint32_t i = 0; i < t->nodes_n; i++) {
		uint32_t left = record_of(t, t->nodes[i][0]), right = record_of(t, t->nodes[i][1]);

		put_number(f, left & 0xffffff, 3);
		if (record_bits == 28)
			put_number(f, left >> 24 << 4 | right >> 24, 1);
		put_number(f, right & 0xffffff, 3);
	}
}

bool triedump_write(
    const char *path, const struct ip_radix *trie, enum ip_family family, uint32_t none)
{
	struct tree t = {.family = family, .none = none};
	struct prefix everything = {{0, 0, family}, 0};
	uint32_t values = 0;
	unsigned record_bits;
	FILE *f = fopen(path, "wb");
	bool written;

	if (!f)
		return false;
	ip_radix_each_run(trie, collect, &t);
	make(&t, &everything);
	for (size_t i = 0; i < t.n; i++)
		if (t.runs[i].value != none && t.runs[i].value >= values)
			values = t.runs[i].value + 1;
	record_bits = t.nodes_n + SEPARATOR + values * VALUE_BYTES < 1u << 24 ? 24 : 28;
	put_tree(f, &t, record_bits);
	put_number(f, 0, 8);
	put_number(f, 0, 8);
	for (uint32_t v = 0; v < values; v++) {
		fputc(TYPE_U32 | 4, f);
		put_number(f, v, 4);
	}
	put_metadata(f, &t, record_bits);
	free(t.runs);
	free(t.nodes);
	written = !ferror(f);
	return fclose(f) == 0 && written;
}
