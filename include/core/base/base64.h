#ifndef CORE_BASE_BASE64_H
#define CORE_BASE_BASE64_H
/*
 * base64: decoding as DKIM writes it (RFC 4648 4, with folding white space anywhere).
 *
 *     unsigned char hash[32];
 *     size_t n;
 *     base64_decode(SLICE("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="), hash, 32, &n);
 *
 * Padding may be missing, as keys in the DNS are often published without it.
 */
#include "core/base/slice.h"

/* False on other characters, misplaced padding, a lone last character, or more than cap bytes. */
bool base64_decode(struct slice text, unsigned char *out, size_t cap, size_t *len);

/* Enough room for whatever `text_len` characters decode to. */
static inline size_t base64_room(size_t text_len)
{
	return text_len / 4 * 3 + 3;
}

#endif
