/* The canonical body against a dumb model that has the whole body at once. */
#include "unit/unit.h"

#include "core/auth/dkim_body.h"

#include <stdlib.h>

enum { ROOM = 4096 };

struct text {
	size_t len;
	char bytes[ROOM];
};

static void collect(void *self, const char *bytes, size_t len)
{
	struct text *t = self;

	ck_assert_uint_gt(len, 0);
	ck_assert_uint_le(t->len + len, ROOM);
	memcpy(t->bytes + t->len, bytes, len);
	t->len += len;
}

static const struct {
	const char *label, *body, *simple, *relaxed;
} rows[] = {
    {"empty", "", "\r\n", ""},
    {"one line", "a\r\n", "a\r\n", "a\r\n"},
    {"no line end", "a", "a\r\n", "a\r\n"},
    {"only line ends", "\r\n\r\n", "\r\n", ""},
    {"only blanks", " \t ", " \t \r\n", ""},
    {"blanks in an empty line", "a\r\n \t\r\n", "a\r\n \t\r\n", "a\r\n"},
    {"line ends at the end", "a\r\n\r\n\r\n", "a\r\n", "a\r\n"},
    {"line ends in front", "\r\n\r\na\r\n", "\r\n\r\na\r\n", "\r\n\r\na\r\n"},
    {"RFC 6376 3.4.5", " C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n"},
    {"blanks in front", "  a\r\n\tb\r\n", "  a\r\n\tb\r\n", " a\r\n b\r\n"},
    {"tab alone", "a\tb\r\n", "a\tb\r\n", "a b\r\n"},
    {"bare CR", "a\rb\r\n", "a\rb\r\n", "a\rb\r\n"},
    {"bare LF", "a\nb\n", "a\nb\n\r\n", "a\nb\n\r\n"},
    {"CR at the end", "a\r\n\r", "a\r\n\r\r\n", "a\r\n\r\r\n"},
    {"CR CR LF", "a\r\r\n", "a\r\r\n", "a\r\r\n"},
    {"blank before a bare CR", "a \rb", "a \rb\r\n", "a \rb\r\n"},
    {"line end, blank, bare CR", "a\r\n \rb", "a\r\n \rb\r\n", "a\r\n \rb\r\n"},
    {"8 bits", "\xc3\xbc \xff\r\n", "\xc3\xbc \xff\r\n", "\xc3\xbc \xff\r\n"},
};

static void run(struct text *out, bool relaxed, const char *body, size_t len, size_t piece)
{
	struct dkim_body b;

	out->len = 0;
	dkim_body_init(&b, relaxed, collect, out);
	for (size_t i = 0; i < len; i += piece)
		dkim_body_feed(&b, body + i, len - i < piece ? len - i : piece);
	dkim_body_end(&b);
	ck_assert_uint_eq(b.octets, out->len);
}

static bool is(const struct text *t, const char *want)
{
	return slice_equal(slice_of(t->bytes, t->len), slice_str(want));
}

START_TEST(known_bodies)
{
	struct text out;

	for (size_t piece = 1; piece < 8; piece++) {
		run(&out, false, rows[_i].body, strlen(rows[_i].body), piece);
		ck_assert_msg(is(&out, rows[_i].simple), "%s: simple, by %zu: \"%.*s\"",
		    rows[_i].label, piece, (int)out.len, out.bytes);
		run(&out, true, rows[_i].body, strlen(rows[_i].body), piece);
		ck_assert_msg(is(&out, rows[_i].relaxed), "%s: relaxed, by %zu: \"%.*s\"",
		    rows[_i].label, piece, (int)out.len, out.bytes);
	}
}
END_TEST

/* The text of RFC 6376 3.4.4, step by step, each over the whole body. */
static void model(struct text *out, bool relaxed, const char *body, size_t len)
{
	out->len = 0;
	for (size_t i = 0; i < len; i++) {
		bool blank = body[i] == ' ' || body[i] == '\t';
		size_t end = i;

		if (!relaxed || !blank) {
			out->bytes[out->len++] = body[i];
			continue;
		}
		while (end < len && (body[end] == ' ' || body[end] == '\t'))
			end++;
		if (!(end == len || (end + 1 < len && body[end] == '\r' && body[end + 1] == '\n')))
			out->bytes[out->len++] = ' ';
		i = end - 1;
	}
	if (out->len > 0 && !(out->len >= 2 && !memcmp(out->bytes + out->len - 2, "\r\n", 2))) {
		memcpy(out->bytes + out->len, "\r\n", 2);
		out->len += 2;
	}
	while (out->len >= 4 && !memcmp(out->bytes + out->len - 4, "\r\n\r\n", 4))
		out->len -= 2;
	if (out->len == 2 && !memcmp(out->bytes, "\r\n", 2))
		out->len = 0;
	if (!relaxed && out->len == 0) {
		memcpy(out->bytes, "\r\n", 2);
		out->len = 2;
	}
}

START_TEST(random_bodies)
{
	static const char *const parts[] = {
	    "\r\n", "\r\n", " ", "\t", "\r", "\n", "a", "bcd", "\r\n\r\n"};
	char body[256];
	struct text want, got;

	srandom(7);
	for (int round = 0; round < 20000; round++) {
		size_t len = 0, pieces = (size_t)random() % 40;

		for (size_t i = 0; i < pieces; i++) {
			const char *part = parts[(size_t)random() % ROWS(parts)];

			memcpy(body + len, part, strlen(part));
			len += strlen(part);
		}
		for (int relaxed = 0; relaxed < 2; relaxed++) {
			model(&want, relaxed, body, len);
			run(&got, relaxed, body, len, 1 + (size_t)random() % 9);
			ck_assert_msg(
			    got.len == want.len && !memcmp(got.bytes, want.bytes, got.len),
			    "round %d, relaxed %d: \"%.*s\" gives \"%.*s\"", round, relaxed,
			    (int)len, body, (int)got.len, got.bytes);
		}
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("dkim_body");
	TCase *t = tcase_create("dkim_body");

	tcase_add_loop_test(t, known_bodies, 0, ROWS(rows));
	tcase_add_test(t, random_bodies);
	suite_add_tcase(s, t);
	return s;
}
