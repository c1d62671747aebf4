#include "unit/unit.h"

#include "core/name/entry.h"

#include <stdio.h>
#include <stdlib.h>

#define NET ENTRY_ACCEPT_NETWORKS
#define NAM ENTRY_ACCEPT_NAMES
#define ADR ENTRY_ACCEPT_ADDRESSES
#define LOG ENTRY_ACCEPT_LOGINS

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

static const struct idna fake = {.to_ascii = fake_to_ascii};

/* ---- entries ------------------------------------------------------------------------- */

/* An entry in one line: "KIND what is in it", '!' in front when it takes out. */
static const char *shown(const struct entry *e, char out[512])
{
	static const char *const kinds[] = {[ENTRY_NETWORK] = "network",
	    [ENTRY_NAME] = "name",
	    [ENTRY_TREE] = "tree",
	    [ENTRY_BELOW] = "below",
	    [ENTRY_ADDRESS] = "address",
	    [ENTRY_SUBADDRESS] = "subaddress",
	    [ENTRY_LOCAL] = "local",
	    [ENTRY_NULL] = "null",
	    [ENTRY_PATTERN] = "pattern",
	    [ENTRY_LOGIN] = "login"};
	char a[PREFIX_TEXT_MAX], b[PREFIX_TEXT_MAX];
	int n = snprintf(out, 512, "%s%s", e->out ? "!" : "", kinds[e->kind]);
	char *at = out + n;
	size_t room = 512 - (size_t)n;

	if (e->kind == ENTRY_NETWORK && e->is_range) {
		ip_format(&e->first, a);
		ip_format(&e->last, b);
		snprintf(at, room, " %s-%s", a, b);
	} else if (e->kind == ENTRY_NETWORK) {
		prefix_format(&e->prefix, a);
		snprintf(at, room, " %s", a);
	} else {
		snprintf(at, room, " %.*s|%.*s|%.*s", SLICE_ARG(e->local), SLICE_ARG(e->name),
		    SLICE_ARG(e->text));
	}
	return out;
}

