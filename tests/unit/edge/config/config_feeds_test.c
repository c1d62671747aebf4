#include "unit/unit.h"

#include "fake/configured.h"
#include "fake/scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DAY = 86400, NOON = 1800000000 };

/* ---- memory that is short ------------------------------------------------------------ */

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);

/* So many allocations succeed, and then one fails; negative: all succeed. */
static long allocations_left = -1;

static bool may_allocate(void)
{
	return allocations_left < 0 || allocations_left-- != 0;
}

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

/* ---- one load ------------------------------------------------------------------------ */

/* Feeds "a" and "b", never read before; then exactly these lines. */
static const struct {
	const char *label, *text, *a, *want;
} once[] = {
    {"good", "susranges = ( { name = \"x\"; networks = [ \"feed:a\" ]; } );\n", "192.0.2.0/24\n",
	""},
    {"alone", "susranges = ( { name = \"x\"; networks = \"feed:a\"; } );\n", "192.0.2.0/24\n", ""},
    {"in every list",
	"susranges = ( { name = \"x\"; networks = [ \"feed:a\" ]; unless = { helo = [ \"feed:b\" "
	"]; }; } );\n"
	"whitelist = ( { name = \"y\"; domains = [ \"feed:b\" ]; proof = [ \"spf\" ]; } );\n"
	"blocks = ( { name = \"z\"; client_name = [ \"feed:b\" ]; sender = [ \"feed:b\" ];\n"
	"  recipient = [ \"feed:b\" ]; from = [ \"feed:b\" ]; } );\n"
	"trusted_networks = [ \"feed:a\" ];\nexempt_recipients = [ \"feed:c\" ];\n",
	"192.0.2.0/24\n", ""},
    {"never read", "susranges = ( { name = \"x\";\n networks = [ \"feed:absent\" ]; } );\n", NULL,
	"t.conf:2: the feed absent of \"x\" cannot be taken: it cannot be opened: No such file or "
	"directory; it was never read, so there is no copy\n"},
    {"empty", "susranges = ( { name = \"x\"; networks = [ \"feed:a\" ]; } );\n", "# nothing\n",
	"t.conf:1: the feed a of \"x\" cannot be taken: it has no entries, and may_be_empty is not "
	"set; it was never read, so there is no copy\n"},
    {"empty, which it may be",
	"susranges = ( { name = \"x\"; networks = [ \"feed:a\" ]; may_be_empty = true; } );\n", "",
	""},
    {"a directory", "susranges = ( { name = \"x\"; networks = [ \"feed:.\" ]; } );\n", NULL,
	"t.conf:1: the feed . of \"x\" cannot be taken: it is a directory, not a regular file; it "
	"was never read, so there is no copy\n"},
    {"one bad line", "susranges = ( { name = \"x\"; networks = [ \"feed:a\" ]; } );\n",
	"192.0.2.0/24\n10.0.0.1/8\n",
	"warning: a:2: 1 of 2 lines of the feed of \"x\" were left out: 1: not an entry (line 2; "
	"first: "
	"host "
	"bits are set below /8; did you mean 10.0.0.0/8?)\n"},
    {"host bits", "susranges = ( { name = \"x\"; networks = [ \"feed:a\" ]; } );\n",
	"192.0.2.7/24\n", ""},
    {"three bad lines", "susranges = ( { name = \"x\"; networks = [ \"feed:a\" ]; } );\n",
	"192.0.2.0/24\nx\ny\nz\n",
	"t.conf:1: the feed a of \"x\" cannot be taken: 3 of its 4 lines are bad: 3: not an entry "
	"(lines 2, "
	"3, 4; first: \"x\" is not an address: neither IPv4 nor IPv6); it was never read, so there "
	"is no copy\n"},
    {"wide excuses no feed",
	"susranges = ( { name = \"x\"; networks = [ \"feed:a\" ]; wide = true; } );\n",
	"192.0.2.0/24\n0.0.0.0/1\n",
	"warning: a:2: 1 of 2 lines of the feed of \"x\" were left out: 1: wider than a feed may "
	"be "
	"(line 2)\n"},
    {"a whitelist is held tighter",
	"whitelist = ( { name = \"x\"; networks = [ \"feed:a\" ]; wide = true; } );\n",
	"10.0.0.0/8\n16.0.0.0/4\n",
	"warning: a:2: 1 of 2 lines of the feed of \"x\" were left out: 1: wider than a feed may "
	"be "
	"(line 2)\n"},
    {"and what excuses from a rule",
	"susranges = ( { name = \"x\"; asn = [ 1 ]; unless = { networks = [ \"feed:a\" ]; }; } "
	");\n",
	"10.0.0.0/8\n16.0.0.0/4\n",
	"warning: a:2: 1 of 2 lines of the feed of \"x\" were left out: 1: wider than a feed may "
	"be "
	"(line 2)\n"
	"t.conf:1: AS numbers need a database: set geo.asn\n"},
    {"names for nearly everything",
	"blocks = ( { name = \"x\"; client_name = [ \"feed:a\" ]; wide = true; } );\n"
	"domains = ( { name = \"example.monster\"; } );\n",
	".com\n.monster\n.test\na.example\n",
	"warning: a:1: 2 of 4 lines of the feed of \"x\" were left out: 2: a name that matches "
	"nearly everything "
	"(lines 1, 2)\n"},
    {"every top-level domain, where it excuses",
	"whitelist = ( { name = \"x\"; domains = [ \"feed:a\" ]; proof = [ \"spf\" ]; wide = true; "
	"} );\n",
	".test\na.test\n",
	"warning: a:1: 1 of 2 lines of the feed of \"x\" were left out: 1: a name that matches "
	"nearly everything "
	"(line 1)\n"},
    {"taken out by the rule",
	"susranges = ( { name = \"x\"; networks = [ \"!198.51.100.0/24\", \"feed:a\" ]; } );\n",
	"198.51.100.7\n198.51.100.0/24\n192.0.2.0/24\n",
	"warning: a:1: 2 of 3 lines of the feed of \"x\" were left out: 2: taken out by the rule's "
	"\"!\" "
	"(lines 1, 2)\n"},
    {"taken out behind it, in a list",
	"susranges = ( { name = \"x\"; networks = [ \"feed:a\", \"file:out\" ]; } );\n",
	"198.51.100.7\n192.0.2.0/24\n",
	"warning: a:1: 1 of 2 lines of the feed of \"x\" were left out: 1: taken out by the rule's "
	"\"!\" "
	"(line 1)\n"},
    {"another rule's",
	"susranges = ( { name = \"x\"; networks = [ \"feed:a\" ]; },\n"
	"  { name = \"y\"; networks = [ \"192.0.2.0/24\", \"!192.0.2.7\" ]; } );\n",
	"192.0.2.7\n", ""},
    {"what only the configuration may say",
	"blocks = ( { name = \"x\"; helo = [ \"feed:a\" ]; } );\n",
	"!a.example\n/x/\nz.example\na.example\n"
	"a1.example\na2.example\na3.example\na4.example\na5.example\na6.example\na7.example\n"
	"b1.example\nb2.example\nb3.example\nb4.example\nb5.example\nb6.example\nb7.example\n"
	"c1.example\nc2.example\nc3.example\nc4.example\nc5.example\nc6.example\nc7.example\n"
	"d1.example\nd2.example\nd3.example\nd4.example\nd5.example\nd6.example\nd7.example\n"
	"e1.example\ne2.example\ne3.example\ne4.example\ne5.example\ne6.example\ne7.example\n"
	"f1.example\nf2.example\nf3.example\nf4.example\nf5.example\nf6.example\nf7.example\n"
	"g1.example\ng2.example\ng3.example\ng4.example\ng5.example\ng6.example\ng7.example\n"
	"h1.example\nh2.example\nh3.example\nh4.example\nh5.example\nh6.example\nh7.example",
	"warning: a:1: 3 of 60 lines of the feed of \"x\" were left out: 1: \"!\" (allowed only in "
	"the configuration) (line 1); 1: a pattern (allowed only in the configuration) (line "
	"2); 1: last line without a newline (still being written?) (line 60)\n"},
    {"another file", "blocks = ( { name = \"x\"; helo = [ \"feed:a\" ]; } );\n",
	"a.example\nfile:b\nfeed:b\n",
	"warning: a:2: 2 of 3 lines of the feed of \"x\" were left out: 2: a file (allowed only in "
	"the configuration) (lines 2, 3)\n"},
    {"not as a whole",
	"susranges = ( { name = \"x\"; networks = [ \"192.0.2.1\", \"!feed:a\" ]; } );\n",
	"192.0.2.0/24\n",
	"t.conf:1: a file is not taken out as a whole: write \"!\" in front of its entries\n"},
    {"only criteria", "resolver = { servers = [ \"feed:a\" ]; };\n", "192.0.2.1\n",
	"t.conf:1: only lists of networks, names and addresses take a feed\n"
	"t.conf:1: resolver.servers must be \"system\", \"recursive\" or a list of addresses\n"},
    {"how much",
	"susranges = ( { name = \"x\"; networks = [ \"feed:a\" ];\n max_shrink = 101; } );\n",
	"192.0.2.1\n",
	"t.conf:2: max_shrink must be a whole number from 0 to 100: per cent of the entries that a "
	"feed may lose at once\n"},
    {"how much, not as text",
	"susranges = ( { name = \"x\"; networks = [ \"feed:a\" ];\n max_shrink = \"5\"; } );\n",
	"192.0.2.1\n",
	"t.conf:2: max_shrink must be a whole number from 0 to 100: per cent of the entries that a "
	"feed may lose at once\n"},
    {"in an unless",
	"susranges = ( { name = \"x\"; networks = [ \"192.0.2.1\" ];\n"
	"  unless = { helo = [ \"a\" ]; max_shrink = 5; }; } );\n",
	NULL, "t.conf:2: unknown key \"max_shrink\"\n"},
};

