#include "core/auth/dnswire.h"
#include "unit/unit.h"

#include <stdlib.h>

#define LABEL63 "abcdefghijklmnopqrstuvwxyz0123456789-abcdefghijklmnopqrstuvwxyz"

static const struct {
	const char *label;
	struct slice name;
	const char *want; /* NULL: not to be asked */
} questions[] = {
    {"plain", SLICE_INIT("example.org"), "example.org"},
    {"one label", SLICE_INIT("org"), "org"},
    {"upper case", SLICE_INIT("Mail.EXAMPLE.Org"), "mail.example.org"},
    {"underscore, hyphen, digits", SLICE_INIT("_dmarc.a-1.example"), "_dmarc.a-1.example"},
    {"blank", SLICE_INIT("two words.example"), "two\\032words.example"},
    {"backslash", SLICE_INIT("a\\b.example"), "a\\092b.example"},
    {"an escape is no escape", SLICE_INIT("a\\046b.example"), "a\\092046b.example"},
    {"quotes and at sign", SLICE_INIT("\"x\"@y.example"), "\\034x\\034\\064y.example"},
    {"NUL", SLICE_INIT("a\0b.example"), "a\\000b.example"},
    {"8 bits", SLICE_INIT("\xff\x80.example"), "\\255\\128.example"},
    {"star, slash, plus", SLICE_INIT("*.a/b+c"), "\\042.a\\047b\\043c"},
    {"label of 63", SLICE_INIT(LABEL63 ".org"), LABEL63 ".org"},
    {"label of 64", SLICE_INIT(LABEL63 "x.org"), NULL},
    {"last label of 64", SLICE_INIT("org." LABEL63 "x"), NULL},
    {"name of 253",
	SLICE_INIT(
	    LABEL63 "." LABEL63 "." LABEL63 ".abcdefghijklmnopqrstuvwxyz.abcdefghijklmnopqrstuv"
		    "wxyz.abcdefg"),
	LABEL63 "." LABEL63 "." LABEL63 ".abcdefghijklmnopqrstuvwxyz.abcdefghijklmnopqrstuvwxyz"
		".abcdefg"},
    {"name of 254",
	SLICE_INIT(
	    LABEL63 "." LABEL63 "." LABEL63 ".abcdefghijklmnopqrstuvwxyz.abcdefghijklmnopqrstuv"
		    "wxyz.abcdefgh"),
	NULL},
    {"nothing", SLICE_INIT(""), NULL},
    {"the root", SLICE_INIT("."), NULL},
    {"dot in front", SLICE_INIT(".example"), NULL},
    {"dot behind", SLICE_INIT("example."), NULL},
    {"two dots", SLICE_INIT("a..example"), NULL},
};

START_TEST(question)
{
	char out[DNSWIRE_QUESTION_MAX];
	const char *label = questions[_i].label, *want = questions[_i].want;
	size_t len = dnswire_question(questions[_i].name, out);

	if (!want) {
		ck_assert_msg(len == 0, "%s: asked as %s", label, out);
		return;
	}
	ck_assert_msg(len == strlen(want), "%s: length %zu", label, len);
	ck_assert_msg(strcmp(out, want) == 0, "%s: %s", label, out);
}
END_TEST

START_TEST(question_longest)
{
	char name[NAME_MAX_OCTETS], out[DNSWIRE_QUESTION_MAX];

	for (size_t i = 0; i < sizeof name; i++)
		name[i] = i % 64 == 63 ? '.' : '\xff';
	ck_assert_uint_eq(
	    dnswire_question(slice_of(name, sizeof name), out), 4 * sizeof name - 3 * 3);
	ck_assert_uint_eq(strlen(out), 4 * sizeof name - 3 * 3);
}
END_TEST

