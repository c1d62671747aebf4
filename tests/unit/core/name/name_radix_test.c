#include "core/name/name_radix.h"

#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- allocations that fail: linked with --wrap --------------------------------------- */

static long allocations_left = -1; /* -1: never fail */

static bool may_allocate(void)
{
	return allocations_left < 0 || allocations_left-- > 0;
}

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__real_aligned_alloc(size_t, size_t);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);
void *__wrap_aligned_alloc(size_t, size_t);

void *__wrap_malloc(size_t size)
{
	return may_allocate() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t n, size_t size)
{
	return may_allocate() ? __real_calloc(n, size) : NULL;
}

void *__wrap_realloc(void *old, size_t size)
{
	return may_allocate() ? __real_realloc(old, size) : NULL;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return may_allocate() ? __real_aligned_alloc(alignment, size) : NULL;
}

/* ---- a plain, slow model ------------------------------------------------------------- */

enum { NONE = 77 };

/* What combine was called with, and what it answered, in the order of the calls. */
struct call {
	struct slice name;
	struct name_radix_values values;
};

struct model {
	struct name_radix_entry *entries; /* as given; tags are their numbers */
	size_t n;
	struct call *calls;
	size_t call_count;
	uint32_t hyperloglog_values; /* values are taken modulo this */
};

static struct slice parent_of(struct slice name)
{
	size_t dot = slice_find(name, '.');

	return dot == name.len ? slice_of(NULL, 0) : slice_skip(name, dot + 1);
}

static bool has_parent(struct slice name)
{
	return slice_find(name, '.') < name.len;
}

static const struct call *model_call(const struct model *m, struct slice name)
{
	for (size_t i = 0; i < m->call_count; i++)
		if (slice_equal(m->calls[i].name, name))
			return &m->calls[i];
	return NULL;
}

static bool model_stored(const struct model *m, struct slice name)
{
	for (size_t i = 0; i < m->n; i++)
		if (slice_equal(m->entries[i].name, name))
			return name.len != 0;
	return false;
}

/* The closest stored name above; false when there is none. */
static bool model_above(const struct model *m, struct slice name, struct slice *above)
{
	while (has_parent(name)) {
		name = parent_of(name);
		if (model_stored(m, name)) {
			*above = name;
			return true;
		}
	}
	return false;
}

static uint32_t model_lookup(const struct model *m, struct slice name)
{
	struct slice above;

	if (model_stored(m, name))
		return model_call(m, name)->values.self;
	if (name.len != 0 && model_above(m, name, &above))
		return model_call(m, above)->values.below;
	return NONE;
}

/* The combine of the tests: checks what it is told and answers with fresh values. */
static struct name_radix_values combine(
    void *context, uint32_t above, const struct name_radix_entry *entries, size_t n)
{
	struct model *m = context;
	struct slice name = entries[0].name, parent;
	uint32_t fresh = entries[0].tag * 2;
	size_t seen = 0;

	ck_assert_msg(!model_call(m, name), "twice: %.*s", SLICE_ARG(name));
	for (size_t i = 0; i < m->n; i++) {
		if (!slice_equal(m->entries[i].name, name))
			continue;
		ck_assert_uint_lt(seen, n);
		ck_assert_uint_eq(entries[seen].tag, i);
		ck_assert(slice_equal(entries[seen].name, name));
		seen++;
	}
	ck_assert_uint_eq(seen, n);
	if (model_above(m, name, &parent)) {
		const struct call *c = model_call(m, parent);

		ck_assert_msg(c != NULL, "%.*s before its parent", SLICE_ARG(name));
		ck_assert_uint_eq(above, c->values.below);
	} else {
		ck_assert_uint_eq(above, NONE);
	}
	m->calls[m->call_count] = (struct call){
	    name, {100 + fresh % m->hyperloglog_values, 100 + (fresh + 1) % m->hyperloglog_values}};
	return m->calls[m->call_count++].values;
}

static size_t model_distinct(const struct model *m)
{
	size_t distinct = 0;

	for (size_t i = 0; i < m->n; i++) {
		size_t k = 0;

		while (!slice_equal(m->entries[k].name, m->entries[i].name))
			k++;
		distinct += k == i && m->entries[i].name.len != 0;
	}
	return distinct;
}

static struct name_radix *build_checked(struct model *m)
{
	struct name_radix_combine c = {combine, m, NONE};
	struct name_radix_entry *mine = calloc(m->n + 1, sizeof *mine);
	struct name_radix *t;

	if (m->n)
		memcpy(mine, m->entries, m->n * sizeof *mine);
	t = name_radix_build(mine, m->n, &c);
	ck_assert_ptr_nonnull(t);
	ck_assert_uint_eq(m->call_count, model_distinct(m));
	free(mine);
	return t;
}

