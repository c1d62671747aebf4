#include "unit/unit.h"

#include "core/name/address.h"

#include <stdlib.h>

static size_t fake_to_ascii(struct slice utf8, char *out, size_t cap)
{
	static const struct slice to = SLICE_INIT("xn--bcher-kva.example");

	if (!slice_equal(utf8, SLICE("b\xc3\xbc"
				     "cher.example")) ||
	    cap < to.len)
		return 0;
	memcpy(out, to.ptr, to.len);
	return to.len;
}

/* Small u with its two dots for the capital, and no more. */
static size_t fake_fold(struct slice utf8, char *out, size_t cap)
{
	if (!slice_is_utf8(utf8) || cap < utf8.len)
		return 0;
	memcpy(out, utf8.ptr, utf8.len);
	for (size_t i = 0; i + 1 < utf8.len; i++)
		if (memcmp(out + i, "\xc3\x9c", 2) == 0)
			out[i + 1] = '\xbc';
	return utf8.len;
}

/* Small u with its two dots for the two characters, and no more. */
static size_t fake_compose(struct slice utf8, char *out, size_t cap)
{
	size_t n = 0;

	if (!slice_is_utf8(utf8) || cap < utf8.len)
		return 0;
	for (size_t i = 0; i < utf8.len; i++) {
		if (i + 2 < utf8.len && memcmp(utf8.ptr + i, "u\xcc\x88", 3) == 0) {
			memcpy(out + n, "\xc3\xbc", 2);
			n += 2;
			i += 2;
		} else {
			out[n++] = utf8.ptr[i];
		}
	}
	return n;
}

static const struct idna fake = {
    .to_ascii = fake_to_ascii, .fold_local = fake_fold, .compose = fake_compose};

