/*
 * The nodes of name_radix, read by a second reader, and names that an attacker would choose.
 */
#include "src/core/name/name_radix_private.h"

#include "unit/unit.h"

#include <stdlib.h>

enum { NONE = 1 << 30, MOST = 12000, ROOM = 1100 };

/* Names in the order of adding, each once. */
struct names {
	char *text;
	size_t used;
	struct slice list[MOST];
	size_t n;
};

static struct names set;

static void add(struct slice name)
{
	for (size_t i = 0; i < set.n; i++)
		if (slice_equal(set.list[i], name))
			return;
	ck_assert_uint_lt(set.n, MOST);
	if (!set.text)
		set.text = malloc((size_t)MOST * ROOM);
	memcpy(set.text + set.used, name.ptr, name.len);
	set.list[set.n++] = slice_of(set.text + set.used, name.len);
	set.used += name.len;
}

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)(random_state >> 8) * n >> 24);
}

/* ---- the nodes ------------------------------------------------------------------------ */

struct walk {
	const struct name_radix *tree;
	char text[ROOM]; /* the name so far is at its end */
	size_t nodes, cut, names;
	unsigned child_length;   /* of the text of the child looked at last */
	size_t links[5], tables; /* nodes, by width of their links, and with a table */
};

static size_t number(const unsigned char *p, unsigned width)
{
	size_t n = 0;

	while (width-- > 0)
		n = n << 8 | p[width];
	return n;
}

/* What a value says has to be what the path says. */
static void check_value(struct walk *w, size_t pair, size_t from)
{
	struct slice name = slice_of(w->text + from, ROOM - from);
	uint32_t tag;

	ck_assert_uint_lt(pair, w->tree->pairs.count);
	tag = w->tree->pairs.list[pair].self;
	ck_assert_uint_lt(tag, set.n);
	ck_assert_uint_eq(w->tree->pairs.list[pair].below, ~tag);
	ck_assert_msg(slice_equal(set.list[tag], name), "%.*s", SLICE_ARG(name));
	w->names++;
}

static void check_node(struct walk *w, const unsigned char *node, size_t from);

/* Returns how many children there are. */
static size_t check_children(
    struct walk *w, const unsigned char *node, const unsigned char *p, size_t count, size_t from)
{
	bool table = node[0] & NAME_RADIX_TABLE;
	unsigned width = node[0] & NAME_RADIX_LINKS;
	const unsigned char *links = p + (table ? 1 : count);
	size_t n = 0;

	ck_assert_uint_le((uintptr_t)(links + count * width),
	    (uintptr_t)(w->tree->memory + w->tree->bytes - NAME_RADIX_MARGIN));
	for (size_t i = 0; i < count; i++) {
		size_t link = number(links + i * width, width);

		if (link == 0) {
			ck_assert(table && i > 0 && i < count - 1);
			continue;
		}
		ck_assert(table || i == 0 || p[i - 1] < p[i]);
		ck_assert_uint_le(link, (size_t)(node - w->tree->memory) - NAME_RADIX_MARGIN);
		w->text[from - 1] = (char)(table ? p[0] + i : p[i]);
		check_node(w, node - link, from - 1);
		w->child_length = *(node - link + 1);
		n++;
	}
	ck_assert(table == (n > NAME_RADIX_BRANCHES_MAX));
	w->tables += table;
	return n;
}

static void check_node(struct walk *w, const unsigned char *node, size_t from)
{
	unsigned links = node[0] & NAME_RADIX_LINKS, length = node[1];
	unsigned width = (node[0] & NAME_RADIX_VALUE) >> NAME_RADIX_VALUE_SHIFT;
	const unsigned char *p = node + 2 + width;
	size_t count = links ? 1u + *p++ : 0, children;

	ck_assert(width == 0 || width == 2 || width == 4);
	ck_assert_uint_le(links, 4);
	w->nodes++;
	w->links[links]++;
	w->cut += length == NAME_RADIX_TEXT_MAX;
	from -= length;
	memcpy(w->text + from, p, length);
	if (width)
		check_value(w, number(node + 2, width), from);
	children = count ? check_children(w, node, p + length, count, from) : 0;
	/* Texts are as long as they can be. */
	if (!width && node != w->tree->root)
		ck_assert(children > 1 || w->child_length == NAME_RADIX_TEXT_MAX);
}

