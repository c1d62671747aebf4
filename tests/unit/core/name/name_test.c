#include "unit/unit.h"

#include "core/name/name.h"

#include <stdlib.h>

#define TEN   "1234567890"
#define SIXTY TEN TEN TEN TEN TEN TEN
#define L63   SIXTY "abc"
#define N253  L63 "." L63 "." L63 "." SIXTY "a"
#define N254  L63 "." L63 "." L63 "." SIXTY "ab"

/* Knows three names, and claims what it must not. */
static size_t fake_to_ascii(struct slice utf8, char *out, size_t cap)
{
	static const struct {
		struct slice from, to;
	} known[] = {
	    {SLICE_INIT("B\xc3\xbc"
			"cher.Example"),
		SLICE_INIT("XN--bcher-kva.example.")},
	    {SLICE_INIT("\xc3\xbc.bad"), SLICE_INIT("a b")},
	    {SLICE_INIT("\xc3\xbc.long"), SLICE_INIT(N254)},
	};

	for (size_t i = 0; i < ROWS(known); i++)
		if (slice_equal(utf8, known[i].from) && known[i].to.len <= cap) {
			memcpy(out, known[i].to.ptr, known[i].to.len);
			return known[i].to.len;
		}
	return 0;
}

static const struct idna fake = {.to_ascii = fake_to_ascii};

/* The canonical name, or NULL and what the reason has to contain. */
static const struct {
	struct slice text;
	const char *name, *wrong;
	bool same_memory;
} rows[] = {
    {SLICE_INIT("example.com"), "example.com", NULL, true},
    {SLICE_INIT("example.com."), "example.com", NULL, true},
    {SLICE_INIT("Example.COM"), "example.com", NULL, false},
    {SLICE_INIT("EXAMPLE.com."), "example.com", NULL, false},
    {SLICE_INIT("com"), "com", NULL, true},
    {SLICE_INIT("_dmarc.a-b.x_y"), "_dmarc.a-b.x_y", NULL, true},
    {SLICE_INIT("r3---sn.-a-.com"), "r3---sn.-a-.com", NULL, true},
    {SLICE_INIT("192.0.2.7"), "192.0.2.7", NULL, true},
    {SLICE_INIT("xn--bcher-kva.example"), "xn--bcher-kva.example", NULL, true},
    {SLICE_INIT(L63), L63, NULL, true},
    {SLICE_INIT(N253), N253, NULL, true},
    {SLICE_INIT(N253 "."), N253, NULL, true},
    {SLICE_INIT("B\xc3\xbc"
		"cher.Example."),
	"xn--bcher-kva.example", NULL, false},
    {SLICE_INIT(""), NULL, "empty name", false},
    {SLICE_INIT("."), NULL, "empty label", false},
    {SLICE_INIT(".com"), NULL, "empty label", false},
    {SLICE_INIT("a..com"), NULL, "empty label", false},
    {SLICE_INIT("com.."), NULL, "empty label", false},
    {SLICE_INIT(L63 "x.com"), NULL, "label longer than 63", false},
    {SLICE_INIT("com." L63 "x"), NULL, "label longer than 63", false},
    {SLICE_INIT(N254), NULL, "name longer than 253", false},
    {SLICE_INIT(N253 N253 N253 N253 "."), NULL, "longer than", false},
    {SLICE_INIT(N253 N253 N253 N253 "\xc3\xbc"), NULL, "name longer than 253", false},
    {SLICE_INIT("exa mple.com"), NULL, "a blank inside", false},
    {SLICE_INIT("user@example.com"), NULL, "'@'", false},
    {SLICE_INIT("192.0.2.0/24"), NULL, "'/'", false},
    {SLICE_INIT("a.*.com"), NULL, "'*' is allowed only in front", false},
    {SLICE_INIT("[192.0.2.7]"), NULL, "address literal", false},
    {SLICE_INIT("2001:db8::1"), NULL, "':'", false},
    {SLICE_INIT("a\0b.com"), NULL, "only letters", false},
    {SLICE_INIT("a%b.com"), NULL, "only letters", false},
    {SLICE_INIT("f\xfc.com"), NULL, "neither ASCII nor UTF-8", false},
    {SLICE_INIT("\xc3\xbc.unknown"), NULL, "internationalised", false},
    {SLICE_INIT("\xc3\xbc.bad"), NULL, "a blank inside", false},
    {SLICE_INIT("\xc3\xbc.long"), NULL, "name longer than 253", false},
};

