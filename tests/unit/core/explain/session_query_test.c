#include "core/explain/session_query.h"

#include "core/policy/policy.h"
#include "edge/idn/idn.h"
#include "fake/configured.h"
#include "unit/unit.h"

#include <stdio.h>

/* ---- what is told -------------------------------------------------------------------- */

static const struct {
	const char *label, *key, *value, *want;
} words[] = {
    {"client", "client", "192.0.2.1", NULL},
    {"client, mapped", "client", "::ffff:192.0.2.1", NULL},
    {"client that is a name", "client", "mx.example",
	"client: \"mx.example\" is not an IP address"},
    {"client, empty", "client", "", "client: \"\" is not an IP address"},
    {"client with a prefix", "client", "192.0.2.0/24",
	"client: \"192.0.2.0/24\" is not an IP address"},
    {"no client_name", "client_name", "", NULL},
    {"helo of any kind", "helo", "[192.0.2.1]", NULL},
    {"sender", "sender", "a@example.org", NULL},
    {"sender that is none", "sender", "a b", NULL},
    {"recipient", "recipient", "a@example.org", NULL},
    {"recipient, empty", "recipient", "", "recipient: a recipient is not empty"},
    {"auth", "auth", "joe", NULL},
    {"tls", "tls", "1.2", NULL},
    {"no tls", "tls", "none", NULL},
    {"tls, none of them", "tls", "unknown",
	"tls: \"unknown\" is not a TLS version (none, 1.0, 1.1, 1.2, 1.3)"},
    {"from", "from", "a@example.org", NULL},
    {"no from", "from", "", NULL},
    {"from without domain", "from", "joe", "from: the address of an author has a domain"},
    {"spf", "spf", "softfail", NULL},
    {"spf, none of them", "spf", "policy",
	"spf: \"policy\" is not an SPF result (pass, fail, softfail, …)"},
    {"spf, capitals", "spf", "Pass",
	"spf: \"Pass\" is not an SPF result (pass, fail, softfail, …)"},
    {"dkim", "dkim", "policy", NULL},
    {"dkim, none of them", "dkim", "softfail",
	"dkim: \"softfail\" is not a DKIM result (pass, fail, none, …)"},
    {"dmarc", "dmarc", "fail", NULL},
    {"dmarc with a policy", "dmarc", "fail:quarantine", NULL},
    {"dmarc with no such policy", "dmarc", "fail:hold",
	"dmarc: \"fail:hold\" is not a DMARC result (pass, none, fail, fail:quarantine, …)"},
    {"dmarc, a pass under a policy", "dmarc", "pass:none",
	"dmarc: \"pass:none\" is not a DMARC result (pass, none, fail, fail:quarantine, …)"},
    {"header", "header", "From: a@example.org\nSubject: a\n b\r\n", NULL},
    {"header, empty", "header", "", NULL},
    {"header that is none", "header", "A: b\nhello",
	"header: \"hello\" is not a header field such as \"Subject: hello\""},
    {"now", "now", "1700000000", NULL},
    {"now, in words", "now", "today", "now: not a number of seconds since 1970"},
    {"no such key", "colour", "red", "there is no key \"colour\""},
    {"a key in capitals", "Client", "192.0.2.1", "there is no key \"Client\""},
};

START_TEST(takes_words)
{
	struct arena *arena = arena_create(1 << 16);
	struct session_query q;
	char why[SESSION_QUERY_WHY_MAX];
	const char *wrong;

	session_query_start(&q, 1, &idn_uts46, arena);
	wrong = session_query_set(&q, slice_str(words[_i].key), slice_str(words[_i].value), why);
	if (words[_i].want)
		ck_assert_str_eq(wrong ? wrong : "taken", words[_i].want);
	else
		ck_assert_msg(!wrong, "%s: %s", words[_i].label, wrong);
	arena_free(&arena);
}
END_TEST

/* An answer of the DNS, told. */
START_TEST(takes_answers_of_the_dns)
{
	struct arena *arena = arena_create(1 << 16);
	char why[SESSION_QUERY_WHY_MAX];
	struct session_query q;

	session_query_start(&q, 1, &idn_uts46, arena);
	ck_assert_ptr_null(session_query_set(&q, SLICE("reverse"), SLICE("unconfirmed"), why));
	ck_assert_uint_eq(q.facts.reverse.are, 1u << REVERSE_UNCONFIRMED);
	ck_assert_ptr_null(session_query_set(&q, SLICE("helo_resolves"), SLICE("no"), why));
	ck_assert_uint_eq(q.facts.helo_dns.are, 1u << HELO_UNRESOLVABLE);
	ck_assert_ptr_null(session_query_set(&q, SLICE("sender_domain"), SLICE("temperror"), why));
	ck_assert_int_eq(q.facts.sender_dns.state, FACT_FAILED);
	ck_assert_str_eq(session_query_set(&q, SLICE("from_domain"), SLICE("none"), why),
	    "from_domain: \"none\" is not exists, missing, null-mx or temperror");
	arena_free(&arena);
}
END_TEST