/* ---- a plain model -------------------------------------------------------------------- */

static uint32_t model(struct slice name)
{
	size_t best = set.n;

	for (size_t i = 0; i < set.n; i++) {
		struct slice s = set.list[i];

		if (slice_equal(s, name))
			return (uint32_t)i;
		if (s.len < name.len && slice_ends(name, s) &&
		    name.ptr[name.len - s.len - 1] == '.' &&
		    (best == set.n || s.len > set.list[best].len))
			best = i;
	}
	return best == set.n ? NONE : ~(uint32_t)best;
}

static void check(const struct name_radix *t, struct slice name)
{
	/* A copy of exactly its size, so that reading beyond it is seen. */
	char *copy = malloc(name.len + !name.len);

	memcpy(copy, name.ptr, name.len);
	ck_assert_msg(
	    name_radix_lookup(t, slice_of(copy, name.len)) == model(name), "%.*s", SLICE_ARG(name));
	free(copy);
}

/* The name, one byte more and less at both ends, a label in front, and a byte that is another. */
static void check_around(const struct name_radix *t, struct slice name)
{
	char text[ROOM + 4];
	size_t at = random_below((uint32_t)name.len);

	memcpy(text + 2, name.ptr, name.len);
	memcpy(text, "a.", 2);
	check(t, name);
	check(t, slice_of(text, name.len + 2));
	check(t, slice_of(text + 1, name.len + 1));
	check(t, slice_skip(name, 1));
	check(t, slice_of(name.ptr, name.len - 1));
	text[1] = 'x';
	check(t, slice_of(text + 1, name.len + 1));
	text[2 + at]++;
	check(t, slice_of(text + 2, name.len));
	text[2 + at] = '.';
	check(t, slice_of(text + 2, name.len));
	text[2 + at] = name.ptr[at];
	text[2 + name.len] = 'a';
	check(t, slice_of(text + 2, name.len + 1));
}

static struct name_radix_values tell_tag(
    void *context, uint32_t above, const struct name_radix_entry *entries, size_t n)
{
	struct slice name = entries[0].name;
	uint32_t above_is = NONE;

	(void)context;
	ck_assert_uint_eq(n, 1);
	if (slice_find(name, '.') < name.len)
		above_is = model(slice_skip(name, slice_find(name, '.') + 1));
	ck_assert_uint_eq(above, above_is < set.n ? ~above_is : above_is);
	return (struct name_radix_values){entries[0].tag, ~entries[0].tag};
}

static struct walk check_set(const char *label)
{
	struct name_radix_entry *entries = calloc(set.n, sizeof *entries);
	struct name_radix_combine combine = {tell_tag, NULL, NONE};
	struct name_radix *t;
	struct walk w = {0};

	for (size_t i = 0; i < set.n; i++)
		entries[i] = (struct name_radix_entry){set.list[i], (uint32_t)i};
	t = name_radix_build(entries, set.n, &combine);
	ck_assert_ptr_nonnull(t);
	w.tree = t;
	check_node(&w, t->root, ROOM);
	ck_assert_msg(w.names == set.n, "%s: %zu of %zu names", label, w.names, set.n);
	ck_assert_msg(w.nodes <= 2 * set.n + w.cut, "%s: %zu nodes", label, w.nodes);
	for (size_t i = 0; i < set.n; i++)
		check_around(t, set.list[i]);
	name_radix_free(&t);
	free(entries);
	set.n = set.used = 0;
	return w;
}

/* ---- names ---------------------------------------------------------------------------- */

START_TEST(labels_that_share_all_but_a_byte)
{
	/* Labels of 63 bytes that differ in one of them, below parents of the same kind. */
	char text[200];

	for (size_t a = 0; a < 63; a++)
		for (size_t b = 0; b < 63; b += 31) {
			memset(text, 'a', sizeof text);
			text[63] = '.';
			text[a] = text[64 + b] = 'b';
			add(slice_of(text, 127));
			add(slice_of(text + 64, 63));
			add(slice_of(text, 63));
			text[a] = '.';
			add(slice_of(text, 127));
		}
	check_set("63 bytes");
}
END_TEST