START_TEST(parses)
{
	struct slice text = rows[_i].text, name;
	struct arena *arena = arena_create(1 << 16);
	char *tight = malloc(text.len + !text.len);
	const char *wrong;

	memcpy(tight, text.ptr, text.len);
	wrong = name_parse(slice_of(tight, text.len), &fake, arena, &name);
	if (rows[_i].name) {
		ck_assert_msg(!wrong, "%.*s: %s", SLICE_ARG(text), wrong);
		ck_assert_msg(slice_equal(name, slice_str(rows[_i].name)), "%.*s: %.*s",
		    SLICE_ARG(text), SLICE_ARG(name));
		ck_assert_msg(
		    (name.ptr == tight) == rows[_i].same_memory, "%.*s: memory", SLICE_ARG(text));
	} else {
		ck_assert_msg(wrong && strstr(wrong, rows[_i].wrong), "%.*s: %s", SLICE_ARG(text),
		    wrong ? wrong : "is no error");
		ck_assert_uint_eq(name.len, 0);
	}
	free(tight);
	arena_free(&arena);
}
END_TEST

START_TEST(needs_help_and_memory)
{
	struct arena *arena = arena_create(1 << 16);
	struct slice name;

	ck_assert_ptr_nonnull(name_parse(SLICE("b\xc3\xbc.de"), NULL, arena, &name));
	ck_assert_ptr_null(name_parse(SLICE("BU.de"), NULL, arena, &name));
	arena_free(&arena);
	arena = arena_create(2);
	ck_assert_str_eq(name_parse(SLICE("BU.de"), NULL, arena, &name), "out of memory");
	ck_assert(arena_failed(arena));
	ck_assert_ptr_null(name_parse(SLICE("bu.de"), NULL, arena, &name));
	arena_free(&arena);
}
END_TEST

static const struct {
	const char *name;
	unsigned labels;
	const char *last0, *last1, *last2, *last9, *parent;
} parts[] = {
    {"", 0, "", "", "", "", ""},
    {"com", 1, "", "com", "com", "com", ""},
    {"example.com", 2, "", "com", "example.com", "example.com", "com"},
    {"a.b.example.com", 4, "", "com", "example.com", "a.b.example.com", "b.example.com"},
};

START_TEST(takes_apart)
{
	struct slice name = slice_str(parts[_i].name);

	ck_assert_uint_eq(name_labels(name), parts[_i].labels);
	ck_assert(slice_equal(name_last_labels(name, 0), slice_str(parts[_i].last0)));
	ck_assert(slice_equal(name_last_labels(name, 1), slice_str(parts[_i].last1)));
	ck_assert(slice_equal(name_last_labels(name, 2), slice_str(parts[_i].last2)));
	ck_assert(slice_equal(name_last_labels(name, 9), slice_str(parts[_i].last9)));
	ck_assert(slice_equal(name_parent(name), slice_str(parts[_i].parent)));
}
END_TEST

static const struct {
	const char *name, *ancestor;
	bool within;
} relations[] = {
    {"foo.bar", "foo.bar", true},
    {"a.foo.bar", "foo.bar", true},
    {"a.b.foo.bar", "foo.bar", true},
    {"xfoo.bar", "foo.bar", false},
    {"bar", "foo.bar", false},
    {"foo.bar", "a.foo.bar", false},
    {"foo.barx", "foo.bar", false},
    {"foo.bar", "", false},
    {"", "", false},
    {"", "bar", false},
};

START_TEST(knows_its_ancestors)
{
	ck_assert_msg(name_is_within(slice_str(relations[_i].name),
			  slice_str(relations[_i].ancestor)) == relations[_i].within,
	    "%s in %s", relations[_i].name, relations[_i].ancestor);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("name");
	TCase *t = tcase_create("name");

	tcase_add_loop_test(t, parses, 0, ROWS(rows));
	tcase_add_test(t, needs_help_and_memory);
	tcase_add_loop_test(t, takes_apart, 0, ROWS(parts));
	tcase_add_loop_test(t, knows_its_ancestors, 0, ROWS(relations));
	suite_add_tcase(s, t);
	return s;
}
