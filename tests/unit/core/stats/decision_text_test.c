/*
 * decision_text_test: the head of a decision's line for syslog, and members of its JSON object.
 */
#include "core/stats/decision_text.h"
#include "unit/unit.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *label;
	struct slice queue_id, session;
	const char *head;
} rows[] = {
    {"queue id", SLICE_INIT("4XyZ12"), SLICE_INIT("abc"), "4XyZ12: accept:"},
    {"session", SLICE_INIT(""), SLICE_INIT("abc"), "abc: accept:"},
    {"C0", SLICE_INIT("a\n\x1b"), SLICE_INIT(""), "a??: accept:"},
    {"Latin-1", SLICE_INIT("a\xfc"), SLICE_INIT(""), "a\\xfc: accept:"},
    {"C1 as a byte", SLICE_INIT("\x9b\x38m"), SLICE_INIT(""), "\\x9b8m: accept:"},
    {"UTF-8", SLICE_INIT("\xc3\xbc"), SLICE_INIT(""), "\\xc3\\xbc: accept:"},
    {"C1 in UTF-8", SLICE_INIT("\xc2\x9b"), SLICE_INIT(""), "\\xc2\\x9b: accept:"},
    {"a session's", SLICE_INIT(""), SLICE_INIT("\xff"), "\\xff: accept:"},
};

START_TEST(heads)
{
	struct facts facts = {.now = 1};
	struct verdict verdict = {.kind = VERDICT_FINAL, .action = ACTION_ACCEPT};
	struct record record = {
	    .queue_id = rows[_i].queue_id,
	    .session = rows[_i].session,
	    .facts = &facts,
	    .decision = decision_of(&verdict),
	};
	char line[RECORD_LINE_MAX];
	struct slice text = record_line(&record, line);

	ck_assert_msg(slice_starts(text, slice_str(rows[_i].head)), "%s: %s", rows[_i].label, line);
}
END_TEST

/* The whole line, of each stage, before there is a queue id and after it. */
static const struct {
	const char *label;
	struct slice queue_id, name, sender;
	enum stage stage;
	bool refused;
	const char *line;
} lines[] = {
    {"before a queue id", SLICE_INIT(""), SLICE_INIT("h.example"), SLICE_INIT("a@x.example"),
	STAGE_RCPT, true,
	"sess: reject: RCPT from h.example[192.0.2.1]: 550 5.7.1 Go away; from=<a@x.example> "
	"to=<b@y.example> helo=<h> rule=dialup family=susranges network=192.0.2.0/24 id=tok"},
    {"at the end", SLICE_INIT("4XyZ12"), SLICE_INIT("h.example"), SLICE_INIT("<a>@x.example"),
	STAGE_END, true,
	"4XyZ12: reject: END-OF-MESSAGE from h.example[192.0.2.1]: 550 5.7.1 Go away; "
	"from=<a@x.example> to=<b@y.example> helo=<h> rule=dialup family=susranges "
	"network=192.0.2.0/24 "
	"id=tok"},
    {"what is no text", SLICE_INIT(""), SLICE_INIT("\xff"), SLICE_INIT("\xff@x.example"),
	STAGE_RCPT, true,
	"sess: reject: RCPT from unknown[192.0.2.1]: 550 5.7.1 Go away; from=<(not text)> "
	"to=<b@y.example> helo=<h> rule=dialup family=susranges network=192.0.2.0/24 id=tok"},
    {"accepted", SLICE_INIT(""), SLICE_INIT("h.example"), SLICE_INIT("a@x.example"), STAGE_MAIL,
	false,
	"sess: accept: MAIL from h.example[192.0.2.1]: nothing against it; from=<a@x.example> "
	"to=<b@y.example> helo=<h> "
	"id=tok"},
};

