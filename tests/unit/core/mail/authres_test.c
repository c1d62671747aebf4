/* Authentication-Results (RFC 8601): whose field it is, and how ours reads. */
#include "unit/unit.h"

#include "core/mail/authres.h"

#include <stdio.h>
#include <stdlib.h>

#define B(literal) SLICE_INIT(literal)
#define OURS       AUTHRES_OURS
#define FOREIGN    AUTHRES_FOREIGN
#define BROKEN     AUTHRES_UNREADABLE

static size_t to_ascii(struct slice utf8, char *out, size_t cap)
{
	if (slice_equal(utf8, SLICE("mx.b\303\274cher.example")) ||
	    slice_equal(utf8, SLICE("MX.B\303\234CHER.example")))
		return (size_t)snprintf(out, cap, "mx.xn--bcher-kva.example");
	return 0;
}

static const struct idna idna = {.to_ascii = to_ascii};

/* ---- reading: our id is mx.example.org ----------------------------------------------- */

static const struct {
	const char *label;
	struct slice body;
	enum authres_owner want;
} bodies[] = {
    {"plain", B(" mx.example.org; spf=pass"), OURS},
    {"no blank", B("mx.example.org;spf=pass"), OURS},
    {"case", B(" MX.Example.ORG; spf=pass"), OURS},
    {"last dot", B(" mx.example.org.; spf=pass"), OURS},
    {"version", B(" mx.example.org 1; spf=pass"), OURS},
    {"unknown version", B(" mx.example.org 999; spf=pass"), OURS},
    {"version with a slash", B(" mx.example.org/1; spf=pass"), OURS},
    {"junk behind the id", B(" mx.example.org of us; spf=pass"), OURS},
    {"no semicolon", B(" mx.example.org spf=pass"), OURS},
    {"nothing else", B(" mx.example.org"), OURS},
    {"none", B(" mx.example.org; none"), OURS},
    {"equals sign", B(" mx.example.org=1; spf=pass"), OURS},
    {"folded in front", B("\r\n\tmx.example.org; spf=pass"), OURS},
    {"folded in front, LF", B("\n mx.example.org; spf=pass"), OURS},
    {"folded behind", B(" mx.example.org\r\n ; spf=pass"), OURS},
    {"folded within", B(" mx.exam\r\n ple.org; spf=pass"), OURS},
    {"folded within, with version", B(" mx.exam\r\n ple.org 1; spf=pass"), OURS},
    {"comment in front", B(" (ours) mx.example.org; spf=pass"), OURS},
    {"nested comment in front", B(" (a (b) \\) c) mx.example.org; spf=pass"), OURS},
    {"comment behind", B(" mx.example.org(ours); spf=pass"), OURS},
    {"comment within", B(" mx.(x)example.org; spf=pass"), OURS},
    {"comment within and version", B(" mx.(x)example.org (v) 1; spf=pass"), OURS},
    {"quoted", B(" \"mx.example.org\"; spf=pass"), OURS},
    {"quoted and escaped", B(" \"mx\\.example.\\org\"; spf=pass"), OURS},
    {"quoted in part", B(" mx.\"example\".org; spf=pass"), OURS},
    {"quoted with blanks", B(" \" mx.example.org \"; spf=pass"), OURS},
    {"quoted, folded", B(" \"mx.\r\n example.org\"; spf=pass"), OURS},
    {"in brackets", B(" <mx.example.org>; spf=pass"), OURS},
    {"NUL behind", B(" mx.example.org\0; spf=pass"), OURS},
    {"NUL within", B(" mx.\0example.org; spf=pass"), OURS},
    {"control byte within", B(" mx.\001example.org; spf=pass"), OURS},
    {"comma in front", B(" , mx.example.org; spf=pass"), OURS},
    {"loose line end behind", B(" mx.example.org\nX: y"), OURS},
    {"comment behind not closed", B(" mx.example.org (ours; spf=pass"), OURS},
    {"no-break blank in front", B(" \302\240mx.example.org; spf=pass"), OURS},
    {"no-break blank behind", B(" mx.example.org\302\2401; spf=pass"), OURS},
    {"no-break blank of Latin-1", B(" \240mx.example.org; spf=pass"), OURS},
    {"byte-order mark in front", B("\357\273\277mx.example.org; spf=pass"), OURS},
    {"quoted with a version", B(" \"mx.example.org 1\"; spf=pass"), OURS},
    {"quoted, not closed", B(" \"mx.example.org; spf=pass"), OURS},
    {"quoted with a result", B(" \"mx.example.org; dmarc=pass\"; spf=pass"), OURS},

    {"another", B(" mx.example.net; spf=pass"), FOREIGN},
    {"longer", B(" mx.example.org.example.net; spf=pass"), FOREIGN},
    {"shorter", B(" example.org; spf=pass"), FOREIGN},
    {"ours as a result", B(" other.example; spf=pass smtp.helo=mx.example.org"), FOREIGN},
    {"ours behind the first semicolon", B(" other.example; mx.example.org"), FOREIGN},
    {"ours as the second word", B(" other.example mx.example.org; spf=pass"), FOREIGN},
    {"ours in a comment", B(" other.example (mx.example.org); spf=pass"), FOREIGN},
    {"letters glued on, escaped", B(" \"mx.example.org\\x\"; spf=pass"), FOREIGN},
    {"digits glued on", B(" mx.example.org1; spf=pass"), FOREIGN},
    {"no id, as some big hosts write it",
	B(" spf=pass (sender IP is 192.0.2.1)"
	  " smtp.mailfrom=example.net; dkim=none"),
	FOREIGN},
    {"semicolon in a quoted foreign id", B(" \"a;mx.example.org\"; spf=pass"), FOREIGN},
    {"broken only behind the semicolon", B(" other.example; spf=pass (x"), FOREIGN},
    {"8-bit foreign", B(" \374.example; spf=pass"), FOREIGN},

    {"empty", B(""), BROKEN},
    {"blanks", B(" \r\n "), BROKEN},
    {"only a comment", B(" (mx.example.org); spf=pass"), BROKEN},
    {"semicolon first", B(" ; mx.example.org; spf=pass"), BROKEN},
    {"comment not closed", B(" (mx.example.org; spf=pass"), BROKEN},
    {"quote not closed", B(" \"mx.example.net; spf=pass"), BROKEN},
    {"foreign, then a quote not closed", B(" other.example \"x; spf=pass"), BROKEN},
    {"loose line end in front", B("\nmx.example.org; spf=pass"), BROKEN},
};