START_TEST(one_load)
{
	struct configured c;
	char text[4096];

	if (once[_i].a)
		configured_file("a", once[_i].a);
	configured_file("b", "b.example\n");
	configured_file("c", "u@\n");
	configured_file("out", "!198.51.100.0/24\n");
	snprintf(text, sizeof text, "%sstate = \"no state\";\n", once[_i].text);
	configured_load(&c, text);
	ck_assert_msg(strcmp(c.lines, once[_i].want) == 0, "%s:\n%s", once[_i].label, c.lines);
	configured_free(&c);
}
END_TEST

/* ---- one load after the other --------------------------------------------------------- */

struct loads {
	struct copies *copies;
	struct config *config;
	struct ruleset *rules;
	char lines[CONFIGURED_LINES_MAX];
	int64_t now;
	bool full; /* the copies cannot be written */
};

static const char feeding[] =
    "state = \"state\";\nsusranges = ( { name = \"x\"; networks = [ \"feed:a\" ]; } );\n";

static void add_line(void *context, enum diag_level level, const char *line)
{
	struct loads *l = context;
	size_t len = strlen(l->lines);

	snprintf(l->lines + len, sizeof l->lines - len, "%s%s\n",
	    level == DIAG_ERROR ? "" : "warning: ", line);
}

