/*
 * backtest_test: what a change of rules would have done to recorded mail, by cases; the rules
 * against themselves change nothing, whatever was recorded.
 */
#include "core/change/backtest.h"
#include "core/change/replay_outcome.h"
#include "edge/idn/idn.h"
#include "fake/configured.h"
#include "fake/decisions.h"
#include "unit/unit.h"

#include <stdio.h>

#define NOW 1795000000

#define RANGE          "susranges = ( { name = \"range\"; networks = [ \"198.51.100.0/24\" ]; } );\n"
#define BLOCK          "blocks = ( { name = \"block\"; sender = [ \"bad.example\" ]; } );\n"
#define BLOCK_TO       "blocks = ( { name = \"to\"; recipient = [ \"b@example.net\" ]; } );\n"
#define SPF_OFF        "spf = { fail = \"off\"; };\n"
#define DMARC          "dmarc = { default = \"reject\"; };\n"
#define TRUSTED        "trusted_networks = [ \"198.51.100.0/24\" ];\n"
#define BLOCK_HEADER   "blocks = ( { name = \"h\"; header = [ \"!Date\" ]; } );\n"
#define BLOCK_HEADER_2 "blocks = ( { name = \"h\"; header = [ \"!Date\", \"X\" ]; } );\n"
#define MONITOR_HEADER                                                                             \
	"blocks = ( { name = \"h\"; header = [ \"!Date\" ]; mode = \"monitor\"; } );\n"
#define BLOCK_TLS "blocks = ( { name = \"t\"; tls = \"<1.3\"; } );\n"
#define WHITELIST "whitelist = ( { name = \"good\"; networks = [ \"198.51.100.7\" ]; } );\n"

#define UNLESS_DKIM "spf = { fail = \"unless-dkim\"; };\n"
#define EXEMPT_NONE SPF_OFF "exempt_recipients = [ ];\n"

/* One message: each row a letter: r refused and a accepted at RCPT, e its end, p its end when it
 * was proven, f the end when DMARC failed (p=reject), t when the DNS did not answer (p=reject was
 * known); capital letters: SPF said fail; l: accepted at RCPT, SPF came too late; c a connection,
 * m its MAIL, n RCPT without a known sender. */
