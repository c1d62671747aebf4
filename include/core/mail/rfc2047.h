#ifndef CORE_MAIL_RFC2047_H
#define CORE_MAIL_RFC2047_H
/*
 * rfc2047: the value of a header field as a reader sees it, for patterns: unfolded, with its
 * encoded words decoded.
 *
 *     char text[RFC2047_TEXT_MAX];
 *     rfc2047_decode(SLICE(" =?utf-8?q?B=C3=BCch?=\r\n =?utf-8?b?ZXI=?= "), text)     // "Bücher"
 *
 * A sender chooses how a text is written, and must not get around a pattern by that: the result is
 * always valid UTF-8 without control characters.  Words are decoded wherever they stand, also
 * inside quotes and of any length, as most mail programs do; blanks between two of them are left
 * out (RFC 2047 6.2), and a character may be cut in two by them.  One-byte charsets are read by
 * tables; of others only ASCII, and what is beyond becomes U+FFFD, as do bytes that are no UTF-8.
 * A word that cannot be decoded, or in a charset in which ASCII bytes are no ASCII (UTF-16,
 * ISO-2022), stays as it is written.
 *
 * Pure, in linear time.  Different spellings of one letter (NFC) are the caller's matter.
 */
#include "core/base/slice.h"

/* SPEC 3.1: so much of a value is looked at; a subject of 100 lines. */
enum { RFC2047_TEXT_MAX = 4096 };

/* value: what follows the colon.  The text lies in out; it is cut where it is longer. */
struct slice rfc2047_decode(struct slice value, char out[RFC2047_TEXT_MAX]);

/* The bytes of an encoding "Q" (RFC 2047 4.2), never more than the text has; returns how many. */
size_t rfc2047_decode_q(struct slice text, char *out);

#endif
