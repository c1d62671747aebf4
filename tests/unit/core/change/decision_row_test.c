/*
 * decision_row_test: a record and the record of its row are one text, byte for byte; what a row
 * leaves out of its reply; which mail is proven.
 */
#include "core/change/decision_row.h"
#include "core/stats/decision_text.h"
#include "unit/unit.h"

#include <stdio.h>

#define TOKEN "abcdefghijklmnop"

static const struct dkim_signature_result two_signatures[] = {
    {.result = DKIM_PASS, .domain = SLICE_INIT("example.org"), .body_covered = true},
    {.result = DKIM_FAIL, .domain = SLICE_INIT("example.net"), .body_covered = true},
};
static const struct rule dialup = {.name = SLICE_INIT("dialup")};

#define KNOWN(said)                                                                                \
	{                                                                                          \
		.state = FACT_KNOWN, .text = SLICE_INIT(said)                                      \
	}
#define V4(a, b, c, d)                                                                             \
	{                                                                                          \
		(uint64_t)(a) << 56 | (uint64_t)(b) << 48 | (uint64_t)(c) << 40 |                  \
		    (uint64_t)(d) << 32,                                                           \
		    0, IP_V4                                                                       \
	}

/* The texts of the reply are what the row's template must be, "" = no reply. */
static const struct {
	const char *label;
	enum stage stage;
	struct facts facts;
	struct verdict verdict;
	const char *reply, *template;
} rows[] = {
    {"a client that nothing is against", STAGE_RCPT,
	{.client = V4(192, 0, 2, 7),
	    .asn = 64500,
	    .country = "DE",
	    .id = {KNOWN("mx.example.org"), KNOWN("helo.example.org"), KNOWN("a@example.org"),
		{.state = FACT_UNKNOWN}, KNOWN("b@example.net")}},
	{.kind = VERDICT_CONTINUE}, "", ""},
    {"a range", STAGE_RCPT,
	{.client = V4(198, 51, 100, 7),
	    .id = {{.state = FACT_ABSENT}, KNOWN("x"), KNOWN("<>"), {.state = FACT_UNKNOWN},
		KNOWN("b@example.net")}},
	{.kind = VERDICT_FINAL,
	    .action = ACTION_REJECT,
	    .family = FAMILY_SUSRANGES,
	    .reason = REASON_RULE,
	    .rule = &dialup,
	    .has_network = true,
	    .network = {V4(198, 51, 100, 0), 24}},
	"not allowed from this range (198.51.100.0/24, dialup) https://h/" TOKEN,
	"5.7.1 not allowed from this range (\3, dialup) https://h/\1"},
    {"a recipient, and a name below the network's text", STAGE_RCPT,
	{.client = V4(198, 51, 100, 7),
	    .id = {{.state = FACT_ABSENT}, KNOWN("198.51.100.7"), KNOWN("a@example.org"),
		{.state = FACT_UNKNOWN}, KNOWN("b@example.net")}},
	{.kind = VERDICT_FINAL,
	    .action = ACTION_REJECT,
	    .monitored = true,
	    .family = FAMILY_BLOCKS,
	    .reason = REASON_RULE,
	    .rule = &dialup,
	    .has_identity = true,
	    .identity = IDENTITY_RECIPIENT,
	    .entry = SLICE_INIT("b@example.net")},
	"Mail to b@example.net, from 198.51.100.7 and a@example.or",
	"5.7.1 Mail to \10, from \2 and a@example.or"},
    {"an end with all results", STAGE_END,
	{.client = {UINT64_C(0x20010db800000000), 7, IP_V6},
	    .id = {KNOWN("mx.example.org"), KNOWN("mx.example.org"), KNOWN("a@example.org"),
		KNOWN("a@example.org"), KNOWN("b@example.net")},
	    .spf_state = FACT_KNOWN,
	    .spf = {.result = SPFR_SOFTFAIL},
	    .dkim_state = FACT_KNOWN,
	    .dkim = {two_signatures, 2, 0},
	    .author_state = FACT_KNOWN,
	    .author = FROM_ONE,
	    .dmarc_state = FACT_KNOWN,
	    .dmarc = {.verdict = DMARC_V_PASS}},
	{.kind = VERDICT_CONTINUE}, "", ""},
    {"a crooked From, and a login", STAGE_END,
	{.client = V4(192, 0, 2, 7),
	    .auth_state = FACT_KNOWN,
	    .auth = SLICE_INIT("anna"),
	    .author_state = FACT_KNOWN,
	    .author = FROM_BAD,
	    .author_why = SLICE_INIT("more than one From field"),
	    .dkim_state = FACT_KNOWN,
	    .dmarc_state = FACT_FAILED},
	{.kind = VERDICT_FINAL,
	    .action = ACTION_QUARANTINE,
	    .family = FAMILY_DMARC,
	    .reason = REASON_BAD_FROM},
	"The From header has no valid author domain: more than one From field",
	"5.7.1 The From header has no valid author domain: more than one From field"},
};

