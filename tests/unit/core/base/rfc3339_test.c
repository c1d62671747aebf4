#include "unit/unit.h"

#include "core/base/rfc3339.h"

/* ---- text → seconds ------------------------------------------------------------------ */

static const struct {
	const char *text;
	int64_t want;
} good[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"1970-01-01", 86400},
    {"1969-12-31T23:59:59Z", -1},
    {"2026-11-28T12:00:00Z", 1795867200},
    {"2026-11-28t14:00:00+02:00", 1795867200},
    {"2026-11-28 06:30:00.999-05:30", 1795867200},
    {"2026-11-28", 1795910400},
    {"2024-02-29", 1709251200},
    {"2000-02-29T00:00:00z", 951782400},
    {"2016-12-31T23:59:60Z", 1483228800},
    {"0000-01-01T00:00:00Z", -62167219200},
    {"9999-12-31T23:59:59Z", 253402300799},
};

static const char *const bad[] = {"", "2026", "2026-11", "2026-11-31", "2026-13-01", "2026-00-10",
    "2026-01-00", "2023-02-29", "1900-02-29", "26-11-28", "2026/11/28", "2026-11-28T",
    "2026-11-28Z", "2026-11-28T12:00Z", "2026-11-28T24:00:00Z", "2026-11-28T12:60:00Z",
    "2026-11-28T12:00:61Z", "2026-11-28T12:00:00", "2026-11-28T12:00:00+2:00",
    "2026-11-28T12:00:00+24:00", "2026-11-28T12:00:00.Z", "2026-11-28T12:00:00Z ", " 2026-11-28",
    "2026-11-28T12:00:00Zx", "+026-11-28"};

START_TEST(parses)
{
	for (size_t i = 0; i < ROWS(good); i++) {
		int64_t got = 0;
		ck_assert_msg(rfc3339_parse(slice_str(good[i].text), &got), "%s", good[i].text);
		ck_assert_msg(got == good[i].want, "%s: %lld", good[i].text, (long long)got);
	}
	for (size_t i = 0; i < ROWS(bad); i++) {
		int64_t got;
		ck_assert_msg(!rfc3339_parse(slice_str(bad[i]), &got), "\"%s\"", bad[i]);
	}
}
END_TEST

/* Every day of four centuries, and what lies outside of four digits. */
START_TEST(formats)
{
	char text[RFC3339_TEXT_MAX];

	for (int64_t t = -2208988800; t < 10413792000; t += 86399) {
		int64_t again = 0;
		size_t len = rfc3339_format(t, text);

		ck_assert_uint_eq(len, 20);
		ck_assert(rfc3339_parse(slice_of(text, len), &again));
		ck_assert_int_eq(again, t);
	}
	rfc3339_format(INT64_MIN, text);
	ck_assert_str_eq(text, "0000-01-01T00:00:00Z");
	rfc3339_format(INT64_MAX, text);
	ck_assert_str_eq(text, "9999-12-31T23:59:59Z");
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("rfc3339");
	TCase *all = tcase_create("rfc3339");

	tcase_add_test(all, parses);
	tcase_add_test(all, formats);
	suite_add_tcase(s, all);
	return s;
}