static const struct {
	const char *label, *before, *after, *rows;
	const char *client, *sender;
	uint64_t messages, refused, proven, unevaluated, accepted, at_rcpt, unknown;
} cases[] = {
    {"the same", SPF_OFF RANGE, SPF_OFF RANGE, "r", "198.51.100.7", "a@x.example", 1, 0, 0, 0, 0, 0,
	0},
    {"a new range", SPF_OFF, SPF_OFF RANGE, "ae", "198.51.100.7", "a@x.example", 1, 1, 0, 1, 0, 0,
	0},
    {"… refuses proven mail", SPF_OFF, SPF_OFF RANGE, "ap", "198.51.100.7", "a@x.example", 1, 1, 1,
	0, 0, 0, 0},
    {"… and one without its end", SPF_OFF, SPF_OFF RANGE, "a", "198.51.100.7", "a@x.example", 1, 1,
	0, 1, 0, 1, 0},
    {"… not others", SPF_OFF, SPF_OFF RANGE, "ap", "192.0.2.7", "a@x.example", 1, 0, 0, 0, 0, 0, 0},
    {"two recipients are a message", SPF_OFF, SPF_OFF RANGE, "aap", "198.51.100.7", "a@x.example",
	1, 1, 1, 0, 0, 0, 0},
    {"a range less", SPF_OFF RANGE, SPF_OFF, "r", "198.51.100.7", "a@x.example", 1, 0, 0, 0, 1, 1,
	0},
    {"a whitelist entry", SPF_OFF RANGE, SPF_OFF RANGE WHITELIST, "r", "198.51.100.7",
	"a@x.example", 1, 0, 0, 0, 1, 1, 0},
    {"another rule refuses, too", SPF_OFF RANGE BLOCK, SPF_OFF BLOCK, "r", "198.51.100.7",
	"a@bad.example", 1, 0, 0, 0, 0, 0, 0},
    {"monitor mode", SPF_OFF RANGE, "mode = \"monitor\";\n" SPF_OFF RANGE, "r", "198.51.100.7",
	"a@x.example", 1, 0, 0, 0, 1, 1, 0},
    {"a recipient", SPF_OFF, SPF_OFF BLOCK_TO, "ap", "192.0.2.7", "a@x.example", 1, 1, 1, 0, 0, 0,
	0},
    {"SPF was not asked", RANGE, "", "r", "198.51.100.7", "a@x.example", 1, 0, 0, 0, 0, 0, 1},
    {"SPF that nobody asked decides both alike", "", BLOCK, "r", "198.51.100.7", "a@x.example", 1,
	0, 0, 0, 0, 0, 0},
    {"SPF on, and it failed", SPF_OFF, "", "AE", "192.0.2.7", "a@x.example", 1, 1, 0, 1, 0, 0, 0},
    {"SPF on, and it passed", SPF_OFF, "", "ap", "192.0.2.7", "a@x.example", 1, 0, 0, 0, 0, 0, 0},
    {"DMARC on, and it failed", SPF_OFF, SPF_OFF DMARC, "af", "192.0.2.7", "a@x.example", 1, 1, 0,
	0, 0, 0, 0},
    {"DMARC on, and it passed", SPF_OFF, SPF_OFF DMARC, "ap", "192.0.2.7", "a@x.example", 1, 0, 0,
	0, 0, 0, 0},
    {"DMARC on, and nobody looked", SPF_OFF, SPF_OFF DMARC, "ae", "192.0.2.7", "a@x.example", 1, 0,
	0, 0, 0, 0, 1},
    {"DMARC off, and it failed", SPF_OFF DMARC, SPF_OFF, "af", "192.0.2.7", "a@x.example", 1, 0, 0,
	0, 1, 0, 0},
    {"refused at RCPT and at the end", SPF_OFF DMARC, SPF_OFF RANGE DMARC, "af", "198.51.100.7",
	"a@x.example", 1, 0, 0, 0, 0, 0, 0},
    {"a rule by header, which nobody recorded", SPF_OFF, SPF_OFF BLOCK_HEADER, "ap", "192.0.2.7",
	"a@x.example", 1, 0, 0, 0, 0, 0, 1},
    {"… and what is refused without it", SPF_OFF, SPF_OFF BLOCK_HEADER RANGE, "ap", "198.51.100.7",
	"a@x.example", 1, 1, 1, 0, 0, 0, 0},
    {"… the same under both", SPF_OFF BLOCK_HEADER, SPF_OFF BLOCK_HEADER RANGE, "ap", "192.0.2.7",
	"a@x.example", 1, 0, 0, 0, 0, 0, 0},
    {"… another under both", SPF_OFF BLOCK_HEADER, SPF_OFF BLOCK_HEADER_2, "ap", "192.0.2.7",
	"a@x.example", 1, 0, 0, 0, 0, 0, 1},
    {"… in monitor mode, where it changes nobody's fate", SPF_OFF, SPF_OFF MONITOR_HEADER, "ap",
	"192.0.2.7", "a@x.example", 1, 0, 0, 0, 0, 0, 0},
    {"… beside one that is open under both", SPF_OFF BLOCK_HEADER,
	SPF_OFF "blocks = ( { name = \"h\"; header = [ \"!Date\" ]; }, "
		"{ name = \"m\"; header = [ \"X\" ]; mode = \"monitor\"; } );\n",
	"ap", "192.0.2.7", "a@x.example", 1, 0, 0, 0, 0, 0, 0},
    {"TLS, recorded", SPF_OFF, SPF_OFF BLOCK_TLS, "ap", "192.0.2.7", "a@x.example", 1, 1, 1, 0, 0,
	0, 0},
    {"SPF came late", SPF_OFF, "", "l", "192.0.2.7", "a@x.example", 1, 0, 0, 0, 0, 0, 1},
    {"DKIM was not asked", SPF_OFF, UNLESS_DKIM, "AE", "192.0.2.7", "a@x.example", 1, 0, 0, 0, 0, 0,
	1},
    {"DKIM that nobody asked decides both alike", UNLESS_DKIM, UNLESS_DKIM RANGE, "AE", "192.0.2.7",
	"a@x.example", 1, 0, 0, 0, 0, 0, 0},
    {"DMARC on, and the DNS did not answer", SPF_OFF, SPF_OFF DMARC, "at", "192.0.2.7",
	"a@x.example", 1, 1, 0, 0, 0, 0, 0},
    {"of a sender that is not known", SPF_OFF, SPF_OFF BLOCK, "n", "192.0.2.7", "a@bad.example", 1,
	0, 0, 0, 0, 0, 0},
    {"ours to judge now", SPF_OFF RANGE TRUSTED, SPF_OFF RANGE, "a", "198.51.100.7", "a@x.example",
	1, 1, 0, 1, 0, 1, 0},
    {"ours to judge now, and SPF was not asked", TRUSTED, "", "n", "198.51.100.7", "a@x.example", 1,
	0, 0, 0, 0, 0, 1},
    {"ours to judge now, and no recipient is known", SPF_OFF TRUSTED, SPF_OFF RANGE, "m",
	"198.51.100.7", "a@x.example", 1, 0, 0, 0, 0, 0, 1},
    {"never ours to judge", SPF_OFF TRUSTED, SPF_OFF RANGE TRUSTED, "cma", "198.51.100.7",
	"a@x.example", 1, 0, 0, 0, 0, 0, 0},
    {"a connection is no message", SPF_OFF, SPF_OFF RANGE, "c", "198.51.100.7", "a@x.example", 0, 0,
	0, 0, 0, 0, 0},
    {"no longer ours to judge", SPF_OFF RANGE, SPF_OFF RANGE TRUSTED, "r", "198.51.100.7",
	"a@x.example", 1, 0, 0, 0, 1, 1, 0},
};

