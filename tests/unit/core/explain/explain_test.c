#include "unit/unit.h"

#include "fake/configured.h"

#include "core/explain/explaintext.h"
#include "edge/idn/idn.h"

#include <stdio.h>
#include <stdlib.h>

static const char table[] =
    "spf = { fail = \"off\"; };\n"
    "whitelist = ( { name = \"alumni\"; networks = \"203.0.113.0/28\"; },\n"
    " { name = \"qq\"; domains = [ \".qq.example\", \"!spam.qq.example\" ]; proof = [ \"spf\", "
    "\"client_name\" ]; },\n"
    " { name = \"tried\"; networks = \"203.0.113.64/28\"; mode = \"monitor\"; } );\n"
    "blocks = ( { name = \"monster\"; domains = [ \".monster\", \"*.below.example\" ];\n"
    "   unless = { sender = [ \"good.monster\", \"/ok[0-9]+@.*/\" ]; }; },\n"
    " { name = \"bob\"; sender = [ \"bob@b.example\", \"sue+*@b.example\", \"root@\", \"<>\", "
    "\"/x.*y@.*/\", \"!xy@b.example\" ];\n"
    "   helo = [ \"mx.example\" ]; },\n"
    " { name = \"early\"; helo = \"mx.example\"; },\n"
    " { name = \"old\"; helo = \"mx.example\"; expires = \"2020-01-01\"; },\n"
    " { name = \"user\"; login = [ \"Jo\", \"/j[0-9]/\", \"!j7\" ]; recipient = [ \"gone@\" ];\n"
    "   applies = \"authenticated\"; } );\n"
    "susranges = ( { name = \"dialup\"; networks = [ \"198.51.100.0/24\", \"!198.51.100.25\", "
    "\"203.0.113.0/24\" ]; },\n"
    " { name = \"trial\"; networks = \"198.51.0.0/16\"; mode = \"monitor\"; } );\n"
    "domains = ( { name = \"off.example\"; susranges = \"off\"; blocks = \"off\"; } );\n";

/* One question about the table, explained. */
struct scene {
	struct configured c;
	struct arena *arena;
	struct session_query q;
	struct explanation *e;
};

/* session: "key=value key=value" */
static void open_scene(struct scene *s, const char *text, const char *session, bool all)
{
	struct slice rest;
	char why[SESSION_QUERY_WHY_MAX];

	configured_load(&s->c, text);
	ck_assert_msg(s->c.rules, "%s", s->c.lines);
	s->arena = arena_create(16 << 20);
	rest = arena_copy(s->arena, slice_str(session));
	session_query_start(&s->q, 1795867200, &idn_uts46, s->arena);
	while (rest.len > 0) {
		struct slice value = slice_cut(&rest, ' '), key = slice_cut(&value, '=');
		ck_assert_msg(!session_query_set(&s->q, key, value, why), "%s", why);
	}
	session_query_decide(&s->q, s->c.rules, NULL);
	s->e = explain_make(&s->q, s->c.rules, all, s->arena);
	ck_assert_ptr_nonnull(s->e);
}

static void close_scene(struct scene *s)
{
	arena_free(&s->arena);
	configured_free(&s->c);
}

static const struct explain_rule *find_rule(const struct explanation *e, const char *name)
{
	for (int i = 0; i < EXPLAIN_FAMILIES; i++)
		for (size_t k = 0; k < e->families[i].count; k++)
			if (slice_equal(e->families[i].rules[k].rule->name, slice_str(name)))
				return &e->families[i].rules[k];
	return NULL;
}

/* ---- what rules come to -------------------------------------------------------------- */