/* A copy of the exact size: the sanitizers see a read beyond it. */
static enum authres_owner owner_of(struct slice body, const char *id)
{
	struct arena *arena = arena_create(1 << 16);
	char *copy = malloc(body.len ? body.len : 1);
	enum authres_owner owner;

	memcpy(copy, body.ptr, body.len);
	owner = authres_owner(slice_of(copy, body.len), slice_str(id), &idna, arena);
	free(copy);
	arena_free(&arena);
	return owner;
}

START_TEST(reading)
{
	enum authres_owner got = owner_of(bodies[_i].body, "mx.example.org");

	ck_assert_msg(got == bodies[_i].want, "%s: %d", bodies[_i].label, got);
}
END_TEST

START_TEST(reading_u_labels)
{
	const char *a_label = "mx.xn--bcher-kva.example", *u_label = "mx.b\303\274cher.example";

	ck_assert_int_eq(owner_of(SLICE(" MX.B\303\234CHER.example; spf=pass"), a_label), OURS);
	ck_assert_int_eq(owner_of(SLICE(" mx.xn--bcher-kva.example 1; spf=pass"), u_label), OURS);
	ck_assert_int_eq(owner_of(SLICE(" mx.(x)b\303\274cher.example 1;"), a_label), OURS);
	ck_assert_int_eq(owner_of(SLICE(" mx.b\303\274cher.example 1 x;"), a_label), OURS);
	ck_assert_int_eq(owner_of(SLICE(" mx.b\303\274cher.example.net;"), a_label), FOREIGN);
	ck_assert_int_eq(
	    owner_of(SLICE(" mx.b\303\274cher.example;"), "mx.bcher.example"), FOREIGN);
	ck_assert_int_eq(owner_of(SLICE(" Mail_Filter#1; spf=pass"), "mail_filter#1"), OURS);
}
END_TEST

