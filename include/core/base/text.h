#ifndef CORE_BASE_TEXT_H
#define CORE_BASE_TEXT_H
/*
 * text: what may be shown of bytes that somebody else chose: on a terminal, in a page, in a log.
 *
 *     char shown[80];
 *     printf("%s\n", text_shown(value, shown, sizeof shown));
 *
 * Control characters (C0, DEL, and C1 in UTF-8) and bytes that are not UTF-8 become '?', one for
 * each byte.  Pure, safe in any thread.
 */
#include "core/base/slice.h"

/* In place. */
void text_mask_controls(char *text, size_t len);

/* In place; also all that is not ASCII. */
void text_mask_ascii(char *text, size_t len);

/* A masked copy, cut to size (at least 1), NUL-terminated; returns out. */
const char *text_shown(struct slice, char *out, size_t size);
const char *text_shown_ascii(struct slice, char *out, size_t size);

#endif
