#ifndef CORE_MAIL_FROMHEADER_WORDS_H
#define CORE_MAIL_FROMHEADER_WORDS_H
/*
 * RFC 2047 encoded words of a From field, decoded as the most lenient reader does it: wherever they
 * stand (in quotes, in comments, inside an atom) and whatever stands in them, blanks included.
 * What is shown does not matter here, only whether an "@" and dots could come out of it.  So the
 * characters keep the bytes of their charset, except that the wide forms of "@" and "." of the
 * two-byte charsets become "@" and ".", and separators out of a word become blanks.
 */
#include "core/base/arena.h"
#include "core/base/slice.h"

/*
 * False when a word cannot be read: a charset that is not known, broken base64, or one quote, which
 * begins a quoted string for some; or when memory runs out.  *out has what could be read all the
 * same, and is text itself when there is no word in it or no memory.
 */
bool fromheader_decode_words(struct slice text, struct arena *, struct slice *out);

#endif