START_TEST(names_of_127_labels)
{
	char text[256];

	for (size_t other = 0; other <= 127; other++) {
		for (size_t i = 0; i < 127; i++)
			memcpy(text + 2 * i, i == other ? "b." : "a.", 2);
		add(slice_of(text, 253));
		if (other % 16 == 0)
			for (size_t from = 0; from < 253; from += 2)
				add(slice_of(text + from, 253 - from));
	}
	check_set("127 labels");
}
END_TEST

START_TEST(names_one_byte_apart)
{
	static const char base[] = "mail.example-host.com", other[] = "abcxyz0189-._\0\xff";
	char text[sizeof base];

	for (size_t at = 0; at < sizeof base - 1; at++)
		for (size_t k = 0; k < sizeof other - 1; k++) {
			memcpy(text, base, sizeof base);
			text[at] = other[k];
			add(slice_of(text, sizeof base - 1));
		}
	check_set("one byte apart");
}
END_TEST

START_TEST(every_number_of_children)
{
	/* Of the bytes from 255 down and from 0 up, in turn: lists, and tables up to the longest.
	 */
	struct walk w = {0};

	for (unsigned children = 1; children <= 256; children += children < 20 ? 1 : 59) {
		for (unsigned i = 0; i < children; i++) {
			char text[] = "?name";

			text[0] = (char)(i % 2 ? i / 2 : 255 - i / 2);
			add(slice_of(text, 5));
			text[1] = text[0];
			text[0] = 'x';
			add(slice_of(text, 2));
		}
		w = check_set("children");
	}
	ck_assert_uint_ge(w.tables, 1);
}
END_TEST

START_TEST(texts_of_every_length)
{
	/* Up to several nodes' worth, alone and with a value or a branch at the seam. */
	static const size_t around[] = {
	    7, 8, 9, 16, 254, 255, 256, 257, 258, 511, 512, 513, 768, 1000};
	char text[ROOM];

	memset(text, 'a', sizeof text);
	for (size_t i = 0; i < ROWS(around); i++) {
		add(slice_of(text, around[i]));
		check_set("one text");
	}
	for (size_t i = 0; i < ROWS(around); i++) {
		add(slice_of(text, around[i]));
		text[0] = 'b';
		add(slice_of(text, around[i]));
		text[0] = 'a';
	}
	check_set("texts in one another");
}
END_TEST

START_TEST(random_names)
{
	/* Few and many different bytes, short and long labels; links of one, two and three bytes.
	 */
	static const uint32_t letters[] = {1, 2, 3, 10, 26, 255};
	size_t links[5] = {0};
	char text[64];

	for (size_t round = 0; round < 2 * ROWS(letters); round++) {
		uint32_t range = letters[round / 2];
		uint32_t n = round % 2 ? 400 * (uint32_t)(round + 1) : 60;
		struct walk w;

		for (uint32_t i = 0; i < n; i++) {
			size_t len = 1 + random_below(random_below(2) ? 40 : 8);

			for (size_t k = 0; k < len; k++)
				text[k] = random_below(6) ? (char)('a' + random_below(range)) : '.';
			add(slice_of(text, len));
		}
		w = check_set("random");
		for (size_t i = 0; i < ROWS(links); i++)
			links[i] += w.links[i];
	}
	for (size_t i = 0; i < 4; i++)
		ck_assert_uint_gt(links[i], 0);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("name_radix_nodes");
	TCase *c = tcase_create("name_radix_nodes");

	tcase_set_timeout(c, 300);
	tcase_add_test(c, labels_that_share_all_but_a_byte);
	tcase_add_test(c, names_of_127_labels);
	tcase_add_test(c, names_one_byte_apart);
	tcase_add_test(c, every_number_of_children);
	tcase_add_test(c, texts_of_every_length);
	tcase_add_test(c, random_names);
	suite_add_tcase(s, c);
	return s;
}
