#include "core/session/policy_request.h"

#include "unit/unit.h"

#include <stdio.h>

#define START "request=smtpd_access_policy\n"

/* ---- where a request ends -------------------------------------------------------------- */

static const struct {
	const char *label, *bytes;
	size_t len;
} ends[] = {
    {"nothing", "", 0},
    {"no line end", "a=b", 0},
    {"no empty line", "a=b\n", 0},
    {"one attribute", "a=b\n\n", 5},
    {"more behind it", "a=b\n\nc=d\n\n", 5},
    {"carriage returns", "a=b\r\n\r\n", 7},
    {"a carriage return alone is no line end", "a=b\r\r\n", 0},
    {"half an empty line", "a=b\n\r", 0},
    {"an empty line first", "\na=b\n\n", 1},
    {"an empty line with a carriage return first", "\r\na", 2},
};

START_TEST(end_of_a_request)
{
	const char *bytes = ends[_i].bytes;
	size_t len = strlen(bytes);

	ck_assert_msg(
	    policy_request_length(slice_str(bytes), 0) == ends[_i].len, "%s", ends[_i].label);
	/* However it comes in parts. */
	for (size_t looked = 0; looked < len && (ends[_i].len == 0 || looked < ends[_i].len);
	     looked++)
		ck_assert_msg(policy_request_length(slice_str(bytes), looked) == ends[_i].len,
		    "%s, of which %zu were there", ends[_i].label, looked);
}
END_TEST

/* ---- what it says ---------------------------------------------------------------------- */

static const struct {
	const char *label, *text, *wrong;
} texts[] = {
    {"the least", START "\n", NULL},
    {"unknown attributes", START "stress=\nccert_subject=a=b\n\n", NULL},
    {"an unknown one twice", START "stress=\nstress=\n\n", NULL},
    {"carriage returns", "request=smtpd_access_policy\r\nsender=a\r\n\r\n", NULL},
    {"without request=", "protocol_state=RCPT\n\n", "it does not say request=smtpd_access_policy"},
    {"another request", "request=junk_mail\n\n", "it does not say request=smtpd_access_policy"},
    {"no attribute", START "RCPT\n\n", "a line of it has no '='"},
    {"a smuggled line", START "sender=a\nsasl_username=\nsasl_username=x\n\n",
	"an attribute is given twice"},
    {"the client twice", START "client_address=192.0.2.1\nclient_address=192.0.2.2\n\n",
	"an attribute is given twice"},
    {"a carriage return inside", START "sender=a\rb\n\n", "a line of it holds NUL or CR"},
    {"nothing", "\n", "it does not say request=smtpd_access_policy"},
};

START_TEST(what_is_a_request)
{
	struct policy_request r;
	const char *wrong = policy_request_parse(slice_str(texts[_i].text), &r);

	if (texts[_i].wrong)
		ck_assert_pstr_eq(wrong, texts[_i].wrong);
	else
		ck_assert_ptr_null(wrong);
}
END_TEST

static void want(struct slice seen, const char *wanted)
{
	ck_assert_msg(
	    slice_equal(seen, slice_str(wanted)), "%.*s, not %s", SLICE_ARG(seen), wanted);
}

START_TEST(every_attribute_has_its_place)
{
	struct policy_request r;
	static const char text[] =
	    START "protocol_state=RCPT\nclient_address=192.0.2.1\nclient_name=mx.example.org\n"
		  "client_port=4025\nhelo_name=helo.example\nsender=a@example.org\n"
		  "recipient=\"a=b\"@example.net\nsasl_username=anna\n"
		  "encryption_protocol=TLSv1.3\nqueue_id=4X\n"
		  "instance=1.2.3\n\n";

	ck_assert_ptr_null(policy_request_parse(SLICE(text), &r));
	want(r.protocol_state, "RCPT");
	want(r.client_address, "192.0.2.1");
	want(r.client_name, "mx.example.org");
	want(r.client_port, "4025");
	want(r.helo_name, "helo.example");
	want(r.sender, "a@example.org");
	want(r.recipient, "\"a=b\"@example.net");
	want(r.sasl_username, "anna");
	want(r.encryption_protocol, "TLSv1.3");
	want(r.queue_id, "4X");
	want(r.instance, "1.2.3");
}
END_TEST

START_TEST(a_nul_is_no_text)
{
	static const char text[] = START "sender=a\0b\n\n";
	struct policy_request r;

	ck_assert_pstr_eq(policy_request_parse(SLICE(text), &r), "a line of it holds NUL or CR");
}
END_TEST

/* ---- answers --------------------------------------------------------------------------- */

static const struct {
	const char *label;
	struct answer answer;
	bool tempfail;
	const char *text;
} answers[] = {
    {"go on", {.kind = ANSWER_CONTINUE}, true, "action=DUNNO\n\n"},
    {"not inbound", {.kind = ANSWER_DONE}, true, "action=DUNNO\n\n"},
    {"no", {.kind = ANSWER_REJECT, .reply = {550, "5.7.1", "No (rule)"}}, false,
	"action=550 5.7.1 No (rule)\n\n"},
    {"later", {.kind = ANSWER_TEMPFAIL, .reply = {451, "4.4.3", "Later"}}, false,
	"action=451 4.4.3 Later\n\n"},
    {"broken, accepted", {.kind = ANSWER_TEMPFAIL, .broken = true, .reply = {451, "4.3.0", "x"}},
	false, "action=DUNNO\n\n"},
    {"broken, to come again", {.kind = ANSWER_TEMPFAIL, .broken = true}, true,
	"action=451 4.3.0 Temporary failure of a filter, try again later\n\n"},
};

START_TEST(answer_text)
{
	char text[POLICY_ANSWER_MAX];
	size_t n = policy_answer(&answers[_i].answer, answers[_i].tempfail, text);

	want(slice_of(text, n), answers[_i].text);
}
END_TEST

START_TEST(the_longest_answer_has_room)
{
	struct answer a = {.kind = ANSWER_REJECT, .reply = {.code = 550}};
	char text[POLICY_ANSWER_MAX];
	size_t n;

	memset(a.reply.xcode, '5', REPLY_XCODE_MAX - 1);
	memset(a.reply.text, 'x', REPLY_MAX - 1);
	n = policy_answer(&a, false, text);
	ck_assert_uint_eq(n, strlen("action=550  \n\n") + REPLY_XCODE_MAX - 1 + REPLY_MAX - 1);
	ck_assert(slice_ends(slice_of(text, n), SLICE("x\n\n")));
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("policy_request");
	TCase *c = tcase_create("policy_request");

	tcase_add_loop_test(c, end_of_a_request, 0, ROWS(ends));
	tcase_add_loop_test(c, what_is_a_request, 0, ROWS(texts));
	tcase_add_test(c, every_attribute_has_its_place);
	tcase_add_test(c, a_nul_is_no_text);
	tcase_add_loop_test(c, answer_text, 0, ROWS(answers));
	tcase_add_test(c, the_longest_answer_has_room);
	suite_add_tcase(s, c);
	return s;
}