START_TEST(reading_long)
{
	static const char *const units[] = {
	    "a", "(", "\"", "\\", "a ", "()", "; ", "\303\274", "a.", "\r\n ", "=", "\"a\""};
	size_t size = 256 * 1024;
	char *text = malloc(size);

	for (size_t i = 0; i < ROWS(units); i++) {
		for (size_t at = 0; at < size; at++)
			text[at] = units[i][at % strlen(units[i])];
		ck_assert_int_ne(owner_of(slice_of(text, size), "mx.example.org"), OURS);
	}
	free(text);
}
END_TEST

/* ---- writing ------------------------------------------------------------------------- */

static const struct authres_spf spf_pass = {.result = B("pass"), .mailfrom = B("bob@example.net")};
static const struct authres_spf spf_null = {
    .result = B("softfail"), .helo = B("mail.example.net"), .comment = B("null sender")};
static const struct authres_spf spf_evil = {.result = B("none"),
    .mailfrom = B("\"; dmarc=pass header.from=bank.example\"@evil.example"),
    .helo = B("x;\r\n dmarc=pass \"\\ (\377\0")};
static const struct authres_spf spf_odd = {
    .result = B("fail"), .mailfrom = B("SRS0=x=dmarc=pass=a@evil.example")};
static const struct authres_spf spf_literal = {
    .result = B("none"), .mailfrom = B("bob@[192.0.2.1]")};
static const struct authres_spf spf_bare = {.result = B("none"), .mailfrom = B("postmaster")};

static const struct authres_dkim dkim_two[] = {
    {.result = B("pass"),
	.domain = B("example.org"),
	.identity = B("@news.example.org"),
	.selector = B("s1"),
	.algorithm = B("rsa-sha256"),
	.signature = B("dGhp cyBp\r\n cyBh")},
    {.result = B("fail"),
	.domain = B("example.net"),
	.identity = B("bob@example.net"),
	.selector = B("k._domain"),
	.algorithm = B("ed25519-sha256"),
	.signature = B("a/b+c=="),
	.reason = B("body hash did not verify")},
};
static const struct authres_dkim dkim_none[] = {{.result = B("none")}};
static const struct authres_dkim dkim_reason[] = {
    {.result = B("permerror"), .reason = B("the version tag v= is missing; \"x\"")}};
static const struct authres_dkim dkim_evil[] = {{.result = B("permerror"),
    .domain = B("x) ; dmarc=pass (\n"),
    .identity = B("a b\"@evil.example"),
    .selector = B("s;dmarc=pass"),
    .algorithm = B("\303\244"),
    .signature = B("spf=pass"),
    .reason = B("a \"quoted\" \\ reason")}};

static const struct authres_dmarc dmarc_fail = {.result = B("fail"),
    .from = B("example.org"),
    .policy = B("reject"),
    .comment = B("p=reject dis=none override=whitelist:alumni")};
static const struct authres_dmarc dmarc_evil = {
    .result = B("none"), .comment = B("x) dkim=pass (y \\ \r\n\t\200")};