START_TEST(takes_each_key_once)
{
	struct arena *arena = arena_create(1 << 16);
	static const char *const good[] = {"192.0.2.1", "a", "a", "a@b.de", "a@b.de", "a", "1.3",
	    "a@b.de", "pass", "pass", "pass", "missing", "null-mx", "unconfirmed", "no", "A: b",
	    "list", "1"};
	struct session_query q;
	char why[SESSION_QUERY_WHY_MAX], want[64];
	unsigned n = 0;

	session_query_start(&q, 1, &idn_uts46, arena);
	for (const char *key; (key = session_query_key(n)) != NULL; n++) {
		ck_assert_uint_lt(n, ROWS(good));
		ck_assert_ptr_null(session_query_set(&q, slice_str(key), slice_str(good[n]), why));
		snprintf(want, sizeof want, "%s is given twice", key);
		ck_assert_str_eq(
		    session_query_set(&q, slice_str(key), slice_str(good[n]), why), want);
	}
	ck_assert_uint_eq(n, ROWS(good));
	arena_free(&arena);
}
END_TEST

/* ---- what follows -------------------------------------------------------------------- */

static const char conf[] =
    "spf = { temperror = \"tempfail\"; };\n"
    "susranges = ( { name = \"range\"; networks = \"192.0.2.0/24\"; },\n"
    " { name = \"trial\"; networks = \"198.51.100.0/24\"; mode = \"monitor\"; } );\n"
    "blocks = ( { name = \"author\"; from = \"junk.example\"; } );\n"
    "domains = ( { name = \"strict.example\"; dmarc = \"strict\"; },\n"
    " { name = \"key.example\"; spf = \"unless-dkim\"; },\n"
    " { name = \"off.example\"; spf = \"off\"; } );\n";

/* words: KEY VALUE KEY VALUE …; want: ACTION FAMILY PHASE MISSING */
static const struct {
	const char *label, *words, *want;
} asked[] = {
    {"nobody", "recipient u@off.example", "accept none rcpt 0"},
    {"a range", "client 192.0.2.1 recipient u@off.example", "reject susranges rcpt 0"},
    {"who is logged in", "client 192.0.2.1 auth joe recipient u@off.example", "accept none rcpt 0"},
    {"on trial", "client 198.51.100.1 recipient u@off.example", "would_reject susranges rcpt 0"},
    {"on trial, and the end is content",
	"client 198.51.100.1 recipient u@off.example from a@good.example",
	"would_reject susranges rcpt 0"},
    {"on trial, and the end is not",
	"client 198.51.100.1 recipient u@off.example from a@junk.example", "reject blocks end 0"},
    {"the author is not known", "client 203.0.113.1 recipient u@off.example", "accept none rcpt 0"},
    {"the author is blocked", "client 203.0.113.1 recipient u@off.example from a@junk.example",
	"reject blocks end 0"},
    {"SPF fails", "client 203.0.113.1 sender a@b.example recipient u@x.example spf fail",
	"reject spf rcpt 0"},
    {"SPF passes", "client 203.0.113.1 sender a@b.example recipient u@x.example spf pass",
	"accept none rcpt 0"},
    {"SPF cannot be had", "client 203.0.113.1 sender a@b.example recipient u@x.example",
	"tempfail spf rcpt 1"},
    {"SPF is not needed", "client 192.0.2.1 sender a@b.example recipient u@x.example",
	"reject susranges rcpt 0"},
    {"a signature of the author saves",
	"client 203.0.113.1 recipient u@key.example spf fail from a@c.example dkim pass",
	"accept none end 0"},
    {"a signature that fails does not",
	"client 203.0.113.1 recipient u@key.example spf fail from a@c.example dkim fail",
	"reject spf end 0"},
    {"DMARC fails",
	"client 203.0.113.1 recipient u@strict.example spf pass from a@c.example dmarc fail",
	"reject dmarc end 0"},
    {"DMARC fails under p=none",
	"client 203.0.113.1 recipient u@strict.example spf pass from a@c.example dmarc fail:none",
	"accept none end 0"},
    {"DMARC cannot be had",
	"client 203.0.113.1 recipient u@strict.example spf pass from a@c.example",
	"accept none end 4"},
};

static void set_words(struct session_query *q, const char *text)
{
	struct slice rest = slice_str(text);
	char why[SESSION_QUERY_WHY_MAX];

	while (rest.len > 0) {
		struct slice key = slice_cut(&rest, ' ');
		ck_assert_ptr_null(session_query_set(q, key, slice_cut(&rest, ' '), why));
	}
}

static void answer(const struct session_query *q, char out[128])
{
	snprintf(out, 128, "%s%s %s %s %u", q->verdict.monitored ? "would_" : "",
	    action_name(q->verdict.kind == VERDICT_FINAL ? q->verdict.action : ACTION_ACCEPT),
	    family_name(q->verdict.kind == VERDICT_FINAL ? q->verdict.family : FAMILY_NONE),
	    q->phase == PHASE_END ? "end" : "rcpt", q->missing);
}