static const struct {
	const char *session, *rule;
	enum explain_effect effect;
	const char *criterion; /* the n-th one's text, "" = not looked at */
	unsigned n;
} rows[] = {
    {"client=198.51.100.7", "dialup", EXPLAIN_DECIDES, "yes: 198.51.100.0/24", 0},
    {"client=198.51.100.25", "dialup", EXPLAIN_NO, "no: !198.51.100.25/32 takes it out", 0},
    {"client=192.0.2.1", "dialup", EXPLAIN_NO, "no match", 0},
    {"client=198.51.100.7", "trial", EXPLAIN_MONITOR, "", 0},
    {"client=198.51.7.7", "trial", EXPLAIN_DECIDES, "", 0},
    {"client=203.0.113.7", "alumni", EXPLAIN_DECIDES, "", 0},
    {"client=203.0.113.7", "dialup", EXPLAIN_EXEMPTED, "", 0},
    {"client=203.0.113.70", "tried", EXPLAIN_MONITOR, "", 0},
    {"client=203.0.113.70", "dialup", EXPLAIN_DECIDES, "", 0},
    {"client=198.51.100.7 recipient=u@off.example", "dialup", EXPLAIN_OFF, "", 0},
    {"client=198.51.100.7 recipient=abuse@x.example", "dialup", EXPLAIN_NOT_REACHED, "", 0},
    {"client=198.51.100.7 auth=jo", "dialup", EXPLAIN_NOT_ASKED, "", 0},
    {"client=198.51.100.7 auth=JO recipient=gone@off.example", "user", EXPLAIN_DECIDES, "yes: jo",
	1},
    {"auth=j5 recipient=gone@x.example", "user", EXPLAIN_DECIDES, "yes: /j[0-9]/", 1},
    {"auth=j7 recipient=gone@x.example", "user", EXPLAIN_NO, "no: !j7 takes it out", 1},
    {"auth=bo recipient=gone@x.example", "user", EXPLAIN_NO, "no match", 1},
    {"client=192.0.2.1 recipient=gone@x.example", "user", EXPLAIN_NOT_ASKED, "no match", 1},
    {"client=198.51.100.7 sender=a@qq.example spf=fail client_name=x.example helo=h "
     "from=a@x.example",
	"qq", EXPLAIN_UNPROVEN, "yes: .qq.example fits sender a@qq.example", 0},
    {"client=198.51.100.7 sender=a@qq.example spf=temperror client_name=x.example helo=h "
     "from=a@x.example",
	"qq", EXPLAIN_UNDECIDED, "yes: .qq.example fits sender a@qq.example", 0},
    {"client=198.51.100.7 sender=a@qq.example spf=pass client_name=x.example helo=h "
     "from=a@x.example",
	"qq", EXPLAIN_DECIDES, "", 0},
    {"client=198.51.100.7 sender=a@spam.qq.example client_name=x.example helo=h from=a@x.example",
	"qq", EXPLAIN_NO, "no: !spam.qq.example takes sender a@spam.qq.example out", 0},
    {"helo=a.monster sender=a@x.example", "monster", EXPLAIN_DECIDES,
	"yes: .monster fits helo a.monster", 0},
    {"helo=a.monster sender=a@x.example", "monster", EXPLAIN_DECIDES, "no match", 1},
    {"helo=a.monster", "monster", EXPLAIN_UNKNOWN, "undecided", 1},
    {"helo=a.monster sender=a@good.monster", "monster", EXPLAIN_NO,
	"yes: good.monster fits sender a@good.monster", 1},
    {"helo=a.monster sender=ok7@x.example", "monster", EXPLAIN_NO,
	"yes: /ok[0-9]+@.*/ fits sender ok7@x.example", 1},
    {"helo=a.below.example sender=a@x.example", "monster", EXPLAIN_DECIDES,
	"yes: *.below.example fits helo a.below.example", 0},
    {"helo=mx.example sender=Bob@b.example", "bob", EXPLAIN_DECIDES,
	"yes: bob@b.example fits sender Bob@b.example", 1},
    {"helo=mx.example sender=sue+x@b.example", "bob", EXPLAIN_DECIDES,
	"yes: sue+*@b.example fits sender sue+x@b.example", 1},
    {"helo=mx.example sender=root@x.example", "bob", EXPLAIN_DECIDES,
	"yes: root@ fits sender root@x.example", 1},
    {"helo=mx.example sender=<>", "bob", EXPLAIN_DECIDES, "yes: <> fits sender <>", 1},
    {"helo=mx.example sender=x1y@b.example", "bob", EXPLAIN_DECIDES,
	"yes: /x.*y@.*/ fits sender x1y@b.example", 1},
    {"helo=mx.example sender=xy@b.example", "bob", EXPLAIN_NO,
	"no: !xy@b.example takes sender xy@b.example out", 1},
    {"helo=mx.example sender=bob@b.example", "early", EXPLAIN_NOT_REACHED, "", 0},
    {"helo=mx.example sender=bob@b.example", "old", EXPLAIN_EXPIRED, "", 0},
};

