#include "core/base/base64.h"

#include "unit/unit.h"

static const struct {
	const char *label;
	struct slice text;
	bool good;
	struct slice want;
} rows[] = {
    /* RFC 4648 10 */
    {"nothing", SLICE_INIT(""), true, SLICE_INIT("")},
    {"f", SLICE_INIT("Zg=="), true, SLICE_INIT("f")},
    {"fo", SLICE_INIT("Zm8="), true, SLICE_INIT("fo")},
    {"foo", SLICE_INIT("Zm9v"), true, SLICE_INIT("foo")},
    {"foob", SLICE_INIT("Zm9vYg=="), true, SLICE_INIT("foob")},
    {"fooba", SLICE_INIT("Zm9vYmE="), true, SLICE_INIT("fooba")},
    {"foobar", SLICE_INIT("Zm9vYmFy"), true, SLICE_INIT("foobar")},
    {"every digit", SLICE_INIT("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"),
	true,
	SLICE_INIT("\x00\x10\x83\x10\x51\x87\x20\x92\x8b\x30\xd3\x8f\x41\x14\x93\x51\x55\x97"
		   "\x61\x96\x9b\x71\xd7\x9f\x82\x18\xa3\x92\x59\xa7\xa2\x9a\xab\xb2\xdb\xaf"
		   "\xc3\x1c\xb3\xd3\x5d\xb7\xe3\x9e\xbb\xf3\xdf\xbf")},
    {"without padding, one byte", SLICE_INIT("Zg"), true, SLICE_INIT("f")},
    {"without padding, two bytes", SLICE_INIT("Zm8"), true, SLICE_INIT("fo")},
    {"folded", SLICE_INIT(" Zm\r\n\t9v\n Yg = \r\n = "), true, SLICE_INIT("foob")},
    {"blanks alone", SLICE_INIT(" \r\n\t"), true, SLICE_INIT("")},
    {"bits to spare", SLICE_INIT("Zh=="), true, SLICE_INIT("f")},
    {"all bits", SLICE_INIT("////"), true, SLICE_INIT("\xff\xff\xff")},

    {"a lone character", SLICE_INIT("Z"), false, SLICE_INIT("")},
    {"a lone last character", SLICE_INIT("Zm9vY"), false, SLICE_INIT("")},
    {"too little padding", SLICE_INIT("Zg="), false, SLICE_INIT("")},
    {"too much padding", SLICE_INIT("Zm8=="), false, SLICE_INIT("")},
    {"padding that is not needed", SLICE_INIT("Zm9v="), false, SLICE_INIT("")},
    {"a quantum of padding", SLICE_INIT("Zm9v===="), false, SLICE_INIT("")},
    {"padding alone", SLICE_INIT("===="), false, SLICE_INIT("")},
    {"three of padding", SLICE_INIT("Z==="), false, SLICE_INIT("")},
    {"padding in the middle", SLICE_INIT("Zg==Zg=="), false, SLICE_INIT("")},
    {"padding between digits", SLICE_INIT("Z=g="), false, SLICE_INIT("")},
    {"the digits of URLs", SLICE_INIT("Zm-_"), false, SLICE_INIT("")},
    {"a dot", SLICE_INIT("Zm9.Zm9v"), false, SLICE_INIT("")},
    {"NUL",
	SLICE_INIT("Zm\0"
		   "9v"),
	false, SLICE_INIT("")},
    {"eight bits", SLICE_INIT("Zm9\xff"), false, SLICE_INIT("")},
    {"a vertical tab", SLICE_INIT("Zm\v9v"), false, SLICE_INIT("")},
};

START_TEST(decodes)
{
	unsigned char out[64];
	size_t n = 99;
	bool good = base64_decode(rows[_i].text, out, sizeof out, &n);

	ck_assert_msg(good == rows[_i].good, "%s", rows[_i].label);
	ck_assert_msg(!good || slice_equal(slice_of((char *)out, n), rows[_i].want),
	    "%s: %zu bytes", rows[_i].label, n);
	ck_assert_uint_le(n, base64_room(rows[_i].text.len));
}
END_TEST

/* With just enough room, and with one byte less, which must not be written. */
START_TEST(keeps_to_its_room)
{
	unsigned char out[64];
	size_t n;

	if (!rows[_i].good || rows[_i].want.len == 0)
		return;
	ck_assert(base64_decode(rows[_i].text, out, rows[_i].want.len, &n));
	memset(out, 'x', sizeof out);
	ck_assert(!base64_decode(rows[_i].text, out, rows[_i].want.len - 1, &n));
	ck_assert_uint_eq(out[rows[_i].want.len - 1], 'x');
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("base64");
	TCase *tc = tcase_create("decoding");

	tcase_add_loop_test(tc, decodes, 0, (int)ROWS(rows));
	tcase_add_loop_test(tc, keeps_to_its_room, 0, (int)ROWS(rows));
	suite_add_tcase(s, tc);
	return s;
}
