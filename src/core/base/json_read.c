#include "core/base/json_read.h"

struct json_read json_read_begin(struct slice line, struct arena *arena)
{
	return (struct json_read){.rest = line, .arena = arena};
}

static bool fail_reading(struct json_read *r, const char *why)
{
	r->wrong = why;
	return false;
}

static void skip_blanks(struct json_read *r)
{
	size_t n = 0;

	while (n < r->rest.len && (r->rest.ptr[n] == ' ' || r->rest.ptr[n] == '\t' ||
				      r->rest.ptr[n] == '\r' || r->rest.ptr[n] == '\n'))
		n++;
	r->rest.ptr += n;
	r->rest.len -= n;
}

/* Takes this character, with blanks around it; false when another stands there. */
static bool take_char(struct json_read *r, char c)
{
	skip_blanks(r);
	if (r->rest.len == 0 || r->rest.ptr[0] != c)
		return false;
	r->rest = slice_skip(r->rest, 1);
	skip_blanks(r);
	return true;
}

/* ---- strings ------------------------------------------------------------------------- */

/* The four digits behind \u, or -1. */
static long code_unit(struct slice s)
{
	long value = 0;

	if (s.len < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = slice_hex_digit(s.ptr[i]);
		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

static char *put_utf8(char *at, long c)
{
	if (c < 0x80) {
		*at++ = (char)c;
		return at;
	}
	if (c < 0x800) {
		*at++ = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		*at++ = (char)(0xe0 | c >> 12);
		*at++ = (char)(0x80 | (c >> 6 & 0x3f));
	} else {
		*at++ = (char)(0xf0 | c >> 18);
		*at++ = (char)(0x80 | (c >> 12 & 0x3f));
		*at++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*at++ = (char)(0x80 | (c & 0x3f));
	return at;
}

/* The character of "uXXXX", or of two such that are a surrogate pair; takes them off *s.  -1 when
 * there is none. */
static long unicode_escape(struct slice *s)
{
	long high = code_unit(slice_skip(*s, 1)), low;

	*s = slice_skip(*s, 5);
	if (high < 0xd800 || high > 0xdfff)
		return high;
	if (high > 0xdbff || !slice_starts(*s, SLICE("\\u")))
		return -1;
	low = code_unit(slice_skip(*s, 2));
	*s = slice_skip(*s, 6);
	return low >= 0xdc00 && low <= 0xdfff ? 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)
					      : -1;
}

/* What stands behind a backslash; takes it off *s. */
static long escaped(struct slice *s)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *known;

	if (s->len == 0)
		return -1;
	if (s->ptr[0] == 'u')
		return unicode_escape(s);
	known = memchr(from, s->ptr[0], sizeof from - 1);
	*s = slice_skip(*s, 1);
	return known ? to[known - from] : -1;
}

/* The string between the quotes with its escapes resolved: never longer than it was. */
static bool resolve(struct json_read *r, struct slice raw, struct slice *out)
{
	char *start = arena_alloc(r->arena, raw.len), *at = start;

	if (!start)
		return fail_reading(r, "out of memory");
	while (raw.len > 0) {
		char c = raw.ptr[0];
		long character;

		raw = slice_skip(raw, 1);
		if (c != '\\') {
			*at++ = c;
			continue;
		}
		character = escaped(&raw);
		if (character < 0)
			return fail_reading(r, "a string holds an escape that JSON does not know");
		at = put_utf8(at, character);
	}
	*out = slice_of(start, (size_t)(at - start));
	return true;
}

/* The string that starts at the quote. */
static bool read_string(struct json_read *r, struct slice *out)
{
	const char *bytes = r->rest.ptr;
	size_t n = 1;
	bool escapes = false;
	unsigned char all = 0;

	for (; n < r->rest.len && bytes[n] != '"'; n++) {
		if ((unsigned char)bytes[n] < 0x20)
			return fail_reading(r, "a string holds a control character");
		all |= (unsigned char)bytes[n];
		if (bytes[n] == '\\') {
			escapes = true;
			n++;
		}
	}
	if (n >= r->rest.len)
		return fail_reading(r, "a string has no end");
	*out = slice_of(bytes + 1, n - 1);
	r->rest = slice_skip(r->rest, n + 1);
	if (all >= 0x80 && !slice_is_utf8(*out))
		return fail_reading(r, "a string is not valid UTF-8");
	return !escapes || resolve(r, *out, out);
}

/* ---- members ------------------------------------------------------------------------- */

static size_t digits(struct slice s, size_t from)
{
	size_t n = from;

	while (n < s.len && s.ptr[n] >= '0' && s.ptr[n] <= '9')
		n++;
	return n - from;
}

/* The length of the number at the front (RFC 8259 6), 0 when there is none. */
static size_t number_length(struct slice s)
{
	size_t n = slice_starts(s, SLICE("-")), whole = digits(s, n), part;

	if (whole == 0 || (whole > 1 && s.ptr[n] == '0'))
		return 0;
	n += whole;
	if (n < s.len && s.ptr[n] == '.') {
		part = digits(s, n + 1);
		if (part == 0)
			return 0;
		n += 1 + part;
	}
	if (n < s.len && slice_lower(s.ptr[n]) == 'e') {
		n++;
		if (n < s.len && (s.ptr[n] == '+' || s.ptr[n] == '-'))
			n++;
		part = digits(s, n);
		if (part == 0)
			return 0;
		n += part;
	}
	return n;
}

static bool read_value(struct json_read *r, struct slice *out)
{
	size_t n;

	if (slice_starts(r->rest, SLICE("\"")))
		return read_string(r, out);
	if (slice_starts(r->rest, SLICE("null"))) {
		*out = slice_of(NULL, 0);
		r->rest = slice_skip(r->rest, 4);
		return true;
	}
	n = number_length(r->rest);
	if (n == 0)
		return fail_reading(r, "a member's value must be a string");
	*out = slice_of(r->rest.ptr, n);
	r->rest = slice_skip(r->rest, n);
	return true;
}

static bool end(struct json_read *r)
{
	r->ended = true;
	if (r->rest.len > 0)
		return fail_reading(r, "something follows the object");
	return false;
}

bool json_read_next(struct json_read *r, struct slice *key, struct slice *value)
{
	bool first = !r->started;

	if (r->wrong || r->ended)
		return false;
	r->started = true;
	if (first && !take_char(r, '{'))
		return fail_reading(r, "not a JSON object");
	if (take_char(r, '}'))
		return end(r);
	if (!first && !take_char(r, ','))
		return fail_reading(r, "a comma or a closing brace is missing");
	if (!slice_starts(r->rest, SLICE("\"")))
		return fail_reading(r, "a member must start with its name in quotes");
	if (!read_string(r, key))
		return false;
	if (!take_char(r, ':'))
		return fail_reading(r, "a colon is missing behind the name of a member");
	return read_value(r, value);
}