START_TEST(tells_what_rules_came_to)
{
	const struct explain_rule *r;
	char text[EXPLAIN_CRITERION_MAX];
	struct scene s;

	open_scene(&s, table, rows[_i].session, false);
	r = find_rule(s.e, rows[_i].rule);
	ck_assert_msg(r, "%s: %s", rows[_i].session, rows[_i].rule);
	ck_assert_msg(r->effect == rows[_i].effect, "%s: %s %s", rows[_i].session, rows[_i].rule,
	    explain_effect_text(r->effect));
	ck_assert(!!s.e->deciding == !!s.q.verdict.rule);
	if (rows[_i].criterion[0]) {
		/* criteria stand in the order of their slots */
		ck_assert_uint_lt(rows[_i].n, r->count);
		explain_criterion_text(&r->criteria[rows[_i].n], &s.q.facts, text);
		for (unsigned i = 0; i < r->count && strcmp(text, rows[_i].criterion) != 0; i++)
			explain_criterion_text(&r->criteria[i], &s.q.facts, text);
		ck_assert_msg(
		    strcmp(text, rows[_i].criterion) == 0, "%s: %s", rows[_i].session, text);
	}
	close_scene(&s);
}
END_TEST

/* ---- two ways to the same truth ------------------------------------------------------ */

/* A rule's truth, from what is told of its criteria. */
static enum truth told_truth(const struct explain_rule *r, int64_t now)
{
	enum truth truth = TRUTH_YES;

	if (rule_expired(r->rule, now))
		return TRUTH_NO;
	for (size_t i = 0; i < r->count; i++) {
		const struct explain_criterion *c = &r->criteria[i];
		if (c->truth == (c->slot < SLOT_UNLESS ? TRUTH_NO : TRUTH_YES))
			return TRUTH_NO;
		if (c->truth == TRUTH_UNKNOWN)
			truth = TRUTH_UNKNOWN;
	}
	return truth;
}

/* Picks one of the words between the bars; "" leaves the key out. */
static void add_word(char *out, size_t size, const char *key, const char *words)
{
	struct slice rest = slice_str(words), word = slice_of(NULL, 0);
	unsigned n = 1;

	for (size_t i = 0; i < rest.len; i++)
		n += rest.ptr[i] == '|';
	n = (unsigned)rand() % n;
	do
		word = slice_cut(&rest, '|');
	while (n-- > 0);
	if (word.len > 0)
		snprintf(out + strlen(out), size - strlen(out), "%s%s=%.*s", out[0] ? " " : "", key,
		    SLICE_ARG(word));
}

START_TEST(agrees_with_the_matcher)
{
	struct scene s;
	char session[512];
	struct outcome o;
	struct match_trace trace;

	srand(7);
	for (int round = 0; round < 300; round++) {
		session[0] = '\0';
		add_word(session, sizeof session, "client",
		    "|198.51.100.7|198.51.100.25|203.0.113.7|203.0.113.70|192.0.2.1|198.51.7.1");
		add_word(
		    session, sizeof session, "client_name", "|m.qq.example|a.monster|x.example");
		add_word(session, sizeof session, "helo",
		    "|mx.example|a.monster|below.example|a.below.example");
		add_word(session, sizeof session, "sender",
		    "|<>|bob@b.example|sue+x@b.example|sue@b.example|root@x.example|xy@b.example|"
		    "x1y@b.example|a@good.monster|ok1@a.monster|a@qq.example|a@spam.qq.example");
		add_word(session, sizeof session, "from", "|a@a.monster|a@qq.example|a@x.example");
		add_word(session, sizeof session, "recipient", "|u@off.example|abuse@x.example");
		add_word(session, sizeof session, "spf", "|pass|fail");
		open_scene(&s, table, session, true);
		for (unsigned i = 0; i < s.c.rules->rule_count; i++) {
			const struct explain_rule *r = NULL;
			match_rule(s.c.rules, &s.q.facts, i, &o, &trace);
			for (int f = 0; f < EXPLAIN_FAMILIES && !r; f++)
				for (size_t k = 0; k < s.e->families[f].count; k++)
					if (s.e->families[f].rules[k].rule == o.rule)
						r = &s.e->families[f].rules[k];
			ck_assert_ptr_nonnull(r);
			ck_assert_msg(told_truth(r, s.q.facts.now) == o.truth,
			    "%s: %.*s: %d, not %d", session, SLICE_ARG(o.rule->name),
			    (int)told_truth(r, s.q.facts.now), (int)o.truth);
		}
		close_scene(&s);
	}
}
END_TEST