static const struct {
	const char *label;
	enum dns_type type;
	struct slice rdata;
	bool ok;
	struct slice want;
	uint16_t preference;
} records[] = {
    {"A", DNS_A, SLICE_INIT("\xc0\x00\x02\x01"), true, SLICE_INIT("\xc0\x00\x02\x01"), 0},
    {"A of 3", DNS_A, SLICE_INIT("\xc0\x00\x02"), false, {0}, 0},
    {"A of 5", DNS_A, SLICE_INIT("\xc0\x00\x02\x01\x01"), false, {0}, 0},
    {"A of 0", DNS_A, SLICE_INIT(""), false, {0}, 0},
    {"AAAA", DNS_AAAA, SLICE_INIT("0123456789abcdef"), true, SLICE_INIT("0123456789abcdef"), 0},
    {"AAAA of 4", DNS_AAAA, SLICE_INIT("0123"), false, {0}, 0},
    {"TXT", DNS_TXT, SLICE_INIT("\3abc"), true, SLICE_INIT("abc"), 0},
    {"TXT of two", DNS_TXT, SLICE_INIT("\3abc\2de"), true, SLICE_INIT("abcde"), 0},
    {"TXT empty string", DNS_TXT, SLICE_INIT("\0"), true, SLICE_INIT(""), 0},
    {"TXT empty between", DNS_TXT, SLICE_INIT("\1a\0\1b"), true, SLICE_INIT("ab"), 0},
    {"TXT with NUL", DNS_TXT, SLICE_INIT("\3a\0b"), true, SLICE_INIT("a\0b"), 0},
    {"TXT keeps case", DNS_TXT, SLICE_INIT("\2Ab"), true, SLICE_INIT("Ab"), 0},
    {"TXT without string", DNS_TXT, SLICE_INIT(""), false, {0}, 0},
    {"TXT too short", DNS_TXT, SLICE_INIT("\4abc"), false, {0}, 0},
    {"TXT second too short", DNS_TXT, SLICE_INIT("\1a\xff"), false, {0}, 0},
    {"PTR", DNS_PTR, SLICE_INIT("\4MAIL\7Example\3Org\0"), true, SLICE_INIT("mail.example.org"), 0},
    {"PTR root", DNS_PTR, SLICE_INIT("\0"), true, SLICE_INIT(""), 0},
    {"PTR odd bytes", DNS_PTR, SLICE_INIT("\3a \xff\3org\0"), true, SLICE_INIT("a \xff.org"), 0},
    {"PTR dot in label", DNS_PTR, SLICE_INIT("\3a.b\3org\0"), false, {0}, 0},
    {"PTR without root", DNS_PTR, SLICE_INIT("\3org"), false, {0}, 0},
    {"PTR label too short", DNS_PTR, SLICE_INIT("\5org\0"), false, {0}, 0},
    {"PTR bytes behind", DNS_PTR, SLICE_INIT("\3org\0x"), false, {0}, 0},
    {"PTR compressed", DNS_PTR, SLICE_INIT("\xc0\x0c"), false, {0}, 0},
    {"PTR empty", DNS_PTR, SLICE_INIT(""), false, {0}, 0},
    {"MX", DNS_MX, SLICE_INIT("\1\2\2MX\3org\0"), true, SLICE_INIT("mx.org"), 258},
    {"MX null (RFC 7505)", DNS_MX, SLICE_INIT("\0\0\0"), true, SLICE_INIT(""), 0},
    {"MX without host", DNS_MX, SLICE_INIT("\0\x0a"), false, {0}, 0},
    {"MX of one byte", DNS_MX, SLICE_INIT("\0"), false, {0}, 0},
    {"other type", (enum dns_type)2, SLICE_INIT("\3org\0"), false, {0}, 0},
};

/* The data lies in an allocation of its exact size: a sanitizer sees any step outside. */
START_TEST(record)
{
	struct slice rdata = records[_i].rdata;
	char *copy = malloc(rdata.len), *room = malloc(rdata.len);
	struct dns_record out = {.preference = 999};
	bool ok;

	ck_assert(rdata.len == 0 || (copy && room));
	if (rdata.len)
		memcpy(copy, rdata.ptr, rdata.len);
	ok = dnswire_record(records[_i].type, slice_of(copy, rdata.len), room, &out);
	ck_assert_msg(ok == records[_i].ok, "%s", records[_i].label);
	if (ok) {
		ck_assert_msg(slice_equal(out.data, records[_i].want), "%s: %.*s",
		    records[_i].label, SLICE_ARG(out.data));
		ck_assert_uint_eq(out.preference, records[_i].preference);
	} else {
		ck_assert_msg(out.preference == 999, "%s: touched", records[_i].label);
	}
	free(copy);
	free(room);
}
END_TEST

START_TEST(host_too_long)
{
	char wire[5 * 64 + 1], room[sizeof wire];
	struct dns_record out;

	for (size_t i = 0; i < sizeof wire; i++)
		wire[i] = i % 64 == 0 ? 63 : 'a';
	wire[sizeof wire - 1] = 0;
	ck_assert(!dnswire_record(DNS_PTR, slice_of(wire, sizeof wire), room, &out));
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("dnswire");
	TCase *t = tcase_create("dnswire");

	tcase_add_loop_test(t, question, 0, ROWS(questions));
	tcase_add_test(t, question_longest);
	tcase_add_loop_test(t, record, 0, ROWS(records));
	tcase_add_test(t, host_too_long);
	suite_add_tcase(s, t);
	return s;
}