/* As the worker does: false when it is refused. */
static bool next_load(struct loads *l, const char *conf, const char *take)
{
	struct config_request request = {
	    .path = "t.conf", .previous = l->config, .now = l->now, .live = true, .take = take};
	struct diag *diag = diag_create();
	struct ruleset *rules;
	struct config *config;
	char why[COPIES_WHY_MAX];
	enum copies_result result;

	configured_file("t.conf", conf);
	l->lines[0] = '\0';
	config = config_request(&request, diag, &rules);
	diag_each(diag, add_line, l);
	diag_free(&diag);
	if (!config)
		return false;
	config_free(&l->config);
	ruleset_free(&l->rules);
	l->config = config;
	l->rules = rules;
	if (!l->copies)
		l->copies = copies_read("state", &result, why);
	if (!l->full)
		ck_assert_msg(copies_save(l->copies, config->loaded, l->now, why), "%s", why);
	loaded_release(config->loaded);
	return true;
}

/* The process ends, and another begins. */
static void restart(struct loads *l)
{
	config_free(&l->config);
	ruleset_free(&l->rules);
	copies_free(&l->copies);
}

static void make_feed(unsigned entries)
{
	char text[8192];
	size_t len = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < entries; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "198.51.100.%u\n", i);
	unlink(scratch_path("a"));
	configured_file("a", text);
}

static const struct loaded_feed *feed_of(const struct loads *l)
{
	return l->config->loaded->feeds;
}

