#include "unit/unit.h"

#include "core/rules/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- lines --------------------------------------------------------------------------- */

static bool is_large(const void *context, struct slice domain)
{
	(void)context;
	return slice_equal(domain, SLICE("com"));
}

static bool number(struct slice text, uint32_t *out)
{
	uint64_t n;
	bool good = slice_to_uint(text, UINT32_MAX, &n) && n > 0;

	*out = good ? (uint32_t)n : 0;
	return good;
}

enum key { NET, EXCUSE, NAM, ADR, ASN };

static struct feed_terms terms_of(enum key key, struct arena *arena)
{
	struct feed_terms t = {.accept = key == NAM   ? ENTRY_ACCEPT_NAMES
					 : key == ADR ? ENTRY_ACCEPT_ADDRESSES
						      : ENTRY_ACCEPT_NETWORKS,
	    .shortest_v4 = key == EXCUSE ? 8 : 4,
	    .shortest_v6 = key == EXCUSE ? 16 : 4,
	    .is_large = is_large,
	    .number = key == ASN ? number : NULL,
	    .arena = arena};

	return t;
}

/* A character a line: + taken, ~ excepted, ? does not parse, w wide, W a wide name, ! / f and e
 * (no end). */
static const char letters[FEED_FAULTS + 1] = "+~?wW!/fe";

#define LONG4   "123456789.123456789.123456789.123456789.123456789.12345678901234"
#define LONG32  LONG4 LONG4 LONG4 LONG4 LONG4 LONG4 LONG4 LONG4
#define LONGEST LONG32 LONG32 LONG32