static const struct {
	enum entry_accept accept;
	struct slice text;
	const char *entry;
} good[] = {
    {NET, SLICE_INIT("198.51.100.0/24"), "network 198.51.100.0/24"},
    {NET, SLICE_INIT("198.51.100.7"), "network 198.51.100.7/32"},
    {NET, SLICE_INIT("!198.51.100.25"), "!network 198.51.100.25/32"},
    {NET, SLICE_INIT("! \t198.51.100.25"), "!network 198.51.100.25/32"},
    {NET, SLICE_INIT("2001:db8::/32"), "network 2001:db8::/32"},
    {NET, SLICE_INIT("::ffff:192.0.2.0/120"), "network 192.0.2.0/24"},
    {NET, SLICE_INIT("192.0.2.1-192.0.2.9"), "network 192.0.2.1-192.0.2.9"},
    {NET, SLICE_INIT("!192.0.2.1 - 192.0.2.9"), "!network 192.0.2.1-192.0.2.9"},
    {NET, SLICE_INIT("192.0.2.0-192.0.2.255"), "network 192.0.2.0/24"},
    {NET, SLICE_INIT("192.0.2.1-192.0.2.1"), "network 192.0.2.1/32"},
    {NET, SLICE_INIT("0.0.0.0-255.255.255.255"), "network 0.0.0.0/0"},
    {NET, SLICE_INIT("::ffff:192.0.2.1-192.0.2.9"), "network 192.0.2.1-192.0.2.9"},
    {NET, SLICE_INIT("2001:db8::-2001:db8::2"), "network 2001:db8::-2001:db8::2"},

    {LOG, SLICE_INIT("Alice"), "login alice||"},
    {LOG, SLICE_INIT("!Alice@Example.com"), "!login alice@example.com||"},
    {LOG, SLICE_INIT("DOM\\user"), "login dom\\user||"},
    {LOG, SLICE_INIT("<>"), "login <>||"},
    {LOG, SLICE_INIT("M\xc3\x9cLLER"), "login m\xc3\x9cller||"},
    {LOG, SLICE_INIT("/Web-.*/"), "pattern ||Web-.*"},

    {NAM, SLICE_INIT("example.com"), "name |example.com|"},
    {NAM, SLICE_INIT("Example.COM."), "name |example.com|"},
    {NAM, SLICE_INIT(".example.com"), "tree |example.com|"},
    {NAM, SLICE_INIT(".monster"), "tree |monster|"},
    {NAM, SLICE_INIT("*.example.com"), "below |example.com|"},
    {NAM, SLICE_INIT("!.Example.com"), "!tree |example.com|"},
    {NAM,
	SLICE_INIT("b\xc3\xbc"
		   "cher.example"),
	"name |xn--bcher-kva.example|"},
    {NAM,
	SLICE_INIT(".b\xc3\xbc"
		   "cher.example"),
	"tree |xn--bcher-kva.example|"},
    {NAM, SLICE_INIT("192.0.2.7"), "name |192.0.2.7|"},
    {NAM, SLICE_INIT("/^mx[0-9]+\\.example\\.com$/"), "pattern ||^mx[0-9]+\\.example\\.com$"},
    {NAM, SLICE_INIT("!/a\\/b#;/"), "!pattern ||a\\/b#;"},
    {NAM, SLICE_INIT("/\\\\/"), "pattern ||\\\\"},
    {NAM, SLICE_INIT("/ /"), "pattern || "},

    {ADR, SLICE_INIT("user@example.com"), "address user|example.com|"},
    {ADR, SLICE_INIT("User@Example.com."), "address user|example.com|"},
    {ADR, SLICE_INIT("user+tag@example.com"), "address user+tag|example.com|"},
    {ADR, SLICE_INIT("user+*@example.com"), "subaddress user|example.com|"},
    {ADR, SLICE_INIT("User+*@example.com"), "subaddress user|example.com|"},
    {ADR, SLICE_INIT("user@"), "local user||"},
    {ADR, SLICE_INIT("!PostMaster@"), "!local postmaster||"},
    {ADR, SLICE_INIT("@example.com"), "name |example.com|"},
    {ADR, SLICE_INIT("!@.example.com"), "!tree |example.com|"},
    {ADR, SLICE_INIT(".example.com"), "tree |example.com|"},
    {ADR, SLICE_INIT("*.example.com"), "below |example.com|"},
    {ADR, SLICE_INIT("example.com"), "name |example.com|"},
    {ADR, SLICE_INIT("<>"), "null ||"},
    {ADR, SLICE_INIT("!<>"), "!null ||"},
    {ADR, SLICE_INIT("/^bounce.*@x$/"), "pattern ||^bounce.*@x$"},
    {ADR, SLICE_INIT("\"a b\"@example.com"), "address a b|example.com|"},
    {ADR, SLICE_INIT("\"a@b\"@example.com"), "address a@b|example.com|"},
    {ADR, SLICE_INIT("\"*\"@example.com"), "address *|example.com|"},
    {ADR,
	SLICE_INIT("\xc3\xbc@b\xc3\xbc"
		   "cher.example"),
	"address \xc3\xbc|xn--bcher-kva.example|"},
};

