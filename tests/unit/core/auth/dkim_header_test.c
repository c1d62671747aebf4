/* The octets of a header that a signature signs, written out. */
#include "unit/unit.h"

#include "core/auth/dkim_header.h"

#define TAGS                                                                                       \
	"v=1; a=rsa-sha256; d=example.org; s=a; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; "

static const char *const header[] = {
    "Received: one",
    "From: A <a@example.org>",
    "Subject:  a  long\r\n\t  subject \t",
    "received : two",
    "To\t: b",
    "X-Empty:",
    "From : eve",
    "Date: x:y",
};

enum { FIELDS = sizeof header / sizeof *header, OWN = 3 };

/* tags: of the own field, which stands behind the third; without `own` that is "dkim-signature:"
 * and TAGS; canonical: all of it, the last line is the own field behind TAGS. */
static const struct {
	const char *label, *tags, *canonical, *own;
	bool relaxed;
} rows[] = {
    {"nothing there", "h=from:cc; b=AAAA", "From : eve\r\n", "h=from:cc; b=", false},
    {"case and blanks of names", "h= FROM :\r\n\tto; b=AAAA", "From : eve\r\nTo\t: b\r\n",
	"h= FROM :\r\n\tto; b=", false},
    {"from the bottom up", "h=From:From:From; b=AAAA", "From : eve\r\nFrom: A <a@example.org>\r\n",
	"h=From:From:From; b=", false},
    {"in the order of h=", "h=received:from:received; b=AAAA",
	"received : two\r\nFrom : eve\r\nReceived: one\r\n", "h=received:from:received; b=", false},
    {"empty names", "h=:from: :; b=AAAA", "From : eve\r\n", "h=:from: :; b=", false},
    {"folds, simple", "h=from:subject; b=AAAA",
	"From : eve\r\nSubject:  a  long\r\n\t  subject \t\r\n", "h=from:subject; b=", false},
    {"folds, relaxed", "c=relaxed; h=from:subject:to; b=AAAA",
	"from:eve\r\nsubject:a long subject\r\nto:b\r\n", "c=relaxed; h=from:subject:to; b=", true},
    {"no value, relaxed", "c=relaxed; h=from:x-empty; b=AAAA", "from:eve\r\nx-empty:\r\n",
	"c=relaxed; h=from:x-empty; b=", true},
    {"a part of a name is none", "h=from:X-Emp:X-Empty-:Dat; b=AAAA", "From : eve\r\n",
	"h=from:X-Emp:X-Empty-:Dat; b=", false},
    {"a colon in a value is none of a name", "h=from:Date; b=AAAA", "From : eve\r\nDate: x:y\r\n",
	"h=from:Date; b=", false},
    {"blanks in b=", "h=from; b= AA\r\n\tAA ; x=1", "From : eve\r\n", "h=from; b=; x=1", false},
    {"blanks in front of the equal sign", "h=from; b =AAAA", "From : eve\r\n",
	"h=from; b =", false},
    {"b= in the middle", "b=AAAA; h=from", "From : eve\r\n", "b=; h=from", false},
    {"other tags that end in b", "xb=1; h=from; b=AAAA; yb=2", "From : eve\r\n",
	"xb=1; h=from; b=; yb=2", false},
    {"b= in the middle, relaxed", "c=relaxed;  b = AAAA ;\r\n  h=from ", "from:eve\r\n",
	"c=relaxed; b =; h=from", true},
    {"its own field is never selected", "h=from:dkim-signature; b=AAAA", "From : eve\r\n",
	"h=from:dkim-signature; b=", false},
    {"UTF-8 stays", "h=from; note=\xc3\xbc; b=AAAA", "From : eve\r\n",
	"h=from; note=\xc3\xbc; b=", false},
};

struct text {
	char bytes[4096];
	size_t len;
};

static void append(void *self, const char *bytes, size_t len)
{
	struct text *t = self;

	ck_assert_uint_gt(len, 0);
	ck_assert_uint_le(t->len + len, sizeof t->bytes);
	memcpy(t->bytes + t->len, bytes, len);
	t->len += len;
}

START_TEST(canonical)
{
	struct arena *arena = arena_create(1 << 16);
	struct slice fields[FIELDS + 1], own, want;
	struct dkim_field f;
	struct text got = {.len = 0};

	own = arena_printf(arena, "DKIM-Signature: " TAGS "%s", rows[_i].tags);
	for (size_t i = 0; i <= FIELDS; i++)
		fields[i] = i == OWN ? own : slice_str(header[i - (i > OWN)]);
	dkim_field_parse(slice_skip(own, sizeof "DKIM-Signature:" - 1), NULL, 1, arena, &f);
	ck_assert_msg(f.result == DKIM_NONE, "%s: %s", rows[_i].label, f.reason);
	ck_assert(f.relaxed_header == rows[_i].relaxed);
	ck_assert(dkim_header_canon(&f, fields, FIELDS + 1, OWN, arena, append, &got));
	want = arena_printf(arena, "%s%s" TAGS "%s", rows[_i].canonical,
	    rows[_i].relaxed ? "dkim-signature:" : "DKIM-Signature: ", rows[_i].own);
	ck_assert_msg(slice_equal(slice_of(got.bytes, got.len), want), "%s: %.*s", rows[_i].label,
	    (int)got.len, got.bytes);
	arena_free(&arena);
}
END_TEST

/* Longer than what is gathered for the sink. */
START_TEST(long_values)
{
	struct arena *arena = arena_create(1 << 16);
	struct slice fields[2];
	struct dkim_field f;
	struct text got = {.len = 0};
	char from[2000];

	memset(from, 'x', sizeof from);
	memcpy(from, "From:", 5);
	fields[0] = slice_of(from, sizeof from);
	fields[1] = SLICE("a:" TAGS "h=from; b=AAAA");
	dkim_field_parse(slice_skip(fields[1], 2), NULL, 1, arena, &f);
	ck_assert(dkim_header_canon(&f, fields, 2, 1, arena, append, &got));
	ck_assert_uint_eq(got.len, sizeof from + 2 + fields[1].len - 4);
	ck_assert(slice_starts(slice_of(got.bytes, got.len), fields[0]));
	arena_free(&arena);
}
END_TEST

START_TEST(out_of_memory)
{
	struct arena *arena = arena_create(1 << 16), *small = arena_create(0);
	struct slice fields[1] = {SLICE("a:" TAGS "h=from; b=AAAA")};
	struct dkim_field f;
	struct text got = {.len = 0};

	dkim_field_parse(slice_skip(fields[0], 2), NULL, 1, arena, &f);
	ck_assert(!dkim_header_canon(&f, fields, 1, 0, small, append, &got));
	arena_free(&arena);
	arena_free(&small);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("dkim_header");
	TCase *t = tcase_create("dkim_header");

	tcase_add_loop_test(t, canonical, 0, ROWS(rows));
	tcase_add_test(t, long_values);
	tcase_add_test(t, out_of_memory);
	suite_add_tcase(s, t);
	return s;
}
