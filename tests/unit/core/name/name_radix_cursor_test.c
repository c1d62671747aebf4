/*
 * name_radix_cursor_test: every stored name once, in order, with its values and those above it.
 */
#include "core/name/name_radix_cursor.h"

#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

enum { NONE = 7, NAMES_MAX = 20000, TEXT_MAX = 320 };

/* self is tag * 2, below tag * 2 + 1; tags begin with 10. */
static struct name_radix_values combine(
    void *context, uint32_t above, const struct name_radix_entry *entries, size_t n)
{
	(void)context, (void)above, (void)n;
	return (struct name_radix_values){entries[0].tag * 2, entries[0].tag * 2 + 1};
}

static const struct name_radix_combine tags = {combine, NULL, NONE};

/* ---- cases --------------------------------------------------------------------------- */

static const struct {
	const char *label;
	const char *names[8];
	const char *want; /* name:tag<tag above, in order */
} cases[] = {
    {"none", {NULL}, ""},
    {"one", {"com"}, "com:10<- "},
    {"parents first", {"mx.example.com", "com", "example.com"},
	"com:11<- example.com:12<11 mx.example.com:10<12 "},
    {"a label is not a part of one", {"xcom", "com", "a.com", "a.xcom"},
	"com:11<- a.com:12<11 xcom:10<- a.xcom:13<10 "},
    {"one below the other's label", {"b.x", "ab.x", "c.ab.x"}, "b.x:10<- ab.x:11<- c.ab.x:12<11 "},
    {"more branches than are listed singly", {"a", "c", "e", "g", "i", "z", "0", "9"},
	"0:16<- 9:17<- a:10<- c:11<- e:12<- g:13<- i:14<- z:15<- "},
};

static struct name_radix *build(const char *const *names, size_t n)
{
	struct name_radix_entry entries[8];

	for (size_t i = 0; i < n; i++)
		entries[i] = (struct name_radix_entry){slice_str(names[i]), 10 + (uint32_t)i};
	return name_radix_build(entries, n, &tags);
}

START_TEST(walks)
{
	char text[1024] = "";
	size_t n = 0, len = 0;
	struct name_radix *tree;
	struct name_radix_cursor c;

	while (n < 8 && cases[_i].names[n])
		n++;
	tree = build(cases[_i].names, n);
	c = name_radix_cursor_start(tree);
	while (name_radix_cursor_next(&c)) {
		for (size_t i = c.reversed.len; i > 0; i--)
			text[len++] = c.reversed.ptr[i - 1];
		len += (size_t)snprintf(text + len, sizeof text - len, ":%u<", c.values.self / 2);
		len += (size_t)(c.above == NONE
				    ? snprintf(text + len, sizeof text - len, "- ")
				    : snprintf(text + len, sizeof text - len, "%u ", c.above / 2));
	}
	ck_assert(!c.failed);
	ck_assert_msg(strcmp(text, cases[_i].want) == 0, "%s: \"%s\"", cases[_i].label, text);
	name_radix_cursor_end(&c);
	name_radix_free(&tree);
}
END_TEST

/* ---- many ---------------------------------------------------------------------------- */

static char texts[NAMES_MAX][TEXT_MAX];
static struct name_radix_entry entries[NAMES_MAX];

static unsigned draw(unsigned below)
{
	static uint64_t state = 1;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % below;
}

/* Few letters, so that names share much; sometimes longer than the text of one node. */
static void make_name(char *text)
{
	size_t len = draw(200) == 0 ? 260 + draw(50) : 1 + draw(14);

	for (size_t i = 0; i < len; i++)
		text[i] = "abcd.e.xyz0123456789"[draw(draw(2) ? 20 : 6)];
	text[len] = '\0';
}

START_TEST(walks_all)
{
	struct name_radix *tree;
	struct name_radix_cursor c;
	char last[TEXT_MAX] = "", name[TEXT_MAX];
	struct slice before = slice_of(last, 0);
	size_t found = 0, distinct = 0;
	static bool seen[NAMES_MAX];

	for (unsigned i = 0; i < NAMES_MAX; i++) {
		make_name(texts[i]);
		entries[i] = (struct name_radix_entry){slice_str(texts[i]), 10 + i};
	}
	tree = name_radix_build(entries, NAMES_MAX, &tags);
	for (unsigned i = 0; i < NAMES_MAX; i++) {
		uint32_t first = name_radix_lookup(tree, slice_str(texts[i])) / 2 - 10;

		distinct += !seen[first];
		seen[first] = true;
	}
	c = name_radix_cursor_start(tree);
	while (name_radix_cursor_next(&c)) {
		struct slice forward = slice_of(name, c.reversed.len);

		for (size_t i = 0; i < forward.len; i++)
			name[i] = c.reversed.ptr[forward.len - 1 - i];
		ck_assert(slice_equal(forward, slice_str(texts[c.values.self / 2 - 10])));
		ck_assert(found == 0 || slice_compare(before, c.reversed) < 0);
		memcpy(last, c.reversed.ptr, c.reversed.len);
		before.len = c.reversed.len;
		found++;
	}
	ck_assert(!c.failed);
	ck_assert_uint_eq(found, distinct);
	name_radix_cursor_end(&c);
	name_radix_free(&tree);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("name_radix_cursor");
	TCase *tc = tcase_create("all");

	tcase_add_loop_test(tc, walks, 0, ROWS(cases));
	tcase_add_test(tc, walks_all);
	suite_add_tcase(s, tc);
	return s;
}
