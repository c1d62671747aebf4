#include "core/base/rfc3339.h"

#include <stdio.h>

enum { DAY = 24 * 60 * 60 };

/* The first and last second that four digits of a year can name. */
static const int64_t year_0000 = -62167219200, year_9999_end = 253402300799;

/* Days since 1970-01-01 in the proleptic Gregorian calendar; years begin in March, so that the
 * leap day is the last of its year. */
static int64_t days_of(unsigned year, unsigned month, unsigned day)
{
	int64_t y = (int64_t)year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400, of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static unsigned days_in(unsigned year, unsigned month)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month == 2 && leap ? 29 : days[month - 1];
}

/* Cuts n digits off *rest that make at most max. */
static bool digits(struct slice *rest, size_t n, unsigned max, unsigned *out)
{
	uint64_t value;

	if (rest->len < n || !slice_to_uint(slice_of(rest->ptr, n), max, &value))
		return false;
	*out = (unsigned)value;
	*rest = slice_skip(*rest, n);
	return true;
}

static bool mark(struct slice *rest, char c)
{
	if (rest->len == 0 || slice_lower(rest->ptr[0]) != c)
		return false;
	*rest = slice_skip(*rest, 1);
	return true;
}

static bool date(struct slice *rest, int64_t *days)
{
	unsigned year, month, day;

	if (!digits(rest, 4, 9999, &year) || !mark(rest, '-') || !digits(rest, 2, 12, &month) ||
	    !mark(rest, '-') || !digits(rest, 2, 31, &day))
		return false;
	if (month == 0 || day == 0 || day > days_in(year, month))
		return false;
	*days = days_of(year, month, day);
	return true;
}

static bool fraction(struct slice *rest)
{
	unsigned digit;
	bool any = false;

	if (!mark(rest, '.'))
		return true;
	while (digits(rest, 1, 9, &digit))
		any = true;
	return any;
}

static bool clock_time(struct slice *rest, int64_t *seconds)
{
	unsigned hour, minute, second;

	if (!digits(rest, 2, 23, &hour) || !mark(rest, ':') || !digits(rest, 2, 59, &minute) ||
	    !mark(rest, ':') || !digits(rest, 2, 60, &second) || !fraction(rest))
		return false;
	*seconds = (int64_t)hour * 3600 + (int64_t)minute * 60 + (int64_t)second;
	return true;
}

static bool offset(struct slice *rest, int64_t *seconds)
{
	unsigned hour, minute;
	int sign;

	*seconds = 0;
	if (mark(rest, 'z'))
		return true;
	sign = mark(rest, '+') ? 1 : mark(rest, '-') ? -1 : 0;
	if (sign == 0 || !digits(rest, 2, 23, &hour) || !mark(rest, ':') ||
	    !digits(rest, 2, 59, &minute))
		return false;
	*seconds = sign * ((int64_t)hour * 3600 + (int64_t)minute * 60);
	return true;
}

bool rfc3339_parse(struct slice text, int64_t *seconds)
{
	int64_t days, of_day, east;

	if (!date(&text, &days))
		return false;
	if (text.len == 0) {
		*seconds = (days + 1) * DAY;
		return true;
	}
	if (!mark(&text, 't') && !mark(&text, ' '))
		return false;
	if (!clock_time(&text, &of_day) || !offset(&text, &east) || text.len > 0)
		return false;
	*seconds = days * DAY + of_day - east;
	return true;
}

size_t rfc3339_format(int64_t seconds, char out[RFC3339_TEXT_MAX])
{
	int64_t days, of_day, era, of_era, year, of_year, march;
	int len;

	seconds = seconds < year_0000 ? year_0000 : seconds;
	seconds = seconds > year_9999_end ? year_9999_end : seconds;
	days = (seconds - (seconds < 0 ? DAY - 1 : 0)) / DAY;
	of_day = seconds - days * DAY;
	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	of_era = days - era * 146097;
	year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	of_year = of_era - (365 * year + year / 4 - year / 100);
	march = (5 * of_year + 2) / 153;
	len = snprintf(out, RFC3339_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02dZ",
	    (int)(year + era * 400 + (march >= 10)), (int)(march < 10 ? march + 3 : march - 9),
	    (int)(of_year - (153 * march + 2) / 5 + 1), (int)(of_day / 3600),
	    (int)(of_day / 60 % 60), (int)(of_day % 60));
	return len > 0 ? (size_t)len : 0;
}