static const struct {
	struct slice given, local, domain, folded;
	bool same_memory;
} mailboxes[] = {
    {SLICE_INIT("<bob@example.org>"), SLICE_INIT("bob"), SLICE_INIT("example.org"),
	SLICE_INIT("bob@example.org"), true},
    {SLICE_INIT("bob@example.org"), SLICE_INIT("bob"), SLICE_INIT("example.org"),
	SLICE_INIT("bob@example.org"), true},
    {SLICE_INIT(" < bob@example.org > "), SLICE_INIT("bob"), SLICE_INIT("example.org"),
	SLICE_INIT("bob@example.org"), true},
    {SLICE_INIT("<Bob@Example.ORG.>"), SLICE_INIT("bob"), SLICE_INIT("example.org"),
	SLICE_INIT("bob@example.org"), false},
    {SLICE_INIT("<bob@example.org.>"), SLICE_INIT("bob"), SLICE_INIT("example.org"),
	SLICE_INIT("bob@example.org"), true},
    {SLICE_INIT("<bob@EXAMPLE.org>"), SLICE_INIT("bob"), SLICE_INIT("example.org"),
	SLICE_INIT("bob@example.org"), false},
    /* quotes */
    {SLICE_INIT("<@relay.example:\"Bob\"@Example.ORG>"), SLICE_INIT("bob"),
	SLICE_INIT("example.org"), SLICE_INIT("bob@example.org"), false},
    {SLICE_INIT("<\"a b\"@x.org>"), SLICE_INIT("a b"), SLICE_INIT("x.org"),
	SLICE_INIT("\"a b\"@x.org"), false},
    {SLICE_INIT("<\"a@b\"@x.org>"), SLICE_INIT("a@b"), SLICE_INIT("x.org"),
	SLICE_INIT("\"a@b\"@x.org"), false},
    {SLICE_INIT("<\"a\\\"\\\\\\b\"@x.org>"), SLICE_INIT("a\"\\b"), SLICE_INIT("x.org"),
	SLICE_INIT("\"a\\\"\\\\b\"@x.org"), false},
    {SLICE_INIT("<\"\"@x.org>"), SLICE_INIT(""), SLICE_INIT("x.org"), SLICE_INIT("\"\"@x.org"),
	false},
    {SLICE_INIT("<a\\@b@x.org>"), SLICE_INIT("a@b"), SLICE_INIT("x.org"),
	SLICE_INIT("\"a@b\"@x.org"), false},
    {SLICE_INIT("<a.\"b c\".d@x.org>"), SLICE_INIT("a.b c.d"), SLICE_INIT("x.org"),
	SLICE_INIT("\"a.b c.d\"@x.org"), false},
    {SLICE_INIT("<\"<>\"@x.org>"), SLICE_INIT("<>"), SLICE_INIT("x.org"),
	SLICE_INIT("\"<>\"@x.org"), false},
    /* what MTAs take although RFC 5321 does not */
    {SLICE_INIT("<a..b.@x.org>"), SLICE_INIT("a..b."), SLICE_INIT("x.org"),
	SLICE_INIT("a..b.@x.org"), true},
    {SLICE_INIT("<a@b@x.org>"), SLICE_INIT("a@b"), SLICE_INIT("x.org"), SLICE_INIT("\"a@b\"@x.org"),
	false},
    {SLICE_INIT("<a b@x.org>"), SLICE_INIT("a b"), SLICE_INIT("x.org"), SLICE_INIT("\"a b\"@x.org"),
	false},
    {SLICE_INIT("<a\xff\x01@x.org>"), SLICE_INIT("a\xff\x01"), SLICE_INIT("x.org"),
	SLICE_INIT("\"a\xff\x01\"@x.org"), false},
    {SLICE_INIT("<srs0=Ab+c=d=e.org=f@x.org>"), SLICE_INIT("srs0=ab+c=d=e.org=f"),
	SLICE_INIT("x.org"), SLICE_INIT("srs0=ab+c=d=e.org=f@x.org"), false},
    {SLICE_INIT("<u@\"X.org\">"), SLICE_INIT("u"), SLICE_INIT("x.org"), SLICE_INIT("u@x.org"),
	false},
    {SLICE_INIT("<u@x\\.org>"), SLICE_INIT("u"), SLICE_INIT("x.org"), SLICE_INIT("u@x.org"), false},
    /* source routes */
    {SLICE_INIT("<@a.org,@b.org:u@x.org>"), SLICE_INIT("u"), SLICE_INIT("x.org"),
	SLICE_INIT("u@x.org"), true},
    {SLICE_INIT("<@a.org:<u@x.org>"), SLICE_INIT("<u"), SLICE_INIT("x.org"),
	SLICE_INIT("\"<u\"@x.org"), false},
    /* SMTPUTF8 */
    {SLICE_INIT("<\xc3\x9c\xc3\xbcX@x.org>"), SLICE_INIT("\xc3\xbc\xc3\xbcx"), SLICE_INIT("x.org"),
	SLICE_INIT("\xc3\xbc\xc3\xbcx@x.org"), false},
    {SLICE_INIT("<\xc3\xbc@b\xc3\xbc"
		"cher.example>"),
	SLICE_INIT("\xc3\xbc"), SLICE_INIT("xn--bcher-kva.example"),
	SLICE_INIT("\xc3\xbc@xn--bcher-kva.example"), false},
    {SLICE_INIT("<\"\xc3\x9c x\"@x.org>"), SLICE_INIT("\xc3\xbc x"), SLICE_INIT("x.org"),
	SLICE_INIT("\"\xc3\xbc x\"@x.org"), false},
    {SLICE_INIT("<\xc3\x9c\xff@x.org>"), SLICE_INIT("\xc3\x9c\xff"), SLICE_INIT("x.org"),
	SLICE_INIT("\xc3\x9c\xff@x.org"), false},
    /* no name behind it */
    {SLICE_INIT("<postmaster>"), SLICE_INIT("postmaster"), {NULL, 0}, SLICE_INIT("postmaster"),
	true},
    {SLICE_INIT("<PostMaster>"), SLICE_INIT("postmaster"), {NULL, 0}, SLICE_INIT("postmaster"),
	false},
    {SLICE_INIT("<\"a@b\">"), SLICE_INIT("a@b"), {NULL, 0}, SLICE_INIT("\"a@b\""), false},
    {SLICE_INIT("<u@[192.0.2.1]>"), SLICE_INIT("u"), {NULL, 0}, SLICE_INIT("u@[192.0.2.1]"), false},
    {SLICE_INIT("<u@[ipv6:2001:DB8::1]>"), SLICE_INIT("u"), {NULL, 0},
	SLICE_INIT("u@[IPv6:2001:db8::1]"), false},
    {SLICE_INIT("<u@[IPv6:::ffff:192.0.2.1]>"), SLICE_INIT("u"), {NULL, 0},
	SLICE_INIT("u@[192.0.2.1]"), false},
};

static struct slice tight(struct slice text)
{
	char *copy = malloc(text.len + !text.len);

	memcpy(copy, text.ptr, text.len);
	return slice_of(copy, text.len);
}