START_TEST(decides)
{
	struct arena *arena = arena_create(1 << 16);
	struct configured c;
	struct session_query q;
	char got[128];

	configured_load(&c, conf);
	ck_assert_str_eq(c.lines, "");
	session_query_start(&q, 1, &idn_uts46, arena);
	set_words(&q, asked[_i].words);
	session_query_decide(&q, c.rules, NULL);
	answer(&q, got);
	ck_assert_msg(strcmp(got, asked[_i].want) == 0, "%s: %s", asked[_i].label, got);
	configured_free(&c);
	arena_free(&arena);
}
END_TEST

/* mode = "monitor" says what enforcing would do, and where. */
static const struct {
	const char *label, *words, *want;
} monitored[] = {
    {"nothing", "client 203.0.113.1 recipient u@off.example from a@good.example",
	"accept none end 0"},
    {"at RCPT", "client 192.0.2.1 recipient u@off.example from a@good.example",
	"would_reject susranges rcpt 0"},
    {"at RCPT, and what comes later is not looked at",
	"client 192.0.2.1 recipient u@off.example from a@junk.example",
	"would_reject susranges rcpt 0"},
    {"at the end", "client 203.0.113.1 recipient u@off.example from a@junk.example",
	"would_reject blocks end 0"},
    {"at the end, behind a rule on trial",
	"client 198.51.100.1 recipient u@off.example from a@junk.example",
	"would_reject blocks end 0"},
};

START_TEST(decides_in_monitor_mode)
{
	struct arena *arena = arena_create(1 << 16);
	struct configured c;
	struct session_query q;
	char text[sizeof conf + 32], got[128];

	snprintf(text, sizeof text, "mode = \"monitor\";\n%s", conf);
	configured_load(&c, text);
	session_query_start(&q, 1, &idn_uts46, arena);
	set_words(&q, monitored[_i].words);
	session_query_decide(&q, c.rules, NULL);
	answer(&q, got);
	ck_assert_msg(strcmp(got, monitored[_i].want) == 0, "%s: %s", monitored[_i].label, got);
	configured_free(&c);
	arena_free(&arena);
}
END_TEST

/* ---- who can get facts --------------------------------------------------------------- */

struct source {
	unsigned times, need;
	bool helps;
};

static void get(void *self, struct facts *facts, unsigned need)
{
	struct source *s = self;

	s->times++;
	s->need |= need;
	if (!s->helps)
		return;
	facts->spf_state = FACT_KNOWN;
	facts->spf.result = SPFR_FAIL;
}

static const struct {
	const char *label, *words;
	bool helps;
	unsigned times;
	const char *want;
} sources[] = {
    {"it is asked", "client 203.0.113.1 sender a@b.example recipient u@x.example", true, 1,
	"reject spf rcpt 0"},
    {"it has nothing either", "client 203.0.113.1 sender a@b.example recipient u@x.example", false,
	1, "tempfail spf rcpt 1"},
    {"it is not asked for what is known",
	"client 203.0.113.1 sender a@b.example recipient u@x.example spf pass", true, 0,
	"accept none rcpt 0"},
    {"nor for what nobody needs", "client 192.0.2.1 sender a@b.example recipient u@x.example", true,
	0, "reject susranges rcpt 0"},
};

START_TEST(asks_its_source)
{
	struct arena *arena = arena_create(1 << 16);
	struct source s = {.helps = sources[_i].helps};
	struct session_query_source source = {&s, get};
	struct configured c;
	struct session_query q;
	char got[128];

	configured_load(&c, conf);
	session_query_start(&q, 1, &idn_uts46, arena);
	set_words(&q, sources[_i].words);
	session_query_decide(&q, c.rules, &source);
	answer(&q, got);
	ck_assert_msg(strcmp(got, sources[_i].want) == 0, "%s: %s", sources[_i].label, got);
	ck_assert_msg(s.times == sources[_i].times, "%s: %u times", sources[_i].label, s.times);
	ck_assert_uint_eq(s.need, s.times ? NEED_SPF : 0);
	configured_free(&c);
	arena_free(&arena);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("session_query");
	TCase *told = tcase_create("words"), *decided = tcase_create("decisions");

	tcase_add_loop_test(told, takes_words, 0, (int)ROWS(words));
	tcase_add_test(told, takes_each_key_once);
	tcase_add_test(told, takes_answers_of_the_dns);
	suite_add_tcase(s, told);
	tcase_add_loop_test(decided, decides, 0, (int)ROWS(asked));
	tcase_add_loop_test(decided, decides_in_monitor_mode, 0, (int)ROWS(monitored));
	tcase_add_loop_test(decided, asks_its_source, 0, (int)ROWS(sources));
	suite_add_tcase(s, decided);
	return s;
}