static void is_kept(struct loads *l, const char *label, size_t entries)
{
	ck_assert_msg(!feed_of(l)->taken && feed_of(l)->entries == entries, "%s: %d, %zu", label,
	    feed_of(l)->taken, feed_of(l)->entries);
	ck_assert_msg(l->rules->network_entries == entries + 2, "%s: %zu", label,
	    l->rules->network_entries); /* and those of trusted_networks */
	ck_assert_msg(strstr(l->lines, "warning: a: the feed of \"x\" is not taken: ") == l->lines,
	    "%s: %s", label, l->lines);
}

static void is_taken(struct loads *l, const char *label, size_t entries)
{
	ck_assert_msg(
	    feed_of(l)->taken && feed_of(l)->entries == entries, "%s: %s", label, l->lines);
	ck_assert_msg(!strstr(l->lines, "not taken"), "%s: %s", label, l->lines);
}

static void begin(struct loads *l, unsigned entries)
{
	int ignored = system("rm -rf state");

	(void)ignored;
	*l = (struct loads){.now = NOON};
	make_feed(entries);
	ck_assert_msg(next_load(l, feeding, NULL), "%s", l->lines);
	is_taken(l, "the first time", entries);
}

static void end(struct loads *l)
{
	restart(l);
}

static void enter(void)
{
	configured_enter();
}

START_TEST(keeps_what_it_had)
{
	struct loads l;

	enter();
	begin(&l, 100);
	unlink(scratch_path("a"));
	ck_assert(next_load(&l, feeding, NULL));
	is_kept(&l, "absent", 100);
	ck_assert(mkdir(scratch_path("a"), 0700) == 0);
	ck_assert(next_load(&l, feeding, NULL));
	is_kept(&l, "a directory", 100);
	rmdir(scratch_path("a"));
	ck_assert(mkfifo(scratch_path("a"), 0700) == 0);
	ck_assert(next_load(&l, feeding, NULL));
	is_kept(&l, "a FIFO", 100);
	make_feed(0);
	ck_assert(next_load(&l, feeding, NULL));
	is_kept(&l, "empty", 100);
	ck_assert_int_eq(truncate(scratch_path("a"), (256 << 20) + 1), 0);
	ck_assert(next_load(&l, feeding, NULL));
	is_kept(&l, "too large", 100);
	ck_assert_msg(strstr(l.lines, "it is larger than 256 MB"), "%s", l.lines);
	ck_assert(!loaded_changed(l.config->loaded, LOADED_ALL));
	make_feed(49);
	ck_assert(next_load(&l, feeding, NULL));
	is_kept(&l, "more than half lost", 100);
	restart(&l);
	ck_assert(next_load(&l, feeding, NULL));
	is_kept(&l, "after a restart", 100);
	ck_assert_uint_eq(feed_of(&l)->memory.shrunk, 2);
	make_feed(50);
	ck_assert(next_load(&l, feeding, NULL));
	is_taken(&l, "half lost", 50);
	end(&l);
}
END_TEST

START_TEST(headlines_come_first)
{
	static const char conf[] =
	    "state = \"state\";\nsusranges = ( { name = \"w\"; networks = [ \"192.0.2.1\", "
	    "\"192.0.2.1\" ]; expires = \"2001-01-01\"; },\n"
	    "  { name = \"x\"; networks = [ \"feed:a\" ]; } );\n";
	struct loads l;

	enter();
	begin(&l, 10);
	make_feed(0);
	ck_assert(next_load(&l, conf, NULL));
	ck_assert_msg(strstr(l.lines, "warning: a: the feed") == l.lines, "%s", l.lines);
	ck_assert_msg(strstr(l.lines, "expired") != NULL, "%s", l.lines);
	end(&l);
}
END_TEST

START_TEST(taken_by_hand)
{
	struct loads l;

	enter();
	begin(&l, 100);
	make_feed(10);
	ck_assert(next_load(&l, feeding, NULL));
	is_kept(&l, "shrunken", 100);
	ck_assert(!next_load(&l, feeding, "y"));
	ck_assert_msg(strstr(l.lines,
			  "warning: a: the feed of \"x\" is not taken: 90 of its 100 entries "
			  "are gone (90 %, max_shrink = 50); if this is correct, run susmilterctl "
			  "reload --take x; the rule keeps the 100 entries of ") == l.lines,
	    "%s", l.lines);
	ck_assert_msg(strstr(l.lines, "\nt.conf: no rule named \"y\" has a feed\n"), "%s", l.lines);
	end(&l);
}
END_TEST

