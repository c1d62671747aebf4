/* The From parser: one row for each way in which two readers could see different authors. */
#include "unit/unit.h"

#include "core/mail/fromheader.h"

#include <stdio.h>
#include <stdlib.h>

#define F(literal) SLICE_INIT(literal)
#define BAD        FROM_BAD, ""
#define FORGIVEN   FROM_ONE, "a@x.org"

/* U-labels without a library: the two names that the rows use. */
static size_t to_ascii(struct slice utf8, char *out, size_t cap)
{
	static const struct {
		struct slice wide;
		const char *ascii;
	} names[] = {
	    {F("b\303\274cher.example"), "xn--bcher-kva.example"},
	    {F("B\303\234CHER.example"), "xn--bcher-kva.example"},
	    {F("x\357\274\216org"), "x.org"},
	};

	for (size_t i = 0; i < ROWS(names); i++)
		if (slice_equal(names[i].wide, utf8))
			return (size_t)snprintf(out, cap, "%s", names[i].ascii);
	return 0;
}

static const struct idna idna = {.to_ascii = to_ascii};

/* domains: joined by blanks, for FROM_BAD whatever stands behind an @. author: empty when there is
 * none.  FROM_ONE with a reason is a crooked field that is forgiven. */
static const struct {
	const char *label;
	struct slice field;
	enum from_kind kind;
	const char *author, *domains;
	const char *why; /* a part of the reason, or NULL */
} rows[] = {
    /* what everybody writes */
    {"bare address", F("a@x.org"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"leading blank", F(" a@x.org"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"upper case", F("A.B@X.ORG"), FROM_ONE, "a.b@x.org", "x.org", NULL},
    {"angle brackets only", F("<a@x.org>"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"name", F("Jane Doe <a@x.org>"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"no blank before <", F("Jane<a@x.org>"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"quoted name", F("\"Doe, Jane\" <a@x.org>"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"quoted and plain words", F("Jane \"J\" Doe <a@x.org>"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"dots in a name", F("John Q. Public <a@x.org>"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"name that begins with a dot", F(".net News <a@x.org>"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"blanks within the brackets", F("J < a@x.org >"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"trailing line end", F("a@x.org\r\n"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"trailing LF", F("a@x.org\n"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"folded, CRLF", F("Jane\r\n\tDoe\r\n <a@x.org>"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"folded, LF", F("Jane\n\tDoe\n <a@x.org>"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"folded in quotes", F("\"Jane\r\n Doe\" <a@x.org>"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"line of blanks only (obs-FWS)", F("Jane\r\n \r\n <a@x.org>"), FROM_ONE, "a@x.org", "x.org",
	NULL},
    {"underscore and one label", F("a_b@local_host"), FROM_ONE, "a_b@local_host", "local_host",
	NULL},
    {"atext of all kinds", F("a!#$%&'*+-/?=^_`{|}~z@x.org"), FROM_ONE,
	"a!#$%&'*+-/?=^_`{|}~z@x.org", "x.org", NULL},
    {"percent hack is a local part", F("a%y.org@x.org"), FROM_ONE, "a%y.org@x.org", "x.org", NULL},
    {"bang path is a local part", F("y.org!a@x.org"), FROM_ONE, "y.org!a@x.org", "x.org", NULL},
    {"dots as some carriers had them", F("a..b.@x.org"), FROM_ONE, "a..b.@x.org", "x.org", NULL},
    {"name of digits", F("a@192.0.2.1"), FROM_ONE, "a@192.0.2.1", "192.0.2.1", NULL},

    /* comments */
    {"comment behind", F("a@x.org (Jane Doe)"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"comment touches", F("a@x.org(Jane)"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"comment in front", F("(Jane) a@x.org"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"nested comments", F("a@x.org (J (of (X)) D)"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"address in a comment", F("a@x.org (b@y.org)"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"address in a comment in front", F("(<b@y.org>) a@x.org"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"comment within brackets", F("J <(c)a@x.org(c)>"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"comments in a name", F("J (c) D (c)<a@x.org>"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"escaped parenthesis", F("a@x.org (\\) b@y.org)"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"escaped parenthesis that ends it not", F("a@x.org (c\\)"), FORGIVEN, "x.org", "comment"},
    {"quote in a comment is no quote", F("a@x.org (\")"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"comment folded", F("a@x.org (Jane\r\n Doe)"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"comment not closed", F("a@x.org (Jane"), FORGIVEN, "x.org", "comment"},
    {"inner comment closed only", F("a@x.org (J (D)"), BAD, "x.org", "comment"},
    {"comment closed twice", F("a@x.org (J))"), FORGIVEN, "x.org", "behind an address"},
    {"parenthesis in front", F(") a@x.org"), FORGIVEN, "x.org", "needs quotes"},
    {"comment that hides the end", F("a@x.org (, b@y.org"), BAD, "x.org y.org", "comment"},

    /* quotes and backslashes */
    {"address in quotes", F("\"b@y.org\" <a@x.org>"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"brackets in quotes", F("\"<b@y.org>\" <a@x.org>"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"comment in quotes is text", F("\"(\" <a@x.org>"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"escaped quote", F("\"a\\\" <b@y.org>\" <a@x.org>"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"escaped backslash ends", F("\"a\\\\\" <a@x.org>"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"quote not closed", F("\"Jane <a@x.org>"), FORGIVEN, "x.org", "quoted string"},
    {"quote opened at the end", F("a@x.org\""), BAD, "x.org", "behind an address"},
    {"last quote escaped", F("\"Jane\\\" <a@x.org>"), FORGIVEN, "x.org", "quoted string"},
    {"backslash at the end", F("\"Jane\\"), BAD, "", "backslash"},
    {"backslash outside quotes", F("Jane\\ Doe <a@x.org>"), FORGIVEN, "x.org", "needs quotes"},
    {"backslash in a local part", F("a\\@b@x.org"), BAD, "x.org", NULL},
    {"quoted local part", F("\"Jane Doe\"@x.org"), FROM_ONE, "\"jane doe\"@x.org", "x.org", NULL},
    {"quoted without need", F("\"a.b\"@x.org"), FROM_ONE, "a.b@x.org", "x.org", NULL},
    {"quoted quote in a local part", F("<\"a\\\"b\\\\\"@x.org>"), FROM_ONE, "\"a\\\"b\\\\\"@x.org",
	"x.org", NULL},
    {"empty quoted local part", F("\"\"@x.org"), BAD, "x.org", "local part"},
    {"address in a quoted local part", F("\"b@y.org\"@x.org"), BAD, "y.org x.org", "within"},
    {"brackets in a quoted local part", F("\"<b>\"@x.org"), BAD, "x.org", "within"},
    {"quoted and plain local part", F("\"a\".b@x.org"), BAD, "x.org", "@"},
    {"plain and quoted local part", F("a.\"b\"@x.org"), BAD, "x.org", "@"},
    {"fold in a quoted local part", F("\"a\r\n b\"@x.org"), BAD, "x.org", "line end"},
    {"whole address in quotes", F("\"a@x.org\""), BAD, "x.org", "without an address"},
    {"quoted domain", F("a@\"x.org\""), BAD, "x.org", "domain"},

    /* encoded words */
    {"encoded name", F("=?utf-8?Q?J=C3=B6rg?= <a@x.org>"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"encoded address as a name", F("=?utf-8?q?=3Cb=40y.org=3E?= <a@x.org>"), FROM_ONE, "a@x.org",
	"x.org", NULL},
    {"encoded base64", F("=?utf-8?B?SsO2cmc=?= =?utf-8?B?SsO2cmc=?= <a@x.org>"), FROM_ONE,
	"a@x.org", "x.org", NULL},
    {"encoded word in quotes", F("\"=?utf-8?q?J?=\" <a@x.org>"), FROM_ONE, "a@x.org", "x.org",
	NULL},
    {"encoded word in a comment", F("a@x.org (=?utf-8?q?J?=)"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"raw comma in an encoded word", F("=?utf-8?Q?Doe,_J?= <a@x.org>"), FORGIVEN, "x.org",
	"without an address"},
    {"raw @ in an encoded word", F("=?utf-8?Q?b@y.org?= <a@x.org>"), BAD, "y.org x.org", NULL},
    {"raw < in an encoded word", F("=?utf-8?Q?<b=40y.org>?= <a@x.org>"), BAD, "x.org y.org", NULL},
    {"encoded local part", F("=?utf-8?q?b?=@x.org"), BAD, "x.org", "encoded word"},
    {"encoded local part in quotes", F("\"=?utf-8?q?b?=\"@x.org"), BAD, "x.org", "encoded word"},
    {"encoded local part, escaped", F("\"=\\?utf-8\\?q?b?\\=\"@x.org"), BAD, "x.org",
	"encoded word"},
    {"encoded local part in brackets", F("J <=?utf-8?q?b=40y.org?=@x.org>"), BAD, "x.org y.org",
	"encoded word"},
    {"encoded domain", F("a@=?utf-8?q?x.org?="), BAD, "x.org", "name"},
    {"encoded whole address", F("=?utf-8?q?a=40x.org?="), BAD, "x.org", "without an address"},

    /* several addresses */
    {"two of one domain", F("a@x.org, B <b@X.org>"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"two domains", F("a@x.org, b@y.org"), FROM_MANY, "a@x.org", "x.org y.org", "more than one"},
    {"parent and child", F("a@x.org, b@sub.x.org"), FROM_MANY, "a@x.org", "x.org sub.x.org", NULL},
    {"empty members", F(", ,a@x.org,,(c),"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"only commas", F(", ,"), BAD, "", "no address"},
    {"semicolon between", F("a@x.org; b@y.org"), BAD, "x.org y.org", "behind an address"},
    {"blank between", F("a@x.org b@y.org"), BAD, "x.org y.org", "behind an address"},
    {"two in brackets", F("<a@x.org> <b@y.org>"), BAD, "x.org y.org", "behind an address"},
    {"two within brackets", F("<a@x.org, b@y.org>"), BAD, "x.org y.org", "without its >"},
    {"address as a name", F("b@y.org <a@x.org>"), BAD, "y.org x.org", "behind an address"},
    {"address in a name", F("Jane b@y.org <a@x.org>"), BAD, "y.org x.org", "@"},
    {"@ alone in a name", F("Jane @ Work <a@x.org>"), FORGIVEN, "x.org", "@"},
    {"name behind", F("<a@x.org> Jane"), FORGIVEN, "x.org", "behind an address"},
    {"name without brackets", F("Jane a@x.org"), FORGIVEN, "x.org", "@"},
    {"quoted name without brackets", F("\"Jane\" a@x.org"), FORGIVEN, "x.org", "@"},
    {"unquoted comma", F("Doe, Jane <a@x.org>"), FORGIVEN, "x.org", "without an address"},
    {"nine domains", F("a@1,a@2,a@3,a@4,a@5,a@6,a@7,a@8,a@9,a@1"), FROM_MANY, "a@1",
	"1 2 3 4 5 6 7 8 +", NULL},

    /* groups */
    {"group of one", F("Team: a@x.org;"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"group of two domains", F("Team: a@x.org, B <b@y.org>;"), FROM_MANY, "a@x.org", "x.org y.org",
	NULL},
    {"group and address", F("Team: a@x.org;, b@y.org"), FROM_MANY, "a@x.org", "x.org y.org", NULL},
    {"group named in quotes", F("\"The Team\": a@x.org;"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"group without members", F("undisclosed-recipients:;"), FROM_NONE, "", "", "groups"},
    {"group without members, comment", F("Team: (none) , ;"), FROM_NONE, "", "", "groups"},
    {"group without members, and one", F("Team:;, a@x.org"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"group not closed", F("Team: a@x.org"), FORGIVEN, "x.org", "group"},
    {"group closed twice", F("Team: a@x.org;;"), FORGIVEN, "x.org", "behind an address"},
    {"text behind a group", F("Team: a@x.org; Jane"), FORGIVEN, "x.org", "behind an address"},
    {"group in a group", F("A: B: a@x.org;;"), FORGIVEN, "x.org", "colon"},
    {"group without a name", F(": a@x.org;"), FORGIVEN, "x.org", "colon"},
    {"colon in a name", F("News: Jane <a@x.org>"), FORGIVEN, "x.org", "group"},
    {"colon behind an address", F("a@x.org: b@y.org;"), BAD, "x.org y.org", "behind an address"},

    /* crooked addresses */
    {"two @", F("a@y.org@x.org"), BAD, "y.org x.org", "more than one @"},
    {"two @ in brackets", F("<a@y.org@x.org>"), BAD, "y.org x.org", "more than one @"},
    {"@ doubled", F("a@@x.org"), BAD, "x.org", "more than one @"},
    {"no local part", F("@x.org"), BAD, "x.org", "@"},
    {"no domain", F("a@"), BAD, "", "nothing that can be a domain"},
    {"no domain in brackets", F("J <a@>"), BAD, "", "nothing that can be a domain"},
    {"no @", F("jane"), BAD, "", "without an address"},
    {"no @ in brackets", F("Jane <jane>"), BAD, "", "no address"},
    {"empty brackets", F("Jane <>"), BAD, "", "no address"},
    {"null address", F("<>"), BAD, "", "no address"},
    {"source route", F("<@y.org:a@x.org>"), BAD, "y.org x.org", "route"},
    {"source route of two", F("J <@y.org,@z.org:a@x.org>"), BAD, "y.org z.org x.org", "route"},
    {"source route without brackets", F("@y.org:a@x.org"), BAD, "y.org x.org", NULL},
    {"< missing", F("a@x.org>"), BAD, "x.org", "behind an address"},
    {"< missing behind a name", F("Jane a@x.org>"), BAD, "x.org", NULL},
    {"> alone", F("Jane>"), BAD, "", "> without"},
    {"> missing", F("Jane <a@x.org"), BAD, "x.org", "without its >"},
    {"> missing before a comma", F("<a@x.org, b@y.org"), BAD, "x.org y.org", "without its >"},
    {"< doubled", F("<<a@x.org>>"), BAD, "x.org", "no address"},
    {"name within brackets", F("<Jane a@x.org>"), BAD, "x.org", "no address"},
    {"address literal", F("a@[192.0.2.1]"), BAD, "", "literal"},
    {"address literal, IPv6", F("J <a@[IPv6:2001:db8::1]>"), BAD, "", "literal"},
    {"label missing", F("a@x..org"), BAD, "", "empty label"},
    {"domain begins with a dot", F("a@.x.org"), BAD, "x.org", "empty label"},
    {"domain ends in a dot", F("a@x.org."), BAD, "x.org", "ends in a dot"},
    {"slash in the domain", F("a@x.org/y"), BAD, "", "name"},
    {"label of 64", F("a@x123456789012345678901234567890123456789012345678901234567890123.org"),
	BAD, "", "63 octets"},
    {"blank before @", F("a @x.org"), BAD, "x.org", "@"},
    {"blank behind @", F("a@ x.org"), BAD, "x.org", "nothing that can be a domain"},
    {"fold behind @", F("a@\r\n x.org"), BAD, "x.org", "nothing that can be a domain"},
    {"blank in the domain", F("a@x .org"), BAD, "x.org", "behind an address"},
    {"comment in the domain", F("a@x.org(c).y.org"), BAD, "x.org x.org.y.org", "behind an address"},
    {"comment behind @", F("a@(y.org)x.org"), BAD, "y.org x.org", "nothing that can be a domain"},
    {"comment before @", F("a(c)@x.org"), BAD, "x.org", "@"},
    {"comment in the local part", F("a(c).b@x.org"), BAD, "x.org", "@"},
    {"blank before @ in brackets", F("J <a @x.org>"), BAD, "x.org", "blank or comment"},
    {"blank in the domain in brackets", F("J <a@x. org>"), BAD, "x.org", NULL},
    {"square brackets in a name", F("[News] Jane <a@x.org>"), FORGIVEN, "x.org", "needs quotes"},
    {"semicolon alone", F(";"), BAD, "", "without an address"},
    {"field name twice", F("From: a@x.org"), FORGIVEN, "x.org", "group"},

    /* nothing, and bytes that are no text */
    {"empty", F(""), BAD, "", "no address"},
    {"blank", F(" \t"), BAD, "", "no address"},
    {"line end", F("\r\n"), BAD, "", "no address"},
    {"comment only", F("(a@x.org)"), BAD, "x.org", "no address"},
    {"NUL behind the address", F("a@x.org\0.y.org"), BAD, "x.org.y.org", "behind an address"},
    {"NUL in a name", F("Ja\0ne <a@x.org>"), BAD, "x.org", "needs quotes"},
    {"NUL in quotes", F("\"Ja\0ne\" <a@x.org>"), BAD, "x.org", "control"},
    {"NUL escaped", F("\"Ja\\\0ne\" <a@x.org>"), BAD, "x.org", "control"},
    {"NUL in a comment", F("a@x.org (\0)"), BAD, "x.org", "control"},
    {"NUL at the end", F("a@x.org\0"), BAD, "x.org", "behind an address"},
    {"ESC (ISO-2022-JP)", F("\"\033$B\033(B\" <a@x.org>"), BAD, "x.org", "control"},
    {"DEL in quotes", F("\"\177\" <a@x.org>"), BAD, "x.org", "control"},
    {"CR alone", F("Jane\r <a@x.org>"), BAD, "x.org", "needs quotes"},
    {"CR alone in quotes", F("\"Jane\r \" <a@x.org>"), BAD, "x.org", "control"},
    {"line end without a blank", F("a@x.org\r\nb@y.org"), BAD, "x.org y.org", "line end"},
    {"LF without a blank", F("a@x.org\nb@y.org"), BAD, "x.org y.org", "line end"},
    {"line end without a blank in quotes", F("\"J\r\nD\" <a@x.org>"), BAD, "x.org", "line end"},

    /* UTF-8 (RFC 6532) and what only looks like it */
    {"UTF-8 name", F("J\303\266rg <a@x.org>"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"UTF-8 local part", F("j\303\266rg@x.org"), FROM_ONE, "j\303\266rg@x.org", "x.org", NULL},
    {"UTF-8 domain", F("a@b\303\274cher.example"), FROM_ONE, "a@xn--bcher-kva.example",
	"xn--bcher-kva.example", NULL},
    {"U-label and A-label are one", F("a@B\303\234CHER.example, b@XN--bcher-kva.example"), FROM_ONE,
	"a@xn--bcher-kva.example", "xn--bcher-kva.example", NULL},
    {"wide dot in the domain", F("a@x\357\274\216org"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"UTF-8 that is no name", F("a@\342\230\203"), BAD, "", "name"},
    {"Latin-1 name", F("J\366rg <a@x.org>"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"Latin-1 in quotes", F("\"J\366rg\" <a@x.org>"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"Latin-1 in a comment", F("a@x.org (J\366rg)"), FROM_ONE, "a@x.org", "x.org", NULL},
    {"Latin-1 local part", F("j\366rg@x.org"), BAD, "x.org", "not UTF-8"},
    {"Latin-1 domain", F("a@b\374cher.example"), BAD, "", "name"},
    {"lead byte of Shift_JIS eats the backslash", F("\"\203\\\" <b@y.org>\" <a@x.org>"), BAD,
	"y.org x.org", "backslash"},
    {"the same in a comment", F("a@x.org (\203\\)"), BAD, "x.org", "backslash"},
    {"escaped lead byte eats the backslash", F("\"\\\203\\\" <b@y.org>\" <a@x.org>"), BAD,
	"y.org x.org", "backslash"},
    {"backslash behind UTF-8", F("\"\303\266\\\" D\" <a@x.org>"), FROM_ONE, "a@x.org", "x.org",
	NULL},
    {"overlong @ is no @", F("\"b\301\200y.org\" <a@x.org>"), FROM_ONE, "a@x.org", "x.org", NULL},
};

static void join(const struct fromheader *from, char *out, size_t cap)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < from->domain_count; i++)
		len += (size_t)snprintf(
		    out + len, cap - len, "%s%.*s", i ? " " : "", SLICE_ARG(from->domains[i]));
	if (from->more)
		snprintf(out + len, cap - len, " +");
}

static bool contains(struct slice text, const char *part)
{
	for (size_t i = 0; i <= text.len; i++)
		if (slice_starts(slice_skip(text, i), slice_str(part)))
			return true;
	return false;
}

/* Tested in a copy of the exact size, so that a read beyond the end is seen by the sanitizers. */
static void parse_copy(
    struct slice field, struct arena *arena, struct fromheader *from, void **memory)
{
	char *copy = malloc(field.len ? field.len : 1);
	struct slice exact = slice_of(copy, field.len);

	memcpy(copy, field.ptr, field.len);
	fromheader_parse(&exact, 1, &idna, arena, from);
	*memory = copy;
}

START_TEST(table)
{
	struct arena *arena = arena_create(1 << 16);
	struct fromheader from;
	char domains[200];
	void *memory;

	parse_copy(rows[_i].field, arena, &from, &memory);
	join(&from, domains, sizeof domains);
	ck_assert_msg(from.kind == rows[_i].kind, "%s: %s (%.*s)", rows[_i].label,
	    from_kind_name(from.kind), SLICE_ARG(from.why));
	ck_assert_msg(
	    strcmp(domains, rows[_i].domains) == 0, "%s: domains '%s'", rows[_i].label, domains);
	ck_assert_msg(slice_equal(from.author.folded, slice_str(rows[_i].author)),
	    "%s: author '%.*s'", rows[_i].label, SLICE_ARG(from.author.folded));
	ck_assert_msg((from.kind == FROM_ONE && !from.forgiven) == (from.why.len == 0),
	    "%s: reason '%.*s'", rows[_i].label, SLICE_ARG(from.why));
	ck_assert_msg(!from.forgiven || rows[_i].why, "%s: forgiven", rows[_i].label);
	if (rows[_i].why)
		ck_assert_msg(contains(from.why, rows[_i].why), "%s: reason '%.*s'", rows[_i].label,
		    SLICE_ARG(from.why));
	free(memory);
	arena_free(&arena);
}
END_TEST

START_TEST(author_parts)
{
	struct arena *arena = arena_create(1 << 16);
	struct slice field = SLICE("J <\"Jane Doe\"@X.org>");
	struct fromheader from;

	fromheader_parse(&field, 1, NULL, arena, &from);
	ck_assert(slice_equal(from.author.local, SLICE("jane doe")));
	ck_assert(slice_equal(from.author.domain, SLICE("x.org")));
	ck_assert(!from.author.null);
	arena_free(&arena);
}
END_TEST

START_TEST(several_fields)
{
	struct arena *arena = arena_create(1 << 16);
	struct slice same[] = {SLICE("a@x.org"), SLICE("a@x.org")};
	struct slice crooked[] = {SLICE("a@x.org"), SLICE("\"b@y.org"), SLICE("")};
	struct fromheader from;

	fromheader_parse(NULL, 0, &idna, arena, &from);
	ck_assert_int_eq(from.kind, FROM_NONE);
	ck_assert(slice_equal(from.why, SLICE("the message has no From field")));
	ck_assert_str_eq(from_kind_name(from.kind), "none");
	fromheader_parse(same, 2, &idna, arena, &from);
	ck_assert_int_eq(from.kind, FROM_BAD);
	ck_assert(slice_equal(from.why, SLICE("the message has more than one From field")));
	ck_assert_uint_eq(from.domain_count, 1);
	ck_assert_uint_eq(from.author.text.len, 0);
	fromheader_parse(crooked, 3, &idna, arena, &from);
	ck_assert_int_eq(from.kind, FROM_BAD);
	ck_assert_uint_eq(from.domain_count, 2);
	arena_free(&arena);
}
END_TEST

START_TEST(without_idna)
{
	struct arena *arena = arena_create(1 << 16);
	struct slice field = SLICE("a@b\303\274cher.example");
	struct fromheader from;

	fromheader_parse(&field, 1, NULL, arena, &from);
	ck_assert_int_eq(from.kind, FROM_BAD);
	arena_free(&arena);
}
END_TEST

/* Fields of 256 KiB that are nothing but one dangerous byte sequence: an answer, and soon. */
START_TEST(floods)
{
	static const char *const units[] = {"(", ")", "\"", "\\", "<", "@", "@(", "a@x,",
	    "a@x.org,", ":", "a:", "a:;", ",", "\n ", "\r\n ", "(\\", "\"@", ".", "a.", "\303\266",
	    "\203", "=?", "<a@x>", "(a)", "\"a\" "};
	size_t size = 256 * 1024;
	char *text = malloc(size);

	for (size_t i = 0; i < ROWS(units); i++) {
		struct arena *arena = arena_create(16 << 20);
		struct slice field = slice_of(text, size);
		struct fromheader from;

		for (size_t at = 0; at < size; at++)
			text[at] = units[i][at % strlen(units[i])];
		fromheader_parse(&field, 1, &idna, arena, &from);
		ck_assert_msg(from.kind == FROM_BAD || from.kind == FROM_NONE, "%s", units[i]);
		ck_assert(!arena_failed(arena));
		arena_free(&arena);
	}
	free(text);
}
END_TEST

START_TEST(address_limit)
{
	struct arena *arena = arena_create(1 << 20);
	char text[4 * (FROM_ADDRESSES_MAX + 1)];
	struct slice field = slice_of(text, 4 * FROM_ADDRESSES_MAX);
	struct fromheader from;

	for (size_t i = 0; i < sizeof text; i++)
		text[i] = "a@x,"[i % 4];
	fromheader_parse(&field, 1, &idna, arena, &from);
	ck_assert_int_eq(from.kind, FROM_ONE);
	field.len += 4;
	fromheader_parse(&field, 1, &idna, arena, &from);
	ck_assert_int_eq(from.kind, FROM_BAD);
	arena_free(&arena);
}
END_TEST

/* Whatever allocation fails, the answer is never a wrong author. */
START_TEST(out_of_memory)
{
	struct slice field = SLICE("\"J\" <\"Jane Doe\"@X.org>, b@Y.org, c@[x]");
	struct slice good = SLICE("\"J\" <\"Jane Doe\"@X.org>");

	for (size_t limit = 0; limit < 400; limit += 16) {
		struct arena *arena = arena_create(limit);
		struct fromheader from;

		fromheader_parse(&field, 1, &idna, arena, &from);
		ck_assert_int_eq(from.kind, FROM_BAD);
		arena_reset(arena);
		fromheader_parse(&good, 1, &idna, arena, &from);
		ck_assert(from.kind == (arena_failed(arena) ? FROM_BAD : FROM_ONE));
		arena_free(&arena);
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("fromheader");
	TCase *t = tcase_create("fromheader");

	tcase_add_loop_test(t, table, 0, ROWS(rows));
	tcase_add_test(t, author_parts);
	tcase_add_test(t, several_fields);
	tcase_add_test(t, without_idna);
	tcase_add_test(t, floods);
	tcase_add_test(t, address_limit);
	tcase_add_test(t, out_of_memory);
	suite_add_tcase(s, t);
	return s;
}
