#include "edge/control/commands.h"
#include "unit/unit.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };

static const struct {
	const char *text;
	int64_t seconds;
} spans[] = {
    {"30m", 30 * MINUTE},
    {"24h", 24 * HOUR},
    {"7d", 7 * DAY},
    {"4w", 28 * DAY},
    {"10y", INT64_C(3650) * DAY},
    {"11y", 0},
    {"3650d", INT64_C(3650) * DAY},
    {"3651d", 0},
    {"99999999999999999999w", 0},
    {"0d", 0},
    {"", 0},
    {"d", 0},
    {"7", 0},
    {"7s", 0},
    {"-7d", 0},
    {"7 d", 0},
};

START_TEST(reads_spans)
{
	ck_assert_msg(span_of(spans[_i].text) == spans[_i].seconds, "\"%s\"", spans[_i].text);
}
END_TEST

static const struct {
	int64_t seconds;
	const char *text;
} ages[] = {
    {-5, "0m 0s"},
    {0, "0m 0s"},
    {65, "1m 5s"},
    {2 * HOUR + 61, "2h 1m"},
    {3 * DAY + 4 * HOUR, "3d 4h"},
};

START_TEST(tells_ages)
{
	char text[AGE_MAX];

	ck_assert_str_eq(age_text(ages[_i].seconds, text), ages[_i].text);
}
END_TEST

/* What a stranger wrote cannot steer a terminal. */
static const struct {
	const char *text, *plain;
} plains[] = {
    {"a b", "a b"},
    {"B\xc3\xbc"
     "cher",
	"B\xc3\xbc"
	"cher"},
    {"a\x1b[31mb\n", "a?[31mb?"},
    {"c1 \xc2\x9b"
     "31m",
	"c1 ??31m"},
};

START_TEST(shows_plainly)
{
	char text[PLAIN_MAX];

	ck_assert_str_eq(plain_text(plains[_i].text, text), plains[_i].plain);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("commands");
	TCase *c = tcase_create("words");

	tcase_add_loop_test(c, reads_spans, 0, (int)ROWS(spans));
	tcase_add_loop_test(c, tells_ages, 0, (int)ROWS(ages));
	tcase_add_loop_test(c, shows_plainly, 0, (int)ROWS(plains));
	suite_add_tcase(s, c);
	return s;
}