static void check_name(const struct model *m, const struct name_radix *t, struct slice name)
{
	/* A copy of exactly its size, so that reading beyond it is seen. */
	char *copy = malloc(name.len + !name.len);

	if (name.len)
		memcpy(copy, name.ptr, name.len);
	ck_assert_msg(name_radix_lookup(t, slice_of(copy, name.len)) == model_lookup(m, name),
	    "%.*s: %u, not %u", SLICE_ARG(name), name_radix_lookup(t, name), model_lookup(m, name));
	free(copy);
}

/* The name itself, all that is above it, children, and neighbours that differ by little. */
static void check_around(const struct model *m, const struct name_radix *t, struct slice name)
{
	static const char *const front[] = {"a.", "b.", ".", "a", "x.y.", "ab."};
	char text[256];

	for (struct slice up = name; up.len != 0; up = parent_of(up))
		check_name(m, t, up);
	for (size_t i = 0; i < ROWS(front); i++) {
		int len = snprintf(text, sizeof text, "%s%.*s", front[i], SLICE_ARG(name));
		check_name(m, t, slice_of(text, (size_t)len));
		len = snprintf(text, sizeof text, "%s%.*s", front[i], SLICE_ARG(parent_of(name)));
		check_name(m, t, slice_of(text, (size_t)len));
		len = snprintf(text, sizeof text, "%.*s.%s", SLICE_ARG(name), front[i]);
		check_name(m, t, slice_of(text, (size_t)len));
	}
}

/* ---- cases --------------------------------------------------------------------------- */

START_TEST(table_of_cases)
{
	/* Values: 100 + 2 * (place among these) for the name, 1 more for what is below. */
	static const char *const stored[] = {"monster", "mx.example.com", "example.com",
	    "a.b.c.d.e", "user@.example.com", "x", "localhost", "deep.monster", "12.in-addr"};
	static const struct {
		const char *label, *name;
		uint32_t value;
	} rows[] = {
	    {"top level itself", "monster", 100},
	    {"below the top level", "foo.monster", 101},
	    {"far below the top level", "a.b.c.d.e.f.g.monster", 101},
	    {"its stored child", "deep.monster", 114},
	    {"below its stored child", "x.deep.monster", 115},
	    {"child given before its parent", "mx.example.com", 102},
	    {"below the child", "a.mx.example.com", 103},
	    {"parent", "example.com", 104},
	    {"below the parent", "my.example.com", 105},
	    {"not at a label's edge", "xexample.com", NONE},
	    {"longer at the right", "example.com.org", NONE},
	    {"above a stored name", "com", NONE},
	    {"way station", "b.c.d.e", NONE},
	    {"end of the way", "a.b.c.d.e", 106},
	    {"off the way", "x.b.c.d.e", NONE},
	    {"label with an at sign", "user@.example.com", 108},
	    {"below that label", "x.user@.example.com", 109},
	    {"one byte", "x", 110},
	    {"below one byte", "y.x", 111},
	    {"two labels", "12.in-addr", 116},
	    {"nothing", "", NONE},
	    {"a dot", ".", NONE},
	    {"trailing dot", "example.com.", NONE},
	    {"leading dot", ".example.com", 105},
	    {"two dots", "example..com", NONE},
	    {"two dots in front", "a..example.com", 105},
	    {"upper case is another name", "Example.com", NONE},
	};
	struct name_radix_entry entries[ROWS(stored)];
	struct call calls[ROWS(stored)];
	struct model m = {entries, ROWS(stored), calls, 0, 1000};
	struct name_radix *t;

	for (size_t i = 0; i < ROWS(stored); i++)
		entries[i] = (struct name_radix_entry){slice_str(stored[i]), (uint32_t)i};
	t = build_checked(&m);
	for (size_t i = 0; i < ROWS(rows); i++)
		ck_assert_msg(name_radix_lookup(t, slice_str(rows[i].name)) == rows[i].value,
		    "%s (%s): %u", rows[i].label, rows[i].name,
		    name_radix_lookup(t, slice_str(rows[i].name)));
	name_radix_free(&t);
	ck_assert_ptr_null(t);
	name_radix_free(&t);
}
END_TEST

START_TEST(nothing_stored)
{
	struct name_radix_entry entries[2] = {{slice_of(NULL, 0), 0}, {SLICE(""), 1}};

	for (size_t n = 0; n <= 2; n++) {
		struct model m = {entries, n, NULL, 0, 1000};
		struct name_radix *t = build_checked(&m);

		ck_assert_uint_eq(name_radix_lookup(t, SLICE("")), NONE);
		ck_assert_uint_eq(name_radix_lookup(t, slice_of(NULL, 0)), NONE);
		ck_assert_uint_eq(name_radix_lookup(t, SLICE("example.com")), NONE);
		name_radix_free(&t);
	}
}
END_TEST

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)(random_state >> 8) * n >> 24);
}

