#include "edge/idn.h"

#include <idn2.h>

/* Longer UTF-8 cannot become a name of 253 octets: no character takes more than 4 bytes. */
#define UTF8_MAX ((size_t)4 * NAME_MAX_OCTETS)

static size_t to_ascii(struct slice utf8, char *out, size_t cap)
{
	char text[UTF8_MAX + 1];
	char *ascii = NULL;
	size_t len = 0;

	if (utf8.len == 0 || utf8.len > UTF8_MAX || memchr(utf8.ptr, '\0', utf8.len))
		return 0;
	memcpy(text, utf8.ptr, utf8.len);
	text[utf8.len] = '\0';
	if (idn2_to_ascii_8z(text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		return 0;
	len = strlen(ascii);
	if (len <= cap)
		memcpy(out, ascii, len);
	else
		len = 0;
	idn2_free(ascii);
	return len;
}

const struct idna idn_uts46 = {.to_ascii = to_ascii};