static bool is_capital(char c)
{
	return c >= 'A' && c <= 'Z';
}

/* Row `i` of a case. */
static struct decision_row row_of(size_t which, size_t i)
{
	char kind = cases[which].rows[i], small = (char)(kind | 0x20);
	bool end = strchr("epft", small) != NULL;
	struct decision_row row = {
	    .time_ms = INT64_C(1000) * (NOW - 3600) + (int64_t)i,
	    .number = i + 1,
	    .count = 1,
	    .stage = end            ? STAGE_END
		     : small == 'c' ? STAGE_CONNECT
		     : small == 'm' ? STAGE_MAIL
				    : STAGE_RCPT,
	    .transaction = 1,
	    .auth_state = FACT_ABSENT,
	    .tls = TLS_1_2,
	    .id = SLICE("abcdefghijklmnop"),
	};

	ck_assert(ip_parse(slice_str(cases[which].client), &row.client));
	row.text[ROW_SESSION] = SLICE("qrstuvwxyz234567");
	row.text[ROW_SENDER] = slice_str(cases[which].sender);
	row.text[ROW_RECIPIENT] = SLICE("b@example.net");
	row.state[IDENTITY_SENDER] = row.state[IDENTITY_RECIPIENT] = FACT_KNOWN;
	row.state[IDENTITY_CLIENT_NAME] = FACT_ABSENT;
	if (small == 'n')
		row.state[IDENTITY_SENDER] = FACT_UNKNOWN;
	if (!strchr("rnlcm", small)) {
		row.spf_state = FACT_KNOWN;
		row.spf = is_capital(kind) ? SPFR_FAIL : SPFR_PASS;
	}
	if (small == 'l')
		row.spf_state = FACT_UNDER_WAY;
	if (small == 'p' || small == 'f' || small == 't') {
		row.text[ROW_FROM] = SLICE("a@x.example");
		row.state[IDENTITY_FROM] = row.author_state = FACT_KNOWN;
		row.dkim_state = row.dmarc_state = FACT_KNOWN;
		row.dmarc = small == 'p'   ? DMARC_V_PASS
			    : small == 'f' ? DMARC_V_FAIL
					   : DMARC_V_TEMPERROR;
		row.dmarc_published = row.dmarc_policy = DMARC_P_REJECT;
	} else if (end) {
		row.text[ROW_FROM] = SLICE("a@x.example");
		row.state[IDENTITY_FROM] = row.author_state = FACT_KNOWN;
	}
	if (small == 'r') {
		row.final = true;
		row.action = ACTION_REJECT;
		row.code = 550;
	}
	return row;
}