static const struct {
	const char *label;
	struct authres in;
	const char *want; /* behind the id */
} written[] = {
    {"nothing evaluated", {.id = B("mx.example.org")}, "; none"},
    {"spf", {.spf = &spf_pass}, ";\n\tspf=pass smtp.mailfrom=bob@example.net"},
    {"spf of the null sender", {.spf = &spf_null},
	";\n\tspf=softfail (null sender) smtp.helo=mail.example.net"},
    {"hostile sender and HELO", {.spf = &spf_evil},
	";\n\tspf=none smtp.mailfrom=evil.example\n\tsmtp.helo=\"x??? dmarc?pass \\\"\\\\ (??\""},
    {"sender that reads like a result", {.spf = &spf_odd},
	";\n\tspf=fail smtp.mailfrom=evil.example"},
    {"sender at an address literal", {.spf = &spf_literal},
	";\n\tspf=none smtp.mailfrom=\"[192.0.2.1]\""},
    {"sender without a domain", {.spf = &spf_bare}, ";\n\tspf=none smtp.mailfrom=postmaster"},
    {"two signatures", {.dkim = dkim_two, .dkim_count = 2},
	";\n\tdkim=pass header.d=example.org header.i=@news.example.org header.s=s1\n"
	"\theader.a=rsa-sha256 header.b=dGhpcyBp;\n"
	"\tdkim=fail reason=\"body hash did not verify\" header.d=example.net\n"
	"\theader.i=bob@example.net header.s=k._domain header.a=ed25519-sha256\n"
	"\theader.b=\"a/b+c??\""},
    {"no signature", {.dkim = dkim_none, .dkim_count = 1}, ";\n\tdkim=none"},
    {"a reason keeps its signs", {.dkim = dkim_reason, .dkim_count = 1},
	";\n\tdkim=permerror reason=\"the version tag v= is missing; \\\"x\\\"\""},
    {"hostile signature", {.dkim = dkim_evil, .dkim_count = 1},
	";\n\tdkim=permerror reason=\"a \\\"quoted\\\" \\\\ reason\"\n"
	"\theader.d=\"x) ? dmarc?pass (?\" header.i=@evil.example\n"
	"\theader.s=\"s?dmarc?pass\" header.a=\"??\" header.b=\"spf?pass\""},
    {"dmarc", {.dmarc = &dmarc_fail, .dmarc_count = 1},
	";\n\tdmarc=fail (p=reject dis=none override=whitelist:alumni)\n"
	"\theader.from=example.org policy.dmarc=reject"},
    {"hostile comment", {.dmarc = &dmarc_evil, .dmarc_count = 1},
	";\n\tdmarc=none (x\\) dkim=pass \\(y \\\\ ???\?)"},
    {"all three",
	{.spf = &spf_pass,
	    .dkim = dkim_none,
	    .dkim_count = 1,
	    .dmarc = &dmarc_fail,
	    .dmarc_count = 1},
	";\n\tspf=pass smtp.mailfrom=bob@example.net;\n\tdkim=none;\n"
	"\tdmarc=fail (p=reject dis=none override=whitelist:alumni)\n"
	"\theader.from=example.org policy.dmarc=reject"},
};

START_TEST(writing)
{
	struct arena *arena = arena_create(1 << 16);
	struct authres in = written[_i].in;
	struct slice got;
	char want[600];

	in.id = SLICE("mx.example.org");
	got = authres_write(&in, arena);
	snprintf(want, sizeof want, "mx.example.org%s", written[_i].want);
	ck_assert_msg(
	    slice_equal(got, slice_str(want)), "%s:\n%.*s", written[_i].label, SLICE_ARG(got));
	ck_assert_int_eq(authres_owner(got, in.id, &idna, arena), OURS);
	arena_free(&arena);
}
END_TEST

/* Values of any length: cut, each on a line of bounded length (RFC 5322 2.1.1). */
START_TEST(writing_long)
{
	struct arena *arena = arena_create(1 << 20);
	static char quotes[5000], letters[5000];
	struct slice q = slice_of(quotes, sizeof quotes), l = slice_of(letters, sizeof letters);
	struct authres_dkim dkim[AUTHRES_DKIM_MAX + 5];
	struct authres_spf spf = {q, q, q, q};
	struct authres_dmarc dmarc = {l, l, l, l};
	struct authres a = {q, &spf, dkim, ROWS(dkim), &dmarc, 1};
	struct slice got, line;
	size_t methods = 0;

	memset(quotes, '"', sizeof quotes);
	memset(letters, 'a', sizeof letters);
	for (size_t i = 0; i < ROWS(dkim); i++)
		dkim[i] = (struct authres_dkim){q, l, q, l, q, l, q, l};
	got = authres_write(&a, arena);
	ck_assert_uint_lt(got.len, 40000);
	while (got.ptr) {
		line = slice_cut(&got, '\n');
		ck_assert_uint_le(line.len, 998);
		methods += slice_starts(line, SLICE("\tdkim="));
	}
	ck_assert_uint_eq(methods, AUTHRES_DKIM_MAX);
	arena_free(&arena);
}
END_TEST

START_TEST(writing_without_memory)
{
	struct arena *arena = arena_create(16);
	struct authres a = {.id = SLICE("mx.example.org"), .spf = &spf_pass};

	ck_assert_ptr_null(authres_write(&a, arena).ptr);
	ck_assert(arena_failed(arena));
	arena_free(&arena);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("authres");
	TCase *t = tcase_create("authres");

	tcase_add_loop_test(t, reading, 0, ROWS(bodies));
	tcase_add_test(t, reading_u_labels);
	tcase_add_test(t, reading_long);
	tcase_add_loop_test(t, writing, 0, ROWS(written));
	tcase_add_test(t, writing_long);
	tcase_add_test(t, writing_without_memory);
	suite_add_tcase(s, t);
	return s;
}
