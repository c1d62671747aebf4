#include "unit/unit.h"

#include "core/base/columns.h"

#include <stdio.h>
#include <string.h>

#define ADDRESS "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"

static const char *const rows[][6] = {
    {"198.51.100.7", "AS4134", "CN", "dialup", "reject", "17"},
    {ADDRESS, "AS4200000000", "DE", "a-rule-with-a-very-long-name-indeed", "would_quarantine",
	"1234567"},
    {"-", "-", "-", "gr\303\266\303\237e", "accept", "0"},
};

static void make(struct column c[6], unsigned width)
{
	const struct column fresh[6] = {
	    {.head = "CLIENT", .min = 15, .shrink = 3},
	    {.head = "AS", .optional = true},
	    {.head = "CC", .optional = true},
	    {.head = "RULE", .min = 8, .shrink = 1},
	    {.head = "ACTION", .min = 8, .shrink = 2},
	    {.head = "/s", .right = true},
	};

	memcpy(c, fresh, sizeof fresh);
	for (size_t r = 0; r < ROWS(rows); r++)
		for (size_t i = 0; i < 6; i++)
			columns_measure(&c[i], rows[r][i]);
	columns_fit(c, 6, width);
}

/* At every width: no row is wider, and the last column of each is whole, below its head. */
START_TEST(fits_every_width)
{
	char line[COLUMNS_LINE_MAX];
	size_t widest = 0;

	for (unsigned width = 40; width <= 250; width++) {
		struct column c[6];
		size_t end;

		make(c, width);
		end = columns_length(columns_row(c, 6, NULL, line));
		ck_assert_uint_le(end, width);
		ck_assert_str_eq(line + strlen(line) - 2, "/s");
		for (size_t r = 0; r < ROWS(rows); r++) {
			const char *last = rows[r][5];

			columns_row(c, 6, rows[r], line);
			ck_assert_msg(columns_length(line) == end, "%u: \"%s\"", width, line);
			ck_assert_str_eq(line + strlen(line) - strlen(last), last);
			ck_assert(line[strlen(line) - strlen(last) - 1] == ' ');
		}
		ck_assert_uint_ge(end, widest); /* more room never shows less */
		widest = end;
		if (width >= 60)
			ck_assert_msg(end + 20 >= width || end == widest, "%u", width);
	}
}
END_TEST

static const struct {
	unsigned width;
	const char *row;
} shapes[] = {
    {250, ADDRESS " AS4200000000 DE a-rule-with-a-very-long-name-indeed would_quarantine 1234567"},
    {100, ADDRESS " AS4200000000 DE a-rule-with-a-very-~ would_quarantine 1234567"},
    {80, ADDRESS " AS4200000000 DE a-rule-~ would_q~ 1234567"},
    {79, ADDRESS " AS4200000000 a-rule-~ would_qua~ 1234567"},
    {60, "2001:db8:aaaa:bbbb:cccc:dddd:eeee~ a-rule-~ would_q~ 1234567"},
    {40, "2001:db8:aaaa:~ a-rule~ would_q~ 1234567"},
};

START_TEST(shrinks_in_order)
{
	struct column c[6];
	char line[COLUMNS_LINE_MAX];

	make(c, shapes[_i].width);
	ck_assert_str_eq(columns_row(c, 6, rows[1], line), shapes[_i].row);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("columns");
	TCase *t = tcase_create("columns");

	tcase_add_test(t, fits_every_width);
	tcase_add_loop_test(t, shrinks_in_order, 0, (int)ROWS(shapes));
	suite_add_tcase(s, t);
	return s;
}