START_TEST(by_cases)
{
	struct configured before, after;
	struct backtest *b;
	const struct backtest_result *r;

	configured_load(&before, cases[_i].before);
	configured_load(&after, cases[_i].after);
	b = backtest_create(before.rules, after.rules, NOW, &idn_lenient);
	ck_assert_ptr_nonnull(b);
	for (size_t i = 0; cases[_i].rows[i]; i++) {
		struct decision_row row = row_of((size_t)_i, i);

		backtest_row(b, &row);
	}
	r = backtest_end(b);
#define SAME(figure, wanted)                                                                       \
	ck_assert_msg(r->figure == cases[_i].wanted, "%s: " #figure " is %llu", cases[_i].label,   \
	    (unsigned long long)r->figure)
	SAME(messages, messages);
	SAME(newly_refused, refused);
	SAME(newly_refused_proven, proven);
	SAME(newly_refused_unevaluated, unevaluated);
	SAME(newly_accepted, accepted);
	SAME(accepted_at_rcpt, at_rcpt);
	SAME(unknown, unknown);
	ck_assert(!r->no_memory);
	ck_assert_uint_eq(r->samples, r->newly_refused + r->newly_accepted);
	backtest_free(&b);
	configured_free(&before);
	configured_free(&after);
}
END_TEST

/* ---- authenticated sessions ---------------------------------------------------------- */

#define BLOCK_IN "blocks = ( { name = \"to\"; recipient = [ \"b@example.net\" ]; } );\n"
#define BLOCK_AUTH                                                                                 \
	"blocks = ( { name = \"to\"; recipient = [ \"b@example.net\" ]; "                          \
	"applies = \"authenticated\"; } );\n"
#define BLOCK_LOGIN "blocks = ( { name = \"to\"; login = [ \"alice\" ]; applies = \"both\"; } );\n"

/* rows: m for what MAIL records, then RCPTs as in `cases`. */
static const struct {
	const char *label, *before, *after, *rows;
	uint64_t refused, accepted, unknown;
} authenticated[] = {
    {"no rules for them", RANGE, BLOCK_IN, "m", 0, 0, 0},
    {"a new rule: recipients were not recorded", "", BLOCK_AUTH, "m", 0, 0, 1},
    {"rules that were there, and nothing of them changes", BLOCK_AUTH, BLOCK_AUTH RANGE, "m", 0, 0,
	0},
    {"a rule that was there refused", BLOCK_AUTH, "", "mr", 0, 1, 0},
    {"… and does again", BLOCK_AUTH, BLOCK_AUTH RANGE, "mr", 0, 0, 0},
    {"a rule that was there let it pass", BLOCK_LOGIN, BLOCK_AUTH, "ma", 0, 0, 0},
    {"… and another will not",
	"blocks = ( { name = \"x\"; login = \"bob\"; applies = "
	"\"authenticated\"; } );\n",
	BLOCK_LOGIN, "ma", 1, 0, 0},
    {"switches and ranges do not matter", BLOCK_AUTH, BLOCK_AUTH RANGE DMARC, "ma", 0, 0, 0},
};