START_TEST(parses)
{
	struct slice given = tight(mailboxes[_i].given);
	struct arena *arena = arena_create(1 << 16);
	struct address a;
	const char *wrong = address_parse(given, &fake, arena, &a);

	ck_assert_msg(!wrong, "%.*s: %s", SLICE_ARG(given), wrong);
	ck_assert_msg(slice_equal(a.local, mailboxes[_i].local), "%.*s: local %.*s",
	    SLICE_ARG(given), SLICE_ARG(a.local));
	ck_assert_msg(slice_equal(a.domain, mailboxes[_i].domain), "%.*s: domain %.*s",
	    SLICE_ARG(given), SLICE_ARG(a.domain));
	ck_assert_msg(slice_equal(a.folded, mailboxes[_i].folded), "%.*s: folded %.*s",
	    SLICE_ARG(given), SLICE_ARG(a.folded));
	ck_assert(!a.null);
	ck_assert_msg((arena_used(arena) == 0) == mailboxes[_i].same_memory, "%.*s: memory",
	    SLICE_ARG(given));
	free((void *)(uintptr_t)given.ptr);
	arena_free(&arena);
}
END_TEST

/* What was sent and its folded form are read as the same address again. */
START_TEST(reads_its_own_text)
{
	struct arena *arena = arena_create(1 << 16);
	struct address a, b;

	address_parse(mailboxes[_i].given, &fake, arena, &a);
	ck_assert_ptr_null(address_parse(a.text, &fake, arena, &b));
	ck_assert(slice_equal(a.local, b.local) && slice_equal(a.domain, b.domain));
	ck_assert(slice_equal(a.text, b.text) && slice_equal(a.folded, b.folded));
	ck_assert_ptr_null(address_parse(a.folded, &fake, arena, &b));
	ck_assert(slice_equal(a.local, b.local) && slice_equal(a.domain, b.domain));
	ck_assert(slice_equal(a.folded, b.folded));
	arena_free(&arena);
}
END_TEST

/* text keeps what was sent; patterns see it without capitals of ASCII, composed, not folded. */
static const struct {
	struct slice given, text, composed;
} spellings[] = {
    {SLICE_INIT("<Bob@Example.ORG.>"), SLICE_INIT("Bob@Example.ORG."),
	SLICE_INIT("bob@example.org")},
    {SLICE_INIT(" < Bob@example.org > "), SLICE_INIT("Bob@example.org"),
	SLICE_INIT("bob@example.org")},
    {SLICE_INIT("<\"Bob\"@Example.ORG>"), SLICE_INIT("\"Bob\"@Example.ORG"),
	SLICE_INIT("bob@example.org")},
    {SLICE_INIT("<\"B \\Q\"@x.org>"), SLICE_INIT("\"B \\Q\"@x.org"), SLICE_INIT("\"b q\"@x.org")},
    {SLICE_INIT("<@Relay.example:Bob@Example.ORG>"), SLICE_INIT("Bob@Example.ORG"),
	SLICE_INIT("bob@example.org")},
    {SLICE_INIT("<@a.org:<U@X.org>"), SLICE_INIT("\"<U\"@X.org"), SLICE_INIT("\"<u\"@x.org")},
    {SLICE_INIT("<@a.org:@b@X.org>"), SLICE_INIT("\"@b\"@X.org"), SLICE_INIT("\"@b\"@x.org")},
    {SLICE_INIT("<@a.org: U@X.org>"), SLICE_INIT("\" U\"@X.org"), SLICE_INIT("\" u\"@x.org")},
    {SLICE_INIT("<U@[IPv6:2001:DB8::1]>"), SLICE_INIT("U@[IPv6:2001:DB8::1]"),
	SLICE_INIT("u@[IPv6:2001:db8::1]")},
    {SLICE_INIT("<PostMaster>"), SLICE_INIT("PostMaster"), SLICE_INIT("postmaster")},
    {SLICE_INIT("<Xu\xcc\x88\xc3\x9c@b\xc3\xbc"
		"cher.example>"),
	SLICE_INIT("Xu\xcc\x88\xc3\x9c@b\xc3\xbc"
		   "cher.example"),
	SLICE_INIT("x\xc3\xbc\xc3\x9c@xn--bcher-kva.example")},
    {SLICE_INIT("<Xu\xcc\x88\xff@x.org>"), SLICE_INIT("Xu\xcc\x88\xff@x.org"),
	SLICE_INIT("xu\xcc\x88\xff@x.org")},
    {SLICE_INIT("<>"), SLICE_INIT("<>"), SLICE_INIT("<>")},
    /* no address */
    {SLICE_INIT("<Au\xcc\x88 x"), SLICE_INIT("<Au\xcc\x88 x"), SLICE_INIT("<A\xc3\xbc x")},
};

START_TEST(keeps_what_was_sent)
{
	struct arena *arena = arena_create(1 << 16);
	struct address a;

	address_parse(spellings[_i].given, &fake, arena, &a);
	ck_assert_msg(slice_equal(a.text, spellings[_i].text), "%.*s: text %.*s",
	    SLICE_ARG(spellings[_i].given), SLICE_ARG(a.text));
	ck_assert_msg(slice_equal(a.composed, spellings[_i].composed), "%.*s: composed %.*s",
	    SLICE_ARG(spellings[_i].given), SLICE_ARG(a.composed));
	arena_free(&arena);
}
END_TEST