/* A few labels of nothing, "a", "b", "ab", …: many names share suffixes, some are junk. */
static struct slice random_name(char *text)
{
	size_t len = random_below(8) == 0 ? random_below(20) : random_below(9);

	for (size_t i = 0; i < len; i++)
		text[i] = "ab.ab.\0z"[random_below(random_below(16) ? 6 : 8)];
	return slice_of(text, len);
}

START_TEST(random_names_agree_with_the_model)
{
	enum { MOST = 160 };
	static char texts[MOST][32];
	struct name_radix_entry entries[MOST];
	struct call calls[MOST];

	for (int round = 0; round < 300; round++) {
		struct model m = {entries, random_below(random_below(2) ? 12 : MOST), calls, 0,
		    random_below(2) ? 5 : 100000};
		struct name_radix *t;
		char text[32];

		for (size_t i = 0; i < m.n; i++)
			entries[i] = (struct name_radix_entry){random_name(texts[i]), (uint32_t)i};
		t = build_checked(&m);
		for (size_t i = 0; i < m.n; i++)
			check_around(&m, t, entries[i].name);
		for (int i = 0; i < 100; i++)
			check_name(&m, t, random_name(text));
		name_radix_free(&t);
	}
}
END_TEST

/* A further entry, whose name is `len` times one byte; its text. */
static char *add_run(struct model *m, char *text, size_t len, char byte)
{
	memset(text, byte, len);
	m->entries[m->n] = (struct name_radix_entry){slice_of(text, len), (uint32_t)m->n};
	m->n++;
	return text;
}

START_TEST(labels_of_every_length_and_byte)
{
	/* One label each: runs of one byte, NULs and high bytes among them; one byte that differs,
	 * at every place; every byte. */
	enum { LENGTHS = 130, ODD_LENGTHS = 34, NAMES = 2000 };
	static char texts[NAMES][LENGTHS];
	static struct name_radix_entry entries[NAMES];
	static struct call calls[NAMES];
	struct model m = {entries, 0, calls, 0, 100000};
	struct name_radix *t;

	for (size_t len = 1; len < LENGTHS; len++)
		for (int kind = 0; kind < 3; kind++)
			add_run(&m, texts[m.n], len, "a\0\xff"[kind]);
	for (size_t len = 2; len < ODD_LENGTHS; len++)
		for (size_t at = 0; at < len; at++)
			add_run(&m, texts[m.n], len, 'a')[at] = 'b';
	for (unsigned byte = 0; byte < 256; byte++)
		add_run(&m, texts[m.n], 20, 'c')[byte % 20] = (char)byte;
	t = build_checked(&m);
	for (size_t i = 0; i < m.n; i++)
		check_name(&m, t, entries[i].name);
	for (size_t a = 0; a < 70; a++)
		for (size_t b = 0; b < 70; b++) {
			char text[LENGTHS + 16];

			memset(text, 'a', a + b + 1);
			text[a] = '.';
			check_name(&m, t, slice_of(text, a + b + 1));
		}
	name_radix_free(&t);
}
END_TEST

START_TEST(names_of_any_length)
{
	/* 20,000 labels, every hundredth level stored, deepest first. */
	enum { LABELS = 20000, STEP = 100 };
	static char text[2 * LABELS];
	static struct name_radix_entry entries[LABELS / STEP];
	static struct call calls[LABELS / STEP];
	struct model m = {entries, LABELS / STEP, calls, 0, 100000};
	struct name_radix *t;

	for (size_t i = 0; i < LABELS; i++)
		memcpy(text + 2 * i, "a.", 2);
	for (size_t i = 0; i < m.n; i++)
		entries[i] = (struct name_radix_entry){
		    slice_of(text + 2 * i * STEP, 2 * (LABELS - i * STEP) - 1), (uint32_t)i};
	t = build_checked(&m);
	for (size_t from = 0; from < LABELS; from += 33)
		check_name(&m, t, slice_of(text + 2 * from, 2 * (LABELS - from) - 1));
	name_radix_free(&t);
}
END_TEST

/* Values that tell the name's tag, so that many names can be checked without the slow model. */
static struct name_radix_values tell_tag(
    void *context, uint32_t above, const struct name_radix_entry *entries, size_t n)
{
	uint32_t modulus = *(const uint32_t *)context;

	(void)above;
	(void)n;
	return (struct name_radix_values){entries[0].tag % modulus, ~(entries[0].tag % modulus)};
}