/* ---- lines --------------------------------------------------------------------------- */

struct page {
	size_t longest;
	char text[16384];
};

static void add_line(void *context, const char *line)
{
	struct page *p = context;

	if (strlen(line) > p->longest)
		p->longest = strlen(line);
	snprintf(p->text + strlen(p->text), sizeof p->text - strlen(p->text), "%s\n", line);
}

/* ---- large tables, small memory ------------------------------------------------------ */

START_TEST(counts_what_nothing_touches)
{
	char text[16384] = "spf = { fail = \"off\"; };\nsusranges = (\n";
	const struct explain_family *f;
	static struct page p;
	struct scene s;

	for (int i = 0; i < 100; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text),
		    "%s{ name = \"r%d\"; networks = \"198.51.%d.0/24\"; }\n", i ? "," : "", i, i);
	strcat(text, ");\n");
	open_scene(&s, text, "client=198.51.7.1", false);
	f = &s.e->families[EXPLAIN_FAMILIES - 1];
	ck_assert_uint_eq(f->count, 1);
	ck_assert_uint_eq(f->untouched, 99);
	ck_assert(slice_equal(f->rules[0].rule->name, SLICE("r7")));
	ck_assert_ptr_eq(s.e->deciding, &f->rules[0]);
	p.text[0] = '\0';
	explain_text(s.e, add_line, &p);
	ck_assert_ptr_nonnull(
	    strstr(p.text, "  (nothing fits any of 99 more rules; --all shows them)\n"));
	close_scene(&s);
	open_scene(&s, text, "client=192.0.2.1", false);
	p.text[0] = '\0';
	explain_text(s.e, add_line, &p);
	ck_assert_ptr_nonnull(strstr(p.text, "\nsusranges: nothing fits any of 100 rules\n"));
	close_scene(&s);
	open_scene(&s, text, "client=198.51.7.1", true);
	f = &s.e->families[EXPLAIN_FAMILIES - 1];
	ck_assert_uint_eq(f->count, 100);
	ck_assert_uint_eq(f->untouched, 0);
	close_scene(&s);
}
END_TEST

START_TEST(says_when_memory_runs_out)
{
	struct scene s;

	open_scene(&s, table, "client=198.51.100.7 sender=bob@b.example", false);
	for (size_t limit = 1; limit < 8192; limit += 64) {
		struct arena *small = arena_create(limit);
		struct explanation *e = explain_make(&s.q, s.c.rules, true, small);

		ck_assert(!e || !arena_failed(small));
		arena_free(&small);
	}
	close_scene(&s);
}
END_TEST

/* ---- text ---------------------------------------------------------------------------- */

START_TEST(reads_well)
{
	static struct page p;
	struct scene s;
	const char *const wanted[] = {
	    "client 198.51.100.7, helo h.example",
	    "not given: client_name, sender, from, recipient\n",
	    "\nsusranges:\n  dialup matches and decides [t.conf:13]\n"
	    "    networks yes: 198.51.100.0/24\n",
	    "\ntrusted_networks:\n  trusted_networks does not match [default]\n",
	    "reject: susranges, rule dialup [t.conf:13], network 198.51.100.0/24\n"
	    "  550 5.7.1 Unauthenticated mail not allowed from this range (198.51.100.0/24,\n"
	    "      dialup)\n",
	};

	open_scene(&s, table, "client=198.51.100.7 helo=h.example", false);
	p = (struct page){.longest = 0};
	explain_text(s.e, add_line, &p);
	for (size_t i = 0; i < ROWS(wanted); i++)
		ck_assert_msg(strstr(p.text, wanted[i]), "%s\nin:\n%s", wanted[i], p.text);
	ck_assert_msg(strncmp(p.text, "reject: ", 8) == 0, "the verdict is not first:\n%s", p.text);
	ck_assert_uint_le(p.longest, 80);
	close_scene(&s);
}
END_TEST

