/*
 * recordtext_test: what of a decision stands at the head of its line for syslog.
 */
#include "core/stats/decision_text.h"
#include "unit/unit.h"

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
	    .verdict = &verdict,
	};
	char line[RECORD_LINE_MAX];
	struct slice text = record_line(&record, line);

	ck_assert_msg(slice_starts(text, slice_str(rows[_i].head)), "%s: %s", rows[_i].label, line);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("recordtext");
	TCase *t = tcase_create("lines");

	tcase_add_loop_test(t, heads, 0, ROWS(rows));
	suite_add_tcase(s, t);
	return s;
}