static const struct {
	const char *label;
	enum key key;
	const char *config; /* its own entries of the key, blank-separated */
	const char *text, *want;
} lines[] = {
    {"nothing", NET, "", "", ""},
    {"comments", NET, "", "# a\n; b\n\n  \n", ""},
    {"networks", NET, "", "192.0.2.0/24\n192.0.2.7 # x\n2001:db8::/32\r\n", "+++"},
    {"a range", NET, "", "192.0.2.1-192.0.2.9\n", "+"},
    {"what is none", NET, "", "x\n192.0.2.256\n192.0.2.0/33\n1.2.3.4 5.6.7.8\n", "????"},
    {"a reversed range", NET, "", "192.0.2.9-192.0.2.1\n", "?"},
    {"host bits", NET, "", "192.0.2.7/24\n192.0.2.7/16\n2001:db8::1/64\n2001:db8::1/32\n", "++++"},
    {"host bits of what is short", NET, "", "192.0.2.7/15\n2001:db8::1/31\n10.0.0.1/8\n", "???"},
    {"wide for a refusal", NET, "", "16.0.0.0/4\n0.0.0.0/3\n0.0.0.0/0\n::/0\n", "+www"},
    {"wide for an excuse", EXCUSE, "", "10.0.0.0/8\n10.0.0.0/7\n2001::/16\n2000::/15\n", "+w+w"},
    {"wide as a range", NET, "", "0.0.0.1-255.255.255.254\n16.0.0.0-31.255.255.255\n", "w+"},
    {"only an administrator", NET, "", "!192.0.2.1\n! x\nfile:x\nfeed:x\n/x/\n", "!!ff/"},
    {"only an administrator, names", NAM, "", "!a.example\nfile:x\n/^a/\n/^a/ # b\n", "!f//"},
    {"half a line", NET, "", "192.0.2.1\n192.0.2.0/2", "+e"},
    {"half a line, comment", NET, "", "192.0.2.1\n# the en", "+"},
    {"half a name", NAM, "", "a.example\n.example.co", "+e"},
    {"names", NAM, "", "a.example\n.b.example\n*.c.example\nA.Example.\n", "++++"},
    {"no names", NAM, "", "a@b.example\na b\n..\n-\n", "??\?+"},
    {"names for half the world", NAM, "", ".com\n*.com\ncom\n.monster\n.a.com\n", "WW+++"},
    {"addresses", ADR, "", "a@b.example\na@\n@b.example\na+*@b.example\n<>\n<a@b>\n", "+++++?"},
    {"control bytes", NAM, "", "a\x01.example\nb\x7f.example\n", "??"},
    {"too long", NAM, "", LONGEST "\n", "?"},
    {"numbers", ASN, "", "4134\n0\nx\n!4134\n4294967296\n", "+?\?!?"},

    {"taken out", NET, "!198.51.100.0/24", "198.51.100.0/24\n198.51.100.7\n198.51.101.7\n", "~~+"},
    {"taken out, but not wider", NET, "!198.51.100.0/24", "198.51.0.0/16\n", "+"},
    {"in again", NET, "!198.51.100.0/24 198.51.100.0/28", "198.51.100.3\n198.51.100.99\n", "+~"},
    {"in, and out inside", NET, "198.51.0.0/16 !198.51.100.0/24", "198.51.100.3\n198.51.3.3\n",
	"~+"},
    {"a range taken out", NET, "!198.51.100.10-198.51.100.20",
	"198.51.100.12\n198.51.100.9\n198.51.100.11-198.51.100.14\n", "~+~"},
    {"half a range", NET, "!198.51.100.0/24", "198.51.100.128-198.51.101.255\n", "+"},
    {"host bits, taken out", NET, "!198.51.100.0/24", "198.51.100.7/25\n", "~"},
    {"IPv6", NET, "!2001:db8::/32", "2001:db8:1::/48\n2001:db9::/48\n", "~+"},
    {"one name", NAM, "!a.example", "a.example\n.a.example\n*.a.example\nb.a.example\n", "~+++"},
    {"a tree", NAM, "!.a.example", "a.example\n.a.example\n*.a.example\nb.a.example\nxa.example\n",
	"~~~~+"},
    {"what is below", NAM, "!*.a.example", "a.example\n.a.example\n*.a.example\nb.a.example\n",
	"++~~"},
    {"below comes before the tree", NAM, "!.a.example *.a.example", "b.a.example\na.example\n",
	"+~"},
    {"a name in a tree", NAM, "!.a.example b.a.example", "b.a.example\nc.b.a.example\n", "+~"},
    {"a pattern takes no part", NAM, "!/a/", "a.example\n", "+"},
    {"an address", ADR, "!u@a.example", "u@a.example\nU@A.example\nv@a.example\na.example\n",
	"~~++"},
    {"of a domain", ADR, "!a.example", "u@a.example\n@a.example\nu+*@a.example\nu@b.a.example\n",
	"~~~+"},
    {"of a tree", ADR, "!.a.example", "u@a.example\nu@b.a.example\n", "~~"},
    {"a sub-address", ADR, "!u+*@a.example", "u+x@a.example\nu@a.example\nu+*@a.example\n", "~+~"},
    {"a user", ADR, "!postmaster@", "postmaster@\npostmaster@a.example\npostmaster+*@a.example\n",
	"~~+"},
    {"the null sender", ADR, "!<>", "<>\na.example\n", "~+"},
    {"a number", ASN, "!4134", "4134\n4135\n", "~+"},
};

static struct feed_exceptions *exceptions_of(enum key key, const char *config, struct arena *arena)
{
	struct feed_exceptions *x = feed_exceptions_create();
	struct feed_terms terms = terms_of(key, arena);
	struct slice rest = slice_str(config), word;
	char why[ENTRY_WHY_MAX];

	while (word = slice_word(&rest), word.len > 0) {
		struct entry e;

		if (key == ASN) {
			uint32_t n;
			bool out = slice_starts(word, SLICE("!"));

			ck_assert(number(slice_skip(word, out), &n));
			ck_assert(feed_exceptions_add_number(x, n, out));
			continue;
		}
		ck_assert_ptr_null(entry_parse(word, terms.accept, NULL, arena, &e, why));
		ck_assert(feed_exceptions_add(x, &e));
	}
	return x;
}