/* The reason has to contain `wrong`. */
static const struct {
	enum entry_accept accept;
	struct slice text;
	const char *wrong;
} bad[] = {
    {NET, SLICE_INIT(""), "empty entry"},
    {NET, SLICE_INIT("!"), "empty entry"},
    {NET, SLICE_INIT("!!192.0.2.1"), "\"!192.0.2.1\" is not an address"},
    {NET, SLICE_INIT("192.0.2.7/24"), "did you mean 192.0.2.0/24?"},
    {NET, SLICE_INIT("192.0.2.9-192.0.2.1"), "reversed; did you mean 192.0.2.1-192.0.2.9?"},
    {NET, SLICE_INIT("192.0.2.1-2001:db8::"), "same family"},
    {NET, SLICE_INIT("192.0.2.1-9"), "\"9\" is not an address; a range is written FIRST-LAST"},
    {NET, SLICE_INIT("192.0.2.0/24-192.0.3.0"), "\"192.0.2.0/24\" is not an address"},
    {NET, SLICE_INIT("192.0.2.1-"), "\"\" is not an address"},
    {NET, SLICE_INIT("-192.0.2.1"), "\"\" is not an address"},
    {NET, SLICE_INIT("1.1.1.1-1.1.1.2-1.1.1.3"), "\"1.1.1.2-1.1.1.3\" is not an address"},
    {NET, SLICE_INIT("192.0.2.1 192.0.2.2"), "is not an address"},
    {NET, SLICE_INIT("example.com"), "\"example.com\" is not an address"},
    {NET, SLICE_INIT("/re/"), "is not an address"},
    {NET, SLICE_INIT("\0"), "\"?\" is not an address"},

    {LOG, SLICE_INIT(""), "empty entry"},
    {LOG, SLICE_INIT("a b"), "\"a b\": a login name has no blanks"},
    {LOG, SLICE_INIT("a\0b"), "no control characters"},
    {LOG, SLICE_INIT("/a"), "no closing slash"},

    {NAM, SLICE_INIT("."), "\".\": empty name"},
    {NAM, SLICE_INIT("*."), "\"*.\": empty name"},
    {NAM, SLICE_INIT("*"), "'*' is allowed only in front"},
    {NAM, SLICE_INIT("*example.com"), "'*' is allowed only in front"},
    {NAM, SLICE_INIT("..example.com"), "empty label"},
    {NAM, SLICE_INIT("*..example.com"), "empty label"},
    {NAM, SLICE_INIT("exa mple.com"), "\"exa mple.com\": not a name: a blank inside"},
    {NAM, SLICE_INIT("192.0.2.0/24"), "character '/'"},
    {NAM, SLICE_INIT("[192.0.2.7]"), "address literal"},
    {NAM, SLICE_INIT("user@example.com"), "not mail addresses"},
    {NAM, SLICE_INIT("@example.com"), "not mail addresses"},
    {NAM, SLICE_INIT("<>"), "not mail addresses"},
    {NAM, SLICE_INIT("f\xfc.de"), "\"f?.de\": not a name"},
    {NAM, SLICE_INIT("/"), "no closing slash"},
    {NAM, SLICE_INIT("/re"), "no closing slash"},
    {NAM, SLICE_INIT("/re\\/"), "no closing slash"},
    {NAM, SLICE_INIT("//"), "is empty"},
    {NAM, SLICE_INIT("/a/b/"), "follows the pattern's closing slash"},
    {NAM, SLICE_INIT("/a/i"), "follows the pattern's closing slash"},
    {NAM, SLICE_INIT("re/"), "character '/'"},

    {ADR, SLICE_INIT("<user@example.com>"), "without < and >"},
    {ADR, SLICE_INIT("<user"), "without < and >"},
    {ADR, SLICE_INIT("*@example.com"), "'*' is allowed only in user+*@"},
    {ADR, SLICE_INIT("us*r@example.com"), "'*' is allowed only in user+*@"},
    {ADR, SLICE_INIT("user+*@"), "needs a domain"},
    {ADR, SLICE_INIT("+*@example.com"), "no user"},
    {ADR, SLICE_INIT("user+x+*@example.com"), "behind the first '+'"},
    {ADR, SLICE_INIT("@"), "empty name"},
    {ADR, SLICE_INIT("@@"), "no user"},
    {ADR, SLICE_INIT("a@b@example.com"), "not a local part"},
    {ADR, SLICE_INIT("user@[192.0.2.1]"), "address literal"},
    {ADR, SLICE_INIT("user@.example.com"), "empty label"},
    {ADR, SLICE_INIT("user@*.example.com"), "'*' is allowed only in front"},
    {ADR, SLICE_INIT("\"user@example.com"), "closing quote"},
    {ADR, SLICE_INIT("user name"), "a blank inside"},
    {ADR, SLICE_INIT("us\0r@example.com"), "NUL"},
};

static struct slice tight(struct slice text)
{
	char *copy = malloc(text.len + !text.len);

	if (text.len)
		memcpy(copy, text.ptr, text.len);
	return slice_of(copy, text.len);
}

START_TEST(parses)
{
	struct slice text = tight(good[_i].text);
	struct arena *arena = arena_create(1 << 16);
	char why[ENTRY_WHY_MAX], got[512];
	struct entry e;
	const char *wrong = entry_parse(text, good[_i].accept, &fake, arena, &e, why);

	ck_assert_msg(!wrong, "%.*s: %s", SLICE_ARG(text), wrong);
	ck_assert_str_eq(shown(&e, got), good[_i].entry);
	free((void *)(uintptr_t)text.ptr);
	arena_free(&arena);
}
END_TEST

static const struct {
	enum entry_kind kind;
	const char *spelling;
} spelt[] = {
    {ENTRY_NAME, "example.com"},
    {ENTRY_TREE, ".example.com"},
    {ENTRY_BELOW, "*.example.com"},
    {ENTRY_ADDRESS, "a+b+c@example.com"},
    {ENTRY_SUBADDRESS, "a+*@example.com"},
    {ENTRY_LOCAL, "a+b+c@"},
    {ENTRY_NULL, "<>"},
    {ENTRY_LOGIN, "a+b+c"},
};

START_TEST(spells)
{
	char spelling[ENTRY_SPELLING_MAX];
	struct slice s =
	    entry_spell(spelt[_i].kind, SLICE("a+b+c"), SLICE("example.com"), spelling);

	ck_assert_msg(slice_equal(s, slice_str(spelt[_i].spelling)), "%.*s", SLICE_ARG(s));
}
END_TEST

