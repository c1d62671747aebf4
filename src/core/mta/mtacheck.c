/* Parsing that the checks of both MTAs share. */
#include "mtacheck_private.h"

#include <stdarg.h>
#include <stdio.h>

const char *mtacheck_print(struct arena *arena, const char *format, ...)
{
	char text[2048];
	const char *kept;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	kept = arena_strdup(arena, slice_str(text));
	return kept ? kept : "out of memory";
}

struct slice mtacheck_setting(struct slice lines, const char *name)
{
	while (lines.len > 0) {
		struct slice value = slice_cut(&lines, '\n'), key = slice_cut(&value, '=');
		if (slice_equal(slice_trim(key), slice_str(name)))
			return slice_trim(value);
	}
	return slice_of("", 0);
}

long mtacheck_seconds(struct slice s)
{
	static const struct {
		char unit;
		long seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
	long unit = 1;
	uint64_t n;

	for (size_t i = 0; s.len > 0 && i < sizeof units / sizeof units[0]; i++)
		if (s.ptr[s.len - 1] == units[i].unit) {
			unit = units[i].seconds;
			s.len--;
			break;
		}
	return slice_to_uint(s, 100000000, &n) ? (long)n * unit : -1;
}

bool mtacheck_is_this_host(struct slice host)
{
	return slice_equal_nocase(host, SLICE("localhost")) ||
	       slice_equal(host, SLICE("127.0.0.1")) || slice_equal(host, SLICE("[127.0.0.1]")) ||
	       slice_equal(host, SLICE("::1")) || slice_equal(host, SLICE("[::1]"));
}
