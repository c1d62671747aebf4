#include "core/base/json_write.h"

#include <stdio.h>

/* Kept free for the closing brace and the NUL. */
enum { TAIL = 2 };

struct json_write json_write_begin(char *buffer, size_t capacity)
{
	buffer[0] = '{';
	return (struct json_write){.at = buffer, .len = 1, .capacity = capacity};
}

static bool put_bytes(struct json_write *j, const char *bytes, size_t n)
{
	if (j->capacity - j->len < n + TAIL)
		return false;
	memcpy(j->at + j->len, bytes, n);
	j->len += n;
	return true;
}

/* U+0080 to U+009F: plain text to JSON, commands to some terminals. */
static bool is_control(struct slice s)
{
	return s.ptr[0] == '\xc2' && (unsigned char)s.ptr[1] <= 0x9f;
}

static bool is_plain(char c)
{
	return c >= 0x20 && c <= 0x7e && c != '"' && c != '\\';
}

static bool put_escaped(struct json_write *j, struct slice s)
{
	while (s.len > 0) {
		size_t plain = 0, wide;
		char code[8];

		while (plain < s.len && is_plain(s.ptr[plain]))
			plain++;
		if (!put_bytes(j, s.ptr, plain))
			return false;
		s = slice_skip(s, plain);
		if (s.len == 0)
			break;
		wide = slice_utf8_length(s);
		if (wide < 2 || is_control(s)) {
			wide = wide < 2 ? 1 : wide;
			snprintf(code, sizeof code, "\\u%04x", (unsigned char)s.ptr[wide - 1]);
			if (!put_bytes(j, code, 6))
				return false;
		} else if (!put_bytes(j, s.ptr, wide)) {
			return false;
		}
		s = slice_skip(s, wide);
	}
	return true;
}

static bool put_key(struct json_write *j, const char *key)
{
	const char *comma = j->len > 1 ? ",\"" : "\"";

	return put_bytes(j, comma, strlen(comma)) && put_bytes(j, key, strlen(key)) &&
	       put_bytes(j, "\":", 2);
}

void json_write_string(struct json_write *j, const char *key, struct slice value)
{
	size_t before = j->len;

	if (put_key(j, key) && put_bytes(j, "\"", 1) && put_escaped(j, value) &&
	    put_bytes(j, "\"", 1))
		return;
	j->len = before;
	j->full = true;
}

void json_write_number(struct json_write *j, const char *key, int64_t value)
{
	size_t before = j->len;
	char text[24];
	int n = snprintf(text, sizeof text, "%lld", (long long)value);

	if (put_key(j, key) && put_bytes(j, text, (size_t)n))
		return;
	j->len = before;
	j->full = true;
}

struct slice json_write_end(struct json_write *j)
{
	j->at[j->len++] = '}';
	j->at[j->len] = '\0';
	return slice_of(j->at, j->len);
}