/* An entry that is too long to be looked up is none. */
START_TEST(takes_no_endless_address)
{
	struct arena *arena = arena_create(1 << 16);
	char text[ENTRY_SPELLING_MAX + 1], why[ENTRY_WHY_MAX];
	struct entry e;

	memset(text, 'a', sizeof text);
	memcpy(text + ENTRY_SPELLING_MAX - 4, "@b.cd", 5);
	ck_assert(!entry_parse(slice_of(text + 1, ENTRY_SPELLING_MAX), ADR, &fake, arena, &e, why));
	ck_assert(entry_parse(slice_of(text, ENTRY_SPELLING_MAX + 1), ADR, &fake, arena, &e, why));
	ck_assert_msg(strstr(why, "no mail address is that long") != NULL, "%s", why);
	ck_assert(!entry_parse(slice_of(text + 1, ENTRY_SPELLING_MAX), LOG, &fake, arena, &e, why));
	ck_assert(entry_parse(slice_of(text, ENTRY_SPELLING_MAX + 1), LOG, &fake, arena, &e, why));
	ck_assert_msg(strstr(why, "no login name is that long") != NULL, "%s", why);
	arena_free(&arena);
}
END_TEST

START_TEST(says_what_is_wrong)
{
	struct slice text = tight(bad[_i].text);
	struct arena *arena = arena_create(1 << 16);
	char why[ENTRY_WHY_MAX];
	struct entry e;
	const char *wrong = entry_parse(text, bad[_i].accept, &fake, arena, &e, why);

	ck_assert_msg(wrong && strstr(wrong, bad[_i].wrong), "\"%.*s\": %s", SLICE_ARG(text),
	    wrong ? wrong : "is no error");
	free((void *)(uintptr_t)text.ptr);
	arena_free(&arena);
}
END_TEST

START_TEST(copies_nothing_that_is_canonical)
{
	static const struct {
		enum entry_accept accept;
		const char *text;
	} rows[] = {{NET, "192.0.2.0/24"}, {NAM, "example.com"}, {NAM, "*.example.com."},
	    {ADR, "user@example.com"}, {ADR, "user+*@example.com"}, {ADR, "user@"}, {NAM, "/re/"}};
	struct arena *arena = arena_create(0);

	for (size_t i = 0; i < ROWS(rows); i++) {
		char why[ENTRY_WHY_MAX];
		struct entry e;

		ck_assert_msg(
		    !entry_parse(slice_str(rows[i].text), rows[i].accept, &fake, arena, &e, why),
		    "%s", rows[i].text);
	}
	arena_free(&arena);
}
END_TEST

/* No sentence is too long for its room, whatever it quotes. */
START_TEST(cuts_what_it_quotes)
{
	static const char *const beginnings[] = {"", "!", "1::", "1.1.1.1-", "x@", "a b", "%"};
	struct arena *arena = arena_create(1 << 16);
	char text[2000], why[ENTRY_WHY_MAX];
	struct entry e;

	for (size_t i = 0; i < ROWS(beginnings); i++)
		for (enum entry_accept accept = NET; accept <= ADR; accept++) {
			size_t n = strlen(beginnings[i]);
			const char *wrong;

			memset(text, '1', sizeof text);
			memcpy(text, beginnings[i], n);
			wrong =
			    entry_parse(slice_of(text, sizeof text), accept, &fake, arena, &e, why);
			ck_assert_msg(wrong != NULL, "%s", beginnings[i]);
			ck_assert_msg(strchr(wrong, '"') && strlen(wrong) < ENTRY_WHY_MAX - 1,
			    "%s: %s", beginnings[i], wrong);
		}
	arena_free(&arena);
}
END_TEST

/* ---- lines --------------------------------------------------------------------------- */