START_TEST(round_trip)
{
	struct facts facts = rows[_i].facts;
	struct reply reply = {.code = 550, .xcode = "5.7.1"};
	struct record record = {
	    .time_us = INT64_C(1795867200123000),
	    .took_us = 412,
	    .token = SLICE(TOKEN),
	    .session = SLICE("qrstuvwxyz234567"),
	    .queue_id = SLICE("4XyZ12"),
	    .generation = 7,
	    .stage = rows[_i].stage,
	    .facts = &facts,
	    .decision = decision_of(&rows[_i].verdict),
	    .reply = rows[_i].reply[0] ? &reply : NULL,
	};
	struct decision_row_room room;
	struct decision_record_room back;
	struct decision_row row;
	struct record again;
	char before[RECORD_JSON_MAX], after[RECORD_JSON_MAX];

	snprintf(reply.text, sizeof reply.text, "%s", rows[_i].reply);
	decision_row_of(&record, &room, &row);
	ck_assert(slice_equal(row.text[ROW_REPLY], slice_str(rows[_i].template)));
	decision_row_record(&row, &back, &again);
	record_json(&record, before);
	record_json(&again, after);
	ck_assert_str_eq(after, before);
	record_line(&record, before);
	record_line(&again, after);
	ck_assert_str_eq(after, before);
}
END_TEST

START_TEST(long_texts_are_cut)
{
	static char local[3 * DECISION_TEXT_MAX];
	struct facts facts = {.client = V4(192, 0, 2, 7)};
	struct verdict verdict = {.kind = VERDICT_CONTINUE};
	struct record record = {.facts = &facts, .decision = decision_of(&verdict)};
	struct decision_row_room room;
	struct decision_row row;

	memset(local, 'x', sizeof local);
	facts.id[IDENTITY_SENDER] =
	    (struct identity){.state = FACT_KNOWN, .text = slice_of(local, sizeof local)};
	decision_row_of(&record, &room, &row);
	ck_assert_uint_eq(row.text[ROW_SENDER].len, DECISION_TEXT_MAX);
	ck_assert(row.flags & ROW_CUT);
}
END_TEST

static const struct {
	const char *label;
	enum fact_state dmarc_state;
	enum dmarc_verdict dmarc;
	enum spf_result spf;
	const char *sender, *from, *dkim;
	bool proven;
} proofs[] = {
    {"DMARC pass", FACT_KNOWN, DMARC_V_PASS, SPFR_NONE, "<>", "a@x.org", "", true},
    {"DMARC fail", FACT_KNOWN, DMARC_V_FAIL, SPFR_PASS, "a@x.org", "a@x.org", "", false},
    {"no record, SPF", FACT_KNOWN, DMARC_V_NONE, SPFR_PASS, "b@x.org", "a@X.org", "", true},
    {"no record, SPF of another", FACT_KNOWN, DMARC_V_NONE, SPFR_PASS, "b@y.org", "a@x.org", "",
	false},
    {"no record, DKIM", FACT_KNOWN, DMARC_V_NONE, SPFR_FAIL, "b@y.org", "a@x.org",
	"fail:y.org pass:x.org", true},
    {"no record, half a body", FACT_KNOWN, DMARC_V_NONE, SPFR_FAIL, "b@y.org", "a@x.org",
	"pass~:x.org", false},
    {"no record, no author", FACT_KNOWN, DMARC_V_NONE, SPFR_PASS, "<>", "", "pass:", false},
    {"not evaluated", FACT_UNKNOWN, DMARC_V_PASS, SPFR_PASS, "a@x.org", "a@x.org", "pass:x.org",
	false},
};

START_TEST(proven)
{
	struct decision_row row = {
	    .dmarc_state = proofs[_i].dmarc_state,
	    .dmarc = proofs[_i].dmarc,
	    .spf_state = FACT_KNOWN,
	    .spf = proofs[_i].spf,
	};

	row.text[ROW_SENDER] = slice_str(proofs[_i].sender);
	row.text[ROW_FROM] = slice_str(proofs[_i].from);
	row.text[ROW_DKIM] = slice_str(proofs[_i].dkim);
	ck_assert_msg(decision_row_is_proven(&row) == proofs[_i].proven, "%s", proofs[_i].label);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("decision_row");
	TCase *t = tcase_create("rows");

	tcase_add_loop_test(t, round_trip, 0, ROWS(rows));
	tcase_add_test(t, long_texts_are_cut);
	tcase_add_loop_test(t, proven, 0, ROWS(proofs));
	suite_add_tcase(s, t);
	return s;
}
