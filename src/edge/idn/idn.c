#include "edge/idn/idn.h"

#include <idn2.h>
#include <stdlib.h>
#include <unicase.h>
#include <uninorm.h>

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

/* ---- what a client may call itself --------------------------------------------------- */

static bool append(char *out, size_t cap, size_t *len, struct slice text)
{
	if (cap - *len < text.len)
		return false;
	memcpy(out + *len, text.ptr, text.len);
	*len += text.len;
	return true;
}

/* A label that is no IDNA label: its bytes in hexadecimal, as many as there is room for. */
static bool append_bytes(char *out, size_t cap, size_t *len, struct slice label)
{
	static const char digits[] = "0123456789abcdef";
	char text[NAME_LABEL_MAX];
	size_t n = NAME_BYTES_LABEL.len;

	memcpy(text, NAME_BYTES_LABEL.ptr, n);
	for (size_t i = 0; i < label.len && n + 2 <= sizeof text; i++) {
		text[n++] = digits[(unsigned char)label.ptr[i] >> 4];
		text[n++] = digits[(unsigned char)label.ptr[i] & 15];
	}
	return append(out, cap, len, slice_of(text, n));
}

static bool is_ascii(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] >= 0x80)
			return false;
	return true;
}

static bool append_label(char *out, size_t cap, size_t *len, struct slice label)
{
	char ascii[NAME_LABEL_MAX];
	size_t n;

	if (is_ascii(label))
		return append(out, cap, len, label);
	n = to_ascii(label, ascii, sizeof ascii);
	return n > 0 ? append(out, cap, len, slice_of(ascii, n))
		     : append_bytes(out, cap, len, label);
}

static size_t to_ascii_lenient(struct slice utf8, char *out, size_t cap)
{
	size_t len = to_ascii(utf8, out, cap);
	struct slice rest = utf8, label;

	if (len > 0)
		return len;
	do {
		label = slice_cut(&rest, '.');
		if (!append_label(out, cap, &len, label) ||
		    (rest.ptr && !append(out, cap, &len, SLICE("."))))
			return 0;
	} while (rest.ptr);
	return len;
}

/* ---- local parts --------------------------------------------------------------------- */

/* Canonical caseless matching (Unicode 3.13, D145) in composed form.  libunistring writes into the
 * buffer where the result fits, else into memory of its own. */
static size_t fold_local(struct slice utf8, char *out, size_t cap)
{
	size_t len = cap;
	uint8_t *folded;

	if (utf8.len == 0 || cap == 0 || !slice_is_utf8(utf8))
		return 0;
	folded = u8_casefold(
	    (const uint8_t *)utf8.ptr, utf8.len, NULL, UNINORM_NFC, (uint8_t *)out, &len);
	if (!folded || folded == (uint8_t *)out)
		return folded ? len : 0;
	free(folded);
	return 0;
}

static size_t compose(struct slice utf8, char *out, size_t cap)
{
	size_t len = cap;
	uint8_t *composed;

	if (utf8.len == 0 || cap == 0 || !slice_is_utf8(utf8))
		return 0;
	composed =
	    u8_normalize(UNINORM_NFC, (const uint8_t *)utf8.ptr, utf8.len, (uint8_t *)out, &len);
	if (!composed || composed == (uint8_t *)out)
		return composed ? len : 0;
	free(composed);
	return 0;
}

const struct idna idn_uts46 = {.to_ascii = to_ascii, .fold_local = fold_local, .compose = compose};
const struct idna idn_lenient = {
    .to_ascii = to_ascii_lenient, .fold_local = fold_local, .compose = compose};
