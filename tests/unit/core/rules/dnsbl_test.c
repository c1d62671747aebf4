#include "core/rules/dnsbl.h"

#include "unit/unit.h"

#include <stdio.h>

/* Answers, blank-separated addresses or a status, and what they are to a list that declares
 * 127.0.0.2 and 127.0.0.4 to 127.0.0.11. */
static const struct {
	const char *label;
	enum dns_status status;
	const char *answers;
	enum dnsbl_judgement want;
} rows[] = {
    {"nothing", DNS_NXDOMAIN, "", DNSBL_NOT_LISTED},
    {"no address", DNS_NODATA, "", DNSBL_NOT_LISTED},
    {"no answer", DNS_TEMP, "", DNSBL_NO_ANSWER},
    {"declared", DNS_OK, "127.0.0.2", DNSBL_LISTED},
    {"in a declared range", DNS_OK, "127.0.0.11", DNSBL_LISTED},
    {"behind it", DNS_OK, "127.0.0.12", DNSBL_ERROR},
    {"one of several", DNS_OK, "127.0.0.12 127.0.0.4", DNSBL_LISTED},
    {"a refusal", DNS_OK, "127.255.255.254", DNSBL_ERROR},
    {"a refusal beside a listing", DNS_OK, "127.0.0.2 127.255.255.252", DNSBL_ERROR},
    {"127.0.0.1", DNS_OK, "127.0.0.1", DNSBL_ERROR},
    {"somebody's host", DNS_OK, "203.0.113.80", DNSBL_ERROR},
    {"somebody's host beside a listing", DNS_OK, "127.0.0.2 203.0.113.80", DNSBL_ERROR},
};

static struct ip address(const char *text)
{
	struct ip ip = {.family = IP_NONE};

	ck_assert(ip_parse(slice_str(text), &ip));
	return ip;
}

static struct dnsbl the_list(void)
{
	return (struct dnsbl){.zone = SLICE("bl.example.net"),
	    .of = IDENTITY_COUNT,
	    .answers = {{address("127.0.0.2"), address("127.0.0.2")},
		{address("127.0.0.4"), address("127.0.0.11")}},
	    .answer_count = 2};
}

START_TEST(judges)
{
	const struct dnsbl list = the_list();
	struct slice rest = slice_str(rows[_i].answers);
	struct dns_record records[4];
	unsigned char bytes[4][16];
	struct dns_answer answer = {.status = rows[_i].status, .records = records};

	while (rest.len > 0) {
		struct slice word = slice_word(&rest);
		struct ip ip = {.family = IP_NONE};

		ck_assert(ip_parse(word, &ip));
		ip_to_bytes(&ip, bytes[answer.count]);
		records[answer.count] =
		    (struct dns_record){.data = slice_of((const char *)bytes[answer.count], 4)};
		answer.count++;
	}
	ck_assert_msg(dnsbl_judge(&list, &answer) == rows[_i].want, "%s", rows[_i].label);
}
END_TEST

START_TEST(asks)
{
	struct dnsbl list = the_list();
	struct facts facts = {.client = address("198.51.100.7")};
	char room[DNSBL_QUESTION_MAX];
	struct slice question;

	facts.id[IDENTITY_SENDER].name = SLICE("example.org");
	ck_assert(dnsbl_question(&list, &facts, room, &question));
	ck_assert(slice_equal(question, SLICE("7.100.51.198.bl.example.net")));
	facts.client = address("2001:db8::1");
	ck_assert(dnsbl_question(&list, &facts, room, &question));
	ck_assert(slice_equal(question, SLICE("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b."
					      "d.0.1.0.0.2.bl.example.net")));
	facts.client.family = IP_NONE;
	ck_assert(!dnsbl_question(&list, &facts, room, &question));
	list.of = IDENTITY_SENDER;
	ck_assert(dnsbl_question(&list, &facts, room, &question));
	ck_assert(slice_equal(question, SLICE("example.org.bl.example.net")));
	list.of = IDENTITY_HELO;
	ck_assert(!dnsbl_question(&list, &facts, room, &question));
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("dnsbl");
	TCase *t = tcase_create("answers");

	tcase_add_loop_test(t, judges, 0, ROWS(rows));
	tcase_add_test(t, asks);
	suite_add_tcase(s, t);
	return s;
}