/* What stands in the text, of sessions that end in different ways. */
static const struct {
	const char *more, *session, *wanted; /* more: of the table */
} told[] = {
    {"", "client=198.51.100.7 auth=jo", "accept: not inbound: the session is authenticated\n"},
    {"", "client=198.51.100.7 auth=jo", "\nauthenticated as jo\n"},
    {"", "client=127.0.0.1 helo=h", "accept: not inbound: the client is in trusted_networks"},
    {"", "client=203.0.113.7", "accept: a whitelist entry exempts it"},
    {"", "client=192.0.2.1 recipient=abuse@x.example",
	"accept: this recipient is always reachable"},
    {"", "client=192.0.2.1", "accept: no rule refuses it\n"},
    {"",
	"client=198.51.100.7 sender=a@qq.example spf=fail client_name=x.example helo=h "
	"from=a@x.example",
	"    proof needed: the verified client name is in the list, or the sender is and\n"
	"        SPF says pass\n"},
    {"spf = { fail = \"unless-dkim\"; };\n", "client=192.0.2.1 sender=a@x.example spf=fail",
	"\nspf (unless-dkim here): fail\ndkim: not needed\n"},
    {"spf = { fail = \"unless-dkim\"; };\n",
	"client=192.0.2.1 sender=a@x.example spf=fail dkim=pass from=a@x.example",
	"\ndkim: pass\n"},
};

START_TEST(tells_how_it_ends)
{
	static struct page p;
	struct scene s;
	char text[4096];

	snprintf(text, sizeof text, "%s%s", told[_i].more,
	    told[_i].more[0] ? strchr(table, '\n') + 1 : table);
	open_scene(&s, text, told[_i].session, false);
	p = (struct page){.longest = 0};
	explain_text(s.e, add_line, &p);
	ck_assert_msg(strstr(p.text, told[_i].wanted), "%s\nin:\n%s", told[_i].wanted, p.text);
	close_scene(&s);
}
END_TEST

/* A verdict that hangs on a fact which nobody gave is none. */
START_TEST(tells_undecided)
{
	static const char with_spf[] = "spf = { fail = \"reject\"; };\n";
	static const struct {
		const char *session, *first;
	} undecided[] = {
	    {"client=203.0.113.7 sender=a@b.example recipient=c@d.example",
		"undecided: SPF is needed but not known"},
	    {"client=203.0.113.7 sender=a@b.example recipient=c@d.example spf=fail", "reject: "},
	    {"client=203.0.113.7 sender=a@b.example recipient=c@d.example spf=none", "accept: "},
	    {"client=203.0.113.7 sender=a@b.example recipient=postmaster@d.example", "accept: "},
	};
	static struct page p;

	for (size_t i = 0; i < ROWS(undecided); i++) {
		struct scene s;

		open_scene(&s, with_spf, undecided[i].session, false);
		p = (struct page){.longest = 0};
		explain_text(s.e, add_line, &p);
		ck_assert_msg(strncmp(p.text, undecided[i].first, strlen(undecided[i].first)) == 0,
		    "%s: %s", undecided[i].session, p.text);
		ck_assert_uint_le(p.longest, 80);
		close_scene(&s);
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("explain");
	TCase *t = tcase_create("explain");

	tcase_add_loop_test(t, tells_what_rules_came_to, 0, ROWS(rows));
	tcase_add_test(t, agrees_with_the_matcher);
	tcase_add_test(t, counts_what_nothing_touches);
	tcase_add_test(t, says_when_memory_runs_out);
	tcase_add_test(t, reads_well);
	tcase_add_loop_test(t, tells_how_it_ends, 0, (int)ROWS(told));
	tcase_add_test(t, tells_undecided);
	suite_add_tcase(s, t);
	return s;
}