START_TEST(taken_when_it_is_named)
{
	struct loads l;

	enter();
	begin(&l, 100);
	make_feed(10);
	ck_assert(next_load(&l, feeding, "x"));
	is_taken(&l, "taken", 10);
	make_feed(4);
	ck_assert(next_load(&l, feeding, NULL));
	is_kept(&l, "shrunken again", 10);
	end(&l);
}
END_TEST

START_TEST(taken_in_time)
{
	struct loads l;

	enter();
	begin(&l, 100);
	make_feed(10);
	for (int i = 0; i < 5; i++) {
		l.now = NOON + i * 3600;
		ck_assert(next_load(&l, feeding, NULL));
		is_kept(&l, "within a day", 100);
		restart(&l);
	}
	l.now = NOON + DAY;
	ck_assert(next_load(&l, feeding, NULL));
	is_taken(&l, "over a day", 10);
	end(&l);
}
END_TEST

START_TEST(as_much_as_the_rule_says)
{
	static const char strict[] =
	    "state = \"state\";\nsusranges = ( { name = \"x\"; networks = [ "
	    "\"feed:a\" ]; max_shrink = 0; } );\n",
			  lax[] = "state = \"state\";\nsusranges = ( { name = \"x\"; networks = [ "
				  "\"feed:a\" ]; max_shrink = 100; may_be_empty = true; } );\n";
	struct loads l;

	enter();
	begin(&l, 100);
	make_feed(99);
	ck_assert(next_load(&l, strict, NULL));
	is_kept(&l, "any loss", 100);
	make_feed(0);
	ck_assert(next_load(&l, lax, NULL));
	is_taken(&l, "all", 0);
	end(&l);
}
END_TEST

/* Entries that the configuration begins to take out are not lost. */
START_TEST(exceptions_do_not_shrink)
{
	static const char out[] = "state = \"state\";\nsusranges = ( { name = \"x\"; networks = [ "
				  "\"feed:a\", \"!198.51.100.0/25\" ]; } );\n";
	struct loads l;

	enter();
	begin(&l, 150);
	ck_assert(next_load(&l, out, NULL));
	ck_assert_msg(feed_of(&l)->taken, "%s", l.lines);
	ck_assert_uint_eq(feed_of(&l)->entries, 22);
	ck_assert_uint_eq(feed_of(&l)->memory.entries, 150);
	end(&l);
}
END_TEST

/* A rule that is renamed goes on with the feed, and so does one that is new. */
START_TEST(another_rule)
{
	static const char renamed[] =
	    "state = \"state\";\nsusranges = ( { name = \"y\"; networks = [ \"feed:a\" ]; } );\n";
	struct loads l;

	enter();
	begin(&l, 100);
	unlink(scratch_path("a"));
	ck_assert_msg(next_load(&l, renamed, NULL), "%s", l.lines);
	ck_assert(!feed_of(&l)->taken && feed_of(&l)->entries == 100);
	restart(&l);
	ck_assert_msg(next_load(&l, feeding, NULL), "%s", l.lines);
	is_kept(&l, "renamed back while the daemon was away", 100);
	ck_assert(!next_load(&l,
	    "state = \"state\";\nsusranges = ( { name = \"x\"; country = [ \"feed:a\" ]; } );\n",
	    NULL));
	ck_assert_msg(strstr(l.lines, "it was never read, so there is no copy"), "%s", l.lines);
	end(&l);
}
END_TEST

/* What could not be copied is in memory. */
START_TEST(without_copies)
{
	struct loads l;

	enter();
	begin(&l, 100);
	l.full = true;
	make_feed(120);
	ck_assert(next_load(&l, feeding, NULL));
	is_taken(&l, "no copy", 120);
	unlink(scratch_path("a"));
	for (int i = 0; i < 3; i++) {
		ck_assert(next_load(&l, feeding, NULL));
		is_kept(&l, "from memory", 120);
	}
	l.full = false;
	ck_assert(next_load(&l, feeding, NULL));
	restart(&l);
	ck_assert(next_load(&l, feeding, NULL));
	is_kept(&l, "copied later", 120);
	end(&l);
}
END_TEST