START_TEST(many_names)
{
	/* Each name under parents of its own that are not stored. */
	enum { NAMES = 100000, ROOM = 40 };
	static const struct {
		const char *label;
		uint32_t distinct;
		double bytes; /* a name, at most */
	} rows[] = {
	    {"few pairs of values", 300, 29.5},
	    {"as many as fit into 16 bits", 65536, 34.7},
	    {"one more", 65537, 34.7},
	    {"each name its own", UINT32_MAX, 38.5},
	};
	char *texts = malloc((size_t)NAMES * ROOM);
	struct name_radix_entry *entries = calloc(NAMES, sizeof *entries);

	for (uint32_t i = 0; i < NAMES; i++) {
		int len = snprintf(
		    texts + i * ROOM, ROOM, "mx%u.dept%u.host%u.tld%u", i, i % 7, i / 3, i % 300);
		entries[i] = (struct name_radix_entry){slice_of(texts + i * ROOM, (size_t)len), i};
	}
	for (size_t row = 0; row < ROWS(rows); row++) {
		uint32_t modulus = rows[row].distinct;
		struct name_radix_combine c = {tell_tag, &modulus, NONE};
		struct name_radix *t = name_radix_build(entries, NAMES, &c);
		double bytes = (double)name_radix_bytes(t) / NAMES;

		for (uint32_t i = 0; i < NAMES; i++) {
			struct slice name = entries[i].name;
			char text[ROOM + 2];
			int len = snprintf(text, sizeof text, "a.%.*s", SLICE_ARG(name));

			ck_assert_uint_eq(name_radix_lookup(t, name), i % modulus);
			ck_assert_uint_eq(
			    name_radix_lookup(t, slice_of(text, (size_t)len)), ~(i % modulus));
			ck_assert_uint_eq(name_radix_lookup(t, parent_of(name)), NONE);
			text[1] = 'a';
			ck_assert_uint_eq(name_radix_lookup(t, slice_of(text, (size_t)len)), NONE);
		}
		ck_assert_msg(bytes <= rows[row].bytes, "%s: %.2f", rows[row].label, bytes);
		name_radix_free(&t);
	}
	free(entries);
	free(texts);
}
END_TEST

START_TEST(one_name_many_times)
{
	/* The room for duplicates is given back. */
	enum { TIMES = 50000 };
	struct name_radix_entry *entries = calloc(TIMES, sizeof *entries);
	uint32_t modulus = UINT32_MAX;
	struct name_radix_combine c = {tell_tag, &modulus, NONE};
	struct name_radix *t;

	for (uint32_t i = 0; i < TIMES; i++)
		entries[i] = (struct name_radix_entry){i % 2 ? SLICE("a.org") : SLICE("org"), i};
	t = name_radix_build(entries, TIMES, &c);
	ck_assert_uint_eq(name_radix_lookup(t, SLICE("org")), 0);
	ck_assert_uint_eq(name_radix_lookup(t, SLICE("a.org")), 1);
	ck_assert_uint_eq(name_radix_lookup(t, SLICE("b.a.org")), ~(uint32_t)1);
	ck_assert_uint_eq(name_radix_lookup(t, SLICE("b.org")), ~(uint32_t)0);
	ck_assert_uint_lt(name_radix_bytes(t), 1024);
	name_radix_free(&t);
	free(entries);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
	enum { NAMES = 33000, ROOM = 12 };
	static char texts[NAMES][ROOM];
	struct name_radix_entry *entries = calloc(2 * NAMES, sizeof *entries);
	uint32_t modulus = UINT32_MAX;
	struct name_radix_combine c = {tell_tag, &modulus, NONE};
	struct name_radix *t = NULL;
	long allowed = 0;

	for (uint32_t i = 0; i < NAMES; i++) {
		int len = snprintf(texts[i], ROOM, "n%u.org", i);
		entries[i] = entries[NAMES + i] =
		    (struct name_radix_entry){slice_of(texts[i], (size_t)len), i};
	}
	for (; !t; allowed++) {
		allocations_left = allowed;
		t = name_radix_build(entries, 2 * NAMES, &c);
		allocations_left = -1;
		ck_assert_int_lt(allowed, 100);
	}
	/* Tree, items twice, counts, order, path, children, nodes with each doubling, and both
	 * tables of the pairs with each of theirs: none went untried. */
	ck_assert_int_gt(allowed, 20);
	ck_assert_uint_eq(name_radix_lookup(t, SLICE("n32999.org")), 32999);
	name_radix_free(&t);
	free(entries);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("name_radix");
	TCase *c = tcase_create("name_radix");

	tcase_set_timeout(c, 120);
	tcase_add_test(c, table_of_cases);
	tcase_add_test(c, nothing_stored);
	tcase_add_test(c, random_names_agree_with_the_model);
	tcase_add_test(c, labels_of_every_length_and_byte);
	tcase_add_test(c, names_of_any_length);
	tcase_add_test(c, many_names);
	tcase_add_test(c, one_name_many_times);
	tcase_add_test(c, every_allocation_may_fail);
	suite_add_tcase(s, c);
	return s;
}