START_TEST(each_line)
{
	struct arena *arena = arena_create(1 << 20);
	struct feed_terms terms = terms_of(lines[_i].key, arena);
	struct feed_exceptions *x = exceptions_of(lines[_i].key, lines[_i].config, arena);
	struct feed_reader r = feed_reader(slice_str(lines[_i].text));
	struct feed_line l;
	char got[64] = "";
	size_t n = 0;

	terms.exceptions = x;
	while (feed_next(&r, &terms, &l)) {
		got[n++] = letters[l.fault];
		ck_assert_msg((l.fault == FEED_UNREADABLE) ==
				  (l.why[0] != '\0' && l.fault == FEED_UNREADABLE),
		    "%s: no reason", lines[_i].label);
	}
	ck_assert_msg(strcmp(got, lines[_i].want) == 0, "%s: %s instead of %s", lines[_i].label,
	    got, lines[_i].want);
	feed_exceptions_free(&x);
	arena_free(&arena);
}
END_TEST

/* NUL bytes, which no C string of the table holds. */
START_TEST(nul_bytes)
{
	static const char text[] = "192.0.2.1\n\0\0\0\0\n192.0.2.2\0\n192.0.2.3\n\0\0\0\0";
	struct arena *arena = arena_create(1 << 20);
	struct feed_terms terms = terms_of(NET, arena);
	struct feed_reader r = feed_reader(slice_of(text, sizeof text - 1));
	struct feed_counts c = {.entries = 0};
	struct feed_line l;

	while (feed_next(&r, &terms, &l))
		feed_count(&c, &l);
	ck_assert_uint_eq(c.entries, 2);
	ck_assert_uint_eq(c.faults[FEED_UNREADABLE], 2);
	ck_assert_uint_eq(c.faults[FEED_NO_END], 1);
	ck_assert_uint_eq(c.examples[FEED_UNREADABLE][0], 2);
	ck_assert_uint_eq(c.examples[FEED_UNREADABLE][1], 3);
	arena_free(&arena);
}
END_TEST

/* Host bits are gone, and of a range stands what is not taken out. */
START_TEST(pieces)
{
	static const char text[] = "198.51.100.7/16\n198.51.100.128-198.51.101.255\n";
	struct arena *arena = arena_create(1 << 20);
	struct feed_terms terms = terms_of(NET, arena);
	struct feed_exceptions *x = exceptions_of(NET, "!198.51.100.0/24", arena);
	struct feed_reader r = feed_reader(slice_str(text));
	struct feed_line l;
	char shown[PREFIX_TEXT_MAX];

	terms.exceptions = x;
	ck_assert(feed_next(&r, &terms, &l));
	ck_assert_uint_eq(l.piece_count, 1);
	prefix_format(&l.pieces[0], shown);
	ck_assert_str_eq(shown, "198.51.0.0/16");
	ck_assert(feed_next(&r, &terms, &l));
	ck_assert_uint_eq(l.piece_count, 1);
	prefix_format(&l.pieces[0], shown);
	ck_assert_str_eq(shown, "198.51.101.0/24");
	feed_exceptions_free(&x);
	arena_free(&arena);
}
END_TEST

/* The look-up of exceptions against a look at each of them. */
START_TEST(exceptions_as_a_slow_look_says)
{
	enum { ENTRIES = 400, QUESTIONS = 20000 };
	struct entry entries[ENTRIES];
	struct feed_exceptions *x = feed_exceptions_create();

	srand(7);
	for (int i = 0; i < ENTRIES; i++) {
		struct ip ip = {
		    (uint64_t)(rand() & 0xff) << 32 | UINT64_C(0xc633000000000000), 0, IP_V4};

		entries[i] = (struct entry){.kind = ENTRY_NETWORK,
		    .out = rand() & 1,
		    .prefix = prefix_of(&ip, 20 + (unsigned)rand() % 13)};
		ck_assert(feed_exceptions_add(x, &entries[i]));
	}
	for (int i = 0; i < QUESTIONS; i++) {
		struct ip ip = {
		    (uint64_t)(rand() & 0xff) << 32 | UINT64_C(0xc633000000000000), 0, IP_V4};
		struct prefix p = prefix_of(&ip, 16 + (unsigned)rand() % 17);
		const struct entry *best = NULL;

		for (int k = 0; k < ENTRIES; k++) {
			const struct prefix *e = &entries[k].prefix;

			if (e->length <= p.length && prefix_contains(e, &p.base) &&
			    (!best || e->length > best->prefix.length))
				best = &entries[k]; /* the first of equal ones */
		}
		ck_assert_int_eq(feed_exceptions_network(x, &p), best && best->out);
	}
	feed_exceptions_free(&x);
}
END_TEST