START_TEST(of_authenticated_sessions)
{
	struct configured before, after;
	struct backtest *b;
	const struct backtest_result *r;

	configured_load(&before, authenticated[_i].before);
	configured_load(&after, authenticated[_i].after);
	ck_assert_msg(before.rules && after.rules, "%s%s", before.lines, after.lines);
	b = backtest_create(before.rules, after.rules, NOW, &idn_lenient);
	for (size_t i = 0; authenticated[_i].rows[i]; i++) {
		struct decision_row row = row_of(0, 0);

		row.time_ms += (int64_t)i;
		row.auth_state = FACT_KNOWN;
		row.text[ROW_AUTH] = SLICE("alice");
		row.stage = authenticated[_i].rows[i] == 'm' ? STAGE_MAIL : STAGE_RCPT;
		row.state[IDENTITY_RECIPIENT] = row.stage == STAGE_MAIL ? FACT_UNKNOWN : FACT_KNOWN;
		backtest_row(b, &row);
	}
	r = backtest_end(b);
	ck_assert_msg(r->messages == 1 && r->newly_refused == authenticated[_i].refused &&
			  r->newly_accepted == authenticated[_i].accepted &&
			  r->unknown == authenticated[_i].unknown,
	    "%s: %llu newly refused, %llu accepted, %llu unknown", authenticated[_i].label,
	    (unsigned long long)r->newly_refused, (unsigned long long)r->newly_accepted,
	    (unsigned long long)r->unknown);
	backtest_free(&b);
	configured_free(&before);
	configured_free(&after);
}
END_TEST

/* ---- lists in the DNS ---------------------------------------------------------------- */

/* What lies between the members of a structure is nobody's business. */
START_TEST(of_one_list)
{
	static const char text[] =
	    SPF_OFF "dnsbls = ( { name = \"l\"; zone = \"l.example\"; of = \"client\"; "
		    "answers = [ \"127.0.0.2\" ]; } );\n"
		    "blocks = ( { name = \"b\"; listed = [ \"l\" ]; } );\n";
	struct configured before, after;
	struct dnsbl *list;

	configured_load(&before, text);
	configured_load(&after, text);
	ck_assert_msg(before.rules && after.rules, "%s%s", before.lines, after.lines);
	list = &after.rules->dnsbls[0];
	for (unsigned i = 0; i < list->answer_count; i++) {
		const struct ip first = list->answers[i].first, last = list->answers[i].last;

		memset(&list->answers[i], 0x55, sizeof list->answers[i]);
		list->answers[i].first.hi = first.hi;
		list->answers[i].first.lo = first.lo;
		list->answers[i].first.family = first.family;
		list->answers[i].last.hi = last.hi;
		list->answers[i].last.lo = last.lo;
		list->answers[i].last.family = last.family;
	}
	ck_assert(replay_ask_alike(before.rules, after.rules, NOW));
	list->answers[0].last.hi ^= UINT64_C(1) << 32;
	ck_assert(!replay_ask_alike(before.rules, after.rules, NOW));
	configured_free(&before);
	configured_free(&after);
}
END_TEST

START_TEST(of_one_file)
{
	static const char text[] =
	    SPF_OFF "dnsbls = ( { name = \"l\"; file = \"l.zone\"; of = \"client\"; } );\n"
		    "blocks = ( { name = \"b\"; listed = [ \"l\" ]; } );\n";
	struct configured before, after;

	configured_file("l.zone", "192.0.2.1\n");
	configured_load(&before, text);
	configured_load(&after, text);
	ck_assert_msg(before.rules && after.rules, "%s%s", before.lines, after.lines);
	ck_assert(replay_ask_alike(before.rules, after.rules, NOW));
	configured_free(&after);
	configured_file("l.zone", "192.0.2.2\n");
	configured_load(&after, text);
	ck_assert(!replay_ask_alike(before.rules, after.rules, NOW));
	configured_free(&before);
	configured_free(&after);
}
END_TEST

