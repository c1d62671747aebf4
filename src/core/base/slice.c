#include "core/base/slice.h"

#include "core/base/text.h"

int slice_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = slice_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool slice_equal_nocase(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (slice_lower(a.ptr[i]) != slice_lower(b.ptr[i]))
			return false;
	return true;
}

int slice_compare(struct slice a, struct slice b)
{
	size_t shorter = a.len < b.len ? a.len : b.len;
	int order = shorter ? memcmp(a.ptr, b.ptr, shorter) : 0;

	if (order != 0)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}

bool slice_starts(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && slice_equal(slice_of(s.ptr, prefix.len), prefix);
}

bool slice_starts_nocase(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && slice_equal_nocase(slice_of(s.ptr, prefix.len), prefix);
}

bool slice_ends(struct slice s, struct slice suffix)
{
	return s.len >= suffix.len && slice_equal(slice_skip(s, s.len - suffix.len), suffix);
}

struct slice slice_skip(struct slice s, size_t from)
{
	if (from >= s.len)
		return slice_of(s.ptr ? s.ptr + s.len : NULL, 0);
	return slice_of(s.ptr + from, s.len - from);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct slice slice_trim(struct slice s)
{
	while (s.len > 0 && is_blank(s.ptr[0]))
		s = slice_skip(s, 1);
	while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

size_t slice_find(struct slice s, char c)
{
	const char *at = s.len ? memchr(s.ptr, c, s.len) : NULL;

	return at ? (size_t)(at - s.ptr) : s.len;
}

size_t slice_find_last(struct slice s, char c)
{
	for (size_t i = s.len; i > 0; i--)
		if (s.ptr[i - 1] == c)
			return i - 1;
	return s.len;
}

struct slice slice_after_last(struct slice s, char c)
{
	size_t at = slice_find_last(s, c);

	return at == s.len ? s : slice_skip(s, at + 1);
}

struct slice slice_cut(struct slice *rest, char separator)
{
	size_t at = slice_find(*rest, separator);
	struct slice part = slice_of(rest->ptr, at);

	*rest = at == rest->len ? slice_of(NULL, 0) : slice_skip(*rest, at + 1);
	return part;
}

struct slice slice_line(struct slice *rest)
{
	struct slice line = slice_cut(rest, '\n');

	line.len -= slice_ends(line, SLICE("\r"));
	return line;
}

struct slice slice_word(struct slice *rest)
{
	size_t n = 0;
	struct slice word;

	*rest = slice_trim(*rest);
	while (n < rest->len && !is_blank(rest->ptr[n]))
		n++;
	word = slice_of(rest->ptr, n);
	*rest = slice_trim(slice_skip(*rest, n));
	return word;
}

bool slice_to_uint(struct slice s, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
		uint64_t digit = (uint64_t)(s.ptr[i] - '0');
		if (digit > max || value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*out = value;
	return true;
}

bool slice_is_printable_ascii(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] < 0x20 || s.ptr[i] > 0x7e)
			return false;
	return true;
}

size_t slice_utf8_length(struct slice s)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *p = (const unsigned char *)s.ptr;
	unsigned char first = s.len > 0 ? p[0] : 0xff;
	size_t len = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	uint32_t rune;

	if (len < 2 || first > 0xf4 || len > s.len)
		return len == 1 ? 1 : 0;
	rune = first & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		rune = rune << 6 | (p[i] & 0x3f);
	}
	if (rune < smallest[len] || rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff))
		return 0;
	return len;
}

static bool is_control(unsigned c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

bool slice_has_controls(struct slice s)
{
	unsigned c = 0;

	for (size_t i = 0; i < s.len; i++) {
		unsigned char byte = (unsigned char)s.ptr[i];
		bool ends = i + 1 == s.len || ((unsigned char)s.ptr[i + 1] & 0xc0) != 0x80;

		if (byte < 0x80)
			c = byte;
		else if ((byte & 0xc0) == 0x80)
			c = c << 6 | (byte & 0x3f);
		else
			c = byte & (byte < 0xe0 ? 0x1f : byte < 0xf0 ? 0x0f : 0x07);
		if (ends && is_control(c))
			return true;
	}
	return false;
}

bool slice_is_utf8(struct slice s)
{
	for (size_t i = 0; i < s.len;) {
		size_t len = 1;

		if ((unsigned char)s.ptr[i] >= 0x80)
			len = slice_utf8_length(slice_of(s.ptr + i, s.len - i));
		if (len == 0)
			return false;
		i += len;
	}
	return true;
}

const char *slice_excerpt(struct slice s, char out[EXCERPT_MAX])
{
	static const char cut[] = "...";
	const size_t room = EXCERPT_MAX - 1;
	size_t n = s.len;

	if (n > room) {
		const bool utf8 = slice_is_utf8(s);

		n = room - (sizeof cut - 1);
		while (utf8 && n > 0 && (s.ptr[n] & 0xc0) == 0x80)
			n--;
	}
	for (size_t i = 0; i < n; i++)
		out[i] = s.ptr[i] == '\t' ? ' ' : s.ptr[i];
	text_mask_controls(out, n);
	memcpy(out + n, n < s.len ? cut : "", n < s.len ? sizeof cut : 1);
	return out;
}