/* ---- the whole ----------------------------------------------------------------------- */

enum { DAY = 86400 };

static const struct {
	const char *label;
	size_t entries, bad;
	bool may_be_empty;
	unsigned max_shrink;
	size_t before; /* entries; 0: never read */
	bool take;
	enum feed_verdict want;
} wholes[] = {
    {"the first time", 10, 0, false, 50, 0, false, FEED_TAKEN},
    {"empty", 0, 0, false, 50, 0, false, FEED_EMPTY},
    {"empty, which it may be", 0, 0, true, 50, 0, false, FEED_TAKEN},
    {"two bad lines of three", 1, 2, false, 50, 0, false, FEED_TAKEN},
    {"three of sixty", 57, 3, false, 50, 0, false, FEED_TAKEN},
    {"three of fifty-nine", 56, 3, false, 50, 0, false, FEED_TOO_BAD},
    {"nothing but bad lines", 0, 9, true, 50, 0, false, FEED_TOO_BAD},
    {"half lost", 50, 0, false, 50, 100, false, FEED_TAKEN},
    {"more than half lost", 49, 0, false, 50, 100, false, FEED_SHRUNKEN},
    {"more than half lost, and taken", 49, 0, false, 50, 100, true, FEED_TAKEN},
    {"any loss", 99, 0, false, 0, 100, false, FEED_SHRUNKEN},
    {"no loss", 100, 0, false, 0, 100, false, FEED_TAKEN},
    {"all lost", 0, 0, true, 50, 100, false, FEED_SHRUNKEN},
    {"all may be lost", 0, 0, true, 100, 100, false, FEED_TAKEN},
    {"taking does not mend what is bad", 10, 10, false, 50, 100, true, FEED_TOO_BAD},
    {"taking does not mend what is empty", 0, 0, false, 50, 100, true, FEED_EMPTY},
    {"grown", 1000000, 0, false, 0, 1, false, FEED_TAKEN},
};

START_TEST(the_whole)
{
	struct feed_counts c = {.entries = wholes[_i].entries, .bad = wholes[_i].bad};
	struct feed_limits l = {
	    wholes[_i].may_be_empty, wholes[_i].max_shrink, wholes[_i].take, 1000};
	struct feed_memory m = {wholes[_i].before > 0, wholes[_i].before, 0, 0};
	enum feed_verdict got = feed_judge(&c, &l, &m);

	ck_assert_msg(got == wholes[_i].want, "%s: %d", wholes[_i].label, (int)got);
	ck_assert_uint_eq(m.entries, got == FEED_TAKEN ? c.entries : wholes[_i].before);
	ck_assert_int_eq(m.known, got == FEED_TAKEN || wholes[_i].before > 0);
	ck_assert_uint_eq(m.shrunk, got == FEED_SHRUNKEN);
}
END_TEST

