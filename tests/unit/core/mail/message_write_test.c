#include "unit/unit.h"

#include "core/mail/message_write.h"

#include <stdio.h>
#include <stdlib.h>

enum { OUT_MAX = 65536 };

static void append(void *context, struct slice piece)
{
	char *out = context;
	size_t len = strlen(out);

	ck_assert_uint_lt(len + piece.len, OUT_MAX);
	memcpy(out + len, piece.ptr, piece.len);
	out[len + piece.len] = '\0';
}

static const struct message_head plain = {.from = "susmilter@mx.example",
    .to = "jo@example.org",
    .subject = "s",
    .date = 1796040000,
    .id = "1",
    .host = "mx.example"};

static const char *text_of(const struct message_head *head, const char *text)
{
	static char out[OUT_MAX];
	struct message_writer w;

	out[0] = '\0';
	w = message_begin(head, append, out);
	message_text(&w, slice_str(text));
	message_end(&w);
	return out;
}

static const char *body_of(const char *text)
{
	return strstr(text_of(&plain, text), "\n\n") + 2;
}

static const struct {
	const char *label, *text, *want;
} bodies[] = {
    {"nothing", "", ""},
    {"a line", "abc\n", "abc\n"},
    {"no end", "abc", "abc\n"},
    {"beyond ASCII", "Gr\303\266\303\237e = 7\n", "Gr=C3=B6=C3=9Fe =3D 7\n"},
    {"blanks at the end", "a \nb\t\n c \n", "a=20\nb=09\n c=20\n"},
    {"a blank alone", " ", "=20\n"},
    {"what ends a message", ".\n..x\na.\n", "=2E\n=2E.x\na.\n"},
    {"what begins one in a mailbox", "From here\nFrom\n", "=46rom here\n=46rom\n"},
    {"control bytes", "a\rb\033[m\177\n", "a=0Db=1B[m=7F\n"},
    {"75 fit", "123456789012345678901234567890123456789012345678901234567890123456789012345\n",
	"123456789012345678901234567890123456789012345678901234567890123456789012345\n"},
    {"76 do not", "1234567890123456789012345678901234567890123456789012345678901234567890123456\n",
	"123456789012345678901234567890123456789012345678901234567890123456789012345=\n6\n"},
    {"no dot behind a soft break",
	"123456789012345678901234567890123456789012345678901234567890123456789012345.x\n",
	"123456789012345678901234567890123456789012345678901234567890123456789012345=\n=2Ex\n"},
};

START_TEST(encodes)
{
	const char *body = body_of(bodies[_i].text);

	ck_assert_msg(strcmp(body, bodies[_i].want) == 0, "%s: \"%s\"", bodies[_i].label, body);
}
END_TEST

START_TEST(writes_a_head)
{
	ck_assert_str_eq(text_of(&plain, "x\n"),
	    "From: susmilter@mx.example\nTo: jo@example.org\nSubject: s\n"
	    "Date: Mon, 30 Nov 2026 12:00:00 +0000\nMessage-ID: <1@mx.example>\n"
	    "Auto-Submitted: auto-generated\nMIME-Version: 1.0\n"
	    "Content-Type: text/plain; charset=utf-8\n"
	    "Content-Transfer-Encoding: quoted-printable\n\nx\n");
}
END_TEST

/* Nothing that stands in a field makes another field, a body or a line that is too long. */
START_TEST(keeps_fields_apart)
{
	struct message_head head = plain;
	char subject[900], text[OUT_MAX], *rest = text, *line;
	size_t fields = 0;

	for (size_t i = 0; i < sizeof subject - 1; i++)
		subject[i] = "a\n\r \tb:\303\266 "[rand() % 10];
	subject[sizeof subject - 1] = '\0';
	head.subject = subject;
	head.to = "a@b.example\nBcc: c@d.example";
	snprintf(text, sizeof text, "%s", text_of(&head, ""));
	*strstr(text, "\n\n") = '\0';
	while ((line = strsep(&rest, "\n"))) {
		fields += line[0] != ' ';
		for (const char *c = line; *c; c++)
			ck_assert(*c >= ' ' && *c <= '~');
	}
	ck_assert_uint_eq(fields, 9);
}
END_TEST

static const struct {
	const char *text;
	bool good;
} addresses[] = {
    {"jo@example.org", true},
    {"root", true},
    {"a+b_c=d@x", true},
    {"", false},
    {"@x.example", false},
    {"a@", false},
    {"a@b@c", false},
    {"-f@x.example", false},
    {"a b@x.example", false},
    {"a@x.example\nBcc: b@x.example", false},
    {"a@x.example,b@x.example", false},
    {"\"a\"@x.example", false},
    {"<a@x.example>", false},
    {"a@[192.0.2.1]", false},
    {"b\303\266@x.example", false},
};

START_TEST(knows_addresses)
{
	ck_assert_msg(
	    message_is_address(addresses[_i].text) == addresses[_i].good, "%s", addresses[_i].text);
}
END_TEST

static const struct {
	int64_t seconds;
	const char *want;
} dates[] = {
    {0, "Thu, 01 Jan 1970 00:00:00 +0000"},
    {951782400, "Tue, 29 Feb 2000 00:00:00 +0000"},
    {1709251199, "Thu, 29 Feb 2024 23:59:59 +0000"},
    {4102444800, "Fri, 01 Jan 2100 00:00:00 +0000"},
};

START_TEST(writes_dates)
{
	char text[MESSAGE_DATE_MAX];

	ck_assert_str_eq(message_date(dates[_i].seconds, text), dates[_i].want);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("message_write");
	TCase *t = tcase_create("message");

	tcase_add_loop_test(t, encodes, 0, (int)ROWS(bodies));
	tcase_add_test(t, writes_a_head);
	tcase_add_test(t, keeps_fields_apart);
	tcase_add_loop_test(t, knows_addresses, 0, (int)ROWS(addresses));
	tcase_add_loop_test(t, writes_dates, 0, (int)ROWS(dates));
	suite_add_tcase(s, t);
	return s;
}