START_TEST(whole_lines)
{
	struct rule rule = {.name = SLICE("dialup"), .family = FAMILY_SUSRANGES};
	struct facts facts = {.now = 1};
	struct verdict verdict = {.kind = VERDICT_FINAL, .action = ACTION_ACCEPT};
	struct reply reply = {.code = 550, .xcode = "5.7.1", .text = "Go away"};
	struct record record = {.queue_id = lines[_i].queue_id,
	    .session = SLICE("sess"),
	    .token = SLICE("tok"),
	    .stage = lines[_i].stage,
	    .facts = &facts,
	    .decision = decision_of(&verdict)};
	char line[RECORD_LINE_MAX];

	ck_assert(ip_parse(SLICE("192.0.2.1"), &facts.client));
	facts.id[IDENTITY_CLIENT_NAME] =
	    (struct identity){.state = FACT_KNOWN, .text = lines[_i].name};
	facts.id[IDENTITY_SENDER] =
	    (struct identity){.state = FACT_KNOWN, .text = lines[_i].sender};
	facts.id[IDENTITY_RECIPIENT] =
	    (struct identity){.state = FACT_KNOWN, .text = SLICE("b@y.example")};
	facts.id[IDENTITY_HELO] = (struct identity){.state = FACT_KNOWN, .text = SLICE("h")};
	if (lines[_i].refused) {
		verdict = (struct verdict){.kind = VERDICT_FINAL,
		    .action = ACTION_REJECT,
		    .family = FAMILY_SUSRANGES,
		    .reason = REASON_RULE,
		    .rule = &rule,
		    .has_network = true,
		    .network = prefix_of(&facts.client, 24)};
		record.decision = decision_of(&verdict);
		record.reply = &reply;
	}
	record_line(&record, line);
	ck_assert_msg(strcmp(line, lines[_i].line) == 0, "%s: %s", lines[_i].label, line);
}
END_TEST

/* An accepted recipient has no reply of its own, and none is made up. */
START_TEST(accepted_has_no_reply)
{
	struct facts facts = {.now = 1};
	struct verdict verdict = {.kind = VERDICT_FINAL, .action = ACTION_ACCEPT};
	struct reply reply = {.code = 550, .xcode = "5.7.1"};
	struct record record = {.facts = &facts, .decision = decision_of(&verdict)};
	char json[RECORD_JSON_MAX];

	record_json(&record, json);
	ck_assert_msg(strstr(json, "\"code\":250") && !strstr(json, "\"reply\""), "%s", json);
	verdict.action = ACTION_REJECT;
	record.decision = decision_of(&verdict);
	snprintf(reply.text, sizeof reply.text, "no");
	record.reply = &reply;
	record_json(&record, json);
	ck_assert_msg(
	    strstr(json, "\"code\":550") && strstr(json, "\"reply\":\"5.7.1 no\""), "%s", json);
}
END_TEST

static const struct dkim_signature_result two[] = {
    {.result = DKIM_PASS, .domain = SLICE_INIT("a.example")},
    {.result = DKIM_FAIL, .domain = SLICE_INIT("b.example")},
};

static const struct {
	const char *label;
	enum fact_state state;
	size_t signatures;
	const char *wanted; /* NULL: no member */
} dkim_rows[] = {
    {"not evaluated", FACT_UNKNOWN, 2, NULL},
    {"not signed", FACT_KNOWN, 0, "\"dkim\":\"none\""},
    {"one", FACT_KNOWN, 1, "\"dkim\":\"pass:a.example\""},
    {"two", FACT_KNOWN, 2, "\"dkim\":\"pass:a.example fail:b.example\""},
    {"failed", FACT_FAILED, 2, NULL},
};

START_TEST(dkim_member)
{
	struct facts facts = {
	    .now = 1,
	    .dkim_state = dkim_rows[_i].state,
	    .dkim = {.signatures = two, .count = dkim_rows[_i].signatures},
	};
	struct verdict verdict = {.kind = VERDICT_FINAL, .action = ACTION_ACCEPT};
	struct record record = {.facts = &facts, .decision = decision_of(&verdict)};
	const char *wanted = dkim_rows[_i].wanted;
	char json[RECORD_JSON_MAX];

	record_json(&record, json);
	ck_assert_msg(wanted ? strstr(json, wanted) != NULL : !strstr(json, "\"dkim\""), "%s: %s",
	    dkim_rows[_i].label, json);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("decision_text");
	TCase *t = tcase_create("lines");

	tcase_add_loop_test(t, heads, 0, ROWS(rows));
	tcase_add_loop_test(t, whole_lines, 0, ROWS(lines));
	tcase_add_test(t, accepted_has_no_reply);
	tcase_add_loop_test(t, dkim_member, 0, ROWS(dkim_rows));
	suite_add_tcase(s, t);
	return s;
}