/* ---- many rows ----------------------------------------------------------------------- */

static const char everything[] =
    "susranges = ( { name = \"range\"; networks = [ \"112.0.0.0/9\" ]; } );\n"
    "whitelist = ( { name = \"w\"; domains = [ \".click\" ]; proof = [ \"spf\" ]; } );\n"
    "blocks = ( { name = \"b\"; domains = [ \".com\" ]; unless = { networks = [ \"80.0.0.0/8\" ]; "
    "}; wide = true; } );\nspf = { fail = \"unless-dkim\"; };\ndmarc = { default = \"reject\"; "
    "};\n";

START_TEST(against_themselves)
{
	enum { COUNT = 20000 };
	struct configured c;
	struct decisions *d = decisions_create(3);
	struct backtest *b;
	const struct backtest_result *r;
	struct decision_row row;

	configured_load(&c, everything);
	b = backtest_create(c.rules, c.rules, NOW, &idn_lenient);
	for (unsigned i = 0; i < COUNT; i++) {
		decisions_next(d, &row);
		backtest_row(b, &row);
	}
	r = backtest_end(b);
	ck_assert_uint_eq(r->rows, COUNT);
	ck_assert_uint_gt(r->messages, COUNT / 4);
	ck_assert_uint_lt(r->messages, COUNT);
	ck_assert_uint_eq(r->newly_refused + r->newly_accepted + r->unknown, 0);
	backtest_free(&b);
	decisions_free(&d);
	configured_free(&c);
}
END_TEST

/* Of a session with three transactions, and of rows that count many. */
static const struct {
	const char *label;
	uint32_t transactions[4];
	uint64_t count;
	unsigned flags;
	bool by_sender;
	uint64_t messages, accepted, unknown;
} counted[] = {
    {"one transaction", {1, 1, 1, 1}, 1, 0, false, 1, 1, 0},
    {"three transactions", {1, 2, 2, 3}, 1, 0, false, 3, 3, 0},
    {"repeats", {1, 1, 1, 1}, 10, 0, false, 10, 10, 0},
    {"a row that stands for a network", {1, 1, 1, 1}, 10, ROW_FOLDED, false, 10, 10, 0},
    {"… and a rule that looks at more", {1, 1, 1, 1}, 10, ROW_FOLDED, true, 10, 1, 9},
};

START_TEST(weights)
{
	struct configured before, after;
	const struct backtest_result *r;
	struct backtest *b;

	configured_load(&before, counted[_i].by_sender ? SPF_OFF
				     "blocks = ( { name = \"x\"; "
				     "sender = [ \"x.example\" ]; } );\n"
						       : SPF_OFF RANGE);
	configured_load(&after, SPF_OFF);
	b = backtest_create(before.rules, after.rules, NOW, &idn_lenient);
	for (size_t i = 0; i < 4; i++) {
		struct decision_row row = row_of(6, 0);

		row.transaction = counted[_i].transactions[i];
		row.count = counted[_i].count;
		row.flags = counted[_i].flags;
		backtest_row(b, &row);
	}
	r = backtest_end(b);
	ck_assert_msg(r->messages == counted[_i].messages &&
			  r->newly_accepted == counted[_i].accepted &&
			  r->unknown == counted[_i].unknown,
	    "%s: %llu, %llu, %llu", counted[_i].label, (unsigned long long)r->messages,
	    (unsigned long long)r->newly_accepted, (unsigned long long)r->unknown);
	backtest_free(&b);
	configured_free(&before);
	configured_free(&after);
}
END_TEST