START_TEST(knows_the_null_sender)
{
	static const struct slice texts[] = {
	    SLICE_INIT("<>"), SLICE_INIT("< >"), SLICE_INIT(" <> ")};

	for (size_t i = 0; i < ROWS(texts); i++) {
		struct arena *arena = arena_create(0);
		struct address a;

		ck_assert_ptr_null(address_parse(texts[i], &fake, arena, &a));
		ck_assert(a.null && a.local.len == 0 && a.domain.len == 0);
		ck_assert(slice_equal(a.text, SLICE("<>")));
		arena_free(&arena);
	}
}
END_TEST

static const struct {
	struct slice given;
	const char *wrong;
} junk[] = {
    {SLICE_INIT(""), "empty address"},
    {SLICE_INIT(" \t"), "empty address"},
    {SLICE_INIT("<"), "closing >"},
    {SLICE_INIT("<a@b.org"), "closing >"},
    {SLICE_INIT("<a@b.org> x"), "closing >"},
    {SLICE_INIT("a@b.org>"), "only letters"},
    {SLICE_INIT("<a@>"), "empty name"},
    {SLICE_INIT("<@>"), "no user"},
    {SLICE_INIT("<@b.org>"), "no user"},
    {SLICE_INIT("<@a.org:@b.org>"), "no user"},
    {SLICE_INIT("<@a.org,u@x.org>"), "no user"}, /* a route without its colon */
    {SLICE_INIT("<@a.org,@b.org>"), "no user"},
    {SLICE_INIT("<@a.org:>"), "no user"},
    {SLICE_INIT("<\"a@b.org>"), "closing quote"},
    {SLICE_INIT("<\"a\\\"@b.org>"), "closing quote"},
    {SLICE_INIT("<a\\>"), "backslash"},
    {SLICE_INIT("<a@b c.org>"), "blank"},
    {SLICE_INIT("<a@b..org>"), "empty label"},
    {SLICE_INIT("<a@f\xfc.org>"), "neither ASCII nor UTF-8"},
    {SLICE_INIT("<a@[192.0.2.1>"), "address literal"},
    {SLICE_INIT("<a@[]>"), "address literal"},
    {SLICE_INIT("<a@[x]>"), "holds no address"},
    {SLICE_INIT("<a@[IPv6:]>"), "holds no address"},
    {SLICE_INIT("<a\0b@c.org>"), "NUL"},
    {SLICE_INIT("<a\r\nb@c.org>"), "line end"},
    {SLICE_INIT("<a\\\nb@c.org>"), "line end"},
    {SLICE_INIT("\xff\xfe\0\0"), "NUL"},
};

START_TEST(shows_junk_as_it_came)
{
	struct slice given = tight(junk[_i].given);
	struct arena *arena = arena_create(1 << 16);
	struct address a;
	const char *wrong = address_parse(given, &fake, arena, &a);

	ck_assert_msg(wrong && strstr(wrong, junk[_i].wrong), "%.*s: %s", SLICE_ARG(given),
	    wrong ? wrong : "is no error");
	ck_assert(a.text.ptr == given.ptr && a.text.len == given.len);
	ck_assert(a.local.len == 0 && a.domain.len == 0 && !a.null);
	free((void *)(uintptr_t)given.ptr);
	arena_free(&arena);
}
END_TEST

START_TEST(survives_without_memory)
{
	for (size_t limit = 0; limit < 80; limit += 8) {
		struct arena *arena = arena_create(limit);
		struct address a;
		const char *wrong =
		    address_parse(SLICE("<\"B ob\"@Example.ORG>"), &fake, arena, &a);

		ck_assert_msg((wrong != NULL) == arena_failed(arena), "limit %zu", limit);
		ck_assert(!wrong || strcmp(wrong, "out of memory") == 0);
		ck_assert(!wrong || a.local.len == 0);
		arena_free(&arena);
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("address");
	TCase *t = tcase_create("address");

	tcase_add_loop_test(t, parses, 0, ROWS(mailboxes));
	tcase_add_loop_test(t, reads_its_own_text, 0, ROWS(mailboxes));
	tcase_add_loop_test(t, keeps_what_was_sent, 0, ROWS(spellings));
	tcase_add_test(t, knows_the_null_sender);
	tcase_add_loop_test(t, shows_junk_as_it_came, 0, ROWS(junk));
	tcase_add_test(t, survives_without_memory);
	suite_add_tcase(s, t);
	return s;
}
