#include "core/mail/rfc2047.h"

#include "core/base/base64.h"
#include "rfc2047_charsets.h"

#define REPLACEMENT 0xfffdu

/* Bytes under construction; what does not fit is left out, and nothing follows it. */
struct buffer {
	char at[RFC2047_TEXT_MAX];
	size_t len;
	bool full;
};

static void put_bytes(struct buffer *b, const char *bytes, size_t len)
{
	b->full |= len > sizeof b->at - b->len;
	if (b->full)
		return;
	memcpy(b->at + b->len, bytes, len);
	b->len += len;
}

/* A character of the basic plane, which is all that the tables have. */
static void put_rune(struct buffer *b, unsigned rune)
{
	char bytes[3] = {(char)(0xe0 | rune >> 12), (char)(0x80 | (rune >> 6 & 0x3f)),
	    (char)(0x80 | (rune & 0x3f))};

	if (rune < 0x80) {
		bytes[0] = (char)rune;
		put_bytes(b, bytes, 1);
	} else if (rune < 0x800) {
		bytes[0] = (char)(0xc0 | rune >> 6);
		bytes[1] = bytes[2];
		put_bytes(b, bytes, 2);
	} else {
		put_bytes(b, bytes, 3);
	}
}

/* ---- words --------------------------------------------------------------------------- */

struct word {
	struct slice charset, text;
	bool base64;
	size_t len; /* all of it, from "=?" to "?=" */
};

/* "=?charset*language?q?text?=" at the beginning of s (RFC 2231 5), where text has no "?". */
static bool find_word(struct slice s, struct word *w)
{
	struct slice rest = slice_skip(s, 2);
	size_t end;

	if (!slice_starts(s, SLICE("=?")) || slice_find(rest, '?') > RFC2047_TEXT_MAX)
		return false;
	w->charset = slice_cut(&rest, '?');
	w->charset.len = slice_find(w->charset, '*');
	if (rest.len < 4 || rest.ptr[1] != '?')
		return false;
	w->base64 = slice_lower(rest.ptr[0]) == 'b';
	if (!w->base64 && slice_lower(rest.ptr[0]) != 'q')
		return false;
	rest = slice_skip(rest, 2);
	end = slice_find(rest, '?');
	if (end > RFC2047_TEXT_MAX || !slice_starts(slice_skip(rest, end), SLICE("?=")))
		return false;
	w->text = slice_of(rest.ptr, end);
	w->len = (size_t)(rest.ptr - s.ptr) + end + 2;
	return true;
}

size_t rfc2047_decode_q(struct slice text, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++) {
		int high = i + 2 < text.len ? slice_hex_digit(text.ptr[i + 1]) : -1;
		int low = i + 2 < text.len ? slice_hex_digit(text.ptr[i + 2]) : -1;

		if (text.ptr[i] == '=' && high >= 0 && low >= 0) {
			out[n++] = (char)(high << 4 | low);
			i += 2;
		} else {
			out[n++] = text.ptr[i] == '_' ? ' ' : text.ptr[i];
		}
	}
	return n;
}

/* Charsets in which an ASCII byte need not be that letter. */
static bool is_wide(struct slice charset)
{
	static const struct slice wide[] = {SLICE_INIT("utf-16"), SLICE_INIT("utf-32"),
	    SLICE_INIT("utf-7"), SLICE_INIT("ucs-"), SLICE_INIT("iso-2022"), SLICE_INIT("hz-"),
	    SLICE_INIT("unicode-")};

	for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++)
		if (slice_starts_nocase(charset, wide[i]))
			return true;
	return false;
}

static bool is_utf8(struct slice charset)
{
	return slice_equal_nocase(charset, SLICE("utf-8")) ||
	       slice_equal_nocase(charset, SLICE("utf8"));
}

/* False: it stays as it is written. */
static bool put_word(struct buffer *b, const struct word *w)
{
	char bytes[RFC2047_TEXT_MAX];
	const uint16_t *table = rfc2047_charset(w->charset);
	size_t len;

	if (is_wide(w->charset))
		return false;
	if (!w->base64)
		len = rfc2047_decode_q(w->text, bytes);
	else if (!base64_decode(w->text, (unsigned char *)bytes, sizeof bytes, &len))
		return false;
	/* Raw, since the next word may have the rest of a character. */
	if (is_utf8(w->charset)) {
		put_bytes(b, bytes, len);
		return true;
	}
	for (size_t i = 0; i < len; i++) {
		unsigned byte = (unsigned char)bytes[i];
		put_rune(b, byte < 0x80 ? byte : table ? table[byte - 0x80] : REPLACEMENT);
	}
	return true;
}

/* ---- the value ----------------------------------------------------------------------- */

static size_t blanks(struct slice s)
{
	size_t n = 0;

	while (n < s.len && s.ptr[n] && strchr(" \t\r\n", s.ptr[n]))
		n++;
	return n;
}

static void put_decoded(struct buffer *b, struct slice value)
{
	struct word w;

	while (value.len > 0 && !b->full) {
		char c = *value.ptr;

		if (find_word(value, &w) && put_word(b, &w)) {
			value = slice_skip(value, w.len);
			if (find_word(slice_skip(value, blanks(value)), &w))
				value = slice_skip(value, blanks(value));
			continue;
		}
		if (c != '\r' && c != '\n') /* of a fold its blank stays (RFC 5322 2.2.3) */
			put_bytes(b, &c, 1);
		value = slice_skip(value, 1);
	}
}

/* The length of the UTF-8 character that s begins with, or 0. */
static size_t character(struct slice s)
{
	unsigned char c = (unsigned char)s.ptr[0];
	size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	return len <= s.len && slice_is_utf8(slice_of(s.ptr, len)) ? len : 0;
}

/* C0, DEL and C1, among which U+0085 ends a line for some. */
static bool is_control(struct slice c)
{
	unsigned char first = (unsigned char)c.ptr[0];

	return first < 0x20 || first == 0x7f || (first == 0xc2 && (unsigned char)c.ptr[1] < 0xa0);
}

struct slice rfc2047_decode(struct slice value, char out[RFC2047_TEXT_MAX])
{
	struct buffer raw = {.len = 0}, text = {.len = 0};
	struct slice rest;

	put_decoded(&raw, slice_trim(value));
	rest = slice_of(raw.at, raw.len);
	while (rest.len > 0 && !text.full) {
		size_t len = character(rest);

		if (len == 0)
			put_rune(&text, REPLACEMENT);
		else if (is_control(rest))
			put_bytes(&text, " ", 1);
		else
			put_bytes(&text, rest.ptr, len);
		rest = slice_skip(rest, len > 0 ? len : 1);
	}
	memcpy(out, text.at, text.len);
	return slice_trim(slice_of(out, text.len));
}