/* "number:entry|" for each. */
static const struct {
	const char *label;
	struct slice file;
	const char *lines;
} files[] = {
    {"empty", {NULL, 0}, ""},
    {"no last newline", SLICE_INIT("a\nb"), "1:a|2:b|"},
    {"last newline", SLICE_INIT("a\nb\n"), "1:a|2:b|"},
    {"blank lines count", SLICE_INIT("\n \t\na\n\n\nb\n\n"), "3:a|6:b|"},
    {"CRLF", SLICE_INIT("a\r\n\r\nb\r\n"), "1:a|3:b|"},
    {"blanks around", SLICE_INIT(" a \n\tb\t\r\n"), "1:a|2:b|"},
    {"a blank inside stays", SLICE_INIT("a b\n"), "1:a b|"},
    {"CR inside stays", SLICE_INIT("a\rb\r\r\n"), "1:a\rb\r|"},
    {"byte-order mark",
	SLICE_INIT("\xef\xbb\xbf"
		   "a\nb\n"),
	"1:a|2:b|"},
    {"only a mark", SLICE_INIT("\xef\xbb\xbf"), ""},
    {"a mark elsewhere is junk",
	SLICE_INIT("a\n\xef\xbb\xbf"
		   "b"),
	"1:a|2:\xef\xbb\xbf"
	"b|"},
    {"half a mark is junk", SLICE_INIT("\xef\xbb"), "1:\xef\xbb|"},
    {"comments", SLICE_INIT("# a\n; b\n c # d\ne;f\ng#h\n #\n"), "3:c|4:e|5:g|"},
    {"comment with CRLF", SLICE_INIT("a # b\r\n# c\r\nd"), "1:a|3:d|"},
    {"first comment counts", SLICE_INIT("a ; b # c\nd # e ; f"), "1:a|2:d|"},
    {"comment in the last line", SLICE_INIT("a\n# b"), "1:a|"},
    {"pattern", SLICE_INIT("/a#b;c/ # d\n/a#b/;c\n"), "1:/a#b;c/|2:/a#b/|"},
    {"pattern taken out", SLICE_INIT("!/a#b/#c\n! /a#b/ # c"), "1:!/a#b/|2:! /a#b/|"},
    {"slash in the comment", SLICE_INIT("/a#b/ # c/d"), "1:/a#b/|"},
    {"escaped slash", SLICE_INIT("/a\\/#b/ # c"), "1:/a\\/#b/|"},
    {"escaped backslash", SLICE_INIT("/a\\\\/ # c/"), "1:/a\\\\/|"},
    {"stray slash", SLICE_INIT("/a/b#/ # c"), "1:/a/b|"},
    {"unclosed pattern", SLICE_INIT("/a # b\nc"), "1:/a # b|2:c|"},
    {"no pattern", SLICE_INIT("192.0.2.0/24 # a/b"), "1:192.0.2.0/24|"},
    {"only '!'", SLICE_INIT("!\n! # x"), "1:!|2:!|"},
};

START_TEST(walks_lines)
{
	struct slice file = tight(files[_i].file), rest = file, entry;
	char got[256] = "";
	unsigned line = 0;

	while (entry_next_line(&rest, &line, &entry))
		snprintf(got + strlen(got), sizeof got - strlen(got), "%u:%.*s|", line,
		    SLICE_ARG(entry));
	ck_assert_msg(strcmp(got, files[_i].lines) == 0, "%s: %s", files[_i].label, got);
	ck_assert_msg(!entry_next_line(&rest, &line, &entry), "%s: goes on", files[_i].label);
	free((void *)(uintptr_t)file.ptr);
}
END_TEST

/* Any bytes: what matters is that sanitizers have nothing to say, and that nothing is lost. */
START_TEST(takes_any_bytes)
{
	static const char letters[] = "a1.:/-!#;@<>+*\"\\[] \r\n\xc3\xbc\xff\0%x";
	char text[60], why[ENTRY_WHY_MAX];

	srandom(2);
	for (int i = 0; i < 100000; i++) {
		struct arena *arena = arena_create(4096);
		struct slice file, rest, entry;
		struct entry e;
		unsigned line = 0;

		for (size_t k = 0; k < sizeof text; k++)
			text[k] = letters[(size_t)random() % (sizeof letters - 1)];
		file = rest = tight(slice_of(text, (size_t)random() % sizeof text));
		while (entry_next_line(&rest, &line, &entry)) {
			if (entry.len == 0 || entry.ptr < file.ptr ||
			    entry.ptr + entry.len > file.ptr + file.len)
				ck_abort_msg("an entry outside its file");
			for (enum entry_accept accept = NET; accept <= ADR; accept++)
				entry_parse(entry, accept, &fake, arena, &e, why);
		}
		free((void *)(uintptr_t)file.ptr);
		arena_free(&arena);
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("list");
	TCase *t = tcase_create("list");

	tcase_add_loop_test(t, parses, 0, ROWS(good));
	tcase_add_loop_test(t, spells, 0, ROWS(spelt));
	tcase_add_test(t, takes_no_endless_address);
	tcase_add_loop_test(t, says_what_is_wrong, 0, ROWS(bad));
	tcase_add_test(t, copies_nothing_that_is_canonical);
	tcase_add_test(t, cuts_what_it_quotes);
	tcase_add_loop_test(t, walks_lines, 0, ROWS(files));
	tcase_add_test(t, takes_any_bytes);
	suite_add_tcase(s, t);
	return s;
}
