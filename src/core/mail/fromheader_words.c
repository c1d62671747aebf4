#include "fromheader_words.h"

#include "core/base/base64.h"
#include "core/mail/rfc2047.h"

/* ---- charsets ------------------------------------------------------------------------ */

/* Beginnings of charset names.  In all of these an ASCII byte that is no second byte is ASCII. */
static const struct charset {
	struct slice name;
	const char *at[3], *dots[6]; /* wide "@" and full stops in this charset; the rest NULL */
} charsets[] = {
    /* UTF-8's wide forms are read with the rest of the field; the one-byte charsets have none. */
    {SLICE_INIT("us-ascii"), {NULL}, {NULL}},
    {SLICE_INIT("utf-8"), {NULL}, {NULL}},
    {SLICE_INIT("utf8"), {NULL}, {NULL}},
    {SLICE_INIT("iso-8859-"), {NULL}, {NULL}},
    {SLICE_INIT("windows-125"), {NULL}, {NULL}},
    {SLICE_INIT("cp125"), {NULL}, {NULL}},
    {SLICE_INIT("koi8-"), {NULL}, {NULL}},
    {SLICE_INIT("gb2312"), {"\xa3\xc0"}, {"\xa1\xa3", "\xa3\xae"}},
    {SLICE_INIT("gb"), {"\xa3\xc0", "\xa9\x88"},
	{"\xa1\xa3", "\xa3\xae", "\xa9\x71", "\x84\x31\x95\x37", "\x81\x36\xa6\x33"}},
    {SLICE_INIT("big5"), {"\xa2\x49", "\xa2\x4e"}, {"\xa1\x43", "\xa1\x44", "\xa1\x4f"}},
    {SLICE_INIT("euc-kr"), {"\xa3\xc0"}, {"\xa1\xa3", "\xa3\xae"}},
    {SLICE_INIT("ks_c_5601"), {"\xa3\xc0"}, {"\xa1\xa3", "\xa3\xae"}},
    {SLICE_INIT("euc-jp"), {"\xa1\xf7"}, {"\xa1\xa3", "\xa1\xa5", "\x8e\xa1"}},
    {SLICE_INIT("shift_jis"), {"\x81\x97"}, {"\x81\x42", "\x81\x44", "\xa1"}},
};

static const struct charset *find_charset(struct slice name)
{
	for (size_t i = 0; i < sizeof charsets / sizeof charsets[0]; i++)
		if (slice_starts_nocase(name, charsets[i].name))
			return &charsets[i];
	return NULL;
}

/* The length of the sequence of the list that text begins with, or 0. */
static size_t starts_with_any(struct slice text, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count && list[i]; i++)
		if (slice_starts(text, slice_str(list[i])))
			return strlen(list[i]);
	return 0;
}

/* Replaces the wide forms in place; returns the new length.  A pair across two characters counts,
 * too: that can only make the field look worse. */
static size_t narrow(const struct charset *charset, char *bytes, size_t len)
{
	size_t n = 0, at = 0;

	while (at < len) {
		struct slice rest = slice_of(bytes + at, len - at);
		size_t is_at = starts_with_any(rest, charset->at, 3);
		size_t is_dot = starts_with_any(rest, charset->dots, 6);

		bytes[n++] = is_at ? '@' : is_dot ? '.' : bytes[at];
		at += is_at ? is_at : is_dot ? is_dot : 1;
	}
	return n;
}

/* ---- one word ------------------------------------------------------------------------ */

struct word {
	struct slice charset, text;
	bool base64;
	size_t len; /* all of it, from "=?" to "?=" */
};

/* "=?charset?q?text?=" at the beginning of s, where text ends at the first "?=". */
static bool find_word(struct slice s, struct word *w)
{
	struct slice rest = slice_skip(s, 2);
	size_t end = 0;

	if (!slice_starts(s, SLICE("=?")))
		return false;
	w->charset = slice_cut(&rest, '?');
	if (rest.len < 4 || rest.ptr[1] != '?')
		return false;
	w->base64 = slice_lower(rest.ptr[0]) == 'b';
	if (!w->base64 && slice_lower(rest.ptr[0]) != 'q')
		return false;
	rest = slice_skip(rest, 2);
	while (end < rest.len && !slice_starts(slice_skip(rest, end), SLICE("?=")))
		end++;
	w->text = slice_of(rest.ptr, end);
	w->len = (size_t)(rest.ptr - s.ptr) + end + 2;
	return end < rest.len;
}

/* Decodes one word to at most word.text.len bytes; false when it cannot be read. */
static bool decode_word(const struct word *w, char *out, size_t *len)
{
	const struct charset *charset = find_charset(w->charset);
	size_t quotes = 0;

	*len = 0;
	if (!charset)
		return false;
	if (!w->base64)
		*len = rfc2047_decode_q(w->text, out);
	else if (!base64_decode(w->text, (unsigned char *)out, w->text.len, len))
		return false;
	*len = narrow(charset, out, *len);
	for (size_t i = 0; i < *len; i++)
		quotes += out[i] == '"';
	/* They separate nothing for who knows that they come out of a word. */
	for (size_t i = 0; i < *len; i++)
		if (out[i] && strchr(",;<>", out[i]))
			out[i] = ' ';
	return quotes % 2 == 0;
}

/* ---- the field ----------------------------------------------------------------------- */

static size_t blanks(struct slice s)
{
	size_t n = 0;

	while (n < s.len && strchr(" \t\r\n", s.ptr[n]) && s.ptr[n])
		n++;
	return n;
}

bool fromheader_decode_words(struct slice text, struct arena *arena, struct slice *out)
{
	bool readable = true;
	char *decoded;
	size_t n = 0, len;
	struct word w;

	*out = text;
	if (slice_find(text, '?') == text.len)
		return true;
	decoded = arena_alloc(arena, text.len);
	if (!decoded)
		return false;
	while (text.len > 0) {
		if (!find_word(text, &w)) {
			decoded[n++] = *text.ptr;
			text = slice_skip(text, 1);
			continue;
		}
		readable = decode_word(&w, decoded + n, &len) && readable;
		n += len;
		text = slice_skip(text, w.len);
		/* Blanks between two words are not shown (RFC 2047 6.2). */
		if (find_word(slice_skip(text, blanks(text)), &w))
			text = slice_skip(text, blanks(text));
	}
	*out = slice_of(decoded, n);
	return readable;
}