/* Addresses stand in rows as they were sent; what is counted and proven goes by folded ones. */
static const struct {
	const char *recipient, *sender, *from;
} spellings[] = {
    {"b@b\u00fccher.example", "<>", "a@f\u00fc.example"},
    {"\"B\"@B\u00dcCHER.example", "<>", "a@xn--f-eha.example"},
    {"c@xn--bcher-kva.example", "<>", "\"a\"@F\u00dc.example"},
    {"c@XN--BCHER-KVA.example.", "<>", "a@xn--F-EHA.example"},
};

static void count_key(void *context, struct slice key, uint64_t at_least, uint64_t at_most)
{
	(void)at_most;
	if (slice_equal(key, SLICE("xn--bcher-kva.example")))
		*(uint64_t *)context += at_least;
}

START_TEST(spelt)
{
	struct configured before, after;
	const struct backtest_result *r;
	struct backtest *b;
	uint64_t counted_once = 0;

	configured_load(&before, SPF_OFF);
	configured_load(&after, SPF_OFF RANGE);
	b = backtest_create(before.rules, after.rules, NOW, &idn_lenient);
	for (size_t i = 0; i < 2 * ROWS(spellings); i++) {
		struct decision_row row = row_of(2, i % 2); /* "ap" */

		row.transaction = (uint32_t)(i / 2 + 1);
		row.text[ROW_RECIPIENT] = slice_str(spellings[i / 2].recipient);
		row.text[ROW_SENDER] = slice_str(spellings[i / 2].sender);
		if (i % 2) {
			row.text[ROW_FROM] = slice_str(spellings[i / 2].from);
			row.text[ROW_DKIM] = SLICE("pass:xn--f-eha.example");
			row.dmarc = DMARC_V_NONE;
		}
		backtest_row(b, &row);
	}
	r = backtest_end(b);
	ck_assert_uint_eq(r->newly_refused, ROWS(spellings));
	ck_assert_uint_eq(r->newly_refused_proven, ROWS(spellings));
	top_k_each(r->by[BACKTEST_REFUSED][BACKTEST_BY_RECIPIENT_DOMAIN], count_key, &counted_once);
	ck_assert_uint_eq(counted_once, ROWS(spellings));
	backtest_free(&b);
	configured_free(&before);
	configured_free(&after);
}
END_TEST

/* Addresses whose local parts are not kept: "ap" of a recipient; a hash is "~", the local part,
 * and as many "a" as it takes. */
static const struct {
	const char *label, *recipient, *before, *after;
	bool key;
	uint64_t refused, unknown;
} hidden[] = {
    {"a mailbox", "b@example.net", SPF_OFF, SPF_OFF BLOCK_TO, false, 1, 0},
    {"a hash", "~baaaaaaaaaaaa@example.net", SPF_OFF, SPF_OFF BLOCK_TO, false, 0, 1},
    {"… of that mailbox", "~baaaaaaaaaaaa@example.net", SPF_OFF, SPF_OFF BLOCK_TO, true, 1, 0},
    {"… of another", "~caaaaaaaaaaaa@example.net", SPF_OFF, SPF_OFF BLOCK_TO, true, 0, 0},
    {"… exempt by default", "~postmasteraaa@example.net", SPF_OFF, SPF_OFF RANGE, true, 0, 0},
    {"nothing", "@example.net", SPF_OFF, SPF_OFF BLOCK_TO, true, 0, 1},
    {"a hash of another domain", "~baaaaaaaaaaaa@example.org", SPF_OFF, SPF_OFF BLOCK_TO, true, 0,
	0},
    {"what only looks like one", "~abc@example.net", SPF_OFF, SPF_OFF BLOCK_TO, true, 0, 0},
    {"the same rules", "~baaaaaaaaaaaa@example.net", SPF_OFF BLOCK_TO, SPF_OFF BLOCK_TO, false, 0,
	0},
    {"a range", "~baaaaaaaaaaaa@example.net", SPF_OFF, SPF_OFF RANGE, true, 1, 0},
    {"… without the key it may be a mailbox that is exempt", "~baaaaaaaaaaaa@example.net", SPF_OFF,
	SPF_OFF RANGE, false, 0, 1},
    {"a domain", "@example.net", EXEMPT_NONE,
	EXEMPT_NONE "blocks = ( { name = \"d\"; recipient = [ \"example.net\" ]; } );\n", false, 1,
	0},
    {"any domain", "@example.net", EXEMPT_NONE,
	EXEMPT_NONE "blocks = ( { name = \"d\"; recipient = [ \"b@\" ]; } );\n", false, 0, 1},
    {"tags", "~baaaaaaaaaaaa@example.net", EXEMPT_NONE,
	EXEMPT_NONE "blocks = ( { name = \"d\"; recipient = [ \"b+*@example.net\" ]; } );\n", true,
	0, 1},
    {"a pattern", "~baaaaaaaaaaaa@example.net", EXEMPT_NONE,
	EXEMPT_NONE "blocks = ( { name = \"d\"; recipient = [ \"/b@.*/\" ]; } );\n", true, 0, 1},
};