/* A copy that is gone: the reload is refused, what runs goes on. */
START_TEST(lost_copy)
{
	struct loads l;
	int ignored;

	enter();
	begin(&l, 100);
	ignored = system("rm state/copies/[0-9]*");
	(void)ignored;
	unlink(scratch_path("a"));
	ck_assert(!next_load(&l, feeding, NULL));
	ck_assert_msg(
	    strstr(l.lines, "t.conf:2: the feed a of \"x\" is not taken: it cannot be opened: "
			    "No such file or directory; and the copy of what it had cannot "
			    "be read: ") == l.lines,
	    "%s", l.lines);
	end(&l);
}
END_TEST

/* A check, which holds no lock, began before two reloads: the copy that it knew of is swept. */
START_TEST(overtaken)
{
	struct loads l, check;
	struct config *held;
	struct ruleset *rules;

	enter();
	begin(&l, 100);
	held = l.config;
	rules = l.rules;
	for (unsigned entries = 110; entries <= 120; entries += 10) {
		l.config = NULL;
		l.rules = NULL;
		make_feed(entries);
		ck_assert_msg(next_load(&l, feeding, NULL), "%s", l.lines);
		if (entries < 120) {
			config_free(&l.config);
			ruleset_free(&l.rules);
		}
	}
	unlink(scratch_path("a"));
	check = (struct loads){.config = held, .rules = rules, .now = NOON, .full = true};
	ck_assert_msg(next_load(&check, feeding, NULL), "%s", check.lines);
	is_kept(&check, "what is in use by now", 120);
	end(&check);
	end(&l);
}
END_TEST

/* Each allocation of a load and of its copies fails once: an error, or what is wanted, and the next
 * load is as if nothing had been. */
START_TEST(short_of_memory)
{
	static const char text[] = "state = \"state\";\nsusranges = ( { name = \"x\"; networks = [ "
				   "\"feed:a\", \"!198.51.100.7\", \"feed:b\" ]; } );\n";
	struct loads l;
	bool done = false;
	long n;

	enter();
	begin(&l, 20);
	configured_file("b", "203.0.113.0/24\n");
	ck_assert_msg(next_load(&l, text, NULL), "%s", l.lines);
	make_feed(3);
	for (n = 0; !done; n++) {
		struct config_request request = {
		    .path = "t.conf", .previous = l.config, .now = NOON, .live = true};
		struct diag *diag = diag_create();
		struct ruleset *rules = NULL;
		struct config *config;
		char why[COPIES_WHY_MAX];
		bool saved = false;

		request.refused = NULL;
		allocations_left = n;
		config = config_request(&request, diag, &rules);
		if (config)
			saved = copies_save(l.copies, config->loaded, NOON, why);
		done = allocations_left >= 0;
		allocations_left = -1;
		ck_assert_msg(config || diag_errors(diag) > 0, "allocation %ld", n);
		ck_assert_msg(!config || (config->loaded->feeds->entries >= 19 &&
					     config->loaded->feeds->next),
		    "allocation %ld: %zu", n, config ? config->loaded->feeds->entries : 0);
		ck_assert(!done || saved);
		config_free(&config);
		ruleset_free(&rules);
		diag_free(&diag);
	}
	ck_assert_int_gt(n, 20);
	ck_assert(next_load(&l, text, NULL));
	ck_assert_uint_eq(feed_of(&l)->entries, 19);
	end(&l);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("config_feeds");
	TCase *c = tcase_create("config_feeds");

	tcase_add_loop_test(c, one_load, 0, (int)ROWS(once));
	tcase_add_test(c, keeps_what_it_had);
	tcase_add_test(c, headlines_come_first);
	tcase_add_test(c, taken_by_hand);
	tcase_add_test(c, taken_when_it_is_named);
	tcase_add_test(c, taken_in_time);
	tcase_add_test(c, as_much_as_the_rule_says);
	tcase_add_test(c, exceptions_do_not_shrink);
	tcase_add_test(c, another_rule);
	tcase_add_test(c, without_copies);
	tcase_add_test(c, lost_copy);
	tcase_add_test(c, overtaken);
	tcase_add_test(c, short_of_memory);
	suite_add_tcase(s, c);
	return s;
}
