#include "core/base/text.h"

void text_mask_controls(char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		struct slice rest = slice_of(text + i, len - i);
		size_t n = slice_utf8_length(rest);
		unsigned char c = (unsigned char)rest.ptr[0];
		bool c1 = n == 2 && c == 0xc2 && (unsigned char)rest.ptr[1] < 0xa0;

		n = n ? n : 1;
		if (c < 0x20 || c == 0x7f || (n == 1 && c > 0x7f) || c1)
			memset(text + i, '?', n);
		i += n;
	}
}

void text_mask_ascii(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			text[i] = '?';
}

static size_t copy_text(struct slice s, char *out, size_t size)
{
	size_t n = s.len < size ? s.len : size - 1;

	if (n > 0)
		memcpy(out, s.ptr, n);
	out[n] = '\0';
	return n;
}

const char *text_shown(struct slice s, char *out, size_t size)
{
	text_mask_controls(out, copy_text(s, out, size));
	return out;
}

const char *text_shown_ascii(struct slice s, char *out, size_t size)
{
	text_mask_ascii(out, copy_text(s, out, size));
	return out;
}