static void hash(const void *context, struct slice local, char out[BACKTEST_HASH_CHARS])
{
	(void)context;
	memset(out, 'a', BACKTEST_HASH_CHARS);
	out[0] = '~';
	for (size_t i = 0; i < local.len && i + 1 < BACKTEST_HASH_CHARS; i++)
		out[1 + i] = local.ptr[i];
}

START_TEST(hidden_locals)
{
	struct configured before, after;
	const struct backtest_result *r;
	struct backtest *b;

	configured_load(&before, hidden[_i].before);
	configured_load(&after, hidden[_i].after);
	b = backtest_create(before.rules, after.rules, NOW, &idn_lenient);
	if (hidden[_i].key)
		backtest_hash_locals(b, hash, NULL);
	for (size_t i = 0; i < 2; i++) {
		struct decision_row row = row_of(2, i); /* "ap" */

		row.text[ROW_RECIPIENT] = slice_str(hidden[_i].recipient);
		backtest_row(b, &row);
	}
	r = backtest_end(b);
	ck_assert_msg(r->newly_refused == hidden[_i].refused && r->unknown == hidden[_i].unknown,
	    "%s: %llu, %llu", hidden[_i].label, (unsigned long long)r->newly_refused,
	    (unsigned long long)r->unknown);
	backtest_free(&b);
	configured_free(&before);
	configured_free(&after);
}
END_TEST

static const struct {
	uint64_t refused, proven, unevaluated, bound;
} bounds[] = {
    {100, 7, 0, 7},       /* all were evaluated */
    {100, 0, 100, 100},   /* none was */
    {1000, 0, 900, 37},   /* 100 of 1,000, none proven: at most 3.7 % */
    {1000, 0, 700, 13},   /* 300 of 1,000: at most 1.26 % */
    {1000, 10, 900, 175}, /* 10 of 100 */
};

START_TEST(proven_bound)
{
	const struct backtest_result r = {.newly_refused = bounds[_i].refused,
	    .newly_refused_proven = bounds[_i].proven,
	    .newly_refused_unevaluated = bounds[_i].unevaluated};

	ck_assert_uint_eq(backtest_proven_bound(&r), bounds[_i].bound);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("backtest");
	TCase *t = tcase_create("changes");

	tcase_add_loop_test(t, by_cases, 0, ROWS(cases));
	tcase_add_test(t, of_one_list);
	tcase_add_test(t, of_one_file);
	tcase_add_loop_test(t, of_authenticated_sessions, 0, ROWS(authenticated));
	tcase_add_test(t, against_themselves);
	tcase_add_loop_test(t, weights, 0, ROWS(counted));
	tcase_add_test(t, spelt);
	tcase_add_loop_test(t, hidden_locals, 0, ROWS(hidden));
	tcase_add_loop_test(t, proven_bound, 0, ROWS(bounds));
	suite_add_tcase(s, t);
	return s;
}
