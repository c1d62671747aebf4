#ifndef RFC2047_CHARSETS_H
#define RFC2047_CHARSETS_H
/* rfc2047_charsets: one-byte charsets of mail as tables to Unicode. */
#include "core/base/slice.h"

/* The 128 code points of bytes 0x80 to 0xff; NULL for a charset that has no table here. */
const uint16_t *rfc2047_charset(struct slice name);

#endif
