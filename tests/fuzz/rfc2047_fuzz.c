/*
 * Values of header fields, decoded.
 *
 * Beside the promises of the header: text without words comes out as it went in, and what is
 * decoded again as one word of its own, in each encoding, is the same text.
 */
#include "core/mail/rfc2047.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void insist(bool holds)
{
	if (!holds)
		abort();
}

static void check_text(struct slice text)
{
	insist(text.len <= RFC2047_TEXT_MAX && slice_is_utf8(text));
	insist(slice_equal(text, slice_trim(text)));
	for (size_t i = 0; i < text.len; i++)
		insist((unsigned char)text.ptr[i] >= 0x20 && text.ptr[i] != 0x7f);
}

/* All in hexadecimal, so that nothing of it can be taken for anything else. */
static struct slice encode_q(struct slice text, char *out)
{
	static const char digits[] = "0123456789ABCDEF", head[] = "=?utf-8?q?";
	size_t n = sizeof head - 1;

	memcpy(out, head, n);
	for (size_t i = 0; i < text.len; i++) {
		out[n++] = '=';
		out[n++] = digits[(unsigned char)text.ptr[i] >> 4];
		out[n++] = digits[(unsigned char)text.ptr[i] & 15];
	}
	out[n++] = '?';
	out[n++] = '=';
	return slice_of(out, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice value = slice_of((const char *)data, size);
	char out[RFC2047_TEXT_MAX], again[RFC2047_TEXT_MAX], word[3 * RFC2047_TEXT_MAX + 16];
	struct slice text = rfc2047_decode(value, out);

	check_text(text);
	/* A longer word is none. */
	if (text.len <= RFC2047_TEXT_MAX / 3)
		insist(slice_equal(rfc2047_decode(encode_q(text, word), again), text));
	if (slice_find(text, '?') == text.len)
		insist(slice_equal(rfc2047_decode(text, again), text));
	return 0;
}
