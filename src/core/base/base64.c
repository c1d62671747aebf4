#include "core/base/base64.h"

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool base64_decode(struct slice text, unsigned char *out, size_t cap, size_t *len)
{
	uint32_t bits = 0;
	size_t digits = 0, padding = 0;

	*len = 0;
	for (size_t i = 0; i < text.len; i++) {
		int value = value_of(text.ptr[i]);

		if (is_blank(text.ptr[i]))
			continue;
		if (text.ptr[i] == '=') {
			padding++;
			continue;
		}
		if (value < 0 || padding > 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		if (digits++ % 4 == 0)
			continue;
		if (*len == cap)
			return false;
		/* The second digit of four completes 8 of 12 bits, the third 8 of 10, … */
		out[(*len)++] = (unsigned char)(bits >> (6 - (digits - 1) % 4 * 2));
	}
	return digits % 4 != 1 && (padding == 0 || (digits + padding) % 4 == 0) && padding < 3;
}