/* Loads of a feed of 100 entries that now has so many, each so many seconds behind the first. */
static const struct {
	const char *label;
	struct {
		int64_t at;
		size_t entries;
	} loads[6];
	const char *want; /* a letter a load: t taken, s shrunken, b empty */
} stories[] = {
    {"three over a day", {{0, 10}, {3600, 10}, {DAY, 10}}, "sst"},
    {"three within a day", {{0, 10}, {3600, 10}, {DAY - 1, 10}}, "sss"},
    {"two over a day", {{0, 10}, {DAY, 10}, {DAY + 1, 10}}, "sst"},
    {"it recovers", {{0, 10}, {3600, 100}, {DAY, 10}, {DAY + 1, 10}}, "stss"},
    {"it is gone between", {{0, 10}, {3600, 0}, {DAY, 10}, {DAY + 1, 10}, {2 * DAY, 10}}, "sbsst"},
    {"it shrinks further", {{0, 40}, {3600, 10}, {DAY, 5}}, "sst"},
    {"a clock that is set back", {{DAY, 10}, {0, 10}, {60, 10}, {DAY, 10}}, "ssst"},
};

START_TEST(shrinks_over_time)
{
	struct feed_memory m = {true, 100, 0, 0};
	char got[8] = "";

	for (size_t i = 0; stories[_i].want[i]; i++) {
		struct feed_counts c = {.entries = stories[_i].loads[i].entries};
		struct feed_limits l = {false, 50, false, stories[_i].loads[i].at};

		got[i] = "tbxs"[feed_judge(&c, &l, &m)];
	}
	ck_assert_msg(strcmp(got, stories[_i].want) == 0, "%s: %s", stories[_i].label, got);
}
END_TEST

START_TEST(looked_at_again)
{
	struct feed_memory m = {true, 100, 0, 0};

	ck_assert(!feed_is_due(&m, DAY));
	m = (struct feed_memory){true, 100, 1000, 1};
	ck_assert(!feed_is_due(&m, 1000 + DAY / 2 - 1));
	ck_assert(feed_is_due(&m, 1000 + DAY / 2));
	m.shrunk = 2;
	ck_assert(!feed_is_due(&m, 1000 + DAY - 1));
	ck_assert(feed_is_due(&m, 1000 + DAY));
	m.shrunk = 9;
	ck_assert(!feed_is_due(&m, 1000 + DAY - 1));
	ck_assert(feed_is_due(&m, 1000 + DAY));
}
END_TEST

/* A million lines, and one line of as many bytes: in a moment. */
START_TEST(large)
{
	enum { MANY = 1000000, ROOM = 20 };
	char *text = malloc((size_t)MANY * ROOM);
	struct arena *arena = arena_create(1 << 20);
	struct feed_terms terms = terms_of(NET, arena);
	struct feed_counts c = {.entries = 0};
	struct feed_line l;
	struct feed_reader r;
	size_t len = 0;

	for (unsigned i = 0; i < MANY; i++)
		len += (size_t)snprintf(
		    text + len, ROOM, "%u.%u.%u.0/24\n", 16 + i / 65536, i / 256 % 256, i % 256);
	r = feed_reader(slice_of(text, len));
	while (feed_next(&r, &terms, &l))
		feed_count(&c, &l);
	ck_assert_uint_eq(c.entries, MANY);
	ck_assert_uint_eq(c.bad, 0);
	memset(text, 'a', len - 1);
	r = feed_reader(slice_of(text, len));
	ck_assert(feed_next(&r, &terms, &l));
	ck_assert_int_eq(l.fault, FEED_UNREADABLE);
	ck_assert(!feed_next(&r, &terms, &l));
	arena_free(&arena);
	free(text);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("feed");
	TCase *c = tcase_create("feed");

	tcase_add_loop_test(c, each_line, 0, (int)ROWS(lines));
	tcase_add_test(c, nul_bytes);
	tcase_add_test(c, pieces);
	tcase_add_test(c, exceptions_as_a_slow_look_says);
	tcase_add_loop_test(c, the_whole, 0, (int)ROWS(wholes));
	tcase_add_loop_test(c, shrinks_over_time, 0, (int)ROWS(stories));
	tcase_add_test(c, looked_at_again);
	tcase_add_test(c, large);
	suite_add_tcase(s, c);
	return s;
}
