#include "core/base/base64.h"

/* What a character is: a digit's value plus one, or one of these; 0 is not a base64 character. */
enum { BLANK = 65, PADDING = 66 };

/* clang-format off */
static const unsigned char kinds[256] = {
    ['A'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
    25, 26,
    ['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48,
    49, 50, 51, 52,
    ['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, ['+'] = 63, ['/'] = 64,
    [' '] = BLANK, ['\t'] = BLANK, ['\r'] = BLANK, ['\n'] = BLANK, ['='] = PADDING,
};
/* clang-format on */

static unsigned kind_of(char c)
{
	return kinds[(unsigned char)c];
}

/* Four digits at once, as long as they stand together and there is room: how many characters. */
static size_t decode_quads(struct slice text, unsigned char *out, size_t cap)
{
	size_t i = 0;

	for (size_t n = 0; text.len - i >= 4 && cap - n >= 3; i += 4, n += 3) {
		uint32_t a = kind_of(text.ptr[i]) - 1U, b = kind_of(text.ptr[i + 1]) - 1U,
			 c = kind_of(text.ptr[i + 2]) - 1U, d = kind_of(text.ptr[i + 3]) - 1U;

		if ((a | b | c | d) > 63)
			break;
		a = a << 18 | b << 12 | c << 6 | d;
		out[n] = (unsigned char)(a >> 16);
		out[n + 1] = (unsigned char)(a >> 8);
		out[n + 2] = (unsigned char)a;
	}
	return i;
}

bool base64_decode(struct slice text, unsigned char *out, size_t cap, size_t *len)
{
	uint32_t bits = 0;
	size_t digits = 0, padding = 0;

	*len = 0;
	for (size_t i = 0; i < text.len; i++) {
		unsigned kind;

		if (digits % 4 == 0 && padding == 0) {
			size_t n = decode_quads(slice_skip(text, i), out + *len, cap - *len);

			i += n;
			*len += n / 4 * 3;
			if (i == text.len)
				break;
		}
		kind = kind_of(text.ptr[i]);
		if (kind == BLANK)
			continue;
		if (kind == PADDING) {
			padding++;
			continue;
		}
		if (kind == 0 || padding > 0)
			return false;
		bits = bits << 6 | (kind - 1);
		if (digits++ % 4 == 0)
			continue;
		if (*len == cap)
			return false;
		/* The second digit of four completes 8 of 12 bits, the third 8 of 10, … */
		out[(*len)++] = (unsigned char)(bits >> (6 - (digits - 1) % 4 * 2));
	}
	return digits % 4 != 1 && (padding == 0 || (digits + padding) % 4 == 0) && padding < 3;
}
